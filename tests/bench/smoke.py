"""Runs every benchmark as briefly as possible: BENCHMARKS KERNELS.DEF. Times do not matter."""

import json
import re
import subprocess
import sys
import tempfile

import tap

program, definitions = sys.argv[1:]


def run(*arguments):
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        done = subprocess.run(
            [program, *arguments, "--benchmark_min_time=0", f"--benchmark_out={out.name}",
             "--benchmark_out_format=json"], capture_output=True, text=True)
        try:
            return done, json.load(out)
        except ValueError:
            return done, {"context": {}, "benchmarks": []}


def fails(what, *arguments):
    done, _ = run(*arguments)
    tap.result(done.returncode == 2 if what else done.returncode == 1, f"{' '.join(arguments)} is refused",
               f"{done.returncode}\n{done.stderr}")
    tap.result("benchmarks: " in done.stderr and (what or "") in done.stderr, "  and standard error says why",
               done.stderr)


def check_all(report, what):
    tap.result(report["benchmarks"], f"{what}: there are benchmarks")
    wrong = [b["name"] for b in report["benchmarks"] if b.get("error_occurred") or not b["real_time"] > 0]
    # What takes no longer than reading the clock may take 0 s.
    wrong = [name for name in wrong if not re.search("/sum/|/loss/", name)]
    tap.result(not wrong, f"{what}: each of them runs", "\n".join(wrong))


done, report = run("kernels")
tiers = report["context"].get("tiers", "").split(",")
tap.result(done.returncode == 0, "kernels: exit code 0", done.stderr)
check_all(report, "kernels")
measured = {tuple(b["name"].split("/")[i] for i in (1, 3, 4)) for b in report["benchmarks"]}
operations = re.findall(r"^CVY_OPERATION\((\w+), \w+, (\w+),", open(definitions).read(), re.MULTILINE)
tap.result(len(operations) > 50, "kernels.def has its operations")
rows = [(name, tier) for tiers_of, name in operations for tier in (tiers if tiers_of == "all" else [tiers_of])]
for variant in "warm", "cold":
    missing = [row for row in rows if (*row, variant) not in measured]
    tap.result(not missing, f"kernels: every kernel of kernels.def that runs here is measured, {variant}", missing)

PARTS = {
    "conv2d+max_pooling2d": ["forward", "backward_weights"],
    "conv2d_1+max_pooling2d_1": ["forward", "backward_weights", "backward_data"],
    "dense": ["forward", "backward_weights", "backward_data"],
    "dense_1": ["forward", "backward_weights", "backward_data"],
    "images": ["load"],
    "loss": ["loss"],
    "gradients": ["sum"],
    "parameters": ["update"],
}
done, report = run("layers", "machine")
tap.result(done.returncode == 0, "layers: exit code 0", done.stderr)
check_all(report, "layers and machine")
names = {b["name"].split("/iterations:")[0] for b in report["benchmarks"]}
expected = {f"layer/lesson/{layer}/{part}/{tier}/{variant}" for layer, parts in PARTS.items() for part in parts
            for tier in tiers for variant in ("warm", "cold")}
expected |= {f"machine/peak/{tier}" for tier in tiers} | {"machine/bandwidth/cache", "machine/bandwidth/memory"}
tap.equal(sorted(expected - names), [], "layers: every part of a step on every instruction set")
tap.equal(sorted(names - expected), [], "layers: and nothing else")
tap.result(report["context"].get("images"), "the report says which images")

for model in "lenet5", "lesson-avg":
    done, report = run("layers", "steps", f"--model={model}", "--batch=50", f"--isa={tiers[-1]}", "--threads=1,2")
    check_all(report, f"{model}, batches of 50")
    names = [b["name"] for b in report["benchmarks"]]
    tap.result(any(f"step/{model}/batch:50/threads:2" in name for name in names), f"{model}: a step on two threads")
    tap.result(any(f"predict/{model}/1_image" in name for name in names), f"{model}: one image")

# With those of the machine, because a report without any benchmark is not written.
done, report = run("machine", "peers", "--model=lesson-avg")
tap.equal(done.returncode, 0, "peers: exit code 0")
tap.result(report["context"].get("onednn"), "peers: the report says which oneDNN, or that there is none")
names = [b["name"] for b in report["benchmarks"] if b["name"].startswith("peer/") and not b.get("error_occurred")]
if report["context"].get("onednn", "")[:1].isdigit():
    tap.equal(names, [f"peer/onednn/lesson-avg/{layer}/{part}" for layer, parts in
                      (("conv2d", PARTS["conv2d+max_pooling2d"]), ("conv2d_1", PARTS["dense"]), ("dense", PARTS["dense"]),
                       ("dense_1", PARTS["dense"])) for part in parts], "peers: oneDNN on every layer with weights")
else:
    tap.skip("peers: oneDNN on every layer with weights", "libdnnl-dev is not installed")

fails("--batch", "--batch=0")
fails("--isa", "--isa=sse9")
fails("--threads", "--threads=1,x")
fails("set", "layer")
fails(None, "layers", "--model=no-such-network")
fails(None, "layers", "--data=/no/such/directory")
tap.finish()
