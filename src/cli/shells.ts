// How each shell asks `tessera completion` for candidates. Without candidates it completes file names.

const bash = `_tessera() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    [ -n "$line" ] && COMPREPLY+=("$(printf %q "$line")")
  done < <("\${COMP_WORDS[0]}" completion bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _tessera tessera
`

const zsh = `#compdef tessera
_tessera() {
  local -a found
  found=("\${(@f)$("\${words[1]}" completion zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "\${found[1]}" ]]; then
    compadd -- "\${found[@]}"
  else
    _files
  fi
}
compdef _tessera tessera
`

const fish = `function __tessera_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l found ($words[1] completion fish -- $words[2..-1] "$last" 2>/dev/null)
    if string length -q -- $found
        printf '%s\\n' $found
    else
        __fish_complete_path "$last"
    end
end
complete -c tessera -f -a '(__tessera_complete)'
`

export const SHELLS: ReadonlyMap<string, string> = new Map(Object.entries({ bash, zsh, fish }))
