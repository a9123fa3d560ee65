"""Other systems: oneDNN on single layers; Keras, PyTorch and JAX on the epoch."""

import json
import os
import subprocess

import table
from program import ROOT

RACE = os.path.join(ROOT, "tools", "race")


def race(path=RACE):
    """Seconds of an epoch by peer, from the lines of tools/race --json; {"error": why} where it could not run."""
    if not os.access(path, os.X_OK):
        return {"error": f"{path} is not there"}
    # It takes minutes, and shows its progress on standard error.
    done = subprocess.run([path, "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    found = {}
    for line in done.stdout.splitlines():
        try:
            one = json.loads(line)
            found[one["peer"]] = float(one["seconds_per_epoch"])
        except (ValueError, KeyError, TypeError):
            continue
    if not found:
        return {"error": f"{path}: exit code {done.returncode}"}
    return found


def onednn(record):
    """[(layer, part, microseconds, ratio to Convoy's time)] for the layers that oneDNN ran."""
    figures, rows = record["figures"], []
    for name, figure in figures.items():
        pieces = name.split("/")
        if pieces[:2] != ["peer", "onednn"] or len(pieces) != 5:
            continue
        own = figures.get(f"layer/{record['model']}/{pieces[3]}/{pieces[4]}/{record['tier']}/{record['variant']}")
        rows.append((pieces[3], pieces[4], figure["median"],
                     figure["median"] / own["median"] if own and own["median"] > 0 else None))
    return rows


def epochs(record):
    """[(peer, seconds, ratio to Convoy's epoch)]. Convoy's epoch is that of the race, or else the step's of this record
    on the most threads."""
    raced = {peer: value for peer, value in record.get("peers", {}).items() if peer != "error"}
    own = list(table.steps(record["figures"], record["model"], record["batch"]).values())
    seconds = raced.get("convoy") or (own[-1]["median"] * own[-1]["steps"] / 1e6 if own else None)
    return [(peer, value, value / seconds if seconds else None)
            for peer, value in raced.items() if not peer.startswith("convoy")]


def lines(record):
    said = []
    rows = [[f"oneDNN: {layer} {part}", f"{table.microseconds(us)} µs", f"{ratio:.1f} times Convoy's" if ratio else ""]
            for layer, part, us, ratio in onednn(record)]
    rows += [[f"{peer}: an epoch", table.seconds(value), f"{ratio:.1f} times Convoy's" if ratio else ""]
             for peer, value, ratio in epochs(record)]
    if rows:
        said += table.lay_out(rows)
    if "onednn" in record:
        said.insert(0, f"oneDNN {record['onednn']}" + (", the layer's convolution or matrix product alone" if rows else ""))
    if "error" in record.get("peers", {}):
        said.append(f"no other peers: {record['peers']['error']}")
    return said
