# What the scripts beside this one share; they source it. A node is a server for tests with its own ports and data in a folder of its
# name below test-services/, which git ignores. Expects here, the folder of the scripts, and name, the node's.

root=$(cd "$here/../.." && pwd)/test-services
node=$root/$name
exec 9>&2 # for people, whatever a function's output is used for

say() { echo "$(basename "$0"): $*" >&9; }
die() { say "$*"; exit 1; }

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free prints so many ports that nobody listens on.
free() {
  local ports=() port
  while [ ${#ports[@]} -lt "$1" ]; do
    port=$((20000 + RANDOM % 12000))
    [[ " ${ports[*]} " == *" $port "* ]] || answers "$port" || ports+=("$port")
  done
  echo "${ports[@]}"
}

# jars fetches what a file for Maven asks for into a folder, once.
jars() {
  local pom=$1 into=$2 what=$3
  shift 3
  [ -e "$into/complete" ] && return
  command -v mvn >/dev/null || die "Maven is needed to fetch the jars of $what: install maven"
  say "fetching $what"
  mkdir -p "$into"
  mvn -q -B -f "$here/$pom" "$@" -DincludeScope=runtime -DoutputDirectory="$into" dependency:copy-dependencies >&2
  touch "$into/complete"
}

running() { [ -e "$node/pid" ] && kill -0 "$(cat "$node/pid")" 2>/dev/null; }

# launch starts a program as the node, which outlives the script.
launch() {
  (
    exec 9>&-
    cd "$node"
    exec setsid "$@" >>"$node/log" 2>&1 </dev/null
  ) &
  echo $! >"$node/pid"
}

# end sends the node a signal and waits until it is gone.
end() {
  running || return 0
  local waited
  kill "-$1" "$(cat "$node/pid")"
  for ((waited = 0; waited < 300; waited++)); do
    running || break
    sleep 0.1
  done
  running && kill -9 "$(cat "$node/pid")"
  rm -f "$node/pid"
}
