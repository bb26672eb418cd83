# Completion of streamer for bash: the program itself is asked what can follow.
_streamer() {
  local current="${COMP_WORDS[COMP_CWORD]}" words=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
  [[ "$current" == -* ]] && words+=("$current")
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "${words[@]}" --generate-bash-completion 2>/dev/null)" -- "$current"))
}
complete -o default -F _streamer streamer
