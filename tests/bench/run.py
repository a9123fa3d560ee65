"""bench/run on a small data set: RUN BUILD MAKE_DATA."""

import json
import os
import re
import subprocess
import sys
import tempfile

import tap

script, build, make_data = sys.argv[1:]
work = tempfile.TemporaryDirectory()
data, results, history = (os.path.join(work.name, name) for name in ("data", "results.json", "history.jsonl"))
subprocess.run([sys.executable, make_data, data, "640", "32"], check=True)


def run(*arguments):
    return subprocess.run([script, f"--build={build}", f"--data={data}", "--repetitions=2", "--min-time=0.0001",
                           *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)


done = run(f"--json={results}", f"--record={history}", "--threads=1,2")
tap.equal(done.returncode, 0, "exit code 0")
for words in ("GFLOP/s at its peak", "from its second-level cache", "noise", "counters of the processor", data,
              "conv2d+max_pooling2d ", "conv2d_1+max_pooling2d_1 ", "dense_1 ", "images into the block", "optimizer",
              "a step on 1 thread", "the parts above add up to", "a step on 2 threads", "an epoch of 640 images",
              "for 10000 images", "one image alone"):
    tap.result(words in done.stdout, f"it says: {words}", done.stdout + done.stderr)
row = next((line for line in done.stdout.splitlines() if line.startswith("dense ")), "")
tap.result(len(re.findall(r"\d+(?:\.\d+)?", row)) >= 9, "a layer has a row with its three parts", row)

record = json.load(open(results))
tap.equal(json.loads(open(history).read()), record, "the history holds what --json wrote")
figure = record["figures"][f"layer/lesson/dense/forward/{record['tier']}/warm"]
tap.equal(len(figure["samples"]), 2, "a figure has a sample a run")
tap.equal(figure["flop"], 2 * 2 * 16 * 96 * 84, "and the operations of a step's two blocks")
tap.result(figure["minimum"] <= figure["median"] and figure["spread"] >= 0, "minimum, median and spread are in order", figure)
order = [name.split("/")[2] for name in record["figures"] if name.startswith("layer/") and name.endswith(
    f"forward/{record['tier']}/warm")]
tap.equal(order, ["conv2d+max_pooling2d", "conv2d_1+max_pooling2d_1", "dense", "dense_1"], "layers in the network's order")
run(f"--record={history}")
tap.equal(len(open(history).readlines()), 2, "--record appends")

done = run("--filter", "kernel/add/")
tap.result(done.returncode == 0 and "kernel/add/" in done.stdout and "conv2d" not in done.stdout,
           "--filter: only those benchmarks", done.stdout)
done = run("--layout=nchw16c")
names = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("kernel/")]
tap.result(len(names) > 20 and all("_nchw16c/" in name and name.endswith("/warm") for name in names),
           "--layout: the kernels of that layout", names or done.stderr)
done = run("--cold", "--model=lenet5", "--batch=48")
tap.result("lenet5, batches of 48" in done.stdout and "finds its data in memory" in done.stdout,
           "--cold, --model, --batch", done.stdout + done.stderr)
done = run("--", "--benchmark_filter=machine/peak", "--benchmark_context=who=me")
tap.result(done.returncode == 0 and "layer" not in done.stdout, "what stands behind -- reaches Google Benchmark",
           done.stdout + done.stderr)


def refused(what, *arguments):
    done = run(*arguments)
    tap.result(done.returncode == 2 and what in done.stderr, f"refused: {' '.join(arguments)}",
               f"{done.returncode} {done.stderr}")


refused("no-such-network", "--model=no-such-network")
refused("sse9", "--isa=sse9")
refused("--layout", "--layout=chwn")
refused("--batch", "--batch=-1")
refused("/no/such/place", "--build=/no/such/place")
refused("/no/such", "--record=/no/such/history")
tap.finish()
