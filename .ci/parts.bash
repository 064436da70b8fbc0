# The parts of a run, one after the other or side by side. Read by .ci/run, in the repository's folder.
#
# What a part prints goes to a file in build/ci and is shown when the part ends. When a part fails, those at its side
# still end, no other is started, and the run fails. The last lines say how each part went.

waiting=() # name, number of words, and the words of each part that was not started
ended=()   # a line on each part that has ended
failed=()
declare -A name_of=() began=() # of the parts that run, by process id

# part NAME WORD…: a command to run.
part() { waiting+=("$1" $(($# - 1)) "${@:2}"); }

# together NUMBER: run the parts so far, in this order and so many at a time.
together() {
    while [ ${#waiting[@]} -gt 0 ] || [ ${#name_of[@]} -gt 0 ]; do
        while [ ${#waiting[@]} -gt 0 ] && [ ${#name_of[@]} -lt "$1" ]; do
            start "${waiting[0]}" "${waiting[@]:2:waiting[1]}"
            waiting=("${waiting[@]:2+waiting[1]}")
        done
        local id code
        read -r id code <&"$events"
        finish "$id" "$code"
        [ ${#failed[@]} -eq 0 ] || waiting=()
    done
    [ ${#failed[@]} -eq 0 ] || exit 1
}

log_of() { echo "build/ci/${1//[^A-Za-z0-9.]/-}.log"; }

# In a process group of its own, which says at its end: process id and exit code. What a script runs in the
# background would ignore Ctrl-C.
run_and_tell='code=0; env --default-signal=INT,QUIT "${@:3}" >"$1" 2>&1 </dev/null || code=$?; echo "$$ $code" >&"$2"'

start() {
    echo "== $1: started at $SECONDS s"
    setsid bash -c "$run_and_tell" - "$(log_of "$1")" "$events" "${@:2}" &
    name_of[$!]=$1 began[$!]=$SECONDS
}

finish() {
    local name=${name_of[$1]} seconds=$((SECONDS - began[$1])) verdict=passed summary
    [ "$2" -eq 0 ] || { verdict=FAILED && failed+=("$name"); }
    unset "name_of[$1]" "began[$1]"
    echo "== $name: $verdict after $seconds s"
    cat "$(log_of "$name")"
    # pytest's last line.
    summary=$(grep -E '(passed|failed|skipped|errors?) in [0-9.]+s' "$(log_of "$name")" | tail -n 1 | tr -d =) || true
    ended+=("$(printf '%5d s  %s  %-45s  %s' "$seconds" "$verdict" "$name" "$summary")")
}

leave() {
    # With all programs that the parts have started.
    for id in "${!name_of[@]}"; do kill -- "-$id" 2>/dev/null || true; done
    [ ${#ended[@]} -eq 0 ] || printf '%s\n' "== all parts ($SECONDS s)" "${ended[@]}"
    [ ${#failed[@]} -eq 0 ] || printf '== FAILED: %s\n' "${failed[@]}"
}

trap leave EXIT
trap 'exit 130' INT TERM
rm -rf build/ci
mkdir -p build/ci
mkfifo build/ci/events
exec {events}<>build/ci/events
