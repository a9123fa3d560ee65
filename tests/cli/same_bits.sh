#!/usr/bin/env bash
# The same bits for any number of threads and on every tier.
. "$(dirname "$0")/tap.sh"
# 200 images, batch 48: three blocks a step, a last batch of 8.
few=(--data "$data" --epochs 2 --seed 3)

for settings in "--batch 48" "--batch 7 --optimizer adam" "--batch 100 --model lenet5 --optimizer sgd:lr=0.01,momentum=0.9"; do
    read -ra options <<<"$settings"
    run 0 "one thread, scalar: $settings" "$program" train "${few[@]}" "${options[@]}" --threads 1 --isa scalar \
        --save "$work/reference"
    for tier in $("$program" info | sed -nE 's/^(Instructions)? +([a-z0-9]+) +yes.*/\2/p'); do
        for threads in 1 2 3 5 16; do
            "$program" train "${few[@]}" "${options[@]}" --threads "$threads" --isa "$tier" --save "$work/other" \
                >"$work/out" 2>"$work/err"
            same "$work/reference" "$work/other" "  $tier, $threads threads"
        done
    done
done

run 0 "predictions of the reference" "$program" predict --data "$data" --model lenet5 --weights "$work/reference" \
    --first 100 --isa scalar
cp "$work/out" "$work/expected"
run 0 "predictions on three threads" "$program" predict --data "$data" --model lenet5 --weights "$work/reference" \
    --first 100 --threads 3
same "$work/out" "$work/expected" "  are the same"
finish
