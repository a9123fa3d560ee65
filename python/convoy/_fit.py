"""A fit under way: the library's, with Python's callbacks, progress and Ctrl-C."""

from __future__ import annotations

import ctypes
import signal
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from . import _library, _progress
from ._arrays import Dataset
from ._errors import INTERRUPTED, UsageError
from ._library import lib
from .callbacks import CallbackList, History

if TYPE_CHECKING:
    from .models import Model


class Fit:
    """The arguments of ``Model.fit``, checked, and where the fit stands."""

    def __init__(
        self,
        model: Model,
        native: int,
        data: Dataset,
        validation: Dataset | None,
        *,
        initial_epoch: int,
        validation_split: float,
        shuffle: bool,
        verbose: str | int,
        callbacks: Any,
        epochs: int | None = None,
        images: int | None = None,
        batch_size: int | None = None,
        schedule: str | None = None,
        random_shift: int | None = None,
    ) -> None:
        if images is not None and (epochs is not None or initial_epoch):
            raise UsageError("images", "given together with epochs or initial_epoch; give one of them")
        for name, value in (("images", images), ("batch_size", batch_size)):
            if value is not None and value < 1:
                raise UsageError(name, f"{value} is less than 1")
        count = len(data.arrays[0])
        size = min(batch_size or 32, count)
        shown = count if validation_split == 0 else int(count * (1 - validation_split)) or 1
        self.last_epoch = -(-images // shown) if images else 1 if epochs is None else int(epochs)
        self.epoch = int(initial_epoch)  # from 0: the epoch that runs, or runs next
        self.model, self.native, self.data, self.validation = model, native, data, validation
        self.steps = -(-min(images or shown, shown) // size)
        self.step = 0  # of this epoch, done and told to the callbacks
        self.error: BaseException | None = None
        self.stopped = False
        self.in_epoch = False
        self.seconds = 0.0
        self.logs: dict[str, float] = {}
        self.bar = _progress.bar(verbose)
        params = {"verbose": self.bar.verbose, "epochs": self.last_epoch, "steps": self.steps}
        self.history = History()
        self.callbacks = CallbackList([*_list(callbacks), self.history], model, params)

        # The library calls these; they must live as long as it may.
        self._on_epoch = self._callback(self._end_epoch)
        self._on_progress = self._callback(self._progress)
        self.options = _library.FitOptions(
            epochs=max(self.last_epoch - self.epoch, 0) if images is None else 0,
            images=images or 0,
            batch_size=batch_size or 0,
            validation_split=validation_split,
            validation_data=None if validation is None else validation.handle,
            no_shuffle=not shuffle,
            schedule=_library.encode(schedule),
            random_shift=random_shift or 0,
            on_epoch=self._on_epoch,
            every_step=self.callbacks.batches,
        )
        # Python runs handlers of signals only in Python's code of the main thread: in a callback.
        self.main_thread = threading.current_thread() is threading.main_thread()
        self.catch = self.main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.bar.dynamic or self.callbacks.batches or (self.main_thread and not self.catch):
            self.options.on_progress = self._on_progress

    # ---- What the library calls -------------------------------------------------------------------------------------

    def _guard(self, function: Callable[[Any], bool]) -> Generator[bool, Any, None]:
        """Calls the function with what is sent, and yields its result. An exception cannot cross the library: it stops
        the fit, and is raised behind it.

        This is a generator because Python handles signals first of all on the entry to a function, where no "try" would
        catch what a handler raises. A generator is entered within its "try".
        """
        result = True
        while True:
            try:
                while True:
                    progress = yield result
                    result = function(progress.contents)
            except GeneratorExit:
                return
            except BaseException as error:  # noqa: BLE001  (raised by _train)
                self.error = error
                result = False

    def _callback(self, function: Callable[[Any], bool]) -> Any:
        guard = self._guard(function)
        next(guard)
        return _library.ProgressFunction(guard.send)

    def _metrics(self, progress: Any) -> dict[str, float]:
        logs = {"loss": progress.loss, **dict.fromkeys(self.model._metrics, progress.accuracy)}
        if progress.validated:
            logs["val_loss"] = progress.val_loss
            logs.update((f"val_{name}", progress.val_accuracy) for name in self.model._metrics)
        return logs

    def _tell_batches(self, step: int, logs: dict[str, float]) -> bool:
        """Tells the callbacks of batches up to a step; returns whether the fit goes on."""
        while self.callbacks.batches and self.step < step:
            self.callbacks.call("on_train_batch_end", self.step, dict(logs))
            self.step += 1
            if self.model.stop_training:
                return False
            if self.step < self.steps:
                self.callbacks.call("on_train_batch_begin", self.step, {})
        self.step = step
        return True

    def _progress(self, progress: Any) -> bool:
        self.steps, self.seconds = progress.steps, progress.seconds
        self.logs = self._metrics(progress)
        if progress.step < progress.steps:
            self.bar.update(progress.step, progress.steps, progress.seconds, self.logs)
        goes_on = self._tell_batches(progress.step, self.logs)
        self.stopped = not goes_on
        return goes_on

    def _begin_epoch(self) -> None:
        self.step = 0
        self.in_epoch = True
        self.bar.begin_epoch(self.epoch + 1, self.last_epoch)
        self.callbacks.call("on_epoch_begin", self.epoch, {})
        if self.callbacks.batches:
            self.callbacks.call("on_train_batch_begin", 0, {})

    def _end_epoch(self, progress: Any) -> bool:
        self.steps, self.seconds = progress.steps, progress.seconds
        logs = self._metrics(progress)
        self._tell_batches(progress.steps, {name: logs[name] for name in logs if not name.startswith("val_")})
        return self._close_epoch(logs)

    def _close_epoch(self, logs: dict[str, float]) -> bool:
        self.in_epoch = False
        self.callbacks.call("on_epoch_end", self.epoch, logs)
        self.bar.end_epoch(self.step, self.steps, self.seconds, logs)
        self.logs = logs
        self.epoch += 1
        if self.model.stop_training:
            self.stopped = True
            return False
        if self.epoch < self.last_epoch:
            self._begin_epoch()
        return True

    # ---- The whole of it --------------------------------------------------------------------------------------------

    def run(self) -> History:
        """Trains; returns the history."""
        model = self.model
        model.stop_training = False
        model.history = self.history
        self.callbacks.call("on_train_begin", {})
        if self.epoch < self.last_epoch:
            self._begin_epoch()
            try:
                self._train()
                if self.in_epoch:  # a callback stopped the fit between two batches
                    self._close_epoch(self.logs)
            finally:
                self.bar.break_line()
                # They refer to this fit and its images, which else live until the next garbage collection.
                del self.options, self._on_epoch, self._on_progress
        self.callbacks.call("on_train_end", self.logs)
        return self.history

    def _train(self) -> None:
        status = _library.Status()
        fit = lib.convoy_python_fit if self.catch else lib.cvy_fit
        came = fit(self.native, self.data.handle, ctypes.byref(self.options), ctypes.byref(status))
        if self.error is not None:
            raise self.error
        if status.code == INTERRUPTED:
            if self.stopped:
                return
            if came:
                raise KeyboardInterrupt
        _library.raise_for(status)


def _list(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
