"""Recipes on MNIST over the seeds 0 to 29: recipes_long.py SPEEDRUN CONVOY. Speaks TAP; times nothing.

A recipe fails if its accuracy on the test images is below what its name or this file promises, or is not what the
recipe's file says. Weights are the same on every machine, so accuracies are, too. A change in the arithmetic that leaves
a recipe as good as it was needs: tools/speedrun NAME --write.
"""

import json
import os
import subprocess
import sys

PROMISED = {  # mean, least of all seeds
    "fast-97.7": (0.977, 0),
    "fast-98.5": (0.985, 0),
    "fast-99": (0.990, 0.988),
    "best": (0.991, 0),
}
speedrun, convoy = sys.argv[1:]
recipes = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../recipes")

print(f"1..{3 * len(PROMISED)}")
number = 0


def point(good, text):
    global number
    number += 1
    print(f"{'ok' if good else 'not ok'} {number} - {text}", flush=True)


for name, (mean, least) in PROMISED.items():
    with open(f"{recipes}/{name}.json", encoding="utf-8") as file:
        measured = json.load(file).get("measured", {})
    run = subprocess.run([sys.executable, speedrun, name, "--program", convoy, "--json"], stdout=subprocess.PIPE)
    if run.returncode:
        for what in "mean", "least", "measured":
            point(False, f"{name}: {what}: no run (tools/fetch-mnist gets MNIST)")
        continue
    found = json.loads(run.stdout)["accuracy"]
    point(found["mean"] >= mean, f"{name}: mean {found['mean']:.5f}, promised {mean}")
    point(found["minimum"] >= least, f"{name}: least {found['minimum']:.4f}, promised {least}")
    point(abs(found["mean"] - measured.get("accuracy", 0)) < 1e-5 and found["minimum"] == measured.get("minimum"),
          f"{name}: mean {found['mean']:.5f} and least {found['minimum']}, its file says {measured}")
