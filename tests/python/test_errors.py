"""What from_keras refuses: one error that lists all of it, and what is supported."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import convoy
import pytest
from keras_models import REFUSED, Refused, keras


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_refused(case: Refused) -> None:
    model = case.build()
    with pytest.raises(convoy.Error) as caught:
        convoy.from_keras(model)
    missing = [word for word in case.words if word not in str(caught.value)]
    assert not missing, str(caught.value)


def test_an_error_is_a_value_error() -> None:
    model = REFUSED[0].build()
    with pytest.raises(ValueError):
        convoy.from_keras(model)


def test_options_of_compile_do_not_hide_what_is_wrong() -> None:
    """A loss of its own is refused, but another loss may be given; a foreign layer stays one."""
    by_name = {str(case): case for case in REFUSED}
    lambda_loss = by_name["lambda_loss"].build()
    convoy.from_keras(lambda_loss, loss="categorical_crossentropy", optimizer="sgd")
    with pytest.raises(convoy.Error, match="BatchNormalization"):
        convoy.from_keras(by_name["batch_normalization"].build(), loss="categorical_crossentropy", optimizer="sgd")


def test_keras_2_is_named() -> None:
    """Objects of tf_keras (Keras 2) are refused by name, without an import of it."""
    Model = type("Sequential", (), {"__module__": "tf_keras.src.engine.sequential", "to_json": lambda self: "{}"})
    with pytest.raises(ValueError, match=r"Keras 2.*from_json"):
        convoy.from_keras(Model())


KERAS_2 = """
import convoy, numpy, tensorflow, tf_keras
def build(L, Sequential):
    return Sequential([L.InputLayer((6,)), L.Dense(3, activation="softmax")])
x = numpy.random.default_rng(1).random((5, 6), numpy.float32)
old = build(tf_keras.layers, tf_keras.Sequential)
try:
    convoy.from_keras(old)
except convoy.UsageError as error:
    assert "Keras 2" in str(error), error
fast = convoy.model_from_json(old.to_json())
fast.set_weights(old.get_weights())
numpy.testing.assert_allclose(fast.predict(x), old.predict(x, verbose=0), atol=1e-6)
new = build(tensorflow.keras.layers, tensorflow.keras.Sequential)
numpy.testing.assert_allclose(convoy.from_keras(new).predict(x), new.predict(x, verbose=0), atol=1e-6)
"""


def test_real_keras_2_and_tf_keras() -> None:
    """The advice of the error holds, and tf.keras is Keras 3."""
    if importlib.util.find_spec("tf_keras") is None:
        pytest.skip("tf_keras is not installed")
    run = subprocess.run([sys.executable, "-c", KERAS_2], env={**os.environ, "KERAS_BACKEND": "tensorflow"},
                         capture_output=True, text=True)  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]


def test_keras_is_version_3() -> None:
    assert keras.version().startswith("3.")
