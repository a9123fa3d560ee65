"""Figures: what a run of the benchmarks says, one a benchmark, as results files and the history hold them.

A figure is {"samples": [microseconds, ...], "median", "minimum", "spread", "flop", "bytes", ...}: a sample is a run of
the benchmark, spread is the distance between the quartiles as a share of the median, and flop and bytes are of an
iteration. Counters of the processor, where they were read, are per iteration too."""

import re
import statistics

COUNTERS = ("cycles", "instructions", "cache-misses", "branch-misses")
KEPT = ("flop", "bytes", "steps", "images", "threads") + COUNTERS


def plain_name(name):
    """A benchmark's name without what Google Benchmark appends: how it was timed and how many iterations that took."""
    return re.sub(r"(/iterations:\d+|/manual_time|/repeats:\d+)", "", name)


def sample(run):
    """Microseconds of an iteration. Where the benchmark timed iterations itself it is their median, else the time that
    the processor worked for it: what other programs took from a core is in neither."""
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
    """The figures of one of Google Benchmark's JSON reports by plain name, and the benchmarks that failed, with why."""
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
    """The share of the time in which the benchmarks on one core ran that they really had that core."""
    had = wanted = 0.0
    for run in report["benchmarks"]:
        timed_by_the_loop = run["run_name"].startswith(("machine/peak", "kernel/")) and "median" not in run
        if run.get("run_type", "iteration") == "iteration" and timed_by_the_loop:
            had += run["cpu_time"] * run["iterations"]
            wanted += run["real_time"] * run["iterations"]
    return had / wanted if wanted > 0 else 1.0
