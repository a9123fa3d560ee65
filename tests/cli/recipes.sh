#!/usr/bin/env bash
# convoy recipes, train --recipe, and what recipes need, as options.
. "$(dirname "$0")/tap.sh"
recipes=$tests/../../recipes

run 0 "recipes" "$program" recipes
for name in lesson fast-97.7 fast-98.5 fast-99 best; do
    says out "^$name +[0-9]+ (images|epochs) "
done
empty err
python3 - "$tests/../../bench/lib" "$work/out" <<'PYTHON' 2>"$work/err"
import sys
sys.path.insert(0, sys.argv[1])
import recipes
lines = open(sys.argv[2]).read().splitlines()
table = recipes.TABLE.search(open(recipes.README, encoding="utf-8").read())[0]
assert recipes.table() in table, table
for name in "lesson", "fast-97.7", "fast-98.5", "fast-99", "best":
    measured = recipes.read(recipes.path(name))["measured"]
    figures = [f"{100 * measured['accuracy']:.2f} %", f"{100 * measured['minimum']:.2f} %"]
    assert any(line.startswith(name) and all(f in line for f in figures) for line in lines), (name, lines)
    assert all(f.split()[0] in table for f in figures), (name, table)
PYTHON
result $? "  convoy recipes, the recipe files and README's table say the same"

# Every built-in recipe is the file of its name, and runs; its weights bring network and preprocessing along.
for name in lesson fast-97.7 fast-98.5 fast-99 best; do
    run 0 "train --recipe $name" "$program" train --data "$data" --recipe $name --images 450 --save "$work/$name" --json
    tail -1 "$work/out" >"$work/end"
    run 0 "train --recipe $name.json" "$program" train --data "$data" --recipe "$recipes/$name.json" --images 450 \
        --threads 1 --isa scalar --save "$work/other"
    same "$work/$name" "$work/other" "  gives the same weights, on one thread in scalar code"
    run 0 "evaluate" "$program" evaluate --data "$data" --weights "$work/$name"
    accuracy=$(sed -nE 's/^Test accuracy: ([0-9.]+) .*/\1/p' "$work/out")
    python3 -c "import json, sys; assert abs(json.load(open(sys.argv[1]))['test_accuracy'] - float(sys.argv[2])) < 1e-4" \
        "$work/end" "$accuracy"
    result $? "  finds the accuracy that train found"
    run 0 "predict" "$program" predict --data "$data" --weights "$work/$name" --first 3
done

run 0 "the lesson by itself" "$program" train --data "$data" --epochs 2 --save "$work/a"
run 0 "the lesson as a recipe" "$program" train --data "$data" --recipe lesson --epochs 2 --save "$work/b"
same "$work/a" "$work/b" "  is the same"
grep -q __metadata__ "$work/a"
[ $? -eq 1 ]
result $? "  and its file says nothing besides"

# Options take the place of fields.
run 0 "all fields by options" "$program" train --data "$data" --recipe lesson --model lesson --preprocess \
    deskew,scale=1/255 --shift 1 --optimizer adamw:learning_rate=0.015,weight_decay=0.03,beta_2=0.99,epsilon=1e-8 \
    --schedule linear:warmup=0.1 --label-smoothing 0.05 --batch 64 --images 450 --save "$work/options"
same "$work/best" "$work/options" "  make the lesson's recipe the best one"
for option in "--seed 1" "--shift 0" "--label-smoothing 0" "--schedule constant" "--batch 32" "--lr 0.001" \
    "--preprocess scale=1/255" "--images 449" "--optimizer sgd"; do
    read -ra words <<<"$option"
    run 0 "--recipe best $option" "$program" train --data "$data" --recipe best --images 450 "${words[@]}" \
        --save "$work/other"
    ! cmp -s "$work/best" "$work/other"
    result $? "  makes a difference"
done

# Images that are nothing like digits: shapes that fill the frame to its edges, greys everywhere, some all black or white.
python3 - "$work/shapes" <<'PYTHON'
import os, random, struct, sys
random.seed(1)
os.makedirs(sys.argv[1])

def image(k):
    kind = random.random()
    if kind < 0.02:
        return bytes([255 * (kind < 0.01)] * 784)
    lean, grey = random.uniform(-1.5, 1.5), random.randrange(100, 256)
    def pixel(y, x):
        inside = abs(x - 14 - lean * (y - 14) / 3) < 3 + k or y < 2 * k
        return min(255, max(0, (grey if inside else 40) + random.randrange(-30, 31)))
    return bytes(pixel(y, x) for y in range(28) for x in range(28))

for split, count in ("train", 600), ("t10k", 100):
    labels = [i % 10 for i in range(count)]
    with open(f"{sys.argv[1]}/{split}-labels-idx1-ubyte", "wb") as file:
        file.write(struct.pack(">2I", 0x801, count) + bytes(labels))
    with open(f"{sys.argv[1]}/{split}-images-idx3-ubyte", "wb") as file:
        file.write(struct.pack(">4I", 0x803, count, 28, 28) + b"".join(map(image, labels)))
PYTHON
for name in lesson fast-97.7 fast-98.5 fast-99 best; do
    run 0 "other images: $name" "$program" train --data "$work/shapes" --recipe $name --images 18000 --json
    python3 -c "import json, sys
for line in map(json.loads, open(sys.argv[1])):
    assert all(value is not None for value in line.values()), line
assert line['test_accuracy'] > 0.8, line" "$work/out" 2>"$work/err"
    result $? "  are learnt, and every number is one"
done

# A budget and a target.
run 0 "--images" "$program" train --data "$data" --images 210 --batch 50
says out '^4/4 '
says out '^1/1 '
run 0 "--target-accuracy" "$program" train --data "$data" --epochs 40 --validation 0.2 --target-accuracy 0.5 --json
[ "$(wc -l <"$work/out")" -lt 41 ]
result $? "  ends early"
run 2 "a target without images to measure it on" "$program" train --data "$data" --target-accuracy 0.5
says err '^convoy: --target-accuracy: nothing is held out'

# Preprocessing at inference.
run 0 "evaluate with shifts" "$program" evaluate --data "$data" --weights "$work/best" \
    --preprocess deskew,scale=1/255,test_shift=1
run 1 "weights whose network wants other images" "$program" evaluate --data "$data" --weights "$work/fast-99" \
    --preprocess none
says err 'images are 28 x 28 x 1, the network wants 12 x 12 x 1$'
run 1 "weights of a network and another one's name" "$program" evaluate --data "$data" --weights "$work/fast-99" \
    --model lesson
says err "^convoy: $work/fast-99: its tensors do not fit the network: it holds "

# What is wrong has a name.
run 1 "no such recipe" "$program" train --data "$data" --recipe fast-100
says err '^convoy: fast-100: no such file, nor a built-in recipe \(lesson, fast-97\.7, '
echo '{"name": "x", "network": "lesson", "epochs": 1, "speed": 9}' >"$work/x.json"
run 1 "a recipe with a key too many" "$program" train --data "$data" --recipe "$work/x.json"
says err "^convoy: $work/x.json: speed: a key that is not known"
run 2 "unknown preprocessing" "$program" train --data "$data" --preprocess blur
says err "^convoy: --preprocess: 'blur' is unknown"
run 2 "unknown schedule" "$program" train --data "$data" --schedule slow
says err "^convoy: --schedule: 'slow' is unknown"
run 2 "too far a shift" "$program" train --data "$data" --shift 9
says err '^convoy: --shift: "9" is not a whole number from 0 to 8$'
run 2 "too much smoothing" "$program" train --data "$data" --label-smoothing 1.5
says err '^convoy: --label-smoothing: "1.5" is not a number from 0 to 1$'
finish
