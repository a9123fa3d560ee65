"""bench/report: every figure of the page is in the page's JSON, and a browser reports no errors: REPORT."""

import html.parser
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import records
import tap

report = sys.argv[1]
work = tempfile.TemporaryDirectory()
history, page = os.path.join(work.name, "history.jsonl"), os.path.join(work.name, "page.html")
FIGURES = {
    "machine/peak/best": 4.0, "machine/bandwidth/cache": 2.0, "machine/bandwidth/memory": 1000.0,
    "layer/lesson/dense/forward/best/warm": 2.5, "layer/lesson/dense/backward_data/best/warm": 2.2,
    "layer/lesson/images/load/best/warm": 4.4, "step/lesson/batch:32/threads:1": 76.0,
    "step/lesson/batch:32/threads:2": 40.0, "peer/onednn/lesson/dense/forward": 7.0, "predict/lesson/1_image": 9.0,
}
made = [records.record({name: value * factor for name, value in FIGURES.items()}, seed=i, commit=f"{i:012x}",
                       warnings=["<b>noise</b> & load"], peers={"keras": 5.5, "torch": 3.25})
        for i, factor in enumerate((1.3, 1.1, 1.0))]
records.write(history, *made)


class Reader(html.parser.HTMLParser):
    """Collects figures, the JSON, text outside of figures, and addresses from which the page would load something."""

    def __init__(self):
        super().__init__()
        self.figures, self.loaded, self.loose, self.tags, self.json = [], [], [], {}, ""
        self.inside = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.inside.append(tag)
        self.tags[tag] = self.tags.get(tag, 0) + 1
        if "data-key" in attributes:
            self.figures.append((attributes["data-key"], attributes.get("value", attributes.get("data-value"))))
        self.loaded += [v for k, v in attributes.items() if k in ("src", "href", "action") and not v.startswith("data:")]

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, text):
        if "script" in self.inside:
            self.json += text
        elif "td" in self.inside and "data" not in self.inside:
            self.loose.append(text)


def look_up(data, key):
    if key.startswith("derived|"):
        return data["derived"][key]
    value = data["records"]
    for piece in key.split("|"):
        value = value[int(piece)] if isinstance(value, list) else value[piece]
    return value


done = subprocess.run([report, history, "-o", page], capture_output=True, text=True)
tap.equal(done.returncode, 0, "exit code 0")
reader = Reader()
text = open(page, encoding="utf-8").read()
reader.feed(text)
data = json.loads(reader.json)
tap.equal(data["records"], made, "the page carries the history as it is")
wrong = [(key, value) for key, value in reader.figures if repr(look_up(data, key)) != value]
tap.result(len(reader.figures) > 40 and not wrong, f"{len(reader.figures)} figures, each is in the JSON", wrong)
numbers = [t for t in reader.loose if re.search(r"\d\.\d|%", t)]
tap.equal(numbers, [], "no figure in a table stands outside of them")
tap.equal(reader.loaded, [], "it loads nothing")
tap.result("http" not in re.sub(r'"image[^"]*"', "", text), "it names no address")
tap.result("<b>noise" not in text.split("<script")[0] and "&lt;b&gt;noise" in text, "what a record says is text, not HTML")
for title in "The whole step", "Its parts", "Roofline", "Threads", "Others", "History":
    tap.result(f"<h2>{title}</h2>" in text, f"it has: {title}")
tap.equal(reader.tags.get("svg"), 3 + 6, "a chart each, and one a figure in the history")


def refused(what, *arguments):
    done = subprocess.run([report, *arguments], capture_output=True, text=True)
    tap.result(done.returncode == 2 and what in done.stderr, f"refused: {what}", f"{done.returncode} {done.stderr}")


refused("holds no record", records.write(os.path.join(work.name, "empty")))
refused("/no/such/file", "/no/such/file")
refused("/no/such/folder/page", history, "-o", "/no/such/folder/page")

# ---- In a browser ----

browser = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


def open_in_browser(path):
    """The page's DOM, and the lines of the console."""
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={work.name}/profile",
                           "--enable-logging=stderr", "--dump-dom", f"file://{path}"], capture_output=True, text=True,
                          timeout=120)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


if browser:
    broken = os.path.join(work.name, "broken.html")
    with open(broken, "w") as file:
        file.write("<!DOCTYPE html><script>undefined_function()</script>")
    tap.result(open_in_browser(broken)[1], "a browser tells of an error on the console")
    dom, console = open_in_browser(page)
    tap.equal(console, [], "of this page it has nothing to tell")
    tap.equal(dom.count("<svg"), 9, "and it shows the charts")
else:
    tap.skip("the page in a browser", "chromium is not installed")
tap.finish()
