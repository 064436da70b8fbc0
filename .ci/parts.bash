# Runs the parts of a CI run, one after the other or in parallel. Sourced by .ci/run in the root of the repository.
#
# The output of a part is written to a file in build/ci and printed when the part ends. If a part fails, the parts that
# are already running continue to their end, no other part is started, and the run fails. The last lines list the
# result of each part.

waiting=() # name, number of words and words of the command, for each part that was not started
ended=()   # one line for each part that has ended
failed=()
declare -A name_of=() began=() # of the running parts, by process id

# part NAME WORD…: add a command to run.
part() { waiting+=("$1" $(($# - 1)) "${@:2}"); }

# together NUMBER: run the added parts in this order, with NUMBER of them at a time.
together() {
    while [ ${#waiting[@]} -gt 0 ] || [ ${#name_of[@]} -gt 0 ]; do
        while [ ${#waiting[@]} -gt 0 ] && [ ${#name_of[@]} -lt "$1" ]; do
            start "${waiting[0]}" "${waiting[@]:2:waiting[1]}"
            waiting=("${waiting[@]:2+waiting[1]}")
        done
        local id code cpu
        read -r id code cpu <&"$events"
        finish "$id" "$code" "$cpu"
        [ ${#failed[@]} -eq 0 ] || waiting=()
    done
    [ ${#failed[@]} -eq 0 ] || exit 1
}

log_of() { echo "build/ci/${1//[^A-Za-z0-9.]/-}.log"; }

# Runs a command in a separate process group and reports process id, exit code and CPU time at its end. Background
# commands of a script ignore Ctrl-C by default, so the signals are restored.
run_and_tell='
code=0
env --default-signal=INT,QUIT "${@:3}" >"$1" 2>&1 </dev/null || code=$?
# Its second line is that of the children: user and system time, such as 1m2.500s 0m3.250s. A subshell has its own.
times >"$1.times"
seconds=$(awk -F "[ms ]+" "END { printf \"%d\", (\$1 + \$3) * 60 + \$2 + \$4 }" "$1.times")
echo "$$ $code $seconds" >&"$2"'

start() {
    echo "== $1: started at $SECONDS s"
    setsid bash -c "$run_and_tell" - "$(log_of "$1")" "$events" "${@:2}" &
    name_of[$!]=$1 began[$!]=$SECONDS
}

finish() {
    local name=${name_of[$1]} seconds=$((SECONDS - began[$1])) verdict=passed summary
    [ "$2" -eq 0 ] || { verdict=FAILED && failed+=("$name"); }
    unset "name_of[$1]" "began[$1]"
    echo "== $name: $verdict after $seconds s, $3 s of CPU time, exit code $2"
    cat "$(log_of "$name")"
    # The last line of pytest.
    summary=$(grep -E '(passed|failed|skipped|errors?) in [0-9.]+s' "$(log_of "$name")" | tail -n 1 | tr -d =) || true
    ended+=("$(printf '%5d s %5d s  %s  %-45s  %s' "$seconds" "$3" "$verdict" "$name" "$summary")")
}

leave() {
    # Includes all programs that the parts have started.
    for id in "${!name_of[@]}"; do kill -- "-$id" 2>/dev/null || true; done
    [ ${#ended[@]} -eq 0 ] || printf '%s\n' "== all parts ($SECONDS s): duration, CPU time" "${ended[@]}"
    [ ${#failed[@]} -eq 0 ] || printf '== FAILED: %s\n' "${failed[@]}"
}

trap leave EXIT
trap 'exit 130' INT TERM
rm -rf build/ci
mkdir -p build/ci
mkfifo build/ci/events
exec {events}<>build/ci/events
