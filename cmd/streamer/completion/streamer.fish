# Completion of streamer for fish: the program itself is asked what can follow.
function __streamer
    set -l asked (commandline -opc)
    set -l current (commandline -ct)
    string match -q -- '-*' $current; and set -a asked $current
    command $asked --generate-bash-completion 2>/dev/null
end
complete -c streamer -a '(__streamer)'
