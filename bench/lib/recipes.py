"""Recipe files, which hold the measured accuracies, and README's table, which is made from them."""

import glob
import json
import os
import re

from program import ROOT

README = os.path.join(ROOT, "README.md")
TABLE = re.compile(r"(<!-- recipes -->\n).*?(<!-- /recipes -->\n)", re.DOTALL)


def path(name):
    return os.path.join(ROOT, "recipes", f"{name}.json")


def read(file):
    with open(file, encoding="utf-8") as opened:
        return json.load(opened)


def table():
    """README's table, the least accurate recipe first."""
    recipes = sorted(map(read, glob.glob(path("*"))), key=lambda recipe: recipe["measured"]["accuracy"])
    head = f"| recipe | images shown | mean test accuracy | standard deviation | least of {recipes[0]['measured']['seeds']} | |"
    lines = [head, "|---|---|---|---|---|---|"]
    for recipe in recipes:
        measured = recipe["measured"]
        images = recipe.get("images") or 60000 * recipe["epochs"]
        lines.append(f"| `{recipe['name']}` | {images:,} | {100 * measured['accuracy']:.2f} % | "
                     f"{100 * measured['deviation']:.2f} | {100 * measured['minimum']:.2f} | {recipe['about']} |")
    return "\n".join(lines) + "\n"


def write(name, accuracy, seeds):
    """Puts what tools/speedrun measured into the recipe's file, and the table into README."""
    measured = {"accuracy": round(accuracy["mean"], 5), "deviation": round(accuracy["sd"], 5),
                "minimum": round(accuracy["minimum"], 4), "seeds": seeds}
    replace(path(name), re.compile(r'("measured": )\{.*?\}()'), json.dumps(measured))
    replace(README, TABLE, table())


def replace(file, pattern, text):
    """Puts a text between the two groups of the pattern."""
    with open(file, encoding="utf-8") as opened:
        before = opened.read()
    with open(file, "w", encoding="utf-8") as opened:
        opened.write(pattern.sub(lambda match: match[1] + text + match[2], before, count=1))
