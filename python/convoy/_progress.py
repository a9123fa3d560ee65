"""Keras's progress bar.

On a terminal and in a notebook it is one line that updates; elsewhere an epoch has one line at its end.
"""

from __future__ import annotations

import sys

from ._errors import UsageError

_WIDTH = 20


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def _seconds_a_step(seconds: float) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/step"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms/step"
    return f"{seconds * 1e6:.0f}us/step"


def _duration(seconds: float) -> str:
    whole = int(seconds)
    if seconds > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
    if seconds > 60:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole}s"


def _metrics(logs: dict[str, float]) -> str:
    """The metrics, then the loss, then those of the validation, as Keras sorts them."""
    parts = []
    for name in sorted(logs):
        value = logs[name]
        parts.append(f" - {name}: {value:.4f}" if abs(value) > 1e-3 else f" - {name}: {value:.4e}")
    return "".join(sorted(parts, key=lambda part: part.startswith(" - val_")))


class Bar:
    """What a fit or an evaluation prints. ``verbose`` is Keras's: 0 nothing, 1 a bar, 2 a line an epoch."""

    def __init__(self, verbose: int) -> None:
        self.verbose = verbose
        self._notebook = verbose == 1 and _in_notebook()
        # Looked up once: callbacks may redirect the output of others.
        self.dynamic = verbose == 1 and (self._notebook or bool(getattr(sys.stdout, "isatty", bool)()))
        self._drawn = 0
        self._first: float | None = None  # seconds of the first step

    def _write(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        self._first = None
        if self.verbose:
            self._write(f"Epoch {epoch}/{epochs}\n")

    def _a_step(self, step: int, seconds: float) -> float:
        """Without the first step, which includes the start-up, where its time is known."""
        if step > 1 and self._first is not None:
            return (seconds - self._first) / (step - 1)
        return seconds / step if step else 0.0

    def update(self, step: int, steps: int, seconds: float, logs: dict[str, float]) -> None:
        """Shows a step within an epoch."""
        if step == 1:
            self._first = seconds
        if self.dynamic:
            a_step = self._a_step(step, seconds)
            self._draw(step, steps, _duration(a_step * (steps - step)), f" {_seconds_a_step(a_step)}{_metrics(logs)}")

    def end_epoch(self, step: int, steps: int, seconds: float, logs: dict[str, float]) -> None:
        """Shows the end of an epoch, or of an evaluation."""
        if not self.verbose:
            return
        a_step = _seconds_a_step(self._a_step(step, seconds))
        if self.dynamic:
            self._draw(step, steps, f"{seconds:.0f}s", f" {a_step}{_metrics(logs)}", final=True)
        else:
            self._write(f"{step}/{steps} - {seconds:.0f}s - {a_step}{_metrics(logs)}\n")

    def break_line(self) -> None:
        """Ends an unfinished line, so that other output begins on a new one."""
        if self._drawn:
            self._write("\n")
            self._drawn = 0

    def _columns(self) -> int:
        if self._notebook:
            return 120
        import shutil

        return shutil.get_terminal_size().columns

    def _draw(self, step: int, steps: int, time: str, tail: str, final: bool = False) -> None:
        """A line that is overwritten must fit: on a narrow terminal the bar shrinks first, then the tail is cut."""
        count = f"{step:{len(str(steps))}}/{steps}"
        room = self._columns() - 1 - (len(count) + 2 + len(time))
        width = _WIDTH
        if not final and len(tail) + width > room:
            width = max(room - len(tail), 0)
            tail = tail[: max(room, 0)]
        done = width * step // steps
        bar = f"\033[32m{'━' * done}\033[0m\033[37m{'━' * (width - done)}\033[0m" if width else ""
        columns = len(count) + 1 + width + 1 + len(time) + len(tail)
        gone = " " * max(self._drawn - columns, 0)
        self._write(f"\r\033[1m{count}\033[0m {bar} \033[1m{time}\033[0m{tail}{gone}" + ("\n" if final else ""))
        self._drawn = 0 if final else columns


def bar(verbose: str | int) -> Bar:
    """A bar for Keras's ``verbose``: "auto" is 1."""
    if verbose == "auto":
        verbose = 1
    if verbose not in (0, 1, 2):
        raise UsageError("verbose", f'{verbose!r} is not known; expected "auto", 0, 1 or 2')
    return Bar(int(verbose))


