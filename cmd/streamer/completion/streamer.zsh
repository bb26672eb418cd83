#compdef streamer
# Completion of streamer for zsh: the program itself is asked what can follow.
_streamer() {
  local -a asked answers
  asked=("${(@)words[2,CURRENT-1]}")
  [[ "${words[CURRENT]}" == -* ]] && asked+=("${words[CURRENT]}")
  answers=("${(@f)$("${words[1]}" "${asked[@]}" --generate-bash-completion 2>/dev/null)}")
  compadd -- "${answers[@]}" || _files
}
compdef _streamer streamer
