"""Builds and runs the program that measures, build/bench/benchmarks."""

import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failed(Exception):
    """A message for the user; scripts print it and end with exit code 2."""


def build(root=ROOT, quiet=False):
    """Installs what is missing, builds, and returns the build directory."""
    done = subprocess.run([os.path.join(root, "bench", "build")], stdin=subprocess.DEVNULL,
                          capture_output=quiet, text=True)
    if done.returncode:
        raise Failed(f"{root}: the benchmarks could not be built\n{done.stderr or ''}{(done.stdout or '')[-2000:]}")
    return os.path.join(root, "build")


def benchmarks(directory):
    """The program in a build directory."""
    path = os.path.join(directory, "bench", "benchmarks")
    if not os.access(path, os.X_OK):
        raise Failed(f"{path}: is not there; was it built without Google Benchmark?")
    return path


def run(program, arguments, passed_on=()):
    """Runs the program and returns Google Benchmark's report as JSON. What is passed on comes last, so it wins."""
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "report.json")
        command = [program, *arguments, f"--benchmark_out={out}", "--benchmark_out_format=json",
                   "--benchmark_format=console", *passed_on]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr[-2000:]}")
        try:
            with open(out) as file:
                return json.load(file)
        except (OSError, ValueError):
            raise Failed(f"no benchmark has been run: {' '.join(command)}\n{done.stderr[-2000:]}") from None


def context(program, *more):
    """What the program says of this machine; "tiers" is a list, the best last."""
    found = run(program, ["machine", *more, "--benchmark_filter=machine/peak", "--benchmark_min_time=0"])["context"]
    return {**found, "tiers": found["tiers"].split(",")}


def git(*arguments, root=ROOT):
    done = subprocess.run(["git", "-C", root, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def commit(root=ROOT):
    """The commit that is checked out, "-dirty" if the tree is not just that; empty outside of git."""
    try:
        return git("rev-parse", "--short=12", "HEAD", root=root) + (
            "-dirty" if git("status", "--porcelain", "--untracked-files=no", root=root) else "")
    except (Failed, OSError):
        return ""


def main(function):
    """Runs a script's main function, and prints the message of what failed."""
    try:
        sys.exit(function())
    except Failed as failure:
        print(f"{os.path.basename(sys.argv[0])}: {failure}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(141)
    except KeyboardInterrupt:
        sys.exit(130)
