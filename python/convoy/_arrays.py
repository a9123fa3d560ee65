"""NumPy arrays to the library's data sets.

Arrays of uint8 and float32 that are contiguous in C's order are used where they lie. Others are copied first: other
layouts, other numbers (to float32), labels that are not uint8.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from . import _library
from ._errors import UsageError
from ._library import lib

_U8 = np.dtype(np.uint8)
_F32 = np.dtype(np.float32)


def as_array(value: Any, where: str) -> np.ndarray[Any, Any]:
    """The value as an array, of the same memory where it has an interface for that: ``__array__``,
    ``__array_interface__``, DLPack, or the buffer protocol."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        return np.from_dlpack(value)
    try:
        return np.asarray(value)
    except ValueError as error:
        raise UsageError(where, f"not an array: {error}") from error


def as_images(value: Any, where: str = "x") -> np.ndarray[Any, Any]:
    """Images as an array ``(N, height, width, channels)``, contiguous, of uint8 or float32.

    Takes ``(N, height, width, channels)``, ``(N, height, width)`` and ``(N, features)`` of any real numbers.
    """
    images = as_array(value, where)
    dtype = images.dtype
    if dtype != _U8 and dtype != _F32:
        if dtype.kind not in "buif":
            raise UsageError(where, f"an array of {dtype}; expected numbers: uint8, float32, or what converts to it")
        images = images.astype(_U8 if dtype.kind == "b" else _F32)
    shape = images.shape
    rank = len(shape)
    if rank != 4:
        if rank == 3:
            images = images.reshape((*shape, 1))
        elif rank == 2:
            images = images.reshape((shape[0], 1, 1, shape[1]))
        else:
            raise UsageError(
                where,
                f"an array of shape {shape}; expected (N, height, width), (N, height, width, channels) or (N, features)",
            )
    return images if images.flags.c_contiguous else np.ascontiguousarray(images)


def _from_one_hot(labels: np.ndarray[Any, Any], classes: int, where: str) -> np.ndarray[Any, Any]:
    if labels.shape[1] != classes:
        raise UsageError(
            where, f"one-hot labels of shape {labels.shape}, but the model has {classes} classes; expected (N, {classes})"
        )
    numbers: np.ndarray[Any, Any] = labels.argmax(axis=1)
    ones = np.count_nonzero(labels, axis=1) == 1
    ones &= labels[np.arange(len(labels)), numbers] == 1
    if not ones.all():
        row = int(np.argmin(ones))
        raise UsageError(where, f"row {row} is {labels[row]}; expected one 1 and zeros, or class numbers of shape (N,)")
    return numbers


def as_labels(value: Any, count: int, classes: int, where: str = "y") -> np.ndarray[Any, Any]:
    """Labels as class numbers, ``(N,)``, contiguous, uint8.

    Takes class numbers of any type, ``(N,)`` or ``(N, 1)``, and one-hot rows ``(N, classes)``.
    """
    labels = as_array(value, where)
    if labels.dtype.kind not in "buif":
        raise UsageError(where, f"an array of {labels.dtype}; expected class numbers, or one-hot rows")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels.reshape(-1)
    if labels.ndim not in (1, 2):
        raise UsageError(where, f"an array of shape {labels.shape}; expected (N,), or one-hot (N, {classes})")
    if len(labels) != count:
        raise UsageError(where, f"{len(labels)} labels, but {count} images")
    if labels.ndim == 2:
        labels = _from_one_hot(labels, classes, where)
    elif count and labels.dtype != _U8:
        wrong = ~((labels >= 0) & (labels < classes))
        if labels.dtype.kind == "f":
            wrong |= labels != np.floor(labels)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise UsageError(
                where, f"label {row} is {labels[row]}; expected class numbers from 0 to {classes - 1}, or one-hot rows"
            )
    return np.ascontiguousarray(labels, dtype=_U8)


class Dataset:
    """A data set of the library over arrays, which live as long as it does."""

    __slots__ = ("arrays", "handle")

    def __init__(self, images: np.ndarray[Any, Any], labels: np.ndarray[Any, Any] | None) -> None:
        name = "cvy_dataset_from_u8" if images.dtype == _U8 else "cvy_dataset_from_f32"
        self.handle = None
        self.arrays = (images, labels)
        self.handle = _library.call(
            name, images.ctypes.data, None if labels is None else labels.ctypes.data, *images.shape
        )

    def __del__(self) -> None:
        lib.cvy_dataset_free(self.handle)


def view(array: _library.Array) -> np.ndarray[Any, Any]:
    """The values of a ``cvy_array`` where they lie."""
    shape = tuple(array.shape[: array.rank])
    values = (ctypes.c_float * array.count).from_address(array.values)
    return np.frombuffer(values, dtype=_F32).reshape(shape)
