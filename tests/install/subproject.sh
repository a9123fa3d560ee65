#!/usr/bin/env bash
# Convoy in the subprojects/ of another project, found in both ways that Meson has.
# shellcheck source=tests/cli/tap.sh
. "$(dirname "$0")/../cli/tap.sh"
here=$(dirname "$0") source=$2

# project NAME FALLBACK: a project of one program over Convoy, configured.
project() {
    mkdir -p "$work/$1/subprojects"
    ln -s "$source" "$work/$1/subprojects/convoy"
    cp "$here/consumer.c" "$work/$1"
    cat >"$work/$1/meson.build" <<EOF
project('consumer', 'c')
executable('consumer', 'consumer.c', dependencies: dependency('convoy', fallback: $2))
EOF
    run 0 "meson setup, fallback: $2" meson setup --force-fallback-for=convoy "$work/$1/build" "$work/$1"
}

project override "'convoy'"
project variable "['convoy', 'convoy_dep']"

run 0 "targets" meson introspect --targets "$work/override/build"
says out '"name": "consumer"'
lacks out '"name": "(test_[a-z_]+|lesson|benchmarks)"'
run 0 "tests" meson introspect --tests "$work/override/build"
says out '^\[\]$'
run 0 "the program compiles" ninja -C "$work/override/build" consumer
run 0 "the program runs" "$work/override/build/consumer"
says out '^convoy [0-9.]+: lesson, first phase load, a loss$'
finish
