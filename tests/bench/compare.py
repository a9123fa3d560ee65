"""bench/compare on results with a known answer: COMPARE."""

import os
import subprocess
import sys
import tempfile

import records
import tap

compare = sys.argv[1]
work = tempfile.TemporaryDirectory()
FIGURES = {f"layer/lesson/l{i}/forward/best/warm": 1.5 + i for i in range(12)}
SLOW = "layer/lesson/l4/forward/best/warm"


def path(name):
    return os.path.join(work.name, name)


def run(*arguments):
    return subprocess.run([compare, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)


a = records.write(path("a"), records.record(FIGURES, seed=1))
for seed in range(2, 22):
    same = records.write(path("same"), records.record(FIGURES, seed=seed))
    done = run(a, same)
    tap.result(done.returncode == 0 and "0 slower, 0 faster, 12" in done.stdout, f"equals, {seed}: no difference",
               done.stdout + done.stderr)
for percent in 10, 5:
    for seed in range(2, 7):
        slow = records.write(path("slow"), records.record({**FIGURES, SLOW: FIGURES[SLOW] * (1 + percent / 100)}, seed))
        done = run(a, slow)
        lines = [line for line in done.stdout.splitlines() if line.endswith(" slower")]
        tap.result(done.returncode == 1 and len(lines) == 1 and lines[0].startswith(SLOW),
                   f"one figure {percent} % slower, {seed}: it is named, and the exit code is 1", done.stdout + done.stderr)
        done = run(slow, a)
        tap.result(done.returncode == 0 and "1 faster" in done.stdout, "  and the other way round it is faster", done.stdout)
one = records.write(path("one"), records.record({**FIGURES, SLOW: FIGURES[SLOW] * 1.01}, 3))
tap.equal(run(a, one).returncode, 0, "1 % is within the least noise")
noisy = records.record(FIGURES, 1)
for figure in noisy["figures"].values():
    figure["samples"] = [s * (1.2 if i % 2 else 1) for i, s in enumerate(figure["samples"])]
done = run(records.write(path("noisy"), noisy), slow)
tap.result(done.returncode == 0 and "noise 2.0 %" not in done.stdout, "a build that differs from itself: the noise is its own",
           done.stdout)

history = records.write(path("history"), records.record(FIGURES, 9), records.record(FIGURES, 1),
                        records.record({**FIGURES, SLOW: 9.9}, 2))
done = run("--history", history)
tap.result(done.returncode == 1 and SLOW in done.stdout, "without arguments: the last two of the history", done.stdout)
done = run("--history", history, "--filter", "/l5/")
tap.result(done.returncode == 0 and "1 figures" in done.stdout, "--filter chooses figures", done.stdout)
tap.result(SLOW in run(a, a, "--all").stdout, "--all shows figures that do not differ, too")


def refused(what, *arguments):
    done = run(*arguments)
    tap.result(done.returncode == 2 and what in done.stderr, f"refused: {what}", f"{done.returncode} {done.stderr}")


refused("two are needed", "--history", a)
refused("no-such-thing", "no-such-thing", a)
refused("is no record", records.write(path("strange"), {"schema": 99}), a)
refused("no figure in common", a, records.write(path("other"), records.record({"step/x": 1})))
with open(path("text"), "w") as file:
    file.write("neither\n")
refused("line 1", path("text"), a)
refused("--rounds", "--rounds", "0", a, a)
tap.finish()
