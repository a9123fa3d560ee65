#!/usr/bin/env bash
# tools/race on a small data set. Stubs stand for the peers: Keras runs, JAX fails.
. "$(dirname "$0")/tap.sh"
race=("$tests/../../tools/race" --program "$program" --data "$data" --rounds 1)

# stub PEER COMMANDS: what tools/race finds as the Python of that peer's virtual environment.
stub() {
    local place=$XDG_CACHE_HOME/convoy/peers/$1
    mkdir -p "$place/bin"
    touch "$place/ready"
    printf '#!/bin/sh\n%s\n' "$2" >"$place/bin/python"
    chmod +x "$place/bin/python"
}
stub keras 'echo 5.5; echo 4.5'
stub jax 'echo no numpy >&2; exit 1'

run 0 "race" "${race[@]}" jax keras
says err '^jax: left out: no numpy$'
says out '^An epoch of the lesson: best of all rounds; [0-9]+ threads?, peak [0-9]+ GFLOP/s a core$'
says out '^convoy +[0-9.]+ +1\.00 times$'
says out '^convoy, one thread +[0-9.]+ +[0-9.]+ times$'
says out '^keras +4\.5000 +[0-9.]+ times$'
lacks out '^jax'
says out "^seconds x peak / the lesson's multiply-adds, all counted: [0-9.]+$"
says out '^LeNet-5 +[0-9.]+ +[0-9]+ %$'

run 0 "race --json" "${race[@]}" --json jax keras
cp "$work/out" "$work/json"
python3 - "$work/json" <<'PYTHON' >"$work/out" 2>"$work/err"
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
names = [line["peer"] for line in lines]
assert names[:2] == ["convoy", "convoy, one thread"] and names[-1] == "keras", names
assert all(line["seconds_per_epoch"] > 0 for line in lines), lines
PYTHON
result $? "  prints an object a competitor"

run 2 "no such peer" "${race[@]}" excel
says err "peer: 'excel' is not known; expected one of: keras, torch, jax$"
run 2 "no rounds" "${race[@]}" --rounds 0
run 1 "no images" "${race[@]}" --data "$work" jax
says err "^tools/race: $work: holds no MNIST"
run 1 "no program" "${race[@]}" --program "$work/none" jax
says err "^tools/race: $work/none: not there"
finish
