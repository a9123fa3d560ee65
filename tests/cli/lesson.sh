#!/usr/bin/env bash
# examples/lesson.c: the program runs, and does what convoy train does.
. "$(dirname "$0")/tap.sh"
convoy=$2

run 1 "the example without data" "$program"
says err '^lesson: training images: not found'
mkdir -p "$XDG_CACHE_HOME" && mv "$data" "$XDG_CACHE_HOME/convoy"
run 0 "the example" "$program"
says out '^Epoch 10/10 - accuracy: [01]\.[0-9]{4} - loss: '
says out '^ Total params: '
[ "$(grep -Ec '^( +[01]\.[0-9]{2}){10}   label [0-4]$' "$work/out")" -eq 5 ]
result $? "five predictions and labels"
sed -nE 's/^Test - accuracy: (\S+) - loss: (\S+)$/\1 \2/p' "$work/out" >"$work/example"
run 0 "convoy train" "$convoy" train
sed -nE 's/^Test accuracy: (\S+) - test loss: (\S+)$/\1 \2/p' "$work/out" >"$work/command"
[ -s "$work/example" ]
result $? "the example prints accuracy and loss"
same "$work/example" "$work/command" "the same as those of convoy train"
finish
