"""Files that Keras writes and Convoy reads, and the reverse, for every model and format."""

from __future__ import annotations

import pathlib
from typing import Any

import convoy
import keras_models
import numpy as np
import pytest
from keras_models import SUPPORTED, Supported, keras
from test_keras import STEPS_PER_EPOCH, fit, own_state, state

every_model = pytest.mark.parametrize("case", SUPPORTED, ids=str)
whole_models = pytest.mark.parametrize("ending", [".keras", ".h5"])


def same(found: list[Any], expected: list[Any]) -> None:
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def trained(case: Supported) -> tuple[Any, Any, Any]:
    """A Keras model after an epoch, with its images and targets."""
    model = case.build()
    images, labels = keras_models.data(model)
    goal = keras_models.targets(model, labels)
    fit(model, images, goal, 1)
    return model, images, goal


@whole_models
@every_model
def test_keras_writes_convoy_reads(case: Supported, ending: str, tmp_path: pathlib.Path) -> None:
    model, images, goal = trained(case)
    path = str(tmp_path / ("model" + ending))
    model.save(path)
    fast = convoy.load_model(path)
    np.testing.assert_allclose(fast.predict(images), model.predict(images, verbose=0), rtol=0, atol=1e-6)
    same(fast.get_weights(), model.get_weights())
    assert fast.optimizer.iterations == STEPS_PER_EPOCH
    same(own_state(fast), state(model))
    assert fast.optimizer.learning_rate == pytest.approx(float(model.optimizer.learning_rate))
    again = convoy.from_keras(model)  # the file and from_keras are one way
    assert fit(fast, images, goal, 1) == fit(again, images, goal, 1)
    same(fast.get_weights(), again.get_weights())


@whole_models
@every_model
def test_convoy_writes_keras_reads(case: Supported, ending: str, tmp_path: pathlib.Path) -> None:
    model, images, goal = trained(case)
    fast = convoy.from_keras(model)
    fit(fast, images, goal, 1)
    path = str(tmp_path / ("model" + ending))
    fast.save(path)
    back = keras.models.load_model(path)
    np.testing.assert_allclose(back.predict(images, verbose=0), fast.predict(images), rtol=0, atol=1e-6)
    same(back.get_weights(), fast.get_weights())
    assert type(back.optimizer) is type(model.optimizer)
    if ending == ".h5":
        # Keras reads no optimizer's state from such files, not even from its own; they hold it nevertheless.
        same(state_in_h5(path), own_state(fast))
        return
    assert int(back.optimizer.iterations) == 2 * STEPS_PER_EPOCH
    same(state(back), own_state(fast))
    fast.to_keras(model)
    if case.repeatable:
        assert fit(back, images, goal, 1) == pytest.approx(fit(model, images, goal, 1), rel=1e-6)


def state_in_h5(path: str) -> list[Any]:
    """The optimizer's variables in an .h5 file, without iteration and learning rate."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(path) as file:
        group = file["optimizer_weights"]
        names = group.attrs["weight_names"]
        return [group[name if isinstance(name, str) else name.decode()][()] for name in names[2:]]


@every_model
def test_weights_h5_both_ways(case: Supported, tmp_path: pathlib.Path) -> None:
    model, images, goal = trained(case)
    path = str(tmp_path / "model.weights.h5")
    model.save_weights(path)
    fast = convoy.from_keras(case.build())
    fast.load_weights(path)
    same(fast.get_weights(), model.get_weights())
    same(own_state(fast), state(model))
    fit(fast, images, goal, 1)
    fast.save_weights(path)
    model.load_weights(path)
    same(model.get_weights(), fast.get_weights())
    same(state(model), own_state(fast))
    assert int(model.optimizer.iterations) == fast.optimizer.iterations == 2 * STEPS_PER_EPOCH


@every_model
def test_safetensors(case: Supported, tmp_path: pathlib.Path) -> None:
    """Weights by Keras's paths; the file opens without Convoy."""
    safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")
    model = case.build()
    images, _ = keras_models.data(model)
    path = str(tmp_path / "model.safetensors")
    fast = convoy.from_keras(model)
    fast.save(path)
    tensors = safetensors.load_file(path)
    same([tensors[weight.path] for weight in model.weights], model.get_weights())
    same(convoy.load_model(path).get_weights(), model.get_weights())
    # Without the name that a Sequential puts before its variables.
    names = [f"{layer.name}/{weight.name}" for layer in model.layers for weight in layer.weights]
    safetensors.save_file(dict(zip(names, model.get_weights(), strict=True)), path)
    other = convoy.from_keras(case.build())
    other.load_weights(path)
    np.testing.assert_array_equal(other.predict(images), fast.predict(images))
