"""Figures: the result of a benchmark, as results files and the history hold it.

A figure is {"samples": [microseconds, ...], "median", "minimum", "spread", "flop", "bytes", ...}: a sample is a run of
the benchmark, spread is the distance between the quartiles as a share of the median, and flop and bytes are of an
iteration. Counters of the processor, where they were read, are of an iteration, too."""

import re
import statistics

COUNTERS = ("cycles", "instructions", "cache-misses", "branch-misses")
KEPT = ("flop", "bytes", "steps", "images", "threads") + COUNTERS


def plain_name(name):
    """A benchmark's name without the suffixes of Google Benchmark: kind of clock, number of iterations."""
    return re.sub(r"(/iterations:\d+|/manual_time|/repeats:\d+)", "", name)


def sample(run):
    """Microseconds of an iteration: the median where the benchmark timed its iterations, else the mean processor time.
    Neither contains the time that other programs take."""
    scale = {"ns": 1e-3, "us": 1, "ms": 1e3, "s": 1e6}[run["time_unit"]]
    return run["median"] if "median" in run else run["cpu_time"] * scale


def summarize(samples):
    ordered = sorted(samples)
    middle = statistics.median(ordered)
    spread = 0.0
    if len(ordered) > 1 and middle > 0:
        quarters = statistics.quantiles(ordered, n=4, method="inclusive")
        spread = (quarters[2] - quarters[0]) / middle
    return {"median": middle, "minimum": ordered[0], "spread": spread}


def figure(samples, **more):
    return {"samples": [float(f"{s:.5g}") for s in samples], **summarize(samples), **more}


def read(report):
    """The figures of a JSON report by plain name, and {name: reason} of the benchmarks that failed."""
    samples, more, failed = {}, {}, {}
    # Runs come in random order; families of benchmarks are numbered as they were registered.
    for run in sorted(report["benchmarks"], key=lambda run: run.get("family_index", 0)):
        name = plain_name(run["run_name"])
        if run.get("error_occurred"):
            failed[name] = run.get("error_message", "")
        elif run.get("run_type", "iteration") == "iteration":
            samples.setdefault(name, []).append(sample(run))
            more[name] = {key: run[key] for key in KEPT if key in run}
    return {name: figure(values, **more[name]) for name, values in samples.items() if name not in failed}, failed


def busy_share(report):
    """The share of their running time that benchmarks on one core had that core."""
    had = wanted = 0.0
    for run in report["benchmarks"]:
        timed_by_the_loop = run["run_name"].startswith(("machine/peak", "kernel/")) and "median" not in run
        if run.get("run_type", "iteration") == "iteration" and timed_by_the_loop:
            had += run["cpu_time"] * run["iterations"]
            wanted += run["real_time"] * run["iterations"]
    return had / wanted if wanted > 0 else 1.0
