"""Convoy trains small convolutional networks on CPUs, in Keras's words and with Keras's numbers.

>>> import convoy, numpy as np
>>> model = convoy.Sequential([
...     convoy.Input((28, 28, 1)),
...     convoy.layers.Conv2D(3, kernel_size=5, activation="swish"),
...     convoy.layers.MaxPooling2D(),
...     convoy.layers.Flatten(),
...     convoy.layers.Dense(10, activation="softmax"),
... ])
>>> model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
>>> x = np.zeros((40, 28, 28), np.uint8)
>>> history = model.fit(x, np.arange(40) % 10, epochs=2, verbose=0)
>>> model.predict(x[:1]).shape
(1, 10)
"""

from __future__ import annotations

from typing import Any

from . import callbacks, datasets, layers, losses, models, optimizers
from ._errors import Diverged, Error, UsageError
from ._library import lib as _lib
from ._recipes import recipe, recipes
from .layers import Input
from .models import Model, Sequential, load_model, model_from_json

__version__ = _lib.cvy_version().decode()

load = load_model

__all__ = [
    "Classifier",
    "Diverged",
    "Error",
    "Input",
    "Model",
    "Sequential",
    "UsageError",
    "callbacks",
    "datasets",
    "from_keras",
    "layers",
    "load",
    "load_model",
    "losses",
    "model_from_json",
    "models",
    "optimizers",
    "recipe",
    "recipes",
]

# What needs other packages is loaded when it is used.
_lazy = {"from_keras": "_keras", "Classifier": "_sklearn"}


def __getattr__(name: str) -> Any:
    if name not in _lazy:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f".{_lazy[name]}", __name__), name)
