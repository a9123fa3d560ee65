"""When two runs are the same: the rule of `convoy verify`.

The truth is Keras in float64. A result may differ from it by LEAST, or by SLACK times the difference of Keras's own
float32 run, each relative to the largest value of its tensor. Keras's difference is the largest of all variables of the
run: these tests have few steps and tiny tensors, in which a single variable may be exact by chance."""

from __future__ import annotations

from typing import Any

import numpy as np

LEAST, SLACK = 1e-5, 10.0


def difference(found: Any, truth: Any) -> float:
    """The largest difference, relative to the largest value of the truth."""
    found, truth = np.asarray(found, np.float64), np.asarray(truth, np.float64)
    assert found.shape == truth.shape
    apart = np.max(np.abs(found - truth), initial=0)
    assert np.isfinite(apart)
    return float(apart / np.max(np.abs(truth))) if apart > 0 else 0.0


def check(what: str, names: list[str], convoy: list[Any], keras_32: list[Any], keras_64: list[Any]) -> None:
    """Fails if one of the tensors is farther from the truth than allowed."""
    own = [difference(a, truth) for a, truth in zip(keras_32, keras_64, strict=True)]
    limit = max(LEAST, SLACK * max(own, default=0))
    for name, found, truth in zip(names, convoy, keras_64, strict=True):
        apart = difference(found, truth)
        assert apart <= limit, f"{what}: {name} differs by {apart:.2e}, allowed are {limit:.2e}"
