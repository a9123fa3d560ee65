#!/usr/bin/env bash
# The progress bar on a terminal, with a pseudo-terminal of a chosen width.
. "$(dirname "$0")/tap.sh"

# on_terminal COLUMNS ARGUMENT...: runs convoy there; what the terminal got is left in $work/out.
on_terminal() {
    python3 "$tests/on_terminal.py" "$1" "$program" train --data "$data" --epochs 2 "${@:2}" >"$work/out" 2>"$work/err"
    result $? "train on a terminal of $1 columns"
}

python3 "$tests/make_data.py" "$data" 2000 10
on_terminal 100
says out $'^Epoch 1/2\r$'
says out $'\r\033\\[1m 1/63\033\\[0m \033\\[37m━{20}\033\\[0m \033\\[1m[0-9:]+s?\033\\[0m [0-9]+(us|ms|s)/step - accuracy: [01]\\.[0-9]{4} - loss: [0-9.]+'
says out $'\r\033\\[1m63/63\033\\[0m \033\\[32m━{20}\033\\[0m(\033\\[37m\033\\[0m)? \033\\[1m[0-9]+s\033\\[0m [0-9]+(us|ms|s)/step - accuracy: [01]\\.[0-9]{4} - loss: [0-9.e-]+ *\r$'

# On the scalar tier an epoch takes long enough to be redrawn.
on_terminal 100 --isa scalar --threads 1
python3 - "$work/out" <<'PYTHON' >"$work/printed" 2>"$work/err"
import re, sys
text = open(sys.argv[1], encoding="utf-8", newline="").read()
for epoch in text.split("Epoch ")[1:3]:
    drawn = [line for line in epoch.split("\r") if "step" in line]
    seconds = re.search(r"\r\x1b\[1m63/63\x1b.*?\x1b\[1m(\d+)s", epoch)
    assert len(drawn) <= 20 * (int(seconds.group(1)) + 1) + 2, (len(drawn), seconds.group(1))
    assert re.search(r"\r\x1b\[1m *[1-9]\d*/63\x1b\[0m \x1b\[32m━+\x1b\[0m\x1b\[37m━+\x1b\[0m ", epoch), epoch[:300]
PYTHON
result $? "redrawn, and at most 20 times a second"

export NO_COLOR=1
on_terminal 100
lacks out $'\033'
says out $'\r63/63 ━{20} '
says out $'\r 1/63 ─{20} '
unset NO_COLOR

# On a narrow terminal no line that is drawn over may wrap.
for columns in 60 40 12 1; do
    on_terminal $columns
    python3 - "$work/out" $columns <<'PYTHON' >"$work/printed" 2>"$work/err"
import re, sys
text = re.sub(r"\x1b\[\d+m", "", open(sys.argv[1], encoding="utf-8", newline="").read())
running = [line for line in re.findall(r"\r([^\r\n]+)(?=\r[^\n])", text) if "/63" in line]
assert running, text[:300]
room = max(int(sys.argv[2]) - 1, len(" 1/63  10s"))
assert all(len(line) <= room for line in running), (max(map(len, running)), room)
PYTHON
    result $? "  no running line is wider"
done

TERM=dumb on_terminal 100
lacks out $'[\b\033]'
says out $'^63/63 - '
finish
