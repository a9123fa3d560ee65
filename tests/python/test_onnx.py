"""ONNX models: the checker accepts them, and ONNX Runtime predicts what Convoy predicts."""

from __future__ import annotations

import pathlib
from typing import Any

import convoy
import numpy as np
import pytest
from convoy import layers

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

Network = tuple[tuple[int, ...], list[Any], str]


def networks() -> dict[str, Network]:
    """Name: shape of the images, layers behind the input, preprocessing."""
    conv, pool, mean, dense = layers.Conv2D, layers.MaxPooling2D, layers.AveragePooling2D, layers.Dense
    flatten, activation = layers.Flatten, layers.Activation
    end = dense(10, "softmax")
    fast = [conv(8, 5, activation="silu"), pool(2), flatten(), dense(32, "silu"), end]
    return {
        "lesson": (
            (28, 28, 1),
            [conv(3, 5, activation="swish"), pool(), conv(6, 5, activation="swish"), pool(), flatten(),
             dense(84, "swish"), end],
            "",
        ),
        "lenet5": (
            (28, 28, 1),
            [conv(6, 5, activation="relu"), pool(), conv(16, 5, activation="relu"), pool(), flatten(),
             dense(120, "relu"), dense(84, "relu"), end],
            "scale=1/255",
        ),
        "colour": ((32, 30, 3), [layers.Rescaling(1 / 127.5, -1), conv(7, 3, activation="relu"), flatten(), end], ""),
        "same": (
            (13, 11, 3),
            [layers.Rescaling(1 / 255), conv(5, (4, 3), strides=(2, 1), padding="same", activation="tanh"),
             pool((3, 2), strides=(2, 3), padding="same"), conv(4, (2, 3), padding="same"), activation("relu"),
             mean((2, 3), strides=(1, 2), padding="same"), flatten(), end],
            "",
        ),
        "same, strides as large as the window": (
            (10, 7, 2), [conv(4, 3, strides=(4, 3), padding="same", activation="sigmoid"), flatten(), end], "scale=0.01"
        ),
        "same, windows as large as the image": (
            (5, 6, 2), [mean((9, 8), padding="same"), pool((4, 4), strides=1, padding="same"), flatten(), end],
            "scale=0.01",
        ),
        "valid, windows that overlap": (
            (20, 17, 2), [pool(3, strides=2), mean((2, 3), strides=(1, 2)), flatten(), end], "scale=0.01"
        ),
        "no bias": (
            (9, 9, 1), [conv(4, 3, use_bias=False), flatten(), dense(5, "tanh", use_bias=False), end], "scale=0.01"
        ),
        "softmax within": (
            (9, 8, 3), [conv(4, 3, activation="softmax"), activation("softmax"), flatten(), dense(6, "softmax"), end],
            "scale=0.01",
        ),
        "softmax of images": ((4, 4, 1), [conv(10, 4, activation="softmax"), flatten()], "scale=0.01"),
        "dropout": (
            (8, 8, 1), [layers.Dropout(0.3), flatten(), layers.Dropout(0.5), dense(9), activation("sigmoid"), end],
            "scale=0.01",
        ),
        "no convolution": ((28, 28, 1), [flatten(), dense(16, "sigmoid"), end], "scale=1/255,mean=0.13,variance=0.09"),
        "flattened late": (
            (6, 5, 4), [activation("softmax"), layers.Rescaling(2), activation("linear"), flatten(), end], "scale=0.01"
        ),
        "one convolution after another": (
            (12, 12, 2), [conv(3, 3, activation="relu"), conv(3, 1), conv(5, (1, 3), strides=2), flatten(), end],
            "offset=-100,scale=0.01",
        ),
        "cropped and pooled": (
            (28, 28, 1), fast, "center_crop=24,average_pooling=2,scale=1/255,mean=0.1307,variance=0.0949"
        ),
        "cropped off the middle": ((21, 24, 2), [flatten(), end], "center_crop=10x11,scale=1/255"),
        "pooled with a rest": ((25, 26, 1), [conv(4, 3), flatten(), end], "average_pooling=2x3,scale=1/255"),
    }  # fmt: skip


def input_shape(shape: tuple[int, ...], preprocessing: str) -> tuple[int, ...]:
    """What is left of an image."""
    settings = dict(setting.split("=") for setting in preprocessing.split(",") if setting)
    height, width, channels = shape
    for key in ("center_crop", "average_pooling"):
        if key in settings:
            sizes = [int(size) for size in settings[key].split("x") * 2]
            height, width = (sizes[0], sizes[1]) if key == "center_crop" else (height // sizes[0], width // sizes[1])
    return height, width, channels


@pytest.mark.parametrize("name", networks())
def test_runtime_predicts_the_same(name: str, tmp_path: pathlib.Path) -> None:
    shape, behind, preprocessing = networks()[name]
    model = convoy.Sequential([convoy.Input(input_shape(shape, preprocessing)), *behind])
    model.compile(loss="categorical_crossentropy", optimizer="sgd")
    model.preprocessing = preprocessing
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (40, *shape)).astype(np.uint8)
    model.fit(images, random.integers(0, 10, 40), epochs=1, batch_size=40, verbose=0)
    model.set_weights([w + 0.1 * random.standard_normal(w.shape).astype(np.float32) for w in model.get_weights()])

    path = tmp_path / "model.onnx"
    model.save(path)
    saved = onnx.load(path)
    onnx.checker.check_model(saved, full_check=True)
    assert saved.producer_name == "convoy" and saved.producer_version == convoy.__version__
    assert saved.opset_import[0].version >= 17
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert taken.name == "input_layer" and taken.shape == ["batch", *shape]
    assert given.name == behind[-1].name and given.shape == ["batch", 10]
    for batch in (images[:1], images[1:8], images):
        predicted = session.run(None, {taken.name: batch.astype(np.float32)})[0]
        np.testing.assert_allclose(predicted, model.predict(batch, verbose=0), rtol=0, atol=1e-5)


def test_deskew_is_refused(tmp_path: pathlib.Path) -> None:
    model = convoy.Sequential([convoy.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10, "softmax")])
    model.compile(loss="categorical_crossentropy", optimizer="sgd")
    model.preprocessing = "deskew"
    with pytest.raises(convoy.Error, match="deskew has no operator in ONNX"):
        model.save(tmp_path / "model.onnx")
