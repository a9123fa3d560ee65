"""What the machine does beside the benchmarks, and whether that spoils their figures."""

import glob
import os

NOISE_WORTHLESS = 0.05
BUSY_WORTHLESS = 0.85
CLOCK_DRIFT = 0.05


def noise(peak_samples):
    """How far a loop of multiply-adds is off its best in one run of four. Only the machine can slow it."""
    ordered = sorted(peak_samples)
    return ordered[(len(ordered) - 1) * 3 // 4] / ordered[0] - 1


def governors():
    """The governors of the cores' clocks ("performance", "powersave"), where the system tells."""
    found = set()
    for path in glob.glob("/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"):
        with open(path) as file:
            found.add(file.read().strip())
    return sorted(found)


def warnings(load, cores, busy, peak_samples, governors_found):
    """Clauses about what makes the figures doubtful."""
    said = []
    if load > 0.5 * cores:
        said.append(f"other programs are running: a load of {load:.1f} on {cores} cores before the run")
    if busy < BUSY_WORTHLESS:
        said.append(f"other programs took {100 * (1 - busy):.0f} % of the core that the benchmarks were on")
    if governors_found and governors_found != ["performance"]:
        said.append(f"the cores' clock is left to \"{', '.join(governors_found)}\", not fixed")
    if len(peak_samples) >= 4:
        # Samples are in the order of the runs: has the best of the second half moved off that of the first?
        half = len(peak_samples) // 2
        drift = min(peak_samples[half:]) / min(peak_samples[:half]) - 1
        if abs(drift) > CLOCK_DRIFT:
            said.append(f"the clock has changed during the run, by {100 * drift:+.0f} %")
    level = noise(peak_samples) if peak_samples else 0
    if level > NOISE_WORTHLESS:
        said.append(f"the machine's own noise is {100 * level:.0f} %")
    return said


def load_average():
    try:
        return os.getloadavg()[0]
    except OSError:
        return 0.0
