"""Models: Keras's Sequential, and chains of layers."""

from __future__ import annotations

import ctypes
import json
import os
import threading
import time
import weakref
from collections.abc import Sequence
from typing import Any, Callable, Union

import numpy as np

from . import _arrays, _library, _progress, layers, losses, optimizers
from ._arrays import as_images
from ._errors import Error, UsageError, refuse
from ._library import lib
from .callbacks import History
from .layers import InputLayer, Layer, Tensor

_Path = Union[str, "os.PathLike[str]"]
_Array = np.ndarray[Any, Any]

# Keras's names of the accuracy.
_ACCURACIES = ("accuracy", "acc", "categorical_accuracy", "sparse_categorical_accuracy")


# How the library's model is compiled when compile was not called: whatever its JSON says.
_NEUTRAL = {"optimizer": b"rmsprop", "loss": b"categorical_crossentropy"}


def _metric_names(metrics: Any) -> list[str]:
    """The names of metrics, under which History has them: of strings and, as in Keras's JSON, objects and lists."""
    if metrics is None:
        return []
    if isinstance(metrics, (list, tuple)):
        return [name for metric in metrics for name in _metric_names(metric)]
    if isinstance(metrics, dict):
        return [str(metrics["config"]["name"])]
    if metrics not in _ACCURACIES:
        raise UsageError("metrics", f'{metrics!r} is not supported; expected ["accuracy"] or None')
    return [str(metrics)]


class _Accuracy:
    """A metric as Keras's callbacks see it."""

    _direction = "up"

    def __init__(self, name: str) -> None:
        self.name = name


class Model:
    """A chain of layers: ``convoy.Model(X, Y)``, where ``Y`` was made from ``X = convoy.Input(...)``.

    >>> import convoy
    >>> X = convoy.Input(shape=[8, 8, 1])
    >>> H = convoy.layers.Conv2D(3, kernel_size=5, activation="swish")(X)
    >>> H = convoy.layers.Flatten()(H)
    >>> Y = convoy.layers.Dense(10, activation="softmax")(H)
    >>> model = convoy.Model(X, Y)
    >>> model.count_params()
    568

    A model uses one thread of Python at a time; others wait. Different models are independent.
    """

    _class_name = "Functional"

    def __init__(self, inputs: Tensor, outputs: Tensor, name: str | None = None) -> None:
        self._begin(name)
        chain = []
        tensor: Tensor | None = _single(outputs, "outputs")
        while tensor is not None:
            chain.append(tensor.layer)
            tensor = tensor.source
        chain.reverse()
        if chain[0] is not _single(inputs, "inputs").layer:
            raise UsageError("Model, outputs", f"come from {chain[0]!r}; expected from {inputs.layer!r}, the inputs")
        for layer in chain:
            self._adopt(layer)
        self._build()

    def _begin(self, name: str | None) -> None:
        """The state of every model before it is built."""
        self.name = name or self._class_name.lower()
        self.stop_training = False
        self.history: History | None = None
        self.optimizer: optimizers.Optimizer | None = None
        self.loss: Any = None
        self._metrics: list[str] = []
        self._chain: list[Layer] | None = []  # None: the library's JSON has them
        self._handle: int | None = None
        self._ready = False  # compiled in the library, perhaps only with its defaults: the model has weights
        self._touched = False  # the weights are no longer those of the seed
        self._options: dict[str, Any] = {}
        self._preprocessing = ""
        self._fit_defaults: dict[str, Any] = {}
        self._lock = threading.RLock()
        self._status = _library.Status()
        self._status_pointer = ctypes.byref(self._status)

    # ---- Layers -----------------------------------------------------------------------------------------------------

    def _adopt(self, layer: Layer) -> None:
        assert self._chain is not None
        if layer._model is not None:
            raise UsageError(repr(layer), "is in a model already; a layer belongs to one model")
        taken = {other.name for other in self._chain}
        if layer.name is None:
            layer.name = layer._stem
            number = 0
            while layer.name in taken:
                number += 1
                layer.name = f"{layer._stem}_{number}"
        layer._model = self
        self._chain.append(layer)

    def _description(self) -> dict[str, Any]:
        """The model as in Keras's JSON."""
        entries: list[dict[str, Any]] = []
        assert self._chain is not None
        for layer in self._chain:
            entry: dict[str, Any] = {
                "module": "keras.layers",
                "class_name": type(layer).__name__,
                "config": layer.get_config(),
                "registered_name": None,
            }
            if self._class_name == "Functional":
                source = {"keras_history": [entries[-1]["name"], 0, 0]} if entries else None
                call = {"args": [{"class_name": "__keras_tensor__", "config": source}], "kwargs": {}}
                entry.update(name=layer.name, inbound_nodes=[call] if source else [])
            entries.append(entry)
        config: dict[str, Any] = {"name": self.name, "trainable": True, "layers": entries}
        if self._class_name == "Functional":
            config["input_layers"] = [[self._chain[0].name, 0, 0]]
            config["output_layers"] = [[self._chain[-1].name, 0, 0]]
        return {"module": "keras", "class_name": self._class_name, "config": config, "registered_name": None}

    @property
    def layers(self) -> list[Layer]:
        """The layers; those of a Sequential without its input, as in Keras."""
        if self._chain is None:
            self._chain = []
            for entry in json.loads(self.to_json())["config"]["layers"]:
                self._adopt(layers.from_json(entry))
        if self._class_name == "Sequential":
            return [layer for layer in self._chain if not isinstance(layer, InputLayer)]
        return list(self._chain)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of a name, or at an index of ``layers``."""
        if index is not None:
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise UsageError("get_layer", f"no layer {name!r}; there are {[layer.name for layer in self.layers]}")

    # ---- The library's model ----------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._own(_library.call("cvy_model_from_json", json.dumps(self._description()).encode()))

    def _own(self, handle: int) -> None:
        self._handle = handle
        self._finalizer = weakref.finalize(self, lib.cvy_model_free, handle)
        self._finalizer.atexit = False
        if self._preprocessing:
            _library.call("cvy_preprocess", handle, self._preprocessing.encode())
        if self._options:
            self._compile()

    @classmethod
    def _from_handle(cls, handle: int) -> Model:
        """A model of the library, which the library described."""
        description = json.loads(_library.take_text(_library.call("cvy_to_json", handle)))
        kind = Sequential if description["class_name"] == "Sequential" else Model
        model = kind.__new__(kind)
        model._begin(description["config"].get("name"))
        model._chain = None
        model._own(handle)
        return model

    @property
    def built(self) -> bool:
        """Whether the library has the model: its input's shape is known."""
        return self._handle is not None

    def _described(self) -> int:
        """The library's model, perhaps without weights."""
        if self._handle is None:
            self._build()
        assert self._handle is not None
        return self._handle

    def _native(self) -> int:
        """The library's model, with weights."""
        if not self._ready:
            self._described()
            if not self._ready:
                self._compile()
        assert self._handle is not None
        return self._handle

    def _compile(self) -> None:
        """Compiles the library's model, which then has the weights that it had, or those of the seed."""
        weights = self._get_weights() if self._touched else None
        options = _library.CompileOptions(**(self._options or _NEUTRAL))
        _library.call("cvy_compile", self._handle, ctypes.byref(options))
        self._ready = True
        self._classes = int(lib.cvy_classes(self._handle))
        if weights is not None:
            self._set_weights(weights)
        if self.optimizer is not None:
            self.optimizer._model = self

    # ---- Compile ----------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = "categorical_crossentropy",
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: str | bool = "auto",
        auto_scale_loss: bool = True,
        *,
        seed: int | None = None,
        threads: int = 0,
        isa: str | None = None,
    ) -> None:
        """Sets optimizer and loss, with Keras's arguments. It keeps the weights, and forgets the optimizer's state.

        ``metrics`` is ``["accuracy"]``, or None: then ``fit`` and ``evaluate`` tell the loss only. The loss is that of
        a softmax; the labels may be class numbers or one-hot under either of its names. ``seed`` is that of the initial
        weights, of shuffles and of dropout; the default is 0, so a run gives the same weights every time. ``threads`` is
        the most to use, 0 for one a core; ``isa`` is "scalar", "avx2", "avx512" or "neon", None for the best.
        """
        refuse(
            "compile",
            loss_weights=(loss_weights, None),
            weighted_metrics=(weighted_metrics or None, None),
            run_eagerly=(run_eagerly or False, False),
            steps_per_execution=(steps_per_execution, 1),
        )
        chosen, names = losses.get(loss), _metric_names(metrics)
        settings = optimizers.get(optimizer)
        if settings._model is not None and settings._model is not self:
            raise UsageError("optimizer", "belongs to another model; give each model its own")
        rate = settings.learning_rate
        settings._model, settings._learning_rate = None, rate
        if seed is None:
            seed = self._options.get("seed", 0)
        if not 0 <= seed < 1 << 64:
            raise UsageError("seed", f"{seed} is not a whole number from 0 to 2**64 - 1")
        options = {
            "optimizer": settings._text().encode(),
            "loss": chosen._loss.encode(),
            "label_smoothing": chosen.label_smoothing,
            "seed": seed,
            "threads": threads,
            "isa": _library.encode(isa),
        }
        with self._lock:
            before = self._options, self.optimizer, self.loss, self._metrics
            self._options, self.optimizer, self.loss, self._metrics = options, settings, chosen, names
            try:
                if self._has_input():
                    self._described()
                    self._compile()
            except BaseException:
                self._options, self.optimizer, self.loss, self._metrics = before
                raise

    @property
    def compiled(self) -> bool:
        """Whether ``compile`` was called."""
        return self.optimizer is not None

    @property
    def metrics(self) -> list[Any]:
        """The metrics, of which Keras's callbacks read the name, and whether more is better."""
        return [_Accuracy(name) for name in self._metrics]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what ``evaluate`` returns."""
        return ["loss", *self._metrics]

    @property
    def preprocessing(self) -> str:
        """What is done to every image before the network sees it, as ``cvy_preprocess`` of ``convoy.h`` reads it:
        "deskew,scale=1/255". It is saved with the weights. Without any it is ""."""
        if self._handle is None:
            return self._preprocessing
        text = _library.take_text(_library.call("cvy_preprocessing_of", self._handle))
        return "" if text == "none" else text

    @preprocessing.setter
    def preprocessing(self, text: str) -> None:
        with self._lock:
            if self._handle is not None:
                _library.call("cvy_preprocess", self._handle, text.encode())
            self._preprocessing = text

    @property
    def threads(self) -> int:
        """How many threads the last fit used; before one, how many a fit with batches of 32 takes."""
        return int(lib.cvy_threads(self._native()))

    @property
    def isa(self) -> str:
        """The instruction set in use."""
        return str(lib.cvy_isa(self._native()).decode())

    # ---- Fit, evaluate, predict -------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int | None = None,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
        *,
        images: int | None = None,
        schedule: str | None = None,
        random_shift: int | None = None,
    ) -> History:
        """Trains on images ``x`` and labels ``y``, with Keras's arguments, and returns the History.

        ``x`` is an array ``(N, height, width, channels)``, ``(N, height, width)`` or ``(N, features)``; uint8 and
        float32 are used where they lie if they are contiguous, everything else is copied. ``y`` holds class numbers
        ``(N,)`` or one-hot rows ``(N, classes)``. The default of ``batch_size`` is 32, that of ``epochs`` 1; those of a
        recipe's model are the recipe's. ``images`` says how many images to show, instead of ``epochs``. ``schedule`` is
        the learning rate over the fit ("linear:warmup=0.1"), and ``random_shift`` moves each image by up to so many
        pixels, both as in ``cvy_fit_options`` of ``convoy.h``.

        Ctrl-C stops the fit after the current step and raises KeyboardInterrupt; the model holds the weights of that
        step. An exception of a callback does the same. Raises ``convoy.Diverged`` where the loss is no longer finite.

        >>> import convoy, numpy as np
        >>> x = np.random.default_rng(0).integers(0, 256, (64, 6, 6), dtype=np.uint8)
        >>> y = (x.mean((1, 2)) > 127).astype(int)
        >>> model = convoy.Sequential([convoy.layers.Rescaling(1 / 255), convoy.layers.Flatten(),
        ...                            convoy.layers.Dense(2, activation="softmax")])
        >>> model.compile("adam", metrics=["accuracy"])
        >>> history = model.fit(x, y, epochs=3, verbose=0)
        >>> sorted(history.history), history.epoch
        (['accuracy', 'loss'], [0, 1, 2])
        """
        refuse(
            "fit",
            class_weight=(class_weight, None),
            sample_weight=(sample_weight, None),
            steps_per_epoch=(steps_per_epoch, None),
            validation_steps=(validation_steps, None),
            validation_freq=(validation_freq, 1),
        )
        from ._fit import Fit

        given = {"batch_size": batch_size, "schedule": schedule, "random_shift": random_shift}
        options: dict[str, Any] = dict(self._fit_defaults)
        options.update((key, value) for key, value in given.items() if value is not None)
        if epochs is not None or images is not None:
            options.update(epochs=epochs, images=images)
        with self._lock:
            self._require_compiled()
            array = _arrays.as_array(x, "x")
            pixels = as_images(array)
            self._build_for(array.ndim, pixels.shape)
            native = self._native()
            data = self._dataset(pixels, y)
            validation = None
            if validation_data is not None:
                if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
                    raise UsageError("validation_data", "expected (x, y)")
                validation = self._dataset(as_images(validation_data[0], "validation_data"), validation_data[1])
            self._touched = True
            return Fit(
                self,
                native,
                data,
                validation,
                initial_epoch=initial_epoch,
                validation_split=validation_split,
                shuffle=bool(shuffle),
                verbose=verbose,
                callbacks=callbacks,
                **options,
            ).run()

    def _require_compiled(self) -> None:
        if self.optimizer is None:
            raise UsageError(self.name, "is not compiled: call compile(optimizer, loss, metrics) first")

    def _has_input(self) -> bool:
        return True

    def _build_for(self, rank: int, shape: tuple[int, ...]) -> None:
        """Builds a Sequential without an Input for images of that shape, which had that rank when given."""

    def _dataset(self, images: _Array, y: Any) -> _arrays.Dataset:
        if y is None:
            raise UsageError("y", "labels are missing; expected class numbers (N,) or one-hot rows (N, classes)")
        return _arrays.Dataset(images, _arrays.as_labels(y, len(images), self._classes))

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics over all images: a list, a number if there is the loss only, or a dict.

        ``batch_size`` has no effect: Convoy chooses how many images to take at once, and the means are over all of
        them.
        """
        refuse("evaluate", sample_weight=(sample_weight, None), steps=(steps, None), callbacks=(callbacks or None, None))
        with self._lock:
            self._require_compiled()
            images = as_images(x)
            native, data = self._native(), self._dataset(images, y)
            bar, start = _progress.bar(verbose), time.perf_counter()
            found = _library.call("cvy_evaluate", native, data.handle)
            seconds = time.perf_counter() - start
        logs = {"loss": found.loss, **dict.fromkeys(self._metrics, found.accuracy)}
        taken = -(-len(images) // (batch_size or 32))
        bar.end_epoch(taken, taken, seconds, logs)
        if return_dict:
            return logs
        return list(logs.values()) if self._metrics else found.loss

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> _Array:
        """The softmax of every image: float32 ``(N, classes)``.

        ``batch_size`` and ``verbose`` have no effect: Convoy chooses how many images to take at once, and printing a bar
        would take longer than most predictions.

        >>> import convoy, numpy as np
        >>> model = convoy.Sequential([convoy.Input((4,)), convoy.layers.Dense(3, activation="softmax")])
        >>> model.predict(np.zeros((2, 4))).shape
        (2, 3)
        """
        if steps is not None or callbacks:
            refuse("predict", steps=(steps, None), callbacks=(callbacks or None, None))
        images = as_images(x)
        shape = images.shape
        count = shape[0]
        with self._lock:
            native = self._native()
            probabilities = np.empty((count, self._classes), np.float32)
            if not count:
                return probabilities
            status, pointer = self._status, self._status_pointer
            from_array = _from_u8 if images.dtype == _U8 else _from_f32
            data = from_array(images.ctypes.data, None, count, shape[1], shape[2], shape[3], pointer)
            _predict(native, data, 0, count, probabilities.ctypes.data, pointer)
            _free_dataset(data)
            if status.code:
                try:
                    _library.raise_for(status)
                finally:
                    status.code = 0
        return probabilities

    def predict_on_batch(self, x: Any) -> _Array:
        """What ``predict`` returns."""
        return self.predict(x)

    def __call__(self, x: Any, training: bool | None = None) -> _Array:
        """What ``predict`` returns."""
        refuse("call", training=(training or None, None))
        return self.predict(x)

    # ---- Weights and state ------------------------------------------------------------------------------------------

    def _variables(self, function: str) -> list[_library.Array]:
        native = self._native()
        found: list[_library.Array] = []
        while (array := _library.call(function, native, len(found))).values:
            found.append(array)
        return found

    def _weights_of(self, layer: str | None) -> list[_library.Array]:
        weights = self._variables("cvy_weight")
        if layer is None:
            return weights
        return [weight for weight in weights if weight.name.decode().split("/")[-2] == layer]

    def _get_weights(self, layer: str | None = None) -> list[_Array]:
        with self._lock:
            return [_arrays.view(weight).copy() for weight in self._weights_of(layer)]

    def _set_weights(self, weights: Sequence[Any], layer: str | None = None) -> None:
        with self._lock:
            _assign(self._weights_of(layer), weights, "set_weights")
            self._touched = True

    def get_weights(self) -> list[_Array]:
        """Copies of all weights, float32, in Keras's order and shapes: kernel and bias of each layer."""
        return self._get_weights()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Sets all weights. The optimizer's state stays."""
        self._set_weights(weights)

    @property
    def weights(self) -> list[_Array]:
        """Copies of all weights, as ``get_weights``."""
        return self.get_weights()

    def count_params(self) -> int:
        """How many numbers the weights hold."""
        return sum(weight.size for weight in self.get_weights())

    def get_optimizer_state(self) -> list[_Array]:
        """Copies of the optimizer's variables in Keras's order: steps done, learning rate, then its moving means."""
        with self._lock:
            native = self._native()
            head = [np.array(lib.cvy_iterations(native)), np.array(lib.cvy_learning_rate(native))]
            return head + [_arrays.view(array).copy() for array in self._variables("cvy_optimizer_variable")]

    def set_optimizer_state(self, variables: Sequence[Any]) -> None:
        """Sets what ``get_optimizer_state`` returns."""
        with self._lock:
            native = self._native()
            if len(variables) < 2:
                raise UsageError("set_optimizer_state", "expected steps done, learning rate, and the optimizer's arrays")
            _assign(self._variables("cvy_optimizer_variable"), variables[2:], "set_optimizer_state")
            _library.call("cvy_set_iterations", native, int(variables[0]))
            _library.call("cvy_set_learning_rate", native, float(variables[1]))

    # ---- In words, in files -----------------------------------------------------------------------------------------

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Prints Keras's table of layers, shapes and parameters."""
        refuse(
            "summary",
            positions=(positions, None),
            expand_nested=(expand_nested, False),
            show_trainable=(show_trainable, False),
            layer_range=(layer_range, None),
        )
        text = _library.take_text(_library.call("cvy_summary", self._described(), line_length or 0))
        (print_fn or print)(text.rstrip("\n"))

    def to_json(self) -> str:
        """What Keras's ``model.to_json()`` returns; Keras's ``model_from_json`` reads it."""
        text = _library.take_text(_library.call("cvy_to_json", self._described()))
        if self._ready and not self.compiled:  # the library's model is, so that it has weights
            text = json.dumps({**json.loads(text), "compile_config": {}})
        return text

    def save(self, filepath: _Path, overwrite: bool = True) -> None:
        """Writes the model to a file. Its name says the format: ``.safetensors``, ``.keras``, ``.h5``, ``.onnx``,
        ``.c``, or ``.weights.h5`` for the weights only."""
        path = os.fspath(filepath)
        if not overwrite and os.path.exists(path):
            raise Error(path, "exists, and overwrite is False")
        with self._lock:
            _library.call("cvy_save", self._native(), os.fsencode(path))

    def save_weights(self, filepath: _Path, overwrite: bool = True) -> None:
        """Writes the weights to a file: ``.weights.h5`` or ``.safetensors``."""
        self.save(filepath, overwrite)

    def load_weights(self, filepath: _Path) -> None:
        """Reads the weights of a file, and the preprocessing that it names. The file must fit; otherwise the model stays
        as it was."""
        with self._lock:
            _library.call("cvy_load", self._native(), os.fsencode(filepath))
            self._touched = True

    # ---- Copies -----------------------------------------------------------------------------------------------------

    def _template(self) -> dict[str, Any]:
        """All but the weights and what was trained: what ``_from_template`` takes."""
        if self._handle is not None:
            entries = json.loads(self.to_json())["config"]["layers"]
        else:
            entries = self._description()["config"]["layers"]
        settings = None
        if self.optimizer is not None:
            settings = {
                "optimizer": {"class_name": type(self.optimizer).__name__, "config": self.optimizer.get_config()},
                "loss": self.loss,
                "metrics": self._metrics,
                "seed": self._options["seed"],
                "threads": self._options["threads"],
                "isa": self._options["isa"] and self._options["isa"].decode(),
            }
        return {
            "class_name": self._class_name,
            "name": self.name,
            "layers": entries,
            "compile": settings,
            "preprocessing": self.preprocessing,
            "fit_defaults": self._fit_defaults,
        }

    def _input_shape(self) -> tuple[int, ...] | None:
        """The shape of what the network takes, without the batch's axis; None if it is not built."""
        if self._handle is None:
            return None
        config = json.loads(self.to_json())["config"]["layers"][0]["config"]
        return tuple(config["batch_shape"][1:])

    def __reduce__(self) -> Any:
        with self._lock:
            trained = (self.get_weights(), self.get_optimizer_state()) if self._ready else None
            return _restore, (self._template(), trained)

    def to_keras(self, model: Any = None) -> Any:
        """Writes weights and optimizer state into a Keras model, a new one if none is given, and returns it."""
        from ._keras import to_keras

        return to_keras(self, model)


class Sequential(Model):
    """A list of layers. Without an Input it is built by ``build``, or by the first ``fit`` from the data.

    >>> import convoy
    >>> model = convoy.Sequential()
    >>> model.add(convoy.Input((28, 28, 1)))
    >>> model.add(convoy.layers.Flatten())
    >>> model.add(convoy.layers.Dense(10, activation="softmax"))
    >>> [weight.shape for weight in model.get_weights()]
    [(784, 10), (10,)]
    """

    _class_name = "Sequential"

    def __init__(
        self, layers: Sequence[Layer | Tensor] | None = None, trainable: bool = True, name: str | None = None
    ) -> None:
        refuse("Sequential", trainable=(trainable, True))
        self._begin(name)
        for layer in layers or ():
            self.add(layer)
        if self._has_input():
            self._build()

    def _has_input(self) -> bool:
        return self._chain is None or bool(self._chain and isinstance(self._chain[0], InputLayer))

    def add(self, layer: Layer | Tensor) -> None:
        """Adds a layer at the end; ``convoy.Input`` comes first."""
        if isinstance(layer, Tensor) and isinstance(layer.layer, InputLayer):
            layer = layer.layer
        if not isinstance(layer, Layer):
            raise UsageError("add", f"{layer!r} is no layer of convoy.layers")
        if self._chain is None or self._touched or self.compiled:
            raise UsageError(type(layer).__name__, "add layers before compile, fit and load")
        if self._handle is not None:
            self._finalizer()
            self._handle, self._ready = None, False
        if layer._input_shape is not None and not self._chain:
            self._adopt(InputLayer(layer._input_shape))
        self._adopt(layer)

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Builds the model for images ``(None, height, width, channels)`` or vectors ``(None, features)``."""
        if self._handle is not None:
            return
        if not self._has_input():
            if input_shape is None:
                raise UsageError("build, input_shape", "expected (None, height, width, channels) or (None, features)")
            assert self._chain is not None
            self._adopt(InputLayer(batch_shape=[None, *input_shape[1:]]))
            self._chain.insert(0, self._chain.pop())
        self._build()

    def _build(self) -> None:
        if not self._has_input():
            raise UsageError(self.name, "is not built yet: give it an Input, call build(input_shape), or fit it")
        super()._build()

    def _build_for(self, rank: int, shape: tuple[int, ...]) -> None:
        if self._handle is not None or self._has_input():
            return
        if any(step in self._preprocessing for step in ("center_crop", "average_pooling")):
            raise UsageError(self.name, "give it an Input: the preprocessing changes the shape of the images")
        self.build((None, shape[3]) if rank == 2 else (None, *shape[1:]))


def _from_template(template: dict[str, Any]) -> Model:
    chain = [layers.from_json(entry) for entry in template["layers"]]
    model: Model
    if template["class_name"] == "Sequential":
        model = Sequential(chain, name=template["name"])
    else:
        first = tensor = Tensor(chain[0], None)
        for layer in chain[1:]:
            tensor = layer(tensor)
        model = Model(first, tensor, name=template["name"])
    model.preprocessing = template["preprocessing"]
    model._fit_defaults = dict(template["fit_defaults"])
    if template["compile"]:
        model.compile(**template["compile"])
    return model


def _restore(template: dict[str, Any], trained: tuple[list[_Array], list[_Array]] | None) -> Model:
    """What ``pickle`` and ``copy`` make of a model."""
    model = _from_template(template)
    if trained is not None:
        model.set_weights(trained[0])
        model.set_optimizer_state(trained[1])
    return model


def _with_classes(model: Model, classes: int, **options: Any) -> Model:
    """A copy with fresh weights, whose last Dense layer has a unit for each class; ``options`` are compile's."""
    template = model._template()
    for entry in reversed(template["layers"]):
        if entry["class_name"] == "Dense":
            entry["config"]["units"] = classes
            break
    template["compile"].update(options)
    return _from_template(template)


def _single(value: Any, where: str) -> Tensor:
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Tensor):
        raise UsageError(f"Model, {where}", f"{value!r}; expected what a layer or Input returned, and one of it")
    return value


def _assign(arrays: Sequence[_library.Array], values: Sequence[Any], where: str) -> None:
    if len(arrays) != len(values):
        raise UsageError(where, f"{len(values)} arrays; expected {len(arrays)}")
    new = [np.asarray(value, dtype=np.float32) for value in values]
    for array, value in zip(arrays, new):
        shape = tuple(array.shape[: array.rank])
        if value.shape != shape:
            raise UsageError(where, f"{array.name.decode()} has shape {shape}, not {value.shape}")
    for array, value in zip(arrays, new):
        _arrays.view(array)[...] = value


_U8 = np.dtype(np.uint8)
_from_u8, _from_f32 = lib.cvy_dataset_from_u8, lib.cvy_dataset_from_f32
_predict, _free_dataset = lib.cvy_predict, lib.cvy_dataset_free


def _from_native(handle: int, compile: bool, in_file: bool) -> Model:
    """A model from one of the library that is not compiled; compiled if its JSON says how."""
    model = Model._from_handle(handle)
    described = json.loads(model.to_json())["compile_config"]
    if compile and (described or in_file):
        _library.call("cvy_compile", handle, None)  # refuses what is not supported, and names all of it
    if compile and described:
        config = json.loads(_library.take_text(_library.call("cvy_to_json", handle)))["compile_config"]
        weighted = described.get("weighted_metrics")
        model.compile(config["optimizer"], config["loss"], metrics=described.get("metrics"), weighted_metrics=weighted)
    return model


def model_from_json(json_string: str) -> Model:
    """A model from what ``to_json`` returned, Keras's or Convoy's; compiled if it was compiled then."""
    return _from_native(_library.call("cvy_model_from_json", json_string.encode()), True, False)


def load_model(filepath: _Path, *, compile: bool = True) -> Model:
    """A model from a file that ``save`` wrote, Convoy's or Keras's; compiled if it was compiled then, unless ``compile``
    is False."""
    model = _from_native(_library.call("cvy_model_from_weights", os.fsencode(filepath)), compile, True)
    model.load_weights(filepath)
    return model
