#!/usr/bin/env bash
# tools/speedrun: a recipe over several seeds.
. "$(dirname "$0")/tap.sh"
speedrun=$tests/../../tools/speedrun
few=(--program "$program" --seeds 3 --first-seed 5)
rest=(-- --data "$data" --images 400)

run 0 "speedrun --json" "$speedrun" best "${few[@]}" --json "${rest[@]}"
empty err
cp "$work/out" "$work/json"
for seed in 5 6 7; do
    "$program" train --data "$data" --recipe best --images 400 --seed $seed --json | tail -1
done >"$work/by_hand"
python3 - "$work/json" "$work/by_hand" <<'PYTHON' >"$work/out" 2>"$work/err"
import json, math, statistics, sys
result = json.load(open(sys.argv[1]))
wanted = [json.loads(line)["test_accuracy"] for line in open(sys.argv[2])]
assert [run["accuracy"] for run in result["runs"]] == wanted, (result, wanted)
assert [run["seed"] for run in result["runs"]] == [5, 6, 7] and result["seeds"] == [5, 7], result
a = result["accuracy"]
assert math.isclose(a["mean"], statistics.mean(wanted)) and math.isclose(a["sd"], statistics.stdev(wanted)), a
assert a["minimum"] == min(wanted), a
margin = 4.302653 * statistics.stdev(wanted) / math.sqrt(3)  # Student's t for two degrees of freedom
assert all(abs(bound - a["mean"] - sign * margin) < 1e-6 for bound, sign in zip(a["interval"], (-1, 1))), a
for run in result["runs"]:
    assert 0 < run["training"] < run["to_model"], run
for name in "to_model", "training":
    seconds = [run[name] for run in result["runs"]]
    summary = result[name + "_seconds"]
    assert summary == {"median": statistics.median(seconds), "minimum": min(seconds)}, summary
PYTHON
result $? "  says what convoy train says by itself, and sums it up"

run 0 "speedrun" "$speedrun" best "${few[@]}" "${rest[@]}"
says out '^best, seeds 5 to 7$'
says out '^  test accuracy +mean [0-9.]+ %, sd [0-9.]+, least [0-9.]+, 95 % interval of the mean [0-9.]+ to [0-9.]+$'
says out '^  start to model +median [0-9.]+ s, least [0-9.]+ s$'
says out '^  training alone +median [0-9.]+ s, least [0-9.]+ s$'
run 0 "a single seed" "$speedrun" lesson --program "$program" --seeds 1 "${rest[@]}"
lacks out interval
# --write, in a tree of its own.
mkdir "$work/tree" "$work/tree/bench"
cp -r "$tests/../../tools" "$tests/../../recipes" "$tests/../../README.md" "$work/tree"
cp -r "$tests/../../bench/lib" "$work/tree/bench"
run 0 "speedrun --write" "$work/tree/tools/speedrun" best "${few[@]}" --write --json "${rest[@]}"
python3 - "$work/tree" "$tests/../.." "$work/out" <<'PYTHON' 2>"$work/err"
import json, sys
tree, original, out = sys.argv[1:]
sys.path.insert(0, tree + "/bench/lib")
import recipes
accuracy = json.load(open(out))["accuracy"]
after, before = recipes.read(tree + "/recipes/best.json"), recipes.read(original + "/recipes/best.json")
wanted = {"accuracy": round(accuracy["mean"], 5), "deviation": round(accuracy["sd"], 5),
          "minimum": accuracy["minimum"], "seeds": 3}
assert after.pop("measured") == wanted and before.pop("measured") != wanted and after == before, (after, wanted)
readme, was = (open(folder + "/README.md", encoding="utf-8").read() for folder in (tree, original))
assert recipes.table() in readme and recipes.TABLE.sub("", readme) == recipes.TABLE.sub("", was), readme
PYTHON
result $? "  puts the accuracies into the recipe's file and README's table"
run 1 "no such recipe" "$speedrun" fast-100 "${few[@]}" "${rest[@]}"
says err '^convoy: fast-100: no such file'
run 1 "no program" "$speedrun" best --program "$work/none"
says err "^speedrun: $work/none: not there"
run 2 "no seeds" "$speedrun" best --seeds 0
finish
