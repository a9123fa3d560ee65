"""Models of Keras: what they hold goes over to Convoy, and back.

Keras is imported only by ``to_keras`` without a model: whoever has a Keras model has imported it already. Nothing here
depends on Keras's backend.
"""

from __future__ import annotations

import importlib
import json
import re
import warnings
from typing import Any

import numpy as np

from ._errors import Error, UsageError
from .models import Model, model_from_json

_EXPECTED = "expected a model of Keras 3: a Sequential that begins with an Input, or keras.Model(inputs, outputs)"

# What stands for an argument of Keras's compile where from_keras is given another.
_NEUTRAL: dict[str, Any] = {
    "optimizer": {"module": "keras.optimizers", "class_name": "RMSprop", "config": {}, "registered_name": "RMSprop"},
    "loss": "categorical_crossentropy",
    "loss_weights": None,
    "metrics": None,
    "weighted_metrics": None,
}


# ---- What Keras has ---------------------------------------------------------------------------------------------------


def _check_class(model: Any) -> None:
    """A class of its own may compute anything; its description does not say what."""
    kinds = type(model).__mro__
    if any(re.match(r"(tf_keras|keras)(\.src)?\.engine\.", kind.__module__) for kind in kinds):
        raise UsageError(
            "from_keras",
            f"{type(model).__name__} is of Keras 2; {_EXPECTED}. Network and weights go over as "
            "fast = convoy.model_from_json(model.to_json()); fast.set_weights(model.get_weights())",
        )
    if not any(kind.__module__.startswith("keras.") and kind.__name__ == "Model" for kind in kinds):
        raise UsageError("from_keras", f"{type(model).__module__}.{type(model).__qualname__}; {_EXPECTED}")
    if not type(model).__module__.startswith("keras.src.models."):
        raise UsageError("from_keras", f"{type(model).__name__} is a subclass with code of its own; {_EXPECTED}")
    if not model.built:
        raise UsageError("from_keras", f"{model.name} is not built yet; {_EXPECTED}")


def _describe(model: Any) -> dict[str, Any]:
    """What the model's ``to_json`` returns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of lambdas: they are refused
        try:
            text = model.to_json()
        except Exception as error:
            raise UsageError("from_keras", f"Keras cannot describe {model.name} as JSON: {error}") from error
    description: dict[str, Any] = json.loads(text)
    compiled, optimizer = description.get("compile_config"), getattr(model, "optimizer", None)
    if compiled and optimizer is not None and "optimizer" not in compiled:  # saving to .h5 takes it out of Keras's own
        kind = type(optimizer)
        compiled["optimizer"] = {
            "module": kind.__module__, "class_name": kind.__name__, "config": optimizer.get_config(),
            "registered_name": kind.__name__,
        }  # fmt: skip
    return description


def _not_described(model: Any) -> list[str]:
    """What changes the training and is not in the model's JSON."""
    found = []
    for name in ("_exclude_from_weight_decay", "_exclude_from_weight_decay_pattern"):
        if getattr(getattr(model, "optimizer", None), name, None):
            found.append("optimizer, exclude_from_weight_decay: weight decay of some variables only is not supported")
    frozen = [w.path for layer in model.layers for w in layer.weights
              if layer.trainable and w.name in ("kernel", "bias") and not w.trainable]  # fmt: skip
    if frozen and model.trainable:
        found.append(f"weights that are not trainable are not supported: {', '.join(frozen)}")
    if any(layer.losses and not _regularized(layer) for layer in model.layers):
        found.append("losses of layers, by add_loss, are not supported")
    return found


def _regularized(layer: Any) -> bool:
    """Whether a layer has losses that its JSON shows."""
    return any(name.endswith("_regularizer") and value for name, value in layer.get_config().items())


def _optimizer_state(model: Any) -> list[Any] | None:
    """The variables of the model's optimizer; None if it has done nothing yet."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None or not optimizer.built:
        return None
    return [variable.numpy() for variable in optimizer.variables]


# ---- To Convoy --------------------------------------------------------------------------------------------------------


def from_keras(model: Any, **compile_options: Any) -> Model:
    """A Convoy model that does what a Keras model does: its network, weights, optimizer with its state, and loss.

    ``model`` is a Sequential or a Functional model of Keras 3, on any backend (``tf.keras`` is Keras 3 since TensorFlow
    2.16). ``compile_options`` are those of ``Model.compile``; they replace what the Keras model was compiled with. With
    another ``optimizer`` its state is not taken over. A Keras model that is not compiled gives one that is not compiled,
    unless there are options. The weights are copied: the models are independent.

    Everything in the model that Convoy does not support is in one ``Error``.

    >>> import convoy
    >>> import keras  # doctest: +SKIP
    >>> fast = convoy.from_keras(model)  # doctest: +SKIP
    >>> fast.fit(x_train, y_train, epochs=10)  # doctest: +SKIP
    >>> fast.to_keras(model)  # doctest: +SKIP
    """
    _check_class(model)
    description, more = _describe(model), _not_described(model)
    if "compile_config" in description:
        description["compile_config"].update((k, _NEUTRAL[k]) for k in compile_options if k in _NEUTRAL)
    try:
        made = model_from_json(json.dumps(description))
    except Error as error:
        more.insert(0, f"{error.where}: {error.what}")
    if more:
        raise UsageError(f"from_keras, {model.name}", "\n  ".join(more))
    if compile_options:
        kept = {"optimizer": made.optimizer, "loss": made.loss, "metrics": made._metrics} if made.compiled else {}
        made.compile(**{**kept, **compile_options})
    made.set_weights(model.get_weights())
    state = _optimizer_state(model)
    if state is not None and "optimizer" not in compile_options:
        made.set_optimizer_state(state)
    return made


# ---- To Keras ---------------------------------------------------------------------------------------------------------


def _layers(description: dict[str, Any]) -> list[Any]:
    """The network without its names, which Keras numbers anew for every model."""
    layers = description["config"]["layers"]
    return [(layer["class_name"], {**layer["config"], "name": None}) for layer in layers]


def _optimizer(description: dict[str, Any]) -> Any:
    """The optimizer without its learning rate, which is part of its state."""
    optimizer = description["compile_config"]["optimizer"]
    return optimizer["class_name"], {**optimizer["config"], "name": None, "learning_rate": None}


def _check_same(own: dict[str, Any], keras_model: Any) -> None:
    """The Keras model must be one that computes and trains as Convoy's does."""
    _check_class(keras_model)
    description = _describe(keras_model)
    compiled = description.pop("compile_config", None)
    other = json.loads(model_from_json(json.dumps(description)).to_json())
    if _layers(own) != _layers(other):
        raise UsageError("to_keras", f"{keras_model.name} is another network; expected the layers that this model has")
    if not compiled or "compile_config" not in own:
        return
    description["compile_config"] = {**compiled, **{k: _NEUTRAL[k] for k in ("loss", "metrics")}}
    theirs, ours = _optimizer(json.loads(model_from_json(json.dumps(description)).to_json())), _optimizer(own)
    if theirs != ours:
        raise UsageError(
            "to_keras, optimizer",
            f"{keras_model.name} is compiled with {_text(theirs)}, this model with {_text(ours)}; compile one as the "
            "other is, or take the weights only: keras_model.set_weights(model.get_weights())",
        )


def _text(optimizer: Any) -> str:
    settings = ", ".join(f"{k}={v}" for k, v in sorted(optimizer[1].items()) if v is not None and v is not False)
    return f"{optimizer[0]}({settings})"


def to_keras(model: Model, keras_model: Any = None) -> Any:
    """``Model.to_keras``."""
    description: dict[str, Any] = json.loads(model.to_json())
    if not model.compiled:
        description.pop("compile_config", None)
    if keras_model is None:
        keras: Any = importlib.import_module("keras")
        keras_model = keras.models.model_from_json(json.dumps(description))
    else:
        _check_same(description, keras_model)
    keras_model.set_weights(model.get_weights())
    if model.compiled:
        if getattr(keras_model, "optimizer", None) is None:
            keras_model.compile_from_config(description["compile_config"])
        _set_state(keras_model, model.get_optimizer_state())
    return keras_model


def _set_state(keras_model: Any, state: list[Any]) -> None:
    optimizer = keras_model.optimizer
    if not optimizer.built:
        optimizer.build(keras_model.trainable_variables)
    variables = optimizer.variables
    if [np.shape(value) for value in state] != [tuple(variable.shape) for variable in variables]:
        raise UsageError("to_keras, optimizer", f"{[v.path for v in variables]} do not fit to this model's")
    for variable, value in zip(variables, state):
        variable.assign(value)
