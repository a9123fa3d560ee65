"""A small network, and images that it can learn, for several tests."""

from __future__ import annotations

from typing import Any

import convoy
import numpy as np
from convoy import layers


def images(count: int = 96, seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Images uint8 (count, 8, 8) of three classes: bright at the top, in the middle, at the bottom."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, count)
    x = random.integers(0, 100, (count, 8, 8))
    for i, label in enumerate(y):
        x[i, 3 * label : 3 * label + 2] += 100
    return x.astype(np.uint8), y


def small(optimizer: Any = "adam", **options: Any) -> convoy.Model:
    model = convoy.Sequential(
        [
            convoy.Input((8, 8, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(optimizer, metrics=["accuracy"], **options)
    return model


def same(a: Any, b: Any) -> bool:
    """Whether two lists of arrays hold the same bits."""
    return len(a) == len(b) and all(x.tobytes() == y.tobytes() for x, y in zip(a, b))
