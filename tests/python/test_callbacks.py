"""Callbacks: when hooks are called, what they may do, and the built-in ones."""

from __future__ import annotations

import csv
import re
from typing import Any, ClassVar

import convoy
import numpy as np
import pytest
from convoy import callbacks
from networks import images, same, small


class Recorder(callbacks.Callback):
    def __init__(self, batches: bool) -> None:
        super().__init__()
        self.calls: list[Any] = []
        if batches:
            self.on_train_batch_begin = lambda batch, logs=None: self.calls.append(("batch", batch))  # type: ignore
            self.on_train_batch_end = lambda batch, logs=None: self.calls.append(("batch ends", batch))  # type: ignore

    def on_train_begin(self, logs: Any = None) -> None:
        self.calls.append("train")

    def on_train_end(self, logs: Any = None) -> None:
        self.calls.append("train ends")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch", epoch))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.calls.append(("epoch ends", epoch))


@pytest.mark.parametrize("batches", [False, True])
def test_order_of_hooks(batches: bool) -> None:
    recorder = Recorder(batches)
    model = small()
    model.fit(*images(), epochs=2, verbose=0, callbacks=[recorder])
    assert recorder.model is model
    assert recorder.params == {"verbose": 0, "epochs": 2, "steps": 3}
    steps = [(name, i) for i in range(3) for name in ("batch", "batch ends")] if batches else []
    epochs = [call for i in range(2) for call in (("epoch", i), *steps, ("epoch ends", i))]
    assert recorder.calls == ["train", *epochs, "train ends"]


def test_objects_with_some_hooks() -> None:
    class Some:
        seen: ClassVar[list[Any]] = []

        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            self.seen.append((epoch, sorted(logs)))

        def on_batch_end(self, batch: int, logs: Any) -> None:
            raise AssertionError("Keras does not call this either, but through on_train_batch_end")

    small().fit(*images(), epochs=2, verbose=0, callbacks=Some())
    assert Some.seen == [(0, ["accuracy", "loss"]), (1, ["accuracy", "loss"])]


def test_batches_may_be_heard_by_the_old_names() -> None:
    class Old(callbacks.Callback):
        seen: ClassVar[list[int]] = []

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append(batch)

    small().fit(*images(), verbose=0, callbacks=[Old()])
    assert Old.seen == [0, 1, 2]


def test_callbacks_change_nothing() -> None:
    x, y = images()
    plain, watched = small(), small()
    plain.fit(x, y, epochs=3, verbose=0)
    watched.fit(x, y, epochs=3, verbose=0, callbacks=[Recorder(True), Recorder(False)])
    assert same(plain.get_weights(), watched.get_weights())


@pytest.mark.parametrize(
    "hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_epoch_end"]
)
def test_an_exception_stops_the_fit_and_is_raised(hook: str) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError(hook)

    model = small()
    with pytest.raises(ZeroDivisionError, match=hook):
        model.fit(*images(), epochs=5, verbose=0, callbacks=[callbacks.LambdaCallback(**{hook: fail})])
    assert model.optimizer is not None
    assert model.optimizer.iterations <= 3
    model.fit(*images(), verbose=0)


def test_exit_is_raised() -> None:
    def leave(*_: Any) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        small().fit(*images(), verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=leave)])


def test_the_model_may_be_used_at_the_end_of_an_epoch() -> None:
    x, y = images()
    model = small()
    found: list[Any] = []

    def use(epoch: int, logs: Any) -> None:
        found.append((model.evaluate(x, y, verbose=0)[0], logs["val_loss"], model.predict(x).argmax(axis=1).tolist()))
        model.set_weights([weight * 2 for weight in model.get_weights()])

    model.fit(x, y, epochs=2, validation_data=(x, y), verbose=0, callbacks=[callbacks.LambdaCallback(on_epoch_end=use)])
    assert all(loss == expected for loss, expected, _ in found)
    assert len(found) == 2


@pytest.mark.parametrize("use", ["predict", "evaluate", "get_weights", "fit"])
def test_the_model_may_not_be_used_between_batches(use: str) -> None:
    x, y = images()
    model = small()

    def between(batch: int, logs: Any) -> None:
        arguments = {"predict": (x,), "evaluate": (x, y), "get_weights": (), "fit": (x, y)}[use]
        getattr(model, use)(*arguments)

    with pytest.raises(convoy.Error):
        model.fit(x, y, verbose=0, callbacks=[callbacks.LambdaCallback(on_train_batch_end=between)])
    model.fit(x, y, verbose=0)


def test_stop_training() -> None:
    model = small()

    def stop(epoch: int, logs: Any) -> None:
        model.stop_training = epoch == 1

    recorder = Recorder(False)
    stopper = callbacks.LambdaCallback(on_epoch_end=stop)
    assert model.fit(*images(), epochs=9, verbose=0, callbacks=[stopper, recorder]).epoch == [0, 1]
    assert recorder.calls[-1] == "train ends"
    assert model.fit(*images(), epochs=1, verbose=0).epoch == [0]


def test_stop_training_between_batches() -> None:
    model = small()

    def stop(batch: int, logs: Any) -> None:
        model.stop_training = batch == 1

    history = model.fit(*images(), epochs=9, verbose=0, callbacks=[callbacks.LambdaCallback(on_train_batch_end=stop)])
    assert history.epoch == [0]
    assert model.optimizer is not None
    assert model.optimizer.iterations == 2


def epochs_until_stop(values: list[float], **options: Any) -> tuple[int, callbacks.EarlyStopping]:
    """Feeds values to EarlyStopping; how many epochs there were."""
    stopping = callbacks.EarlyStopping("loss", **options)

    class Fake:
        stop_training = False
        weights: Any = None

        def get_weights(self) -> Any:
            return self.weights

        def set_weights(self, weights: Any) -> None:
            self.weights = weights

    model = Fake()
    stopping.set_model(model)  # type: ignore[arg-type]
    stopping.on_train_begin()
    for epoch, value in enumerate(values):
        model.weights = epoch
        stopping.on_epoch_end(epoch, {"loss": value})
        if model.stop_training:
            break
    stopping.on_train_end()
    stopping.restored = model.weights  # type: ignore[attr-defined]
    return epoch + 1, stopping


def test_early_stopping() -> None:
    assert epochs_until_stop([3, 2, 1, 1.5, 1.2, 0.5])[0] == 4
    assert epochs_until_stop([3, 2, 1, 1.5, 1.2, 0.5], patience=2)[0] == 5
    assert epochs_until_stop([3, 2, 1, 1.5, 1.2, 0.5], patience=3)[0] == 6
    assert epochs_until_stop([1, 2, 3], mode="max")[0] == 3
    assert epochs_until_stop([3, 2.95, 2.9], min_delta=0.2)[0] == 2
    assert epochs_until_stop([3, 2, 4, 4, 4], start_from_epoch=2, patience=2)[0] == 5
    assert epochs_until_stop([3, 2, 1], baseline=0.5, patience=2)[0] == 3
    _, stopping = epochs_until_stop([3, 2, 1, 4, 4], patience=2, restore_best_weights=True)
    assert (stopping.best_epoch, stopping.restored) == (2, 2)  # type: ignore[attr-defined]


def test_early_stopping_restores_weights() -> None:
    x, y = images()
    model = small("sgd:learning_rate=0.01")
    kept: list[Any] = []
    keep = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    worse = callbacks.LearningRateScheduler(lambda epoch: 0.01 if epoch < 3 else 50.0)
    stopping = callbacks.EarlyStopping("loss", restore_best_weights=True)
    history = model.fit(x, y, epochs=20, verbose=0, callbacks=[worse, keep, stopping])
    best = int(np.argmin(history.history["loss"]))
    assert len(history.epoch) < 20
    assert same(model.get_weights(), kept[best])


def test_unknown_monitor() -> None:
    with pytest.raises(ValueError, match="'val_loss' is not measured"):
        small().fit(*images(), verbose=0, callbacks=[callbacks.EarlyStopping()])
    with pytest.raises(ValueError, match="mode"):
        callbacks.EarlyStopping(mode="least")


def test_learning_rates() -> None:
    rates = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    model = small("sgd:learning_rate=0.8")
    history = model.fit(*images(), epochs=3, verbose=0, callbacks=[rates])
    assert history.history["learning_rate"] == [0.4, 0.2, 0.1]
    assert model.optimizer is not None
    assert model.optimizer.learning_rate == 0.1
    # A rate that a callback sets is used from the next epoch on.
    one, two = small("sgd:learning_rate=0.8"), small("sgd:learning_rate=0.4")
    one.fit(*images(), verbose=0, callbacks=[callbacks.LearningRateScheduler(lambda epoch: 0.4)])
    two.fit(*images(), verbose=0)
    assert same(one.get_weights(), two.get_weights())


def test_a_type_error_of_a_schedule_is_raised() -> None:
    def wrong(epoch: int, rate: float) -> float:
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        small().fit(*images(), verbose=0, callbacks=[callbacks.LearningRateScheduler(wrong)])


def test_reduce_on_plateau() -> None:
    model = small("sgd:learning_rate=0.8")
    reduce = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100, min_lr=0.3)
    history = model.fit(*images(), epochs=5, verbose=0, callbacks=[reduce])
    assert history.history["learning_rate"] == [0.8, 0.8, 0.4, 0.3, 0.3]
    with pytest.raises(ValueError, match="factor"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_checkpoints(tmp_path: Any) -> None:
    x, y = images()
    model = small()
    each = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{loss:.1f}.safetensors", save_weights_only=True)
    best = callbacks.ModelCheckpoint(tmp_path / "best.safetensors", monitor="loss", save_best_only=True, mode="max")
    history = model.fit(x, y, epochs=3, verbose=0, callbacks=[each, best])
    losses = history.history["loss"]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [*(f"{i + 1}-{loss:.1f}.safetensors" for i, loss in enumerate(losses)), "best.safetensors"]
    other = small()
    other.load_weights(tmp_path / names[2])
    assert same(other.get_weights(), model.get_weights())
    other.load_weights(tmp_path / "best.safetensors")
    first = small()
    first.load_weights(tmp_path / names[int(np.argmax(losses))])
    assert same(other.get_weights(), first.get_weights())
    with pytest.raises(ValueError, match="save_freq"):
        callbacks.ModelCheckpoint("x", save_freq=3)


def test_csv(tmp_path: Any) -> None:
    path = tmp_path / "log.csv"
    model = small()
    history = model.fit(*images(), epochs=2, verbose=0, callbacks=[callbacks.CSVLogger(path)])
    model.fit(*images(), epochs=1, verbose=0, callbacks=[callbacks.CSVLogger(path, append=True)])
    rows = list(csv.DictReader(path.open()))
    assert [row["epoch"] for row in rows] == ["0", "1", "0"]
    assert [float(row["loss"]) for row in rows[:2]] == history.history["loss"]


# ---- What is printed ----------------------------------------------------------------------------------------------------


def test_lines_without_a_terminal(capsys: Any) -> None:
    model = small()
    model.fit(*images(), epochs=2, validation_split=0.25)
    lines = capsys.readouterr().out.splitlines()
    metrics = r"accuracy: \d\.\d{4} - loss: \d\.\d{4}"
    line = rf"3/3 - \ds - \d+[um]s/step - {metrics} - val_accuracy: \d\.\d{{4}} - val_loss: \d\.\d{{4}}"
    assert len(lines) == 4
    for i, text in enumerate(lines):
        assert re.fullmatch(line if i % 2 else f"Epoch {i // 2 + 1}/2", text), text
    model.evaluate(*images())
    assert re.fullmatch(rf"3/3 - \ds - \d+[um]s/step - {metrics}\n", capsys.readouterr().out)
    model.fit(*images(), verbose=0)
    model.evaluate(*images(), verbose=0)
    model.predict(images()[0])
    assert capsys.readouterr().out == ""


def test_bar_on_a_terminal(capsys: Any, monkeypatch: Any) -> None:
    import sys

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    recorder = Recorder(True)
    small().fit(*images(), callbacks=[recorder])
    out = capsys.readouterr().out
    assert out.startswith("Epoch 1/1\n\r")
    assert out.endswith("\n")
    final = re.sub("\033\\[[0-9]*m", "", out.splitlines()[-1].split("\r")[-1])
    assert re.fullmatch(r"3/3 ━{20} \ds \d+[um]s/step - accuracy: \d\.\d{4} - loss: \d\.\d{4} *", final), final


def test_line_in_a_notebook(capsys: Any, monkeypatch: Any) -> None:
    import sys
    import types

    class ZMQInteractiveShell:
        """The shell of Jupyter's kernels."""

    ipython = types.SimpleNamespace(get_ipython=ZMQInteractiveShell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    small().fit(*images(), callbacks=[Recorder(True)])
    out = capsys.readouterr().out
    assert out.count("\n") == 2  # the heading, and the line that was updated
    assert out.count("\r") == 3


def test_a_narrow_terminal_is_not_overrun(capsys: Any, monkeypatch: Any) -> None:
    from convoy._progress import bar

    monkeypatch.setenv("COLUMNS", "40")
    line = bar(1)
    line.dynamic = True
    line.update(1, 1000, 0.1, {"loss": 1.0, "accuracy": 0.5})
    line.update(500, 1000, 10.0, {"loss": 1.0, "accuracy": 0.5})
    for part in capsys.readouterr().out.split("\r"):
        assert len(re.sub("\033\\[[0-9]*m", "", part)) < 40
