"""The C library: the structs and functions of ``convoy.h`` for ctypes.

A test compares every struct with the header. ctypes releases the GIL while a function runs.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_bool,
    c_char,
    c_char_p,
    c_double,
    c_int,
    c_size_t,
    c_uint64,
    c_void_p,
)
from typing import Any

from . import _errors


class Status(Structure):
    c_name = "cvy_status"
    _fields_ = [("code", c_int), ("where", c_char * 512), ("what", c_char * 2048)]


class Array(Structure):
    c_name = "cvy_array"
    _fields_ = [
        ("name", c_char * 256),
        ("rank", c_int),
        ("shape", c_size_t * 4),
        ("count", c_size_t),
        ("values", c_void_p),  # float *
    ]


class Images(Structure):
    c_name = "cvy_images"
    _fields_ = [
        ("u8", c_void_p),
        ("f32", c_void_p),
        ("count", c_size_t),
        ("height", c_int),
        ("width", c_int),
        ("channels", c_int),
    ]


class CompileOptions(Structure):
    c_name = "cvy_compile_options"
    _fields_ = [
        ("optimizer", c_char_p),
        ("learning_rate", c_double),
        ("loss", c_char_p),
        ("label_smoothing", c_double),
        ("seed", c_uint64),
        ("profile", c_bool),
        ("threads", c_int),
        ("layout", c_char_p),
        ("isa", c_char_p),
    ]


class Progress(Structure):
    c_name = "cvy_progress"
    _fields_ = [
        ("epoch", c_int),
        ("epochs", c_int),
        ("step", c_size_t),
        ("steps", c_size_t),
        ("seconds", c_double),
        ("loss", c_double),
        ("accuracy", c_double),
        ("validated", c_bool),
        ("val_loss", c_double),
        ("val_accuracy", c_double),
    ]


# Without the last parameter, which Python's functions do not need: C's calling conventions allow that.
ProgressFunction = CFUNCTYPE(c_bool, POINTER(Progress))


class FitOptions(Structure):
    c_name = "cvy_fit_options"
    _fields_ = [
        ("epochs", c_int),
        ("images", c_size_t),
        ("batch_size", c_int),
        ("validation_split", c_double),
        ("validation_data", c_void_p),
        ("no_shuffle", c_bool),
        ("schedule", c_char_p),
        ("random_shift", c_int),
        ("target_accuracy", c_double),
        ("on_epoch", ProgressFunction),
        ("on_progress", ProgressFunction),
        ("every_step", c_bool),
        ("user", c_void_p),
        ("stop", c_void_p),
        ("checkpoint", c_char_p),
        ("checkpoint_epochs", c_int),
        ("checkpoint_steps", c_size_t),
        ("checkpoint_seconds", c_double),
        ("checkpoint_keep", c_int),
    ]


class Evaluation(Structure):
    c_name = "cvy_evaluation"
    _fields_ = [("loss", c_double), ("accuracy", c_double)]


class Measured(Structure):
    c_name = None  # a struct without a name, in cvy_recipe
    _fields_ = [("accuracy", c_double), ("deviation", c_double), ("minimum", c_double), ("seeds", c_int)]


class Recipe(Structure):
    c_name = "cvy_recipe"
    _fields_ = [
        ("name", c_char_p),
        ("about", c_char_p),
        ("network", c_char_p),
        ("preprocessing", c_char_p),
        ("compile", CompileOptions),
        ("fit", FitOptions),
        ("measured", Measured),
    ]


TRAIN, TEST = 0, 1

_status = POINTER(Status)
_functions: dict[str, tuple[Any, list[Any]]] = {
    "cvy_version": (c_char_p, []),
    "cvy_dataset_load": (c_void_p, [c_char_p, c_int, _status]),
    "cvy_dataset_from_u8": (c_void_p, [c_void_p, c_void_p, c_size_t, c_int, c_int, c_int, _status]),
    "cvy_dataset_from_f32": (c_void_p, [c_void_p, c_void_p, c_size_t, c_int, c_int, c_int, _status]),
    "cvy_dataset_count": (c_size_t, [c_void_p]),
    "cvy_dataset_images": (Images, [c_void_p]),
    "cvy_dataset_labels": (c_void_p, [c_void_p]),
    "cvy_dataset_free": (None, [c_void_p]),
    "cvy_model_from_json": (c_void_p, [c_char_p, _status]),
    "cvy_model_from_weights": (c_void_p, [c_char_p, _status]),
    "cvy_model_free": (None, [c_void_p]),
    "cvy_to_json": (c_void_p, [c_void_p, _status]),
    "cvy_summary": (c_void_p, [c_void_p, c_int, _status]),
    "cvy_preprocess": (None, [c_void_p, c_char_p, _status]),
    "cvy_preprocessing_of": (c_void_p, [c_void_p, _status]),
    "cvy_compile": (None, [c_void_p, POINTER(CompileOptions), _status]),
    "cvy_fit": (None, [c_void_p, c_void_p, POINTER(FitOptions), _status]),
    "convoy_python_fit": (c_bool, [c_void_p, c_void_p, POINTER(FitOptions), _status]),
    "cvy_evaluate": (Evaluation, [c_void_p, c_void_p, _status]),
    "cvy_predict": (None, [c_void_p, c_void_p, c_size_t, c_size_t, c_void_p, _status]),
    "cvy_classes": (c_int, [c_void_p]),
    "cvy_threads": (c_int, [c_void_p]),
    "cvy_isa": (c_char_p, [c_void_p]),
    "cvy_weight": (Array, [c_void_p, c_int, _status]),
    "cvy_optimizer_variable": (Array, [c_void_p, c_int, _status]),
    "cvy_iterations": (c_uint64, [c_void_p]),
    "cvy_set_iterations": (None, [c_void_p, c_uint64, _status]),
    "cvy_learning_rate": (c_double, [c_void_p]),
    "cvy_set_learning_rate": (None, [c_void_p, c_double, _status]),
    "cvy_save": (None, [c_void_p, c_char_p, _status]),
    "cvy_load": (None, [c_void_p, c_char_p, _status]),
    "cvy_recipe_from": (POINTER(Recipe), [c_char_p, _status]),
    "cvy_recipe_free": (None, [POINTER(Recipe)]),
    "cvy_recipe_name": (c_char_p, [c_int]),
    "cvy_recipe_model": (c_void_p, [POINTER(Recipe), _status]),
}


def _path() -> str:
    path = os.path.join(os.path.dirname(__file__), "_libconvoy.so")
    if not os.path.exists(path):  # "pip install -e" leaves it in the build directory
        import importlib.resources

        path = str(importlib.resources.files(__package__) / "_libconvoy.so")
    return path


lib = ctypes.CDLL(_path())
for _name, (_restype, _argtypes) in _functions.items():
    _function = getattr(lib, _name)
    _function.restype = _restype
    _function.argtypes = _argtypes

_free = ctypes.CDLL(None).free
_free.restype = None
_free.argtypes = [c_void_p]


def raise_for(status: Status) -> None:
    """Raises what the status says; returns if it is no error."""
    if status.code:
        raise _errors.from_code(status.code, status.where.decode(errors="replace"), status.what.decode(errors="replace"))


def call(name: str, *arguments: Any) -> Any:
    """Calls a function whose last parameter is a status, and raises its error."""
    status = Status()
    result = getattr(lib, name)(*arguments, ctypes.byref(status))
    raise_for(status)
    return result


def take_text(address: int | None) -> str:
    """A text that the caller is to free."""
    assert address is not None
    try:
        return ctypes.string_at(address).decode()
    finally:
        _free(address)


def encode(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


