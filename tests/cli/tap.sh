# shellcheck shell=bash
# Shell tests that speak TAP (testanything.org). A test sources this file first and calls `finish` last.
#
#   $1 of every test    the program
#   $work               a directory of its own, removed at the end
#   $data               a small data set in it: 28x28 images of ten classes that a network learns quickly
set -u
# shellcheck disable=SC2034 # the tests use it
program=$1
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
data=$work/data
# What the caller's shell has set must not decide a test.
unset CONVOY_ISA NO_COLOR OMP_NUM_THREADS
export TERM=xterm XDG_CACHE_HOME="$work/cache" HOME="$work"

points=0 bad=0

# result TRUTH DESCRIPTION: one test point; TRUTH is an exit code.
result() {
    points=$((points + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $points - $2"
    else
        echo "not ok $points - $2"
        bad=$((bad + 1))
        # What the last `run` saw.
        sed 's/^/#   out: /' "$work/out" 2>/dev/null | head -20
        sed 's/^/#   err: /' "$work/err" 2>/dev/null | head -20
    fi
}

# run CODE DESCRIPTION COMMAND...: the command ends with that exit code; its output is left in $work/out and $work/err.
run() {
    "${@:3}" >"$work/out" 2>"$work/err" </dev/null
    local code=$?
    [ "$code" -eq "$1" ] || echo "# exit code $code, expected $1"
    [ "$code" -eq "$1" ]
    result $? "$2"
}

# says err|out PATTERN: the last run's output holds it (an extended regular expression).
says() {
    grep -Eq -e "$2" "$work/$1"
    result $? "  $1 says: $2"
}

lacks() {
    ! grep -Eq -e "$2" "$work/$1"
    result $? "  $1 does not say: $2"
}

empty() {
    [ ! -s "$work/$1" ]
    result $? "  $1 is empty"
}

same() {
    cmp -s "$1" "$2"
    result $? "$3"
}

skip() {
    points=$((points + 1))
    echo "ok $points - $1 # SKIP $2"
}

finish() {
    echo "1..$points"
    exit $((bad > 0))
}

python3 "$tests/make_data.py" "$data" 200 60 || exit 99
