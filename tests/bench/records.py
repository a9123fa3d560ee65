"""Invented records, in the form in which bench/run writes them."""

import json
import random


def record(figures, seed=1, commit="0123456789ab", **more):
    """A record of figures {name: microseconds}, sampled with 1 % of noise."""
    draw = random.Random(seed)
    made = {}
    for name, value in figures.items():
        samples = [value * (1 + abs(draw.gauss(0, 0.01))) for _ in range(12)]
        ordered = sorted(samples)
        made[name] = {"samples": samples, "median": ordered[6], "minimum": ordered[0], "spread": 0.01, "flop": 1e6 * value,
                      "bytes": 1e5 * value, "steps": 100, "images": 3200}
    return {"schema": 1, "time": "2026-01-02T03:04:05Z", "commit": commit, "processor": "a processor", "cores": 4,
            "tiers": ["scalar", "best"], "tier": "best", "threads": "4 of 4 cores", "pinned": "3", "model": "lesson",
            "batch": 32, "variant": "warm", "images": "drawn rings", "counters": "read", "noise": 0.01, "load": 0.1,
            "warnings": [], "figures": made, **more}


def write(path, *records):
    with open(path, "w") as file:
        file.writelines(json.dumps(one) + "\n" for one in records)
    return path
