#!/usr/bin/env bash
# Exit codes and messages for what the user gets wrong, help and version.
. "$(dirname "$0")/tap.sh"

run 2 "no command" "$program"
says err '^convoy: command: missing; expected train, '
run 2 "unknown command" "$program" trian
says err '^convoy: trian: no such command; did you mean "train"\?$'
says err '^Try "convoy --help"\.$'
run 2 "a command like no other" "$program" xyzzy
says err '^convoy: xyzzy: no such command$'

run 0 "--version" "$program" --version
says out '^convoy [0-9]+\.[0-9]+\.[0-9]+$'
run 0 "--help" "$program" --help
for command in train recipes evaluate predict convert summary verify info; do
    says out "^  $command "
done
empty err
for command in train recipes evaluate predict convert summary verify info; do
    run 0 "$command --help" "$program" $command --help
    says out "^Usage: convoy $command"
    says out '^Examples:$'
    empty err
done
run 0 "train --help shows the defaults" "$program" train --help
says out 'epochs \(default 10\)'
says out 'images a step \(default 32\)'
says out 'rmsprop \(default\)'

run 2 "unknown option" "$program" train --epoch-count 3
says err '^convoy: --epoch-count: no such option$'
says err '^Try "convoy train --help"\.$'
run 2 "misspelt option" "$program" train --epohcs=3
says err '^convoy: --epohcs: no such option; did you mean --epochs\?$'
run 2 "ambiguous beginning" "$program" train --s 1
says err '^convoy: --s: 4 options begin like this$'
run 2 "short option" "$program" train -e 3
says err '^convoy: -e: no such option$'
run 2 "missing value" "$program" train --epochs
says err '^convoy: --epochs: the value is missing; expected N$'
run 2 "value where none belongs" "$program" train --json=yes
says err '^convoy: --json: takes no value$'
run 2 "operand where none belongs" "$program" train mnist
says err '^convoy: mnist: unexpected argument$'
run 2 "missing operand" "$program" verify
says err '^convoy: GOLDEN.safetensors: missing$'
run 2 "missing required option" "$program" evaluate
says err '^convoy: --weights: missing; expected FILE$'
run 2 "empty value" "$program" train --save ''
says err '^convoy: --save: the value is empty; expected FILE$'

# wrong OPTION VALUE PATTERN: the value is refused, by name.
wrong() {
    run 2 "$1 $2" "$program" train --data "$data" "$1" "$2"
    says err "^convoy: $1: \"$2\" is not $3\$"
}
wrong --epochs ten 'a whole number from 1 to 1000000'
wrong --epochs 0 'a whole number from 1 to 1000000'
wrong --epochs 3x 'a whole number from 1 to 1000000'
wrong --epochs ' 3' 'a whole number from 1 to 1000000'
wrong --epochs 2.5 'a whole number from 1 to 1000000'
wrong --epochs 99999999999999999999 'a whole number from 1 to 1000000'
wrong --batch -1 'a whole number from 1 to 1000000000'
wrong --threads 0 'a whole number from 1 to 1024, nor auto'
wrong --seed -1 'a whole number from 0 to 18446744073709551615'
wrong --seed 18446744073709551616 'a whole number from 0 to 18446744073709551615'
wrong --lr 0 'a number above 0'
wrong --lr nan 'a number above 0'
wrong --lr fast 'a number above 0'
wrong --validation 1 'a number from 0 to less than 1'
wrong --validation 1e-1x 'a number from 0 to less than 1'

run 2 "unknown instruction set" "$program" train --data "$data" --isa sse9
says err '^convoy: --isa: "sse9"'
run 2 "unknown instruction set in the environment" env CONVOY_ISA=sse9 "$program" info
says err '^convoy: CONVOY_ISA: "sse9"'
run 2 "unknown optimizer" "$program" train --data "$data" --optimizer sdg
says err '^convoy: --optimizer: .*sdg'
run 2 "unknown optimizer setting" "$program" train --data "$data" --optimizer sgd:speed=3
says err '^convoy: --optimizer: .*speed'
run 2 "unknown split" "$program" predict --weights "$work/none" --split dev
says err '^convoy: --split: "dev" is no split; expected train or test$'

run 1 "no data" "$program" train --data "$work/nowhere"
says err '^convoy: .*nowhere'
run 1 "no data in the default places" "$program" train
says err '^convoy: training images: not found; tools/fetch-mnist gets MNIST'
run 1 "no such model" "$program" summary --model "$work/none.json"
says err '^convoy: .*none\.json'
run 1 "no such weights" "$program" evaluate --data "$data" --weights "$work/none.safetensors"
says err '^convoy: .*none\.safetensors: .*No such file'
finish
