"""MNIST, as the program ``convoy`` finds it."""

from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np

from .. import _library
from .._library import lib

_Array = np.ndarray[Any, Any]


def _copy(address: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> _Array:
    values = (ctypes.c_char * (dtype.itemsize * int(np.prod(shape)))).from_address(address)
    array: _Array = np.frombuffer(memoryview(values), dtype)
    copied: _Array = array.reshape(shape).copy()
    return copied


def _split(directory: bytes | None, split: int) -> tuple[_Array, _Array]:
    dataset = _library.call("cvy_dataset_load", directory, split)
    try:
        images = lib.cvy_dataset_images(dataset)
        shape = (images.count, images.height, images.width, images.channels)
        dtype = np.dtype(np.uint8 if images.u8 else np.float32)
        pixels = _copy(images.u8 or images.f32, shape[:3] if shape[3] == 1 else shape, dtype)
        return pixels, _copy(lib.cvy_dataset_labels(dataset), shape[:1], np.dtype(np.uint8))
    finally:
        lib.cvy_dataset_free(dataset)


def load_data(path: str | os.PathLike[str] | None = None) -> tuple[tuple[_Array, _Array], tuple[_Array, _Array]]:
    """``(x_train, y_train), (x_test, y_test)``: images uint8 ``(N, 28, 28)``, labels uint8 ``(N,)``.

    ``path`` is a directory with IDX files or ``mnist.npz``, or that file. Without it the same places are searched as by
    the program: Convoy's cache, Keras's cache, torchvision's layout. Nothing is downloaded: ``convoy.Error`` names what
    was looked for, and how to get it.
    """
    directory = None if path is None else os.fsencode(path)
    return _split(directory, _library.TRAIN), _split(directory, _library.TEST)
