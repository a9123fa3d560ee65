"""bench/record, with stubs in place of the commands that it runs: RECORD BUILD."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile

import tap

record, build = sys.argv[1:]
work = tempfile.TemporaryDirectory()
results = os.path.join(work.name, "bench", "RESULTS.md")
os.makedirs(os.path.join(work.name, "tools"))
shutil.copytree(os.path.join(os.path.dirname(record), "lib"), os.path.join(work.name, "bench", "lib"))
shutil.copy(record, os.path.join(work.name, "bench"))
os.symlink(build, os.path.join(work.name, "build"))


def stub(name, commands):
    path = os.path.join(work.name, name)
    with open(path, "w") as file:
        file.write(f"#!/bin/sh\n{commands}\n")
    os.chmod(path, stat.S_IRWXU)


def run(*arguments):
    return subprocess.run([os.path.join(work.name, "bench", "record"), *arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)


def parts():
    """[(machine, command, its output)] in the order of the file."""
    found = []
    for section in open(results, encoding="utf-8").read().split("\n## ")[1:]:
        machine = section.split("\n")[0]
        part = r"^### `([^`]*)`\n\nCommit unknown, [0-9-]{10}\.\n\n```\n(.*?)\n```$"
        found += [(machine, *found_part) for found_part in re.findall(part, section, re.MULTILINE | re.DOTALL)]
    return found


stub("bench/build", "exit 0")
for name in "bench/run", "bench/python", "tools/race", "tools/speedrun":
    stub(name, 'echo "$0 $*"; echo progress >&2')

done = run()
tap.equal(done.returncode, 0, "exit code 0")
first = parts()
tap.equal(len({machine for machine, *_ in first}), 1, "one section")
tap.result(re.fullmatch(r".+, \d+ cores, (scalar|avx2|avx512|neon)", first[0][0]), "for this machine", first[0][0])
tap.result(all(command.replace("'", "") == output for _, command, output in first), "what each command printed", first)
for name in ("bench/run", "bench/python", "tools/race", "tools/speedrun lesson", "tools/speedrun fast-97.7",
             "tools/speedrun fast-98.5", "tools/speedrun fast-99", "tools/speedrun best"):
    tap.result(any(command.startswith(name) for _, command, _ in first), f"among them: {name}")

other = "\n## another machine, 8 cores, neon\n\n### `tools/race`\n\nCommit 0123, 2026-01-02.\n\n```\nso\n\nfast\n```\n"
with open(results, "a", encoding="utf-8") as file:
    file.write(other)
stub("tools/race", "echo new")
done = run("--only", "race")
text = open(results, encoding="utf-8").read()
tap.equal([part for part in parts() if part not in first], [(first[0][0], "tools/race --rounds 8", "new")],
          "--only replaces the part of that command and keeps the others")
tap.equal(text.count(other), 1, "sections of other machines stay")
run("--only", "lesson", "--quick")
tap.result("tools/speedrun lesson --seeds 2" in open(results).read(), "--quick: as briefly as possible")

stub("tools/race", "exit 3")
done = run("--only", "race")
tap.result(done.returncode == 2 and "tools/race --rounds 8: exit code 3" in done.stderr, "a command that fails",
           done.stderr)
tap.result("new" in open(results).read(), "  leaves what was there")
done = run("--only", "no-such")
tap.result(done.returncode == 2 and "no-such" in done.stderr, "refused: no such command", done.stderr)
tap.finish()
