#!/usr/bin/env bash
# Checkpoints: a training that is killed again and again ends with the bits of one that is not.
. "$(dirname "$0")/tap.sh"
kills=${CONVOY_KILLS:-200}
settings=(--data "$data" --model lesson-avg --optimizer adam:amsgrad --schedule linear:warmup=0.1 --shift 1 --seed 3
    --validation 0.2 --batch 8 --epochs 60)
checkpoint=(--checkpoint "$work/run.checkpoint" --checkpoint-every 0.01s)

run 0 "a training without an interruption" "$program" train "${settings[@]}" --save "$work/whole" --json
run 0 "checkpoints change no bit" "$program" train "${settings[@]}" "${checkpoint[@]}" --keep 3 --save "$work/saved" --json
cmp -s "$work/whole" "$work/saved"
result $? "  the weights are the same"
for file in run.checkpoint run.checkpoint.1 run.checkpoint.2; do
    run 0 "  $file holds weights" "$program" evaluate --data "$data" --weights "$work/$file"
done

# Ctrl-C, and on with other threads and another instruction set.
rm -f "$work"/run.checkpoint*
"$program" train "${settings[@]}" "${checkpoint[@]}" --json >"$work/out" 2>"$work/err" &
child=$!
for _ in $(seq 200); do
    [ -s "$work/out" ] && break
    sleep 0.02
done
kill -INT $child
wait $child
[ $? -eq 130 ]
result $? "SIGINT ends a training with checkpoints with exit code 130"
says err "^convoy: $work/run.checkpoint: goes on from here with --resume\$"
run 0 "it goes on, on one thread without vectors" "$program" train --data "$data" --resume "$work/run.checkpoint" \
    --threads 1 --isa scalar --save "$work/resumed" --json
cmp -s "$work/whole" "$work/resumed"
result $? "  the weights are the same"

# SIGKILL at any moment: the file is whole, and the training goes on from it.
rm -f "$work"/run.checkpoint* "$work/resumed"
RANDOM=11
torn=0 killed=0 resumed=()
while [ "$killed" -lt "$kills" ]; do
    "$program" train "${resumed[@]}" "${settings[@]}" "${checkpoint[@]}" --epochs 60 --threads $((1 + killed % 3)) \
        --save "$work/resumed" --json >"$work/out" 2>"$work/err" &
    child=$!
    sleep "0.$(printf %03d $((10 + RANDOM % 90)))"
    kill -KILL $child 2>/dev/null
    wait $child 2>/dev/null
    killed=$((killed + 1))
    [ -e "$work/run.checkpoint" ] || continue
    grep -q '^convoy: ' "$work/err" && torn=$((torn + 1)) && cp "$work/err" "$work/torn"
    resumed=(--resume "$work/run.checkpoint")
    settings=(--data "$data")
done
[ "$torn" -eq 0 ]
result $? "$kills trainings were killed, and none found a torn checkpoint"
[ "$torn" -eq 0 ] || sed 's/^/# /' "$work/torn"
run 0 "the last one comes to its end" "$program" train --data "$data" --resume "$work/run.checkpoint" \
    --save "$work/resumed" --json
cmp -s "$work/whole" "$work/resumed"
result $? "  the weights are the same"
[ "$(find "$work" -name '.convoy-*' | wc -l)" -le 1 ]
result $? "  killed trainings leave no pile of temporary files"

# Wrong use and wrong files.
run 2 "other settings" "$program" train --data "$data" --resume "$work/run.checkpoint" --batch 16
says err '^convoy: checkpoint: batch is 16, the checkpoint has 8$'
run 2 "another seed" "$program" train --data "$data" --resume "$work/run.checkpoint" --seed 4
says err '^convoy: checkpoint: seed is 4, the checkpoint has 3$'
run 2 "a recipe and a checkpoint" "$program" train --resume "$work/run.checkpoint" --recipe lesson
says err '^convoy: --recipe: given together with --resume'
run 2 "a unit is missing" "$program" train --checkpoint "$work/c" --checkpoint-every 5
says err '^convoy: --checkpoint-every: "5", expected a number with its unit: 5epochs, 1000steps or 60s$'
run 2 "--keep without --checkpoint" "$program" train --keep 3
says err '^convoy: --keep: given without --checkpoint$'
run 1 "weights are no checkpoint" "$program" train --data "$data" --resume "$work/whole"
says err "^convoy: $work/whole: holds weights, but is no checkpoint\$"
run 1 "no such checkpoint" "$program" train --data "$data" --resume "$work/nothing"
says err "^convoy: $work/nothing: no such file"
run 1 "a checkpoint that cannot be written" "$program" train --data "$data" --checkpoint /nowhere/c
says err '^convoy: /nowhere/c: '
finish
