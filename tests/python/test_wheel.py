"""The wheel in an environment that has NumPy and nothing else: no compiler, no headers, no Meson, no Keras."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

WHEEL = os.environ.get("CONVOY_WHEEL", "")
PLAIN = os.path.join(sys.prefix, "plain", "bin", "python")  # tools/test-python makes it

pytestmark = pytest.mark.skipif(not WHEEL, reason="$CONVOY_WHEEL names no wheel; tools/test-python builds one")

PROGRAM = """
import importlib.util, shutil
for name in ("cc", "gcc", "meson", "ninja"):
    assert shutil.which(name) is None, name
for name in ("keras", "tensorflow", "torch", "sklearn", "mesonpy"):
    assert importlib.util.find_spec(name) is None, name

import numpy as np
import convoy

model = convoy.Sequential([
    convoy.Input((12, 12, 1)),
    convoy.layers.Conv2D(4, 3, activation="swish"),
    convoy.layers.Flatten(),
    convoy.layers.Dense(2, activation="softmax"),
])
model.compile("adam", metrics=["accuracy"])
labels = np.arange(64) % 2
images = np.zeros((64, 12, 12, 1), np.float32)
images[labels == 1, 3:9] = 1
model.fit(images, labels, epochs=20, verbose=0)
loss, accuracy = model.evaluate(images, labels, verbose=0)
assert accuracy == 1, accuracy
model.save("model.safetensors")
np.testing.assert_array_equal(convoy.load_model("model.safetensors").predict(images), model.predict(images))
print("trained")
"""


def run(*command: str, cwd: pathlib.Path, path: str = "") -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=200,
                          env={"PATH": path or str(cwd), "HOME": str(cwd), "LANG": "C.UTF-8"})  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


def test_its_tag_fits_every_python() -> None:
    assert re.fullmatch(r"convoy_engine-[\d.]+-py3-none-(manylinux|linux)\w+\.whl", os.path.basename(WHEEL))


def test_trains_without_compiler(tmp_path: pathlib.Path) -> None:
    run(PLAIN, "-m", "pip", "install", "--quiet", "--no-index", "--force-reinstall", "--no-deps", WHEEL, cwd=tmp_path)
    assert run(PLAIN, "-c", PROGRAM, cwd=tmp_path).split() == ["trained"]
    run(PLAIN, "-m", "pip", "check", cwd=tmp_path)


def test_what_it_needs(tmp_path: pathlib.Path) -> None:
    """auditwheel names the shared libraries that the wheel expects on a machine, and the C library's version."""
    tools = os.path.join(sys.prefix, "bin")
    said = run(os.path.join(tools, "auditwheel"), "show", WHEEL, cwd=tmp_path, path=f"{tools}:/usr/bin:/bin")
    assert re.search(r"manylinux_2_\d+_\w+", said.replace("\n", " ")), said
