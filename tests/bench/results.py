"""How the scripts read and judge results: LIBRARY."""

import os
import stat
import sys
import tempfile

import records
import tap

sys.path.insert(0, sys.argv[1])
import figures
import machine
import peers
import table


def near(got, expected, description):
    tap.result(abs(got - expected) <= 1e-9 * abs(expected), description, f"got      {got!r}\nexpected {expected!r}")


# ---- Google Benchmark's reports ----

def run(name, repetition, cpu, real=None, family=0, **more):
    return {"run_name": name, "name": name, "run_type": "iteration", "repetition_index": repetition, "time_unit": "us",
            "cpu_time": cpu, "real_time": real or cpu, "iterations": 10, "family_index": family, **more}


report = {"benchmarks": [
    run("kernel/b/c/t/warm", 0, 4.0, real=8.0, family=1, flop=80.0),
    run("layer/n/l/forward/t/warm/iterations:64/manual_time", 0, 99.0, median=5.0, bytes=40.0),
    run("kernel/b/c/t/warm", 1, 2.0, real=2.0, family=1, flop=80.0),
    {**run("kernel/b/c/t/warm", 0, 3.0, family=1), "run_type": "aggregate", "aggregate_name": "mean"},
    run("kernel/x", 0, 1500.0, family=2, time_unit="ns"),
    run("kernel/bad", 0, 1.0, family=3, error_occurred=True, error_message="no luck"),
]}
found, failed = figures.read(report)
tap.equal(list(found), ["layer/n/l/forward/t/warm", "kernel/b/c/t/warm", "kernel/x"], "plain names, in the order of the program")
tap.equal(found["kernel/b/c/t/warm"]["samples"], [4.0, 2.0], "a kernel's sample is what the processor worked; no aggregates")
tap.equal(found["layer/n/l/forward/t/warm"]["samples"], [5.0], "a part's sample is the median of its iterations")
tap.equal(found["kernel/x"]["samples"], [1.5], "in microseconds")
tap.equal(failed, {"kernel/bad": "no luck"}, "what failed is told apart")
near(figures.busy_share(report), (4 + 2 + 1500 + 1) / (8 + 2 + 1500 + 1), "how much of its core the benchmarks had")
near(figures.summarize([1, 2, 3, 4, 5])["spread"], 2 / 3, "spread: from quarter to quarter, of the median")

# ---- Shares ----

limits = {"peak": 100.0, "cache": 10.0, "memory": 1.0}
tap.equal(table.share({"median": 2.0, "flop": 100.0, "bytes": 5.0}, limits, False), ("peak", 0.5), "bound by the peak")
tap.equal(table.share({"median": 2.0, "flop": 10.0, "bytes": 15.0}, limits, False), ("cache", 0.75), "bound by the cache")
tap.equal(table.share({"median": 20.0, "flop": 10.0, "bytes": 15.0}, limits, True), ("memory", 0.75), "cold: by memory")
tap.equal(table.share({"median": 2.0}, limits, False), None, "bound by nothing that is known")
record = records.record({"step/lesson/batch:32/threads:2": 40.0, "step/lesson/batch:32/threads:1": 80.0,
                         "step/lesson/batch:64/threads:1": 80.0})
tap.equal(list(table.steps(record["figures"], "lesson", 32)), [1, 2], "steps of this batch, by threads")

# ---- The machine ----

quiet = [1.0, 1.001, 1.0, 1.002, 1.001, 1.0, 1.001, 1.002]
tap.equal(machine.warnings(0.2, 4, 0.99, quiet, ["performance"]), [], "a quiet machine: nothing to warn of")
for words, arguments in (("load of 3.0", (3.0, 4, 0.99, quiet, [])), ("took 40 %", (0, 4, 0.6, quiet, [])),
                         ("powersave", (0, 4, 1, quiet, ["powersave"])),
                         ("changed during the run, by +10 %", (0, 4, 1, quiet[:4] + [1.1 * q for q in quiet[:4]], [])),
                         ("own noise", (0, 4, 1, [1, 1.1, 1.2, 1, 1.1, 1.2, 1.2, 1.2], []))):
    said = machine.warnings(*arguments)
    tap.result(any(words in s for s in said), f"warned of: {words}", said)

# ---- Peers ----

with tempfile.TemporaryDirectory() as work:
    script = os.path.join(work, "race")

    def race(text):
        with open(script, "w") as file:
            file.write(text)
        os.chmod(script, stat.S_IRWXU)
        return peers.race(script)

    tap.result("is not there" in peers.race(script)["error"], "no tools/race: a word")
    tap.equal(race('#!/bin/sh\necho racing\necho \'{"peer": "keras", "seconds_per_epoch": 4.5}\'\n'
                   'echo \'{"peer": "torch", "seconds_per_epoch": 2}\'\n'), {"keras": 4.5, "torch": 2.0}, "a line a peer")
    tap.result("exit code 3" in race("#!/bin/sh\nexit 3\n")["error"], "a race that fails: its word")
record["peers"] = {"keras": 0.4}
tap.equal(peers.epochs(record)[0][:2], ("keras", 0.4), "an epoch of a peer")
record["peers"] = {"convoy": 0.1, "convoy, AVX2": 0.2, "keras": 0.4}
tap.equal(peers.epochs(record), [("keras", 0.4, 4.0)], "and how many times as long as Convoy's in the same race")
record["peers"] = {"keras": 0.4}
near(peers.epochs(record)[0][2], 0.4e6 / (record["figures"]["step/lesson/batch:32/threads:2"]["median"] * 100),
     "or, where it did not race, as its on most threads")
tap.finish()
