"""What counts as images and labels, and what is copied."""

from __future__ import annotations

import array
import ctypes
from typing import Any

import convoy
import numpy as np
import pytest
from convoy import _arrays


def address(a: Any) -> int:
    return int(a.__array_interface__["data"][0])


class Interface:
    """An array that has nothing but one interface."""

    def __init__(self, values: np.ndarray[Any, Any], name: str) -> None:
        if name == "__array_interface__":
            self.__array_interface__ = values.__array_interface__
        self._values = values
        self._name = name


class DLPack(Interface):
    def __dlpack__(self, **arguments: Any) -> Any:
        return self._values.__dlpack__(**arguments)

    def __dlpack_device__(self) -> Any:
        return self._values.__dlpack_device__()


class ArrayMethod(Interface):
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self._values if dtype is None else self._values.astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (3, 4, 5), (3, 7)])
def test_contiguous_images_are_used_where_they_lie(dtype: Any, shape: tuple[int, ...]) -> None:
    images = np.ones(shape, dtype)
    taken = _arrays.as_images(images)
    assert address(taken) == address(images)
    assert taken.shape == {4: shape, 3: (*shape, 1), 2: (shape[0], 1, 1, shape[-1])}[len(shape)]
    dataset = _arrays.Dataset(taken, None)
    found = _arrays.lib.cvy_dataset_images(dataset.handle)
    assert address(images) in (found.u8, found.f32)
    assert (found.count, found.height, found.width, found.channels) == taken.shape


@pytest.mark.parametrize("kind", [Interface, DLPack, ArrayMethod])
def test_interfaces_are_used_where_they_lie(kind: Any) -> None:
    images = np.ones((3, 4, 5), np.float32)
    assert address(_arrays.as_images(kind(images, "__array_interface__" if kind is Interface else ""))) == address(images)


def test_buffers_are_used_where_they_lie() -> None:
    memory = (ctypes.c_uint8 * 24)(*range(24))
    taken = _arrays.as_images(memoryview(memory).cast("B", (2, 3, 4)))
    assert address(taken) == ctypes.addressof(memory)
    assert (_arrays.as_labels(array.array("b", [0, 2]), 2, 3) == [0, 2]).all()


@pytest.mark.parametrize("dtype", ["f8", "f2", ">f4", "i8", "u2", "?", "i1"])
def test_other_numbers_are_converted(dtype: str) -> None:
    values = np.array([[[0, 1], [1, 0]]], dtype)
    taken = _arrays.as_images(values)
    assert taken.dtype == (np.uint8 if dtype == "?" else np.float32)
    assert (taken[0, :, :, 0] == [[0, 1], [1, 0]]).all()


def test_other_layouts_are_copied() -> None:
    images = np.arange(48, dtype=np.float32).reshape(2, 4, 6)
    for view in (images[:, ::2], images.transpose(0, 2, 1), np.asfortranarray(images), images[::-1]):
        taken = _arrays.as_images(view)
        assert taken.flags.c_contiguous
        assert (taken[..., 0] == view).all()


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.zeros(3), "shape (3,)"),
        (np.zeros((1, 2, 3, 4, 5)), "shape (1, 2, 3, 4, 5)"),
        (np.zeros((2, 2), complex), "complex128"),
        (np.array([["a"]]), "<U1"),
        ([[1], [1, 2]], "not an array"),
        (None, "object"),
        (iter([1]), "object"),
    ],
)
def test_refused_images(value: Any, says: str) -> None:
    with pytest.raises(ValueError, match="^x: ") as error:
        _arrays.as_images(value)
    assert says in str(error.value)
    assert error.value.where == "x"  # type: ignore[attr-defined]


@pytest.mark.parametrize("dtype", ["u1", "i1", "i4", "i8", ">i8", "u8", "f4", "f8"])
def test_class_numbers(dtype: str) -> None:
    for labels in (np.array([0, 2, 1], dtype), np.array([[0], [2], [1]], dtype), np.eye(3, dtype=dtype)[[0, 2, 1]]):
        taken = _arrays.as_labels(labels, 3, 3)
        assert taken.dtype == np.uint8
        assert taken.flags.c_contiguous
        assert taken.tolist() == [0, 2, 1]


def test_labels_of_uint8_are_used_where_they_lie() -> None:
    labels = np.array([0, 1, 2], np.uint8)
    assert address(_arrays.as_labels(labels, 3, 3)) == address(labels)
    assert _arrays.as_labels([True, False], 2, 2).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([0, 1], "2 labels, but 3 images"),
        ([0, 1, 3], "label 2 is 3; expected class numbers from 0 to 2"),
        ([0, -1, 0], "label 1 is -1"),
        ([0, 256, 0], "label 1 is 256"),
        ([0.5, 0, 0], "label 0 is 0.5"),
        ([np.nan, 0, 0], "label 0 is nan"),
        (np.eye(4)[:3], "the model has 3 classes"),
        ([[1, 0, 0], [0, 1, 1], [0, 0, 1]], "row 1 is [0 1 1]"),
        ([[1, 0, 0], [0, 0, 0], [0, 0, 1]], "row 1 is [0 0 0]"),
        ([[0.9, 0.1, 0], [0, 1, 0], [0, 0, 1]], "row 0 is"),
        ([[0, 2, 0], [0, 1, 0], [0, 0, 1]], "row 0 is [0 2 0]"),
        (["a", "b", "c"], "<U1"),
        (np.zeros((3, 3, 3)), "shape (3, 3, 3)"),
    ],
)
def test_refused_labels(value: Any, says: str) -> None:
    with pytest.raises(convoy.UsageError) as error:
        _arrays.as_labels(value, 3, 3)
    assert says in str(error.value)


def test_labels_of_uint8_are_checked_by_the_library() -> None:
    model = convoy.Sequential([convoy.Input((2,)), convoy.layers.Dense(3, activation="softmax")])
    model.compile()
    with pytest.raises(convoy.Error, match="label"):
        model.fit(np.zeros((2, 2)), np.array([0, 7], np.uint8), verbose=0)


def test_no_images() -> None:
    model = convoy.Sequential([convoy.Input((2,)), convoy.layers.Dense(3, activation="softmax")])
    model.compile()
    assert model.predict(np.zeros((0, 2))).shape == (0, 3)
    with pytest.raises(ValueError, match="0 images"):
        model.fit(np.zeros((0, 2)), [], verbose=0)
