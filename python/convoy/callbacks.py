"""Callbacks of ``fit``, with Keras's hooks, arguments and defaults.

Any object with some of the hooks serves, also a callback of Keras. An exception of a hook stops the fit after the current
step, and ``fit`` raises it. ``model.evaluate`` and ``model.predict`` may be called at the end of an epoch, but not between
two batches.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, Callable, Optional

from ._errors import UsageError, refuse

if TYPE_CHECKING:
    from .models import Model

_Logs = Optional[dict[str, Any]]

_BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")


class Callback:
    """The hooks, which do nothing. ``self.model`` is the model, ``self.params`` holds verbose, epochs and steps.

    >>> import convoy, numpy as np
    >>> class Stop(convoy.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.model.stop_training = epoch == 1
    >>> model = convoy.Sequential([convoy.layers.Dense(2, activation="softmax")])
    >>> model.compile("sgd")
    >>> model.fit(np.eye(2), [0, 1], epochs=9, verbose=0, callbacks=[Stop()]).epoch
    [0, 1]
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.model: Any = None

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def set_model(self, model: Model) -> None:
        self.model = model

    def on_train_begin(self, logs: _Logs = None) -> None: ...

    def on_train_end(self, logs: _Logs = None) -> None: ...

    def on_epoch_begin(self, epoch: int, logs: _Logs = None) -> None: ...

    def on_epoch_end(self, epoch: int, logs: _Logs = None) -> None: ...

    def on_batch_begin(self, batch: int, logs: _Logs = None) -> None: ...

    def on_batch_end(self, batch: int, logs: _Logs = None) -> None: ...

    def on_train_batch_begin(self, batch: int, logs: _Logs = None) -> None:
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: _Logs = None) -> None:
        self.on_batch_end(batch, logs)


def _overrides(callback: Any, hook: str) -> bool:
    """Whether a callback has a hook of its own, rather than that of a class "Callback", which does nothing."""
    if hook in getattr(callback, "__dict__", ()):
        return True
    for kind in type(callback).__mro__:
        if hook in kind.__dict__:
            return kind.__name__ != "Callback"
    return False


class CallbackList:
    """The callbacks of a fit. ``batches`` says whether one of them wants to hear of every batch."""

    def __init__(self, callbacks: Sequence[Any], model: Model, params: dict[str, Any]) -> None:
        self.callbacks = callbacks
        self.batches = any(_overrides(callback, hook) for callback in callbacks for hook in _BATCH_HOOKS)
        for callback in callbacks:
            for name, value in (("set_params", params), ("set_model", model)):
                if hasattr(callback, name):
                    getattr(callback, name)(value)

    def call(self, hook: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            function = getattr(callback, hook, None)
            if function is not None:
                function(*arguments)


class History(Callback):
    """What ``fit`` returns: ``history`` has a list for each metric, with a value an epoch; ``epoch`` the epochs."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: _Logs = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class LambdaCallback(Callback):
    """Hooks from functions."""

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        self.__dict__.update((name, function) for name, function in hooks.items() if function is not None)


class _Monitor(Callback):
    """What callbacks that watch a metric share. Mode "auto" is "max" for an accuracy, else "min"."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise UsageError(f"{type(self).__name__}, mode", f'{mode!r} is not known; expected "auto", "min" or "max"')
        self.monitor = monitor
        self.highest = mode == "max" or (mode == "auto" and "acc" in monitor)
        self.min_delta = abs(min_delta)

    @property
    def worst(self) -> float:
        return -math.inf if self.highest else math.inf

    def value(self, logs: _Logs) -> float:
        """The metric at the end of an epoch."""
        if self.monitor not in (logs or {}):
            raise UsageError(
                f"{type(self).__name__}, monitor",
                f"{self.monitor!r} is not measured in this fit; expected one of {sorted(logs or {})}",
            )
        return float((logs or {})[self.monitor])

    def better(self, value: float, than: float) -> bool:
        if self.highest:
            return value - self.min_delta > than
        return value + self.min_delta < than


class EarlyStopping(_Monitor):
    """Stops the fit when a metric has not improved for ``patience`` epochs."""

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch

    def on_train_begin(self, logs: _Logs = None) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = self.worst
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: _Logs = None) -> None:
        value = self.value(logs)
        if epoch < self.start_from_epoch:
            return
        better = self.better(value, self.best)
        if self.restore_best_weights and (better or self.best_weights is None):
            self.best_weights = self.model.get_weights()
            self.best_epoch = epoch
        self.wait += 1
        if better:
            self.best = value
            self.best_epoch = epoch
            if self.baseline is None or self.better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: _Logs = None) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ModelCheckpoint(_Monitor):
    """Saves the model after every epoch, or after those in which a metric improved.

    ``filepath`` may hold fields: "epoch-{epoch:02d}-{val_loss:.2f}.safetensors".
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        refuse("ModelCheckpoint", save_freq=(save_freq, "epoch"))
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.best = self.worst if initial_value_threshold is None else initial_value_threshold

    def on_epoch_end(self, epoch: int, logs: _Logs = None) -> None:
        if self.save_best_only:
            value = self.value(logs)
            if not self.better(value, self.best):
                return
            self.best = value
        path = self.filepath.format(epoch=epoch + 1, **(logs or {}))
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: saving model to {path}")
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)


class LearningRateScheduler(Callback):
    """Sets the learning rate before every epoch: ``schedule(epoch, learning_rate)`` or ``schedule(epoch)``."""

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        import inspect

        try:
            self._takes_rate = len(inspect.signature(schedule).parameters) > 1
        except ValueError:  # a function of C
            self._takes_rate = True

    def on_epoch_begin(self, epoch: int, logs: _Logs = None) -> None:
        rate = self.schedule(epoch, *([self.model.optimizer.learning_rate] if self._takes_rate else []))
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(rate)}.")

    def on_epoch_end(self, epoch: int, logs: _Logs = None) -> None:
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate


class ReduceLROnPlateau(_Monitor):
    """Multiplies the learning rate by ``factor`` when a metric has not improved for ``patience`` epochs."""

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if factor >= 1.0:
            raise UsageError("ReduceLROnPlateau, factor", f"{factor}; expected less than 1")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr

    def on_train_begin(self, logs: _Logs = None) -> None:
        self.best = self.worst
        self.wait = 0
        self.cooldown_counter = 0

    def on_epoch_end(self, epoch: int, logs: _Logs = None) -> None:
        value = self.value(logs)
        rate = self.model.optimizer.learning_rate
        if logs is not None:
            logs["learning_rate"] = rate
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.better(value, self.best):
            self.best = value
            self.wait = 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience and rate > self.min_lr:
                self.model.optimizer.learning_rate = max(rate * self.factor, self.min_lr)
                self.cooldown_counter = self.cooldown
                self.wait = 0
                if self.verbose:
                    rate = self.model.optimizer.learning_rate
                    print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {rate}.")


class CSVLogger(Callback):
    """Writes a line of metrics an epoch into a file."""

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self._file: IO[str] | None = None
        self._keys: list[str] = []

    def on_train_begin(self, logs: _Logs = None) -> None:
        self._keys = []
        self._header = not (self.append and os.path.exists(self.filename) and os.path.getsize(self.filename))
        self._file = open(self.filename, "a" if self.append else "w", newline="")

    def on_epoch_end(self, epoch: int, logs: _Logs = None) -> None:
        assert self._file is not None
        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.separator)
        if not self._keys:
            self._keys = sorted(logs)
            if self._header:
                writer.writerow(["epoch", *self._keys])
        writer.writerow([epoch, *(logs.get(key, "NA") for key in self._keys)])
        self._file.flush()

    def on_train_end(self, logs: _Logs = None) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
