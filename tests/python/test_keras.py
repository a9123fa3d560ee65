"""from_keras and to_keras: the same predictions, the same training, and a run that alternates between the two."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import agreement
import convoy
import keras_models
import numpy as np
import pytest
from keras_models import SUPPORTED, Supported, keras

BATCH = 24  # of 64 images: the last batch of an epoch is smaller, and no batch fills its last block
STEPS_PER_EPOCH = 3

every_model = pytest.mark.parametrize("case", SUPPORTED, ids=str)
repeatable_models = pytest.mark.parametrize("case", [case for case in SUPPORTED if case.repeatable], ids=str)


@contextlib.contextmanager
def float64() -> Iterator[None]:
    def switch(dtype: str) -> None:
        keras.config.set_floatx(dtype)
        keras.config.set_dtype_policy(dtype)

    switch("float64")
    try:
        yield
    finally:
        switch("float32")


def in_float64(case: Supported, model: Any) -> Any:
    """The same model with the same weights, computed in float64."""
    with float64():
        twin = case.build()
    twin.set_weights(model.get_weights())
    twin.optimizer.learning_rate = float(model.optimizer.learning_rate)
    return twin


def fit(model: Any, images: Any, labels: Any, epochs: int) -> Any:
    history = model.fit(images, labels, epochs=epochs, batch_size=BATCH, shuffle=False, verbose=0)
    return history.history["loss"]


def state(model: Any) -> list[Any]:
    """The variables of Keras's optimizer, without iteration and learning rate."""
    return [np.asarray(keras.ops.convert_to_numpy(v)) for v in model.optimizer.variables[2:]]


def own_state(model: convoy.Model) -> list[Any]:
    return model.get_optimizer_state()[2:]


@every_model
def test_predictions(case: Supported) -> None:
    model = case.build()
    images, labels = keras_models.data(model)
    fast = convoy.from_keras(model)
    expected = model.predict(images, verbose=0)
    np.testing.assert_allclose(fast.predict(images), expected, rtol=0, atol=1e-6)
    loss = model.evaluate(images, keras_models.targets(model, labels), verbose=0, return_dict=True)["loss"]
    assert fast.evaluate(images, keras_models.targets(model, labels), verbose=0, return_dict=True)["loss"] == (
        pytest.approx(loss, rel=1e-5))
    back = fast.to_keras()
    np.testing.assert_array_equal(back.predict(images, verbose=0), expected)
    assert [layer.name for layer in back.layers] == [layer.name for layer in model.layers]


@repeatable_models
def test_training(case: Supported) -> None:
    """The same steps in Keras and in Convoy, by the rule of `convoy verify`."""
    model = case.build()
    images, labels = keras_models.data(model)
    truth, fast = in_float64(case, model), convoy.from_keras(model)
    goal, epochs = keras_models.targets(model, labels), -(-case.steps // STEPS_PER_EPOCH)
    keras_64, keras_32 = fit(truth, images, goal, epochs), fit(model, images, goal, epochs)
    losses = fit(fast, images, goal, epochs)
    names = [weight.path for weight in model.weights]
    agreement.check("losses", ["loss"], [losses], [keras_32], [keras_64])
    agreement.check("weights", names, fast.get_weights(), model.get_weights(), truth.get_weights())
    assert fast.optimizer.iterations == epochs * STEPS_PER_EPOCH
    names = [variable.path for variable in model.optimizer.variables[2:]]
    agreement.check("state", names, own_state(fast), state(model), state(truth))


@repeatable_models
def test_alternates(case: Supported) -> None:
    """Convoy, Keras, Convoy, Keras, ... on one model, against a run in Keras alone."""
    model = case.build()
    images, labels = keras_models.data(model)
    goal = keras_models.targets(model, labels)
    alone, truth = keras.models.model_from_json(model.to_json()), in_float64(case, model)
    alone.set_weights(model.get_weights())
    for turn in range(3):
        fast = convoy.from_keras(model)
        fit(fast, images, goal, 1)
        assert fast.to_keras(model) is model
        for found, expected in zip(model.get_weights(), fast.get_weights(), strict=True):
            np.testing.assert_array_equal(found, expected)
        for found, expected in zip(state(model), own_state(fast), strict=True):
            np.testing.assert_array_equal(found, expected)
        assert int(model.optimizer.iterations) == fast.optimizer.iterations == (2 * turn + 1) * STEPS_PER_EPOCH
        fit(model, images, goal, 1)
    if model.optimizer.use_ema:
        return  # the average takes the place of the weights at the end of each fit: another run than one long fit
    fit(alone, images, goal, 6)
    fit(truth, images, goal, 6)
    names = [weight.path for weight in model.weights]
    agreement.check("weights", names, model.get_weights(), alone.get_weights(), truth.get_weights())


@every_model
def test_new_keras_model_goes_on(case: Supported) -> None:
    """to_keras() without a model: compiled, with weights, optimizer state, iteration and learning rate."""
    model = case.build()
    images, labels = keras_models.data(model)
    goal = keras_models.targets(model, labels)
    fast = convoy.from_keras(model)
    fit(fast, images, goal, 1)
    fast.optimizer.learning_rate = 0.0125
    back = fast.to_keras()
    assert type(back.optimizer) is type(model.optimizer)
    assert float(back.optimizer.learning_rate) == pytest.approx(0.0125)
    assert int(back.optimizer.iterations) == STEPS_PER_EPOCH
    for found, expected in zip(state(back), own_state(fast), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(back.predict(images, verbose=0), fast.predict(images), rtol=0, atol=1e-6)
    fit(back, images, goal, 1)


def test_learning_rate_comes_along() -> None:
    model = keras_models.adam()
    model.optimizer.learning_rate = 0.07
    assert convoy.from_keras(model).optimizer.learning_rate == pytest.approx(0.07)


def test_after_saving_to_h5(tmp_path: pathlib.Path) -> None:
    """Keras then leaves the optimizer out of to_json."""
    pytest.importorskip("h5py", reason="h5py is not installed")
    model = keras_models.adam_amsgrad()
    before = json.loads(convoy.from_keras(model).to_json())
    model.save(str(tmp_path / "model.h5"))
    assert json.loads(convoy.from_keras(model).to_json()) == before


def test_options_of_compile_win() -> None:
    fast = convoy.from_keras(keras_models.adam(), optimizer="sgd", seed=3)
    assert type(fast.optimizer).__name__ == "SGD" and fast.optimizer.iterations == 0


def test_uncompiled_model() -> None:
    """Weights go over; the options say how it is trained."""
    model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(3, activation="softmax")])
    images, labels = keras_models.data(model)
    np.testing.assert_allclose(convoy.from_keras(model).predict(images), model.predict(images, verbose=0), atol=1e-6)
    fast = convoy.from_keras(model, optimizer="adam", loss="sparse_categorical_crossentropy")
    fast.fit(images, labels, verbose=0)
    fast.to_keras(model)
    for found, expected in zip(model.get_weights(), fast.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_another_network_is_refused() -> None:
    fast = convoy.from_keras(keras_models.lesson())
    before = keras_models.lenet5()
    weights = before.get_weights()
    with pytest.raises(ValueError, match="another network"):
        fast.to_keras(before)
    for found, expected in zip(before.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_another_optimizer_is_refused() -> None:
    fast, model = convoy.from_keras(keras_models.sgd_momentum()), keras_models.adam()
    with pytest.raises(ValueError, match=r"optimizer.*Adam.*SGD|optimizer.*SGD.*Adam"):
        fast.to_keras(model)


def test_what_is_no_model() -> None:
    with pytest.raises(ValueError, match="Keras"):
        convoy.from_keras("lesson")
    with pytest.raises(ValueError, match="Keras"):
        convoy.from_keras(convoy.from_keras(keras_models.sgd()).to_json())


def test_keras_is_not_imported() -> None:
    program = "import sys, convoy; assert not {'keras', 'tensorflow', 'torch'} & set(sys.modules), 'imported'"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="the other tests run on TensorFlow")
def test_on_tensorflow() -> None:
    """The same on Keras's default backend, for a few models."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    chosen = "(test_training or test_alternates) and (average_pooling_one_sided or adamw_everything)"
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", chosen, __file__],
                         env={**os.environ, "KERAS_BACKEND": "tensorflow"}, capture_output=True, text=True)  # fmt: skip
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-2000:]
    assert "4 passed" in run.stdout
