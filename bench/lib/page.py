"""The report: one HTML file that loads nothing else.

Every figure on the page is also in the JSON within the page (id "figures"). The data-key of its element is the key there:
"3|figures|step/...|median" is a number of the history's fourth record, "derived|..." was computed from such numbers.
"""

import json

import charts
import peers
import table
from charts import escape

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --quiet: #667078; --rule: #e3e6ea; --mark: #1f6feb;
  --band: #1f6feb33; --roof: #b35900; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --ink: #e6e9ec; --quiet: #9aa4ad; --rule: #2c3238;
  --mark: #6ea8fe; --band: #6ea8fe33; --roof: #f0a050; } }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; } h3 { font-size: .95rem; margin: 0 0 .3rem; }
p, td.name { max-width: 48rem; } .quiet { color: var(--quiet); }
.warning { border-left: 4px solid var(--roof); padding-left: .8rem; }
.charts { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); }
.charts > div { min-width: 0; } .wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } th, td { padding: .2rem .7rem; text-align: right; }
th { border-bottom: 1px solid var(--rule); color: var(--quiet); font-weight: 500; } td.name, th.name { text-align: left; }
svg { width: 100%; max-width: 46rem; height: auto; display: block; } svg text { fill: var(--quiet); font-size: 12px; }
.grid { stroke: var(--rule); } .line { fill: none; stroke: var(--mark); stroke-width: 2; }
.band { fill: var(--band); } .dot { fill: var(--mark); stroke: var(--ground); stroke-width: 1.5; }
.roof { stroke: var(--roof); stroke-width: 1.5; stroke-dasharray: 6 4; } svg .roofname { fill: var(--roof); }
.bar { fill: var(--mark); }
"""


class Page:
    def __init__(self, records):
        self.records = records
        self.last = records[-1]
        self.at = len(records) - 1
        self.derived = {}
        self.parts = []

    # ---- Figures ----

    def look_up(self, key):
        """The number that a key stands for."""
        pieces = key.split("|")
        if pieces[0] == "derived":
            return self.derived[key]
        value = self.records
        for piece in pieces:
            value = value[int(piece)] if isinstance(value, list) else value[piece]
        return value

    def attributes(self, key):
        return f'data-key="{escape(key)}" data-value="{self.look_up(key)!r}"'

    def derive(self, name, value):
        key = f"derived|{name}"
        self.derived[key] = value
        return key

    def shown(self, key, form="{}"):
        value = self.look_up(key)
        return f'<data value="{value!r}" data-key="{escape(key)}">{escape(form(value) if callable(form) else form.format(value))}</data>'

    def key(self, name, what="median", record=None):
        return f"{self.at if record is None else record}|figures|{name}|{what}"

    # ---- Sections ----

    def add(self, *lines):
        self.parts += lines

    def heading(self):
        last = self.last
        self.add(f"<h1>How fast Convoy is: {escape(last['model'])}, batches of {last['batch']}</h1>",
                 f"<p>{escape(last['processor'] or 'Unknown processor')}, {last['cores']} cores, {escape(last['tier'])}; "
                 f"commit {escape(last['commit'] or 'unknown')}, {escape(last['time'])}; images: {escape(last['images'])}; "
                 f"the machine's noise: {self.shown(f'{self.at}|noise', lambda v: f'{100 * v:.1f} %')}; "
                 f"counters of the processor: {escape(last['counters'])}.</p>")
        for warning in last["warnings"]:
            self.add(f'<p class="warning">{escape(warning)}.</p>')

    def steps_table(self):
        found = table.steps(self.last["figures"], self.last["model"], self.last["batch"])
        if not found:
            return
        self.add("<h2>The whole step</h2>", "<table><tr><th>threads</th><th>µs a step</th><th>the fastest</th>"
                 "<th>epoch</th></tr>")
        for threads, figure in found.items():
            name = f"step/{self.last['model']}/batch:{self.last['batch']}/threads:{threads}"
            epoch = self.derive(f"epoch/threads:{threads}", figure["median"] * figure["steps"] / 1e6)
            self.add(f"<tr><td>{threads}</td><td>{self.shown(self.key(name), table.microseconds)}</td>"
                     f"<td>{self.shown(self.key(name, 'minimum'), table.microseconds)}</td>"
                     f"<td>{self.shown(epoch, table.seconds)}</td></tr>")
        self.add("</table>")

    def layers_table(self):
        layers = table.Layers(self.last["figures"], self.last["model"], self.last["tier"], self.last["variant"])
        if not layers.names:
            return
        limits = table.ceilings(self.last["figures"], self.last["tier"])
        cold = self.last["variant"] == "cold"
        self.add("<h2>Its parts</h2>", f'<p class="quiet">Microseconds of a step on one thread, '
                 f"{'data in memory' if cold else 'caches as they are in training'}; "
                 "what bounds a part, and how near it is to that.</p>", '<div class="wide"><table>',
                 '<tr><th class="name">part</th><th>µs</th><th>spread</th><th>GFLOP/s</th><th>of bound</th></tr>')
        rows = [(n, p) for n in layers.names for p in table.PARTS if layers.get(n, p)] + layers.others
        for where, part in rows:
            figure = layers.get(where, part)
            name = f"layer/{layers.model}/{where}/{part}/{layers.tier}/{layers.variant}"
            cells = [self.shown(self.key(name), table.microseconds),
                     self.shown(self.key(name, "spread"), lambda v: f"{100 * v:.1f} %"), "", ""]
            if figure.get("flop"):
                cells[2] = self.shown(self.derive(f"gflops/{name}", figure["flop"] / figure["median"] / 1e3), "{:.1f}")
            bound = table.share(figure, limits, cold)
            if bound:
                cells[3] = self.shown(self.derive(f"share/{name}", bound[1]),
                                      lambda v, which=bound[0]: f"{100 * v:.0f} % {which}")
            self.add(f'<tr><td class="name">{escape(where)} {escape(part)}</td>'
                     + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        self.add("</table></div>")

    def roofline(self):
        figures = self.last["figures"]
        limits = table.ceilings(figures, self.last["tier"])
        points = []
        for name, figure in figures.items():
            if not name.startswith(("layer/", "kernel/")) or f"/{self.last['tier']}/" not in name:
                continue
            if not figure.get("flop") or not figure.get("bytes"):
                continue
            speed = self.derive(f"gflops/{name}", figure["flop"] / figure["median"] / 1e3)
            points.append((name, figure["flop"] / figure["bytes"], self.look_up(speed), self.attributes(speed)))
        if "peak" not in limits or not points:
            return
        roofs = {key: self.look_up(self.derive(f"ceiling/{key}", value / 1e3)) for key, value in limits.items()}
        self.add("<h2>Roofline</h2>", '<p class="quiet">Each part with multiply-adds, counted densely (what leaves out '
                 "zeros may stand above the roof), over the operations for a byte that it must read or write. The roofs: "
                 + ", ".join(f"{key} {self.shown(f'derived|ceiling/{key}', '{:.1f}')} "
                             f"{'GFLOP/s' if key == 'peak' else 'GB/s'}" for key in roofs) + ".</p>",
                 charts.roofline("roofline", roofs, points))

    def thread_scaling(self):
        found = table.steps(self.last["figures"], self.last["model"], self.last["batch"])
        if len(found) < 2 or 1 not in found:
            return
        points = []
        for threads, figure in found.items():
            key = self.derive(f"scaling/threads:{threads}", found[1]["median"] / figure["median"])
            points.append((threads, self.look_up(key), self.attributes(key)))
        self.add("<h2>Threads</h2>", '<p class="quiet">How many times as fast a step is as on one thread.</p>',
                 charts.scaling("thread scaling", points))

    def peers(self):
        rows = []
        for peer, seconds, times in peers.epochs(self.last):
            if times:
                key = self.derive(f"peer/{peer}", times)
                rows.append((f"{peer}, an epoch", times, self.attributes(key)))
        for layer, part, _, times in peers.onednn(self.last):
            if times:
                key = self.derive(f"peer/onednn/{layer}/{part}", times)
                rows.append((f"oneDNN, {layer.split('+')[0]} {part}", times, self.attributes(key)))
        if rows:
            self.add("<h2>Others</h2>", '<p class="quiet">How many times as long others take, in the same run.</p>',
                     charts.bars("peers", rows))

    def curve(self, name):
        points = []
        for i, record in enumerate(self.records):
            figure = record["figures"].get(name)
            if not figure or record["processor"] != self.last["processor"]:
                continue
            label = f"{(record['commit'] or '?')[:8]} {record['time']}"
            points.append((label, figure["median"], figure["minimum"], figure["median"] * (1 + figure["spread"] / 2),
                           self.attributes(self.key(name, record=i))))
        if points:
            self.add(f"<div><h3>{escape(name)}</h3>{charts.curve(name, 'µs', points)}</div>")

    def history(self):
        wanted = [name for name in self.last["figures"]
                  if name.startswith(("step/", "evaluate/", "predict/", "kernel/"))
                  or (name.startswith("layer/") and f"/{self.last['tier']}/" in name)]
        self.add("<h2>History</h2>", f'<p class="quiet">{len(self.records)} runs; those on this processor. The line is '
                 "the median, the band reaches from the fastest run to half the distance of the quartiles above it.</p>",
                 '<div class="charts">')
        for name in wanted:
            self.curve(name)
        self.add("</div>")

    # ---- The whole ----

    def html(self):
        self.heading()
        self.steps_table()
        self.layers_table()
        self.roofline()
        self.thread_scaling()
        self.peers()
        self.history()
        figures = json.dumps({"records": self.records, "derived": self.derived}).replace("<", "\\u003c")
        body = "\n".join(self.parts)
        return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
                '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Convoy: how fast</title>'
                f'<link rel="icon" href="data:,"><style>{STYLE}</style></head>\n<body>\n{body}\n'
                f'<script type="application/json" id="figures">{figures}</script>\n</body></html>\n')
