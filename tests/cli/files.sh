#!/usr/bin/env bash
# Files that the program reads and writes: links, names given twice, bad numbers, pipes, streams that are full or closed.
. "$(dirname "$0")/tap.sh"
program=$(realpath "$program")
train=("$program" train --data "$data" --epochs 1 --seed 1)
golden=("$tests/../golden/lesson_20_b32.safetensors" --model "$tests/../golden/lesson_20.json")
to_pipe=(bash -c 'set -o pipefail; "$@" | cat' -)

# stops_by SIGNAL COMMAND...: the command, which waits for a pipe, ends by the first signal.
stops_by() {
    env --default-signal=HUP "${@:2}" >"$work/out" 2>"$work/err" & # under nohup this script has it ignored
    local child=$!
    sleep 0.5
    kill "-$1" $child
    for _ in $(seq 200); do
        [ -n "$(jobs -r)" ] || break
        sleep 0.05
    done
    ! kill -KILL $child 2>"$work/killed"
    result $? "SIG$1 ends ${*:3:1} ${*: -2}"
    wait $child 2>/dev/null
}

# A link stays, and its target is written; what is no regular file stays as it is.
mkdir "$work/there"
ln -s there/new.safetensors "$work/link.safetensors"
run 0 "--save to a link to no file yet" "${train[@]}" --save "$work/link.safetensors"
[ -L "$work/link.safetensors" ] && [ -f "$work/there/new.safetensors" ]
result $? "  the link stays, the file is there"
good=$work/good.safetensors
cp "$work/there/new.safetensors" "$good"
mkfifo "$work/pipe"
ln -s /proc/self/fd/1 "$work/stdout" # as /dev/stdout, which a faulty program run by root would replace
ln -s pipe "$work/link-to-pipe"
for path in "$work/pipe" "$work/link-to-pipe" "$work/stdout" /dev/null; do
    run 1 "--save $path" "${to_pipe[@]}" "${train[@]}" --save "$path"
    says err "^convoy: $path: is a pipe or device, expected a regular file or a new name\$"
    empty out
done
name=$(printf '%0300d' 0)
run 1 "a name too long is an error before the training" "${train[@]}" --save "$work/$name"
says err ': cannot write a file of this name: File name too long$'
empty out
chmod 444 "$good"
run 1 "a write-protected file, too" "${train[@]}" --save "$good"
says err ': is write-protected; it stays as it is$'
empty out
chmod 640 "$good"
run 0 "a file that is replaced" "${train[@]}" --save "$good"
[ "$(stat -c %a "$good")" = 640 ]
result $? "  keeps its permissions"

# Stopped within the first epoch: what was there is worth more. Scalar code needs many seconds for an epoch.
python3 "$tests/make_data.py" "$work/many" 20000 10
for file in "$good" "$work/none.safetensors"; do
    cp "$good" "$work/before.safetensors"
    : >"$work/out"
    "$program" train --data "$work/many" --model lenet5 --isa scalar --threads 1 --save "$file" \
        >"$work/out" 2>"$work/err" &
    child=$!
    for _ in $(seq 600); do
        ! grep -q '^Epoch 1/' "$work/out" || break
        sleep 0.05
    done
    kill -INT $child
    wait $child
    [ $? -eq 130 ]
    result $? "SIGINT in the first epoch"
    if [ "$file" = "$good" ]; then
        same "$good" "$work/before.safetensors" "  the file stays"
        says err "^convoy: $file: stays as it was, since no epoch came to its end\$"
    else
        [ -s "$file" ]
        result $? "  a new file has the weights"
        says err "^convoy: $file: holds the weights of the last whole step\$"
    fi
done

# Two options, one file.
cp "$tests/../../recipes/lesson.json" "$work/recipe.json"
cp "$tests/../networks/lesson.json" "$work/model.json"
cp "$good" "$work/a.safetensors"
ln "$work/a.safetensors" "$work/hard.safetensors"
ln -s a.safetensors "$work/soft.safetensors"
ln -s none.csv "$work/dangling.csv"
# one WHAT OPTION OTHER OPTIONS...: the first two name the same file; nothing is written.
one() {
    local sum
    sum=$(cat "$work"/*.json "$work"/*.safetensors | md5sum)
    run 2 "$1 and $2 are one file: ${*:3}" "$program" train --data "$data" --epochs 1 "${@:3}"
    says err "^convoy: $1: .* is the file of $2, too\$"
    [ "$sum" = "$(cat "$work"/*.json "$work"/*.safetensors | md5sum)" ]
    result $? "  all files stay as they were"
}
one --log --save --log "$work/new" --save "$work/there/../new"
one --log --save --log "$work/dangling.csv" --save "$work/none.csv"
one --log --weights --log "$work/hard.safetensors" --weights "$work/a.safetensors"
one --log --weights --log "$work/soft.safetensors" --weights "$work/a.safetensors"
one --log --model --log "$work/model.json" --model "$work/model.json"
one --log --recipe --log "$work/recipe.json" --recipe "$work/recipe.json"
one --save --model --save "$work/model.json" --model "$work/model.json"
one --save --recipe --save "$work/recipe.json" --recipe "$work/recipe.json"
one --save 'standard output' --save "$work/stdout"
one --log 'standard output' --log "$work/stdout"
run 2 "verify --log over its recording" "$program" verify "$work/a.safetensors" --log "$work/hard.safetensors"
says err '^convoy: --log: .* is the file of GOLDEN.safetensors, too$'
run 0 "--save over --weights" "${train[@]}" --weights "$work/a.safetensors" --save "$work/a.safetensors"
(cd "$work" && cp a.safetensors lenet5 && "${train[@]}" --model lenet5 --save lenet5) >"$work/out" 2>"$work/err"
result $? "a network's name is no file"
run 0 "--log to a pipe" "${to_pipe[@]}" "${train[@]}" --json --log "$work/stdout"
says out '^epoch,seconds,loss,accuracy$'

# NaN and infinity.
python3 - "$good" "$work/nan.safetensors" "${golden[0]}" "$work/golden.safetensors" <<'PYTHON'
import json, struct, sys
def spoil(source, target, name, index, value):
    data = bytearray(open(source, "rb").read())
    start = 8 + struct.unpack("<Q", data[:8])[0]
    begin = json.loads(data[8:start])[name]["data_offsets"][0]
    data[start + begin + 4 * index : start + begin + 4 * index + 4] = struct.pack("<f", value)
    open(target, "wb").write(data)
spoil(sys.argv[1], sys.argv[2], "conv2d_1/kernel", ((2 * 5 + 3) * 3 + 1) * 6 + 4, float("nan"))
spoil(sys.argv[3], sys.argv[4], "init/dense_1/bias", 7, float("-inf"))
PYTHON
for command in evaluate predict train; do
    run 1 "$command refuses NaN" "$program" $command --data "$data" --weights "$work/nan.safetensors"
    says err "^convoy: $work/nan.safetensors: tensor conv2d_1/kernel: element \[2, 3, 1, 4\] is NaN, expected a finite"
done
run 1 "verify refuses infinity" "$program" verify "$work/golden.safetensors" "${golden[@]:1}" --data "$data"
says err 'golden.safetensors: tensor init/dense_1/bias: element \[7\] is -infinity, expected a finite number$'

# Pipes: texts are read from them, weights are not. A pipe that nobody writes to does not hold off a signal.
run 1 "weights from a pipe" "$program" evaluate --data "$data" --weights <(cat "$good")
says err ': is a pipe or device, expected a regular file$'
stops_by TERM "$program" summary --model "$work/pipe"
stops_by TERM "${train[@]}" --model "$work/pipe"
stops_by HUP "${train[@]}" --recipe "$work/pipe"
stops_by TERM "${train[@]}" --log "$work/pipe"

# Text from files reaches no terminal unchanged.
printf '%s' '{"\u001b]0;title\u0007": 1}' >"$work/escape.json"
run 1 "a name of escape codes" "$program" train --data "$data" --recipe "$work/escape.json"
lacks err $'[\001-\010\013-\037]'
says err 'escape.json: \?\]0;title\?: a key that is not known$'

# A weights file that describes a large network.
python3 - "$work/huge.safetensors" "$work/deep.safetensors" <<'PYTHON'
import json, struct, sys
layer = lambda kind, name, **config: {"module": "keras.layers", "class_name": kind, "config": {"name": name, **config}}
network = json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": [
    layer("InputLayer", "i", batch_shape=[None, 28, 28, 1]), layer("Flatten", "f"),
    layer("Dense", "d", units=300000, activation="relu"), layer("Dense", "e", units=10, activation="softmax")]}})
def write(path, header):
    header = header.encode()
    open(path, "wb").write(struct.pack("<Q", len(header)) + header + bytes(4))
tensor = '"d/kernel":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
write(sys.argv[1], '{"__metadata__":{"network":%s},%s}' % (json.dumps(network), tensor))
write(sys.argv[2], '{"a":[%s],%s}' % (",".join(["{}"] * 2000000), tensor))
PYTHON
run 1 "a network larger than its file" bash -c 'ulimit -v 600000; "$@"' - \
    "$program" evaluate --data "$data" --weights "$work/huge.safetensors"
says err 'huge.safetensors: holds 1 numbers, but its network has 238500010 parameters$'
run 1 "a header of millions of values" bash -c 'ulimit -v 600000; "$@"' - \
    "$program" evaluate --data "$data" --weights "$work/deep.safetensors"
says err 'deep.safetensors: header is not valid JSON: too many values in [0-9]+ bytes'

# Standard output, full or closed, for every command.
commands=("train --data $data --epochs 1" "train --data $data --epochs 1 --json" "recipes" "info" "--help" "--version"
    "train --help" "evaluate --data $data --weights $good" "predict --data $data --weights $good" "summary"
    "summary --plan" "evaluate --data $data --weights $good --time --confusion")
for command in "${commands[@]}"; do
    read -ra words <<<"$command"
    run 1 "standard output is full: $command" sh -c 'exec "$@" >/dev/full' - "$program" "${words[@]}"
    says err '^convoy: standard output: cannot write: No space left on device$'
    run 1 "standard output is closed: $command" sh -c 'exec "$@" >&-' - "$program" "${words[@]}"
    says err '^convoy: standard output: cannot write: Bad file descriptor$'
done
run 1 "the log is no standard output" sh -c 'exec "$@" >&-' - "${train[@]}" --log "$work/log.csv"
[ "$(cat "$work/log.csv")" = "$(head -1 "$work/log.csv")" ]
result $? "  though that is closed"
run 0 "standard error is closed" sh -c 'exec "$@" 2>&-' - "${train[@]}" --log "$work/log.csv"
[ "$(wc -l <"$work/log.csv")" -eq 2 ]
result $? "  the log has its lines"
finish
