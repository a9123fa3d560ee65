"""Layers, with Keras's arguments, order and defaults.

An argument that Convoy does not support raises ``ValueError`` unless it has Keras's default. Values are checked when the
model is built, and errors then name the layer.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Union

from ._errors import UsageError, refuse

if TYPE_CHECKING:
    import numpy as np

    from .models import Model

_Pair = Union[int, Sequence[int]]


class Tensor:
    """What a layer makes of its input, without numbers: a link of the chain that ``convoy.Model(X, Y)`` takes."""

    def __init__(self, layer: Layer, source: Tensor | None) -> None:
        self.layer = layer
        self.source = source

    def __repr__(self) -> str:
        return f"<Tensor of {self.layer!r}>"


def _serialize(value: Any) -> Any:
    """A value as in Keras's JSON: objects and functions of Keras by their names."""
    if value is None or isinstance(value, (str, bool, float, dict)):
        return value
    if isinstance(value, (tuple, list)):
        return [_serialize(item) for item in value]
    if hasattr(value, "__index__"):
        return operator.index(value)
    if hasattr(value, "__float__"):
        return float(value)
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    return getattr(value, "__name__", repr(value))


def _pair(value: Any) -> Any:
    return [value, value] if hasattr(value, "__index__") else value


class Layer:
    """A layer of a model. ``name`` is given by the model if it is not given here: "conv2d", "conv2d_1", ..."""

    _stem = ""

    def __init__(self, options: dict[str, Any], config: dict[str, Any]) -> None:
        self.name: str | None = options.pop("name", None)
        self._input_shape = options.pop("input_shape", None)
        dtype = options.pop("dtype", None)
        refuse(
            type(self).__name__,
            trainable=(options.pop("trainable", True), True),
            dtype=(None if dtype == "float32" else dtype, None),
        )
        if options:
            raise UsageError(type(self).__name__, f"{next(iter(options))!r} is no argument of this layer")
        self._config = {key: _serialize(value) for key, value in config.items()}
        self._model: Model | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    def __call__(self, inputs: Tensor) -> Tensor:
        """Puts the layer behind the one that ``inputs`` comes from."""
        if not isinstance(inputs, Tensor):
            raise UsageError(type(self).__name__, f"is called on {inputs!r}; expected what a layer or Input returned")
        return Tensor(self, inputs)

    def get_config(self) -> dict[str, Any]:
        """The settings, as Keras's ``get_config`` has them."""
        return {"name": self.name, "trainable": True, "dtype": "float32", **self._config}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Layer:
        """A layer from what ``get_config`` returned."""
        return cls(**config)

    @property
    def weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of kernel and bias, as ``get_weights``."""
        return self.get_weights()

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of kernel and bias, float32; an empty list if the layer has none."""
        return self._owner()._get_weights(self.name)

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets kernel and bias, of the shapes that ``get_weights`` returns."""
        self._owner()._set_weights(weights, self.name)

    def count_params(self) -> int:
        """How many numbers its weights hold."""
        return sum(weight.size for weight in self.get_weights())

    def _owner(self) -> Model:
        if self._model is None:
            raise UsageError(repr(self), "has no weights yet; it gets them in a model that is built")
        return self._model


class InputLayer(Layer):
    """The shape of an image, ``(height, width, channels)``, or of a vector, ``(features,)``."""

    _stem = "input_layer"

    def __init__(
        self,
        shape: Sequence[int] | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: Any | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        refuse(
            "Input",
            batch_size=(batch_size, None),
            sparse=(sparse or None, None),
            ragged=(ragged or None, None),
            input_tensor=(input_tensor, None),
            optional=(optional, False),
        )
        if (shape is None) == (batch_shape is None):
            raise UsageError("Input, shape", "expected (height, width, channels) or (features,)")
        if batch_shape is None and shape is not None:
            batch_shape = [None, *shape]
        super().__init__({"name": name, "dtype": dtype, **kwargs}, {"batch_shape": batch_shape})

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": "float32", "sparse": False, "ragged": False, **self._config}


def Input(
    shape: Sequence[int] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: Any | None = None,
    optional: bool = False,
) -> Tensor:
    """The input of a model: images of a shape ``(height, width, channels)``, or vectors ``(features,)``."""
    return Tensor(InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name), None)


class Rescaling(Layer):
    """x * scale + offset."""

    _stem = "rescaling"

    def __init__(self, scale: float, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(kwargs, {"scale": scale, "offset": offset})


class Conv2D(Layer):
    """A convolution over height and width; the kernel has the shape (height, width, channels, filters)."""

    _stem = "conv2d"

    def __init__(
        self,
        filters: int,
        kernel_size: _Pair,
        strides: _Pair = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: _Pair = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse(
            "Conv2D",
            data_format=(None if data_format == "channels_last" else data_format, None),
            dilation_rate=(_serialize(_pair(dilation_rate)), [1, 1]),
            groups=(groups, 1),
            kernel_regularizer=(kernel_regularizer, None),
            bias_regularizer=(bias_regularizer, None),
            activity_regularizer=(activity_regularizer, None),
            kernel_constraint=(kernel_constraint, None),
            bias_constraint=(bias_constraint, None),
        )
        super().__init__(
            kwargs,
            {
                "filters": filters,
                "kernel_size": _pair(kernel_size),
                "strides": _pair(strides),
                "padding": padding,
                "data_format": "channels_last",
                "dilation_rate": [1, 1],
                "groups": 1,
                "activation": "linear" if activation is None else activation,
                "use_bias": use_bias,
                "kernel_initializer": kernel_initializer,
                "bias_initializer": bias_initializer,
            },
        )


class _Pooling2D(Layer):
    def __init__(
        self,
        pool_size: _Pair,
        strides: _Pair | None,
        padding: str,
        data_format: str | None,
        name: str | None,
        kwargs: dict[str, Any],
    ) -> None:
        channels_last = data_format is None or data_format == "channels_last"
        refuse(type(self).__name__, data_format=(None if channels_last else data_format, None))
        super().__init__(
            {"name": name, **kwargs},
            {
                "pool_size": _pair(pool_size),
                "padding": padding,
                "strides": _pair(pool_size if strides is None else strides),
                "data_format": "channels_last",
            },
        )


class MaxPooling2D(_Pooling2D):
    """The largest value of each window."""

    _stem = "max_pooling2d"

    def __init__(
        self,
        pool_size: _Pair = (2, 2),
        strides: _Pair | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, kwargs)


class AveragePooling2D(_Pooling2D):
    """The mean of each window."""

    _stem = "average_pooling2d"

    def __init__(
        self,
        pool_size: _Pair,
        strides: _Pair | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, kwargs)


class Flatten(Layer):
    """An image as a vector."""

    _stem = "flatten"

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        refuse("Flatten", data_format=(None if data_format == "channels_last" else data_format, None))
        super().__init__(kwargs, {"data_format": "channels_last"})


class Dense(Layer):
    """A matrix product of a vector with the kernel (inputs, units), plus the bias."""

    _stem = "dense"

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: int | None = None,
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        refuse(
            "Dense",
            kernel_regularizer=(kernel_regularizer, None),
            bias_regularizer=(bias_regularizer, None),
            activity_regularizer=(activity_regularizer, None),
            kernel_constraint=(kernel_constraint, None),
            bias_constraint=(bias_constraint, None),
            lora_rank=(lora_rank, None),
            lora_alpha=(lora_alpha, None),
            quantization_config=(quantization_config, None),
        )
        super().__init__(
            kwargs,
            {
                "units": units,
                "activation": "linear" if activation is None else activation,
                "use_bias": use_bias,
                "kernel_initializer": kernel_initializer,
                "bias_initializer": bias_initializer,
            },
        )


class Activation(Layer):
    """An activation by itself: "linear", "relu", "swish", "silu", "sigmoid", "tanh" or "softmax"."""

    _stem = "activation"

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(kwargs, {"activation": activation})


class Dropout(Layer):
    """Sets a share of the values to 0 in training, and scales the others up."""

    _stem = "dropout"

    def __init__(
        self, rate: float, noise_shape: Sequence[int] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        refuse("Dropout", noise_shape=(noise_shape, None), seed=(seed, None))
        super().__init__(kwargs, {"rate": rate, "seed": None, "noise_shape": None})


MaxPool2D = MaxPooling2D
AvgPool2D = AveragePooling2D

_classes: dict[str, type[Layer]] = {
    c.__name__: c
    for c in (InputLayer, Rescaling, Conv2D, MaxPooling2D, AveragePooling2D, Flatten, Dense, Activation, Dropout)
}


def from_json(entry: dict[str, Any]) -> Layer:
    """A layer from its entry in the JSON that the library writes."""
    config = {key: value for key, value in entry["config"].items() if key != "dtype"}
    return _classes[entry["class_name"]].from_config(config)
