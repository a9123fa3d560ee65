"""Errors, those of the library and those of this package."""

from __future__ import annotations

FAILED = 1
USAGE = 2
DIVERGED = 3
INTERRUPTED = 130


class Error(Exception):
    """An error of Convoy.

    ``where`` names the file, layer, argument or option; ``what`` says what was found and what is expected; ``code`` is a
    ``cvy_code`` of ``convoy.h``.

    >>> import convoy
    >>> try:
    ...     convoy.recipe("fastest")
    ... except convoy.Error as error:
    ...     print(error.where)
    fastest
    """

    def __init__(self, where: str, what: str, code: int = FAILED) -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.where = where
        self.what = what
        self.code = code

    def __reduce__(self) -> tuple[type[Error], tuple[str, str, int]]:
        return type(self), (self.where, self.what, self.code)


class UsageError(Error, ValueError):
    """An argument or option that makes no sense, or that Convoy does not support."""

    def __init__(self, where: str, what: str, code: int = USAGE) -> None:
        super().__init__(where, what, code)


class Diverged(Error):
    """NaN or infinity in loss, gradient or weights. The model holds the weights after the last whole epoch."""

    def __init__(self, where: str, what: str, code: int = DIVERGED) -> None:
        super().__init__(where, what, code)


def from_code(code: int, where: str, what: str) -> Error:
    """The exception for a ``cvy_status``."""
    kind = {USAGE: UsageError, DIVERGED: Diverged}.get(code, Error)
    return kind(where, what, code)


def refuse(where: str, **arguments: tuple[object, object]) -> None:
    """Raises UsageError for the first argument, given as ``(value, default)``, that is not at its default."""
    for name, (value, default) in arguments.items():
        if value is not default and not (type(value) is type(default) and value == default):
            raise UsageError(f"{where}, {name}", f"{value!r} is not supported; leave it at {default!r}")
