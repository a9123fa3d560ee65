#!/usr/bin/env bash
# Signals, readers that leave, and full disks.
. "$(dirname "$0")/tap.sh"
# Longer than any test waits: a training that does not stop by itself is killed.
long=(--data "$data" --epochs 1000000)
patience=60

# stop SIGNAL CODE: a training under way gets the signal, saves and exits. Under nohup this script has SIGHUP ignored, and
# so would the program.
stop() {
    rm -f "$work/$1.safetensors" "$work/out" # the wait below is for new output
    env --default-signal=HUP "$program" train "${long[@]}" --json --save "$work/$1.safetensors" \
        >"$work/out" 2>"$work/err" &
    local child=$!
    for _ in $(seq 200); do
        [ -s "$work/out" ] && break
        sleep 0.05
    done
    kill -"$1" $child
    for _ in $(seq $((patience * 20))); do
        [ -n "$(jobs -r)" ] || break
        sleep 0.05
    done
    kill -KILL $child 2>/dev/null
    wait $child
    [ $? -eq "$2" ]
    result $? "SIG$1 ends a training with exit code $2"
    says err "^convoy: $work/$1.safetensors: holds the weights of the last whole step\$"
    says err "^convoy: train: stopped by SIG$1 after [0-9]+ of 1000000 epochs\$"
    run 0 "  and the weights are good" "$program" evaluate --data "$data" --weights "$work/$1.safetensors"
}
stop INT 130
stop TERM 143
stop HUP 129

# Under nohup a training goes on when its terminal is gone.
rm -f "$work/out"
env --ignore-signal=HUP "$program" train "${long[@]}" --json >"$work/out" 2>"$work/err" &
child=$!
for _ in $(seq 200); do
    [ -s "$work/out" ] && break
    sleep 0.05
done
kill -HUP $child
sleep 0.2
kill -TERM $child
timeout $patience tail --pid=$child -f /dev/null || kill -KILL $child
wait $child
[ $? -eq 143 ]
result $? "a training under nohup does not end by SIGHUP"
says err '^convoy: train: stopped by SIGTERM '

# A reader that leaves: what was trained is saved, and no message says that the pipe broke.
timeout -k 1 $patience "$program" train "${long[@]}" --save "$work/pipe.safetensors" 2>"$work/err" |
    head -3 >"$work/out"
[ "${PIPESTATUS[0]}" -eq 141 ]
result $? "train | head ends as SIGPIPE ends a program"
[ "$(wc -l <"$work/out")" -eq 3 ]
result $? "  after the lines that were read"
lacks err 'Broken pipe|standard output'
[ -s "$work/pipe.safetensors" ]
result $? "  and saves the weights"
(trap '' PIPE && exec "$program" summary) 2>"$work/err" | true
lacks err '.'

run 1 "standard output is full" sh -c 'exec "$@" >/dev/full' - "$program" summary
says err '^convoy: standard output: cannot write: No space left on device$'
run 1 "standard output is full under --json" timeout -k 1 $patience sh -c 'exec "$@" >/dev/full' - \
    "$program" train "${long[@]}" --json --save "$work/full.safetensors"
says err '^convoy: standard output: cannot write: No space left on device$'
says err "^convoy: $work/full.safetensors: holds the weights of the last whole step\$"
run 1 "standard output is closed" sh -c 'exec "$@" >&-' - "$program" summary
says err '^convoy: standard output: cannot write: Bad file descriptor$'
run 1 "the log is full" timeout -k 1 $patience "$program" train "${long[@]}" --log /dev/full
says err '^convoy: /dev/full: cannot write: No space left on device$'
empty out
finish
