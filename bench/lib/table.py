"""The table that bench/run prints: a row for each layer, its parts side by side, and the whole step."""

import re

PARTS = ("forward", "backward_data", "backward_weights")


def split_layer(name):
    """("lesson", "dense", "forward", "avx512", "warm") of a layer's benchmark; None for others."""
    pieces = name.split("/")
    return tuple(pieces[1:]) if pieces[0] == "layer" and len(pieces) == 6 else None


def ceilings(figures, tier):
    """What a core reaches in a microsecond, where measured: {"peak": operations, "cache": bytes, "memory": bytes}."""
    found = {}
    for key, name, unit in (("peak", f"machine/peak/{tier}", "flop"), ("cache", "machine/bandwidth/cache", "bytes"),
                            ("memory", "machine/bandwidth/memory", "bytes")):
        if name in figures:
            found[key] = figures[name][unit] / figures[name]["minimum"]
    return found


def share(figure, limits, cold):
    """The bound of a figure ("peak", "cache", "memory") and the figure's share of it; None if unknown."""
    needs = {"peak": figure.get("flop", 0), "memory" if cold else "cache": figure.get("bytes", 0)}
    least = {key: needs[key] / limits[key] for key in needs if needs[key] > 0 and limits.get(key)}
    if not least or figure["median"] <= 0:
        return None
    bound = max(least, key=least.get)
    return bound, least[bound] / figure["median"]


def microseconds(value):
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.2f}"


def rate(figure):
    """GFLOP/s, or GB/s where nothing is multiplied."""
    work = figure.get("flop") or figure.get("bytes")
    return f"{work / figure['median'] / 1e3:.1f}" if work and figure["median"] > 0 else ""


def of_bound(figure, limits, cold):
    """"73 %" of the peak; a share of a bandwidth says of which."""
    found = share(figure, limits, cold)
    if not found:
        return ""
    return f"{100 * found[1]:.0f} %" + ("" if found[0] == "peak" else f" {found[0]}")


def cell(figure, scalar, limits, cold):
    """Time, rate, share of the bound, and speed relative to the scalar tier."""
    if figure is None:
        return ["", "", "", ""]
    return [microseconds(figure["median"]), rate(figure), of_bound(figure, limits, cold),
            f"{scalar['median'] / figure['median']:.0f}" if scalar and figure["median"] > 0 else ""]


def lay_out(rows, left=1):
    """Rows of texts as lines: the first `left` columns aligned left, the others right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        padded = [text.ljust(w) if i < left else text.rjust(w) for i, (text, w) in enumerate(zip(row, widths))]
        lines.append("  ".join(padded).rstrip())
    return lines


class Layers:
    """The layers of one network on one tier, in the order of the plan."""

    def __init__(self, figures, model, tier, variant):
        self.figures, self.model, self.tier, self.variant = figures, model, tier, variant
        self.names, self.others = [], []
        for name in figures:
            layer = split_layer(name)
            if not layer or layer[0] != model or layer[3] != tier or layer[4] != variant:
                continue
            if layer[2] in PARTS:
                if layer[1] not in self.names:
                    self.names.append(layer[1])
            elif layer[1:3] not in self.others:
                self.others.append(layer[1:3])

    def get(self, where, part, tier=None):
        return self.figures.get(f"layer/{self.model}/{where}/{part}/{tier or self.tier}/{self.variant}")

    def parts(self):
        """The figures of all parts of a step that were measured."""
        found = [self.get(name, part) for name in self.names for part in PARTS]
        return [f for f in found if f] + [self.get(*other) for other in self.others]


OTHER_NAMES = {"load": "images into the block", "loss": "softmax and loss", "sum": "sum of gradients",
               "update": "optimizer"}


def layer_lines(layers, limits):
    """The table of the layers, then the parts of a step that belong to no layer."""
    cold = layers.variant == "cold"

    def cells(where, part):
        scalar = layers.get(where, part, "scalar") if layers.tier != "scalar" else None
        return cell(layers.get(where, part), scalar, limits, cold)

    rows = [["", *(text for part in PARTS for text in ("", "", part, ""))],
            ["layer"] + ["µs", "GFLOP/s", "bound", "scalar"] * len(PARTS)]
    rows += [[name] + [text for part in PARTS for text in cells(name, part)] for name in layers.names]
    others = [["besides", "µs", "GB/s", "bound", "scalar"]]
    others += [[OTHER_NAMES.get(part, part), *cells(where, part)] for where, part in layers.others]
    lines = lay_out(rows)
    return lines + [""] + lay_out(others)


def steps(figures, model, batch):
    """{threads: figure of a step}"""
    found = {}
    for name, figure in figures.items():
        match = re.fullmatch(rf"step/{re.escape(model)}/batch:{batch}/threads:(\d+)", name)
        if match:
            found[int(match[1])] = figure
    return dict(sorted(found.items()))


def seconds(value):
    return f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def step_lines(figures, model, batch, parts):
    """The whole step and the epoch by threads, and how the sum of the parts compares."""
    lines = []
    found = steps(figures, model, batch)
    for threads, figure in found.items():
        text = f"a step on {threads} thread{'s' * (threads > 1)}: {microseconds(figure['median'])} µs"
        text += f", the fastest {microseconds(figure['minimum'])}"
        text += f"; an epoch of {figure['images']:.0f} images: {seconds(figure['median'] * figure['steps'] / 1e6)}"
        if threads > 1 and 1 in found:
            text += f" ({found[1]['median'] / figure['median']:.2f} times as fast as on one)"
        lines.append(text)
        if threads == 1 and parts:
            lines.append(f"the parts above add up to {microseconds(sum(f['median'] for f in parts))} µs, "
                         f"{100 * sum(f['minimum'] for f in parts) / figure['minimum']:.0f} % of it "
                         "(the fastest of each)")
    for name, figure in figures.items():
        match = re.fullmatch(rf"evaluate/{re.escape(model)}/threads:(\d+)", name)
        if match:
            images = figure["images"]
            lines.append(f"evaluation on {match[1]} thread{'s' * (match[1] != '1')}: "
                         f"{figure['median'] * 10 / images:.2f} ms for 10000 images")
        if name == f"predict/{model}/1_image":
            lines.append(f"one image alone: {microseconds(figure['median'])} µs")
    return lines


def other_lines(figures, limits):
    """Kernels and peers, one a line."""
    rows = [["benchmark", "µs", "GFLOP/s or GB/s", "of bound", "spread"]]
    for name, figure in figures.items():
        if name.startswith(("kernel/", "peer/")):
            tier = name.split("/")[3] if name.startswith("kernel/") else None
            rows.append([name, microseconds(figure["median"]), rate(figure),
                         of_bound(figure, limits.get(tier, {}), name.endswith("/cold")),
                         f"{100 * figure['spread']:.1f} %"])
    return lay_out(rows) if len(rows) > 1 else []


def counter_lines(figures):
    """The processor's counters, where they were read."""
    rows = [["counters", "cycles", "instructions", "per cycle", "cache misses", "branch misses"]]
    for name, figure in figures.items():
        if figure.get("cycles"):
            rows.append([name, f"{figure['cycles']:.0f}", f"{figure['instructions']:.0f}",
                         f"{figure['instructions'] / figure['cycles']:.2f}", f"{figure['cache-misses']:.1f}",
                         f"{figure['branch-misses']:.1f}"])
    return lay_out(rows) if len(rows) > 1 else []
