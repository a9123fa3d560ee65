# tools/race: Convoy in turn with its peers, here on a small data set with one that cannot run there.
. "$(dirname "$0")/tap.sh"
race=("$tests/../../tools/race" --program "$program" --data "$data" --rounds 1)

run 0 "race" "${race[@]}" prototype
says err '^prototype: left out: '
says out '^An epoch of the lesson: best of all rounds; [0-9]+ threads?, peak [0-9]+ GFLOP/s a core$'
says out '^convoy +[0-9.]+ +1\.00 times$'
says out '^convoy, one thread +[0-9.]+ +[0-9.]+ times$'
lacks out '^prototype'
says out "^seconds x peak / the lesson's multiply-adds, all counted: [0-9.]+$"
says out '^LeNet-5 +[0-9.]+ +[0-9]+ %$'

run 0 "race --json" "${race[@]}" --json prototype
cp "$work/out" "$work/json"
python3 - "$work/json" <<'PYTHON' >"$work/out" 2>"$work/err"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert [line["peer"] for line in lines][:2] == ["convoy", "convoy, one thread"], lines
assert all(line["seconds_per_epoch"] > 0 for line in lines), lines
PYTHON
result $? "  prints an object a competitor"

run 2 "no such peer" "${race[@]}" excel
says err "peer: 'excel' is not known; expected one of: keras, torch, jax, prototype$"
run 2 "no rounds" "${race[@]}" --rounds 0
run 1 "no images" "${race[@]}" --data "$work" prototype
says err "^tools/race: $work: holds no MNIST"
run 1 "no program" "${race[@]}" --program "$work/none" prototype
says err "^tools/race: $work/none: not there"
finish
