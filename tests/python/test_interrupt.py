"""Ctrl-C during a fit."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import convoy
import numpy as np
import pytest
from networks import images, same, small

STEPS = 1_000_000  # minutes, unless something stops the fit
X = np.zeros((STEPS, 8, 8), np.uint8)
Y = np.zeros(STEPS, np.uint8)


@pytest.fixture(autouse=True)
def ctrl_c_is_pythons() -> Iterator[None]:
    """Also where the tests run in the background: a shell has SIGINT ignored there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def interrupt_soon() -> Iterator[None]:
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.join()


def test_a_fit_stops_after_the_current_step() -> None:
    model = small("sgd")
    ended: list[int] = []
    note = convoy.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ended.append(epoch))
    with pytest.raises(KeyboardInterrupt), interrupt_soon():
        model.fit(X, Y, batch_size=1, epochs=3, verbose=0, callbacks=[note])
    assert model.optimizer is not None
    assert 0 < model.optimizer.iterations < STEPS
    assert not ended
    # The model is usable, and Ctrl-C is Python's again.
    model.fit(*images(), verbose=0)
    assert model.predict(X[:2]).shape == (2, 3)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    model.fit(*images(), verbose=0)


def test_a_fit_with_callbacks_of_batches_stops() -> None:
    model = small("sgd")
    seen: list[int] = []
    note = convoy.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    with pytest.raises(KeyboardInterrupt), interrupt_soon():
        model.fit(X, Y, batch_size=1, verbose=0, callbacks=[note])
    assert model.optimizer is not None
    assert 0 < model.optimizer.iterations < STEPS
    assert len(seen) <= model.optimizer.iterations


def test_the_progress_bar_ends_its_line(capsys: Any, monkeypatch: Any) -> None:
    import sys

    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(KeyboardInterrupt), interrupt_soon():
        small("sgd").fit(X, Y, batch_size=1)
    assert capsys.readouterr().out.endswith("\n")


def test_a_handler_of_the_program_runs() -> None:
    class Stopped(Exception):
        pass

    def stop(*_: Any) -> None:
        raise Stopped

    before = signal.signal(signal.SIGINT, stop)
    try:
        model = small("sgd")
        with pytest.raises(Stopped), interrupt_soon():
            model.fit(X, Y, batch_size=1, verbose=0)
        assert signal.getsignal(signal.SIGINT) is stop
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_fit_within_a_callback_stops() -> None:
    outer, inner = small("sgd"), small("sgd")
    fit = convoy.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: inner.fit(X, Y, batch_size=1, verbose=0))
    with pytest.raises(KeyboardInterrupt), interrupt_soon():
        outer.fit(*images(), epochs=9, verbose=0, callbacks=[fit])
    assert outer.optimizer is not None
    assert outer.optimizer.iterations == 3


def test_a_fit_of_another_thread_goes_on() -> None:
    x, y = images()
    expected, model = small(), small()
    expected.fit(x, y, epochs=2000, verbose=0)
    thread = threading.Thread(target=model.fit, args=(x, y), kwargs={"epochs": 2000, "verbose": 0})
    thread.start()
    with pytest.raises(KeyboardInterrupt), interrupt_soon():
        small("sgd").fit(X, Y, batch_size=1, verbose=0)
    thread.join()
    assert same(model.get_weights(), expected.get_weights())
