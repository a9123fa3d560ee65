"""Charts as SVG within a page, without scripts. Colours are the page's (page.py: --ink, --mark, ...)."""

import html
import math

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 30, 40


def escape(text):
    return html.escape(str(text), quote=True)


def number(value):
    """Short, for an axis: 0.002, 0.5, 20, 1500."""
    return f"{value:.4g}"


def ticks(low, high, most=6):
    """Round numbers from low to high: steps of 1, 2 or 5 times a power of ten."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / most))
    for factor in (1, 2, 5, 10):
        if span / (step * factor) <= most:
            step *= factor
            break
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def powers(low, high):
    """Powers of ten from at most low to at least high."""
    return [10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


class Axis:
    """Maps values to positions along one side of a chart."""

    def __init__(self, low, high, begin, end, log=False):
        self.low, self.high, self.begin, self.end, self.log = low, high, begin, end, log

    def __call__(self, value):
        if self.log:
            part = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            part = (value - self.low) / ((self.high - self.low) or 1)
        return self.begin + part * (self.end - self.begin)


def open_svg(label, height=HEIGHT):
    return (f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}" '
            'preserveAspectRatio="xMidYMid meet">')


def text(x, y, words, anchor="middle", kind="tick"):
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def y_grid(axis, values):
    lines = []
    for value in values:
        y = axis(value)
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(text(LEFT - 8, y + 4, number(value), "end"))
    return lines


def dot(x, y, title, attributes="", kind="dot", radius=4):
    return (f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}" {attributes}>'
            f'<title>{escape(title)}</title></circle>')


def curve(label, unit, points):
    """Values over runs: points are (label of the run, value, low, high, attributes); low and high make a band."""
    top = max(high for _, _, _, high, _ in points) * 1.1 or 1.0
    y = Axis(0, top, HEIGHT - BOTTOM, TOP)
    x = Axis(0, max(1, len(points) - 1), LEFT + 10, WIDTH - RIGHT - 10)
    parts = [open_svg(label), *y_grid(y, ticks(0, top)), text(LEFT - 8, 14, unit, "end")]
    places = [x(i) for i in range(len(points))]
    band = [f"{at:.1f},{y(p[3]):.1f}" for at, p in zip(places, points)]
    band += [f"{at:.1f},{y(p[2]):.1f}" for at, p in reversed(list(zip(places, points)))]
    parts.append(f'<polygon class="band" points="{" ".join(band)}"/>')
    line = " ".join(f"{at:.1f},{y(p[1]):.1f}" for at, p in zip(places, points))
    parts.append(f'<polyline class="line" points="{line}"/>')
    every = math.ceil(len(points) / 7)
    for i, (name, value, _, _, attributes) in enumerate(points):
        parts.append(dot(places[i], y(value), f"{name}: {number(value)} {unit}", attributes))
        if i % every == 0:
            parts.append(text(places[i], HEIGHT - BOTTOM + 18, name.split()[0]))
    return "".join(parts) + "</svg>"


def roofline(label, ceilings, points):
    """Speed over intensity. ceilings: {"peak": GFLOP/s, "cache": GB/s, "memory": GB/s}; points: (name, flop a byte,
    GFLOP/s, attributes)."""
    xs = powers(min(p[1] for p in points), max(max(p[1] for p in points), 2))
    peak = ceilings["peak"]
    ys = powers(min(p[2] for p in points), max(peak, max(p[2] for p in points)))
    x = Axis(xs[0], xs[-1], LEFT, WIDTH - RIGHT, log=True)
    y = Axis(ys[0], ys[-1], HEIGHT - BOTTOM, TOP, log=True)
    parts = [open_svg(label), *y_grid(y, ys), text(LEFT - 8, 14, "GFLOP/s", "end")]
    parts += [text(x(v), HEIGHT - BOTTOM + 18, number(v)) for v in xs]
    parts.append(text((LEFT + WIDTH) / 2, HEIGHT - 4, "floating-point operations a byte"))
    for name, bandwidth in ceilings.items():
        if name == "peak":
            parts.append(f'<line class="roof" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(peak):.1f}" y2="{y(peak):.1f}"/>')
            parts.append(text(WIDTH - RIGHT, y(peak) - 6, "peak of a core", "end", "roofname"))
            continue
        begin = max(xs[0], ys[0] / bandwidth)
        end = min(xs[-1], peak / bandwidth)
        if begin < end:
            parts.append(f'<line class="roof" x1="{x(begin):.1f}" x2="{x(end):.1f}" '
                         f'y1="{y(begin * bandwidth):.1f}" y2="{y(end * bandwidth):.1f}"/>')
            parts.append(text(x(begin) + 6, y(begin * bandwidth) - 8, name, "start", "roofname"))
    for name, intensity, speed, attributes in points:
        parts.append(dot(x(intensity), y(speed), f"{name}: {number(speed)} GFLOP/s at {number(intensity)}", attributes))
    return "".join(parts) + "</svg>"


def scaling(label, points):
    """Speed relative to one thread, beside the ideal: points are (threads, times, attributes)."""
    most = max(max(p[0] for p in points), max(p[1] for p in points))
    x = Axis(0, most, LEFT, WIDTH - RIGHT)
    y = Axis(0, most, HEIGHT - BOTTOM, TOP)
    whole = [v for v in ticks(0, most) if v == int(v)]
    parts = [open_svg(label), *y_grid(y, whole), text(LEFT - 8, 14, "times", "end")]
    parts += [text(x(v), HEIGHT - BOTTOM + 18, number(v)) for v in whole]
    parts.append(text((LEFT + WIDTH) / 2, HEIGHT - 4, "threads"))
    parts.append(f'<line class="roof" x1="{x(0):.1f}" y1="{y(0):.1f}" x2="{x(most):.1f}" y2="{y(most):.1f}"/>')
    line = " ".join(f"{x(t):.1f},{y(v):.1f}" for t, v, _ in points)
    parts.append(f'<polyline class="line" points="{line}"/>')
    parts += [dot(x(t), y(v), f"{t} threads: {v:.2f} times", attributes) for t, v, attributes in points]
    return "".join(parts) + "</svg>"


def bars(label, rows):
    """A bar for each (name, value, attributes)."""
    line = 30
    height = line * len(rows) + 10
    most = max(value for _, value, _ in rows)
    x = Axis(0, most, 250, WIDTH - 80)
    parts = [open_svg(label, height)]
    for i, (name, value, attributes) in enumerate(rows):
        middle = line * i + line / 2 + 4
        parts.append(text(240, middle + 4, name, "end"))
        parts.append(f'<rect class="bar" x="250" y="{middle - 9:.1f}" width="{x(value) - 250:.1f}" height="18" rx="2" '
                     f'{attributes}><title>{escape(name)}: {value:.1f}</title></rect>')
        parts.append(text(x(value) + 6, middle + 4, f"{value:.1f}", "start"))
    return "".join(parts) + "</svg>"
