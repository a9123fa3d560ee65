#!/usr/bin/env bash
# convoy evaluate, predict, summary and info.
. "$(dirname "$0")/tap.sh"
weights=$work/lesson.safetensors

run 0 "train --json" "$program" train --data "$data" --epochs 2 --json --save "$weights"
cp "$work/out" "$work/json"
run 0 "evaluate --confusion" "$program" evaluate --data "$data" --weights "$weights" --confusion
says out '^Test accuracy: [01]\.[0-9]{4} - test loss: [0-9.]+ \(60 images\)$'
says out '^Most confused pairs$'
python3 - "$work/out" "$work/json" <<'PYTHON' >"$work/printed" 2>"$work/err"
import json, re, sys
text = open(sys.argv[1]).read()
end = json.loads(open(sys.argv[2]).read().splitlines()[-1])
accuracy, loss = map(float, re.match(r"Test accuracy: (\S+) - test loss: (\S+)", text).groups())
assert abs(accuracy - end["test_accuracy"]) < 1e-4 and abs(loss - end["test_loss"]) < 1e-4, (accuracy, loss, end)
matrix = [list(map(int, line.split()[1:])) for line in re.findall(r"^ {4}\d .*$", text, re.M)]
assert len(matrix) == 10 and all(len(row) == 10 and sum(row) == 6 for row in matrix), matrix
assert abs(sum(matrix[i][i] for i in range(10)) / 60 - accuracy) < 1e-4, matrix
pairs = re.findall(r"^  (\d) and (\d): (\d+) mistakes \(\1 taken for \2: (\d+), \2 taken for \1: (\d+)\)$", text, re.M)
pairs = [tuple(map(int, pair)) for pair in pairs]
mistakes = sorted((matrix[a][b] + matrix[b][a] for a in range(10) for b in range(a + 1, 10)), reverse=True)
assert [pair[2] for pair in pairs] == [count for count in mistakes[:5] if count], (pairs, mistakes)
assert pairs and all(matrix[a][b] == ab and matrix[b][a] == ba and ab + ba == both for a, b, both, ab, ba in pairs), pairs
PYTHON
result $? "the matrix agrees with the accuracy, the pairs with the matrix, and all with train --json"

run 0 "predict" "$program" predict --data "$data" --weights "$weights" --first 12 --split test
python3 - "$work/out" <<'PYTHON' >"$work/printed" 2>"$work/err"
import sys
lines = open(sys.argv[1]).read().splitlines()
assert lines[0].split() == [str(digit) for digit in range(10)] + ["label"], lines[0]
assert len(lines) == 13 and len({len(line) for line in lines}) == 1, lines
for i, line in enumerate(lines[1:]):
    cells = line.split()
    assert int(cells[0]) == i and int(cells[11]) == i % 10, line
    assert abs(sum(map(float, cells[1:11])) - 1) < 0.06, line
seen = set()
for column in zip(*(line.split()[1:11] for line in lines[1:])):
    decimals = {len(cell.split(".")[1]) for cell in column}
    needed = 2 if any(round(float(cell) * 100) % 10 for cell in column) else 1
    assert decimals == {needed}, column
    seen |= decimals
assert seen == {1, 2}, seen
PYTHON
result $? "a row an image, columns aligned, decimals as pandas"
run 2 "more images than there are" "$program" predict --data "$data" --weights "$weights" --first 61 --split test
says err '^convoy: --first: 61 images asked for, .* has 60$'
run 1 "weights of another network" "$program" predict --data "$data" --weights "$weights" --model lenet5
says err "^convoy: $weights: "
head -c 500 "$weights" >"$work/cut.safetensors"
run 1 "weights cut short" "$program" evaluate --data "$data" --weights "$work/cut.safetensors"
says err "^convoy: $work/cut.safetensors: "

run 0 "summary" "$program" summary
says out '^Model: "functional"$'
says out '│ conv2d_1 \(Conv2D\) +│ \(None, 8, 8, 6\) +│ +456 │'
says out '^ Total params: 9,532 \(37\.23 KB\)$'
lacks out $'\033'
run 0 "summary of another network" "$program" summary --model lenet5
says out '\(None, 120\)'

run 0 "summary --plan" "$program" summary --plan
says out '^Training, and inference on more than 8 images: hwc16n$'
says out '^Inference on up to 8 images: nhwc$'
says out '^  conv2d_1, max_pooling2d_1  conv2d_maxpool2x2  12x12x3 +4x4x6 +0\.058 +[0-9.]+  activation and pool included; its gradients take only the outputs that the pool chose$'
says out '^  dense +dense +96 +84 +0\.016 +[0-9.]+  activation in place$'
says out '^A thread takes a block at a time, so a batch takes one thread a block at most\.$'
run 0 "the plan of one layout" "$program" summary --plan --layout nhwc --model lesson-avg
says out '^  average_pooling2d +avgpool +24x24x3 +12x12x3 '
lacks out hwc16n:
run 2 "the plan of no layout" "$program" summary --plan --layout nchw
says err '^convoy: --layout: "nchw" has no plan; expected hwc16n or nhwc$'

# Layouts change no bit, and --time adds a line.
for layout in auto hwc16n nhwc; do
    run 0 "predict --layout $layout" "$program" predict --data "$data" --weights "$weights" --first 40 --layout $layout
    [ $layout = auto ] && cp "$work/out" "$work/expected"
    same "$work/out" "$work/expected" "  the same softmax"
done
run 0 "predict --time" "$program" predict --data "$data" --weights "$weights" --first 1 --time
says out '^Prediction of 1 image: [0-9.]+ us, the shortest of [0-9]+ calls$'
run 0 "evaluate --time" "$program" evaluate --data "$data" --weights "$weights" --time --layout nhwc
says out '^Evaluation of 60 images: [0-9.]+ us, the shortest of [0-9]+ calls$'
run 2 "an unknown layout" "$program" evaluate --data "$data" --weights "$weights" --layout chwn
says err '^convoy: --layout: "chwn" is not known; expected auto, hwc16n or nhwc$'
run 2 "training in nhwc" "$program" train --data "$data" --layout nhwc
says err '^convoy: --layout: training takes hwc16n'

run 0 "info" "$program" info
for line in '^Processor ' '^Cores  ' '^Caches ' '^Instructions  scalar +yes' ' yes, used: the best this machine runs$' \
    '^Threads +[1-9][0-9]*: '; do
    says out "$line"
done
run 0 "info under CONVOY_ISA" env CONVOY_ISA=scalar "$program" info
says out 'scalar +yes, used: CONVOY_ISA$'
run 0 "info --isa" "$program" info --isa scalar
says out 'scalar +yes, used: asked for$'
finish
