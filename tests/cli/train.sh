#!/usr/bin/env bash
# convoy train: what it prints, logs and saves.
. "$(dirname "$0")/tap.sh"
few=(--data "$data" --epochs 3 --seed 1)

run 0 "train on no terminal" "$program" train "${few[@]}"
lacks out $'[\r\b\033]'
says out '^([0-9]+ threads|1 thread): .+; (scalar|avx2|avx512|neon)$'
says out '^Epoch 1/3$'
says out '^7/7 - 0s - [0-9]+(us|ms|s)/step - accuracy: [01]\.[0-9]{4} - loss: [0-9.e-]+$'
[ "$(grep -c '^7/7 - ' "$work/out")" -eq 3 ]
result $? "a line an epoch"
says out '^Test accuracy: [01]\.[0-9]{4} - test loss: [0-9.]+$'
says out '^ +0 +1 +2 +3 +4 +5 +6 +7 +8 +9  label$'
[ "$(grep -Ec '^[0-4](  [01]\.[0-9]{1,2}){10}  +[0-4]$' "$work/out")" -eq 5 ]
result $? "the softmax of five images beside their labels"
says out '^Model: "functional"$'
says out 'Trainable params: 9,532 '
empty err

run 0 "train --json" "$program" train "${few[@]}" --json --validation 0.25 --threads 2
empty err
cp "$work/out" "$work/json"
python3 - "$work/json" <<'PYTHON' >"$work/out" 2>"$work/err"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == 4, len(lines)
for epoch, line in enumerate(lines[:3], 1):
    assert list(line) == ["epoch", "seconds", "loss", "accuracy", "val_loss", "val_accuracy"], line
    assert line["epoch"] == epoch and line["seconds"] > 0 and line["loss"] > 0 and 0 <= line["accuracy"] <= 1, line
end = lines[3]
assert list(end) == ["train_seconds", "test_loss", "test_accuracy", "threads", "isa"], end
assert abs(end["train_seconds"] - sum(line["seconds"] for line in lines[:3])) < 1e-6, end
assert end["threads"] == 2 and isinstance(end["isa"], str), end
PYTHON
result $? "--json prints an object an epoch and one at the end, nothing else"

run 0 "the lesson learns the small data set" "$program" train --data "$data" --epochs 12 --json --log "$work/log.csv"
python3 - "$work/out" "$work/log.csv" <<'PYTHON' >"$work/printed" 2>"$work/err"
import csv, json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert lines[-1]["test_accuracy"] > 0.9, lines[-1]
assert lines[11]["loss"] < lines[0]["loss"] / 10, lines
rows = list(csv.DictReader(open(sys.argv[2])))
assert len(rows) == 12 and list(rows[0]) == ["epoch", "seconds", "loss", "accuracy"], rows
for row, line in zip(rows, lines):
    assert int(row["epoch"]) == line["epoch"] and abs(float(row["loss"]) - line["loss"]) <= 1e-8 * line["loss"], row
PYTHON
result $? "its log is what --json said"

run 0 "--validation in plain lines and log" "$program" train "${few[@]}" --validation 0.1 --log "$work/log.csv"
says out '^6/6 .* - val_accuracy: [01]\.[0-9]{4} - val_loss: '
[ "$(head -1 "$work/log.csv")" = epoch,seconds,loss,accuracy,val_loss,val_accuracy ]
result $? "the log has columns for them"

# A profile changes no bit, and accounts for all of the time.
run 0 "without a profile" "$program" train "${few[@]}" --threads 2 --save "$work/a.safetensors"
run 0 "--profile" "$program" train "${few[@]}" --threads 2 --profile --save "$work/b.safetensors"
same "$work/a.safetensors" "$work/b.safetensors" "the same weights with and without"
says out '^Profile: 21 steps of [0-9.]+ us, 2 threads, peak of a core [0-9.]+ GFLOP/s$'
says out '^conv2d_1, max_pooling2d_1 +backward weights +[0-9.]+ +[0-9.]+% +[0-9.]+ +[0-9.]+%$'
says out '^all +[0-9.]+ +100\.0% +[0-9.]+ +[0-9.]+%$'
run 0 "--profile --json" "$program" train "${few[@]}" --profile --json
python3 - "$work/out" <<'PYTHON' >"$work/printed" 2>"$work/err"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == 5, len(lines)
profile = lines[3]["profile"]
assert profile["steps"] == 21 and profile["images"] == 600 and profile["core_peak_flops"] > 1e8, profile
assert abs(sum(row["seconds"] for row in profile["rows"]) - profile["seconds"]) < 1e-6 * profile["seconds"], profile
assert {row["layers"] for row in profile["rows"] if row["flop"]} == {
    "conv2d, max_pooling2d", "conv2d_1, max_pooling2d_1", "dense", "dense_1"}, profile
PYTHON
result $? "an object with a row for each layer and phase, which sum to the whole"

# Saving, and starting from what was saved.
run 0 "--save" "$program" train "${few[@]}" --save "$work/a.safetensors"
says out "^Weights saved in $work/a.safetensors\$"
run 0 "the same again" "$program" train "${few[@]}" --save "$work/b.safetensors"
same "$work/a.safetensors" "$work/b.safetensors" "the same seed gives the same weights"
run 0 "another seed" "$program" train "${few[@]}" --seed 2 --save "$work/b.safetensors"
! cmp -s "$work/a.safetensors" "$work/b.safetensors"
result $? "another seed gives others"
run 0 "--weights" "$program" train --data "$data" --epochs 1 --lr 1e-30 --weights "$work/a.safetensors" \
    --save "$work/c.safetensors"
same "$work/a.safetensors" "$work/c.safetensors" "training that starts from saved weights, at no speed, stays there"

# A save or log that cannot be written is an error before the training.
for path in "$work/none/a.safetensors" "$work" /dev/null; do
    run 1 "--save $path" "$program" train "${few[@]}" --save "$path"
    says err "^convoy: $path: "
    empty out
done
run 1 "--log where nothing can be" "$program" train "${few[@]}" --log "$work/none/log.csv"
says err "^convoy: $work/none/log.csv: cannot create: No such file"
empty out
[ -z "$(find "$work" -name '.convoy*')" ]
result $? "no temporary file is left"

run 0 "a batch larger than the data" "$program" train --data "$data" --epochs 1 --batch 5000
says out '^1/1 - '
run 0 "more threads than cores" "$program" train --data "$data" --epochs 1 --batch 5000 \
    --threads 64
says out '^13 threads: a batch of 200 is 13 blocks of 16 images'
run 0 "more threads than blocks" "$program" train --data "$data" --epochs 1 --batch 16 --threads 2
says out '^1 thread: a batch of 16 is 1 block of 16 images'
run 0 "as many threads as asked" "$program" train --data "$data" --epochs 1 --batch 64 --threads 2
says out '^2 threads: as asked, '
run 0 "one thread" "$program" train --data "$data" --epochs 1 --threads 1
says out '^1 thread: as asked; '
run 0 "--threads auto" env OMP_NUM_THREADS=2 "$program" train --data "$data" --epochs 1 --threads auto
says out '^2 threads: OMP_NUM_THREADS=2, '
run 0 "OMP_NUM_THREADS" env OMP_NUM_THREADS=3 OMP_PROC_BIND=true "$program" train --data "$data" --epochs 1 --batch 48
says out '^3 threads: OMP_NUM_THREADS=3, placed by OMP_PROC_BIND; '
run 0 "OMP_THREAD_LIMIT" env OMP_THREAD_LIMIT=2 "$program" train --data "$data" --epochs 1 --batch 64 --threads 4
says out '^2 threads: OpenMP allows no more \(OMP_THREAD_LIMIT\), '
empty err # also in a short training, whose loss begins at ten times that of guessing

# A limit on processes, which root does not have.
limited=(prlimit --nproc=1)
if [ "$(id -u)" = 0 ]; then
    limited=(setpriv --reuid=65534 --regid=65534 --clear-groups "${limited[@]}")
    chmod 755 "$work"
fi
if "${limited[@]}" "$program" --version >"$work/out" 2>"$work/err"; then
    run 0 "no further thread can be started" "${limited[@]}" "$program" train --data "$data" --epochs 1 --batch 64 \
        --threads 4 --json
    says out '"threads": 1,'
    says err '^convoy: threads: the system started 3 fewer than wanted; it takes longer$'
    run 0 "  which the text says" "${limited[@]}" "$program" train --data "$data" --epochs 1 --batch 64 --threads 4
    says out '^1 thread: the system started no more of 4; '
else
    skip "no further thread can be started" "another user cannot run $program"
fi
run 0 "an optimizer with settings" "$program" train --data "$data" --epochs 1 --optimizer sgd:lr=0.0001,momentum=0.9
says out '^ Optimizer params: '
run 0 "another network" "$program" train --data "$data" --epochs 1 --model lenet5
run 0 "a network that can be read once only" "$program" train --data "$data" --epochs 1 \
    --model <(cat "$(dirname "$0")/../networks/lesson.json") --save "$work/once.safetensors"
run 0 "weights know the network that they are of" "$program" evaluate --data "$data" --weights "$work/once.safetensors"

# A file says how its model is compiled.
networks=$(dirname "$0")/../networks
describe() { # NAME EXPRESSION...: lesson.json, its compile_config c and its optimizer's settings o changed
    python3 - "$networks/lesson.json" "$work/$1" "${@:2}" <<'PYTHON'
import json, sys
model = json.load(open(sys.argv[1]))
c = model["compile_config"]
o = c["optimizer"]["config"]
for expression in sys.argv[3:]:
    exec(expression)
json.dump(model, open(sys.argv[2], "w"))
PYTHON
}
smooth='c["loss"] = {"module": "keras.losses", "class_name": "CategoricalCrossentropy", "config": {"label_smoothing": 0.1}}'
describe sgd.json 'c["optimizer"] = {"class_name": "SGD", "config": {"learning_rate": 9.999999747378752e-05, "momentum": 0.9}}' "$smooth"
run 0 "optimizer and loss of a file" "$program" train "${few[@]}" --model "$work/sgd.json" --save "$work/a.safetensors"
[ "$(head -1 "$work/out")" = "SGD:learning_rate=0.0001,momentum=0.9, label smoothing 0.1 ($work/sgd.json)" ]
result $? "its first line says so"
run 0 "the same as options" "$program" train "${few[@]}" --model "$work/sgd.json" --optimizer sgd:lr=0.0001,momentum=0.9 \
    --label-smoothing 0.1 --save "$work/b.safetensors"
same "$work/a.safetensors" "$work/b.safetensors" "the same weights"
run 0 "--lr overrides the file" "$program" train "${few[@]}" --model "$work/sgd.json" --lr 0.0002 --label-smoothing 0 \
    --save "$work/b.safetensors"
says out '^SGD:learning_rate=0\.0002,momentum=0\.9 \('
! cmp -s "$work/a.safetensors" "$work/b.safetensors"
result $? "other weights"
run 0 "a recipe overrides the file" "$program" train --data "$data" --epochs 1 --recipe lesson --model "$work/sgd.json"
lacks out 'SGD'
run 0 "--json with a file" "$program" train --data "$data" --epochs 1 --model "$work/sgd.json" --json
lacks out 'SGD'
run 0 "a file as Keras wrote it" "$program" train "${few[@]}" --model "$networks/lesson.json" --save "$work/a.safetensors"
says out '^RMSprop:learning_rate=0\.001 \(.*lesson\.json\)$'
run 0 "the lesson's optimizer" "$program" train "${few[@]}" --model "$networks/lesson.json" --optimizer rmsprop \
    --save "$work/b.safetensors"
lacks out 'RMSprop'
same "$work/a.safetensors" "$work/b.safetensors" "Keras's float32 learning rate trains as 0.001 does"

describe wrong.json 'o["clipnorm"] = 1.0' 'c["metrics"] = ["mse"]' 'c["loss"] = "mse"'
run 1 "a compile_config that is not supported" "$program" train "${few[@]}" --model "$work/wrong.json"
says err "^convoy: $work/wrong.json: 3 things are not supported:\$"
says err '^  compile_config, optimizer, clipnorm: 1\.0, expected null'
says err '^  compile_config, metrics: "mse"$'
says err '^Supported losses: categorical_crossentropy or '
run 0 "evaluate with it" "$program" evaluate --data "$data" --model "$work/wrong.json" --weights "$work/a.safetensors"
says out '^The loss is categorical_crossentropy: that of the model is not supported$'
run 0 "predict with it" "$program" predict --data "$data" --model "$work/wrong.json" --weights "$work/a.safetensors"
run 0 "evaluate" "$program" evaluate --data "$data" --model "$networks/lesson.json" --weights "$work/a.safetensors"
lacks out 'The loss is'
cp "$work/out" "$work/plain"
describe smooth.json "$smooth"
run 0 "evaluate with a smoothed loss" "$program" evaluate --data "$data" --model "$work/smooth.json" \
    --weights "$work/a.safetensors"
! cmp -s "$work/out" "$work/plain"
result $? "the loss is the model's"
describe layers.json 'model["config"]["layers"][1]["config"]["activation"] = "gelu"' 'o["clipvalue"] = 1' \
    'model["config"]["layers"][6]["config"]["kernel_initializer"] = "ones"'
run 1 "layers that are not supported" "$program" summary --model "$work/layers.json"
says err '3 things are not supported:$'
says err '^  layer "conv2d", activation: "gelu"$'
says err '^  layer "dense", kernel_initializer: "ones"$'
says err '^  compile_config, optimizer, clipvalue: 1, expected null'

run 0 "an explosion" "$program" train --data "$data" --epochs 2 --optimizer sgd --lr 1
says err '^convoy: the loss of epoch 1 is [0-9.e+]+, that of guessing is 2\.303: the training has exploded'
[ "$(grep -c exploded "$work/err")" = 1 ]
result $? "which is said once"
run 3 "divergence" "$program" train --data "$data" --epochs 2 --optimizer sgd --lr 1e30 --save "$work/d.safetensors"
says err '^convoy: '
[ ! -e "$work/d.safetensors" ]
result $? "nothing is saved where not one epoch went well"
finish
