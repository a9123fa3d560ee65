"""Convoy beside NumPy, TensorFlow and PyTorch in one process, imported in several orders, and all of them train.

Each brings its own copy of GNU's OpenMP under another name. The loader keeps them apart: each copy has its own threads,
and none aborts because of another, as two copies of LLVM's would."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

ORDERS = [
    ("convoy", "numpy"),
    ("numpy", "convoy"),
    ("convoy", "torch"),
    ("torch", "convoy"),
    ("convoy", "tensorflow"),
    ("tensorflow", "convoy"),
    ("convoy", "sklearn", "torch"),
    ("torch", "convoy", "tensorflow"),
    ("tensorflow", "torch", "convoy", "sklearn"),
]

PROGRAM = """
import sys

def train_numpy():
    import numpy
    matrix = numpy.ones((300, 300))
    assert (matrix @ matrix == 300).all()

def train_torch():
    import torch
    torch.manual_seed(1)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.Flatten(), torch.nn.Linear(8 * 26 * 26, 10))
    x, y = torch.randn(64, 1, 28, 28), torch.arange(64) % 10
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    for _ in range(5):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return [p.detach().numpy().tobytes() for p in net.parameters()]

def train_tensorflow():
    import tensorflow as tf
    weight, x = tf.Variable(tf.ones((50, 3))), tf.ones((64, 50))
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.log_softmax(x @ weight)[:, 0])
        weight.assign_sub(0.1 * tape.gradient(loss, weight))
    assert bool(tf.reduce_all(tf.math.is_finite(weight)))

def train_sklearn():
    from sklearn.ensemble import HistGradientBoostingClassifier
    import numpy
    x = numpy.random.default_rng(1).random((200, 4))
    HistGradientBoostingClassifier(max_iter=3).fit(x, x[:, 0] > 0.5)  # uses OpenMP

def train_convoy():
    import convoy, numpy
    layers = convoy.layers
    model = convoy.Sequential([convoy.Input((28, 28, 1)), layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(),
                               layers.Flatten(), layers.Dense(10, activation="softmax")])
    model.compile("adam", seed=1, threads=2)
    x = numpy.random.default_rng(1).random((128, 28, 28, 1), numpy.float32)
    model.fit(x, numpy.arange(128) % 10, batch_size=64, epochs=3, verbose=0)
    return [w.tobytes() for w in model.get_weights()]

order = sys.argv[1].split(",")
for name in order:
    __import__(name)
results = {}
for round in range(3):  # in turns: threads of one rest while another works
    for name in order:
        result = globals()["train_" + name]()
        # The same as when it was alone in its turn before: nobody disturbs the other's numbers.
        assert results.setdefault(name, result) == result, name
print(__import__("hashlib").sha256(b"".join(results["convoy"])).hexdigest())
"""


def run(*order: str) -> str:
    done = subprocess.run([sys.executable, "-c", PROGRAM, ",".join(order)], capture_output=True, text=True, timeout=200,
                          env={k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"})  # fmt: skip
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stderr[-3000:]}"
    return done.stdout.split()[-1]


@pytest.fixture(scope="module")
def alone() -> str:
    """What Convoy computes when nothing else is there."""
    return run("convoy")


@pytest.mark.parametrize("order", ORDERS, ids=",".join)
def test_together(order: tuple[str, ...], alone: str) -> None:
    for name in order:
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    assert run(*order) == alone
