"""Layers and models as described: arguments, names, shapes, errors."""

from __future__ import annotations

import json
from typing import Any

import convoy
import numpy as np
import pytest
from convoy import layers


def lesson() -> convoy.Model:
    X = layers.Input(shape=[28, 28, 1])
    H = layers.Conv2D(3, kernel_size=5, activation="swish")(X)
    H = layers.MaxPool2D()(H)
    H = layers.Conv2D(6, kernel_size=5, activation="swish")(H)
    H = layers.MaxPool2D()(H)
    H = layers.Flatten()(H)
    H = layers.Dense(84, activation="swish")(H)
    Y = layers.Dense(10, activation="softmax")(H)
    return convoy.Model(X, Y)


def test_lesson() -> None:
    model = lesson()
    assert model.count_params() == 9532
    assert [layer.name for layer in model.layers] == [
        "input_layer", "conv2d", "max_pooling2d", "conv2d_1", "max_pooling2d_1", "flatten", "dense", "dense_1"
    ]  # fmt: skip
    assert [w.shape for w in model.get_weights()] == [
        (5, 5, 1, 3), (3,), (5, 5, 3, 6), (6,), (96, 84), (84,), (84, 10), (10,)
    ]  # fmt: skip
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    assert lines[0].startswith('Model: "functional"')
    assert "9,532" in lines[0]


def test_every_layer() -> None:
    model = convoy.Sequential(
        [
            convoy.Input((12, 12, 3)),
            layers.Rescaling(1 / 255, offset=-0.5),
            layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", use_bias=False, kernel_initializer="he_normal"),
            layers.Activation("relu"),
            layers.AveragePooling2D(2, strides=1),
            layers.MaxPooling2D((2, 3), padding="same"),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(5, "softmax", bias_initializer="he_uniform"),
        ],
        name="all",
    )
    assert model.name == "all"
    assert model.get_layer("conv2d").count_params() == 3 * 2 * 3 * 4
    assert len(model.layers) == 8
    assert model.predict(np.zeros((2, 12, 12, 3))).shape == (2, 5)


def test_aliases_and_objects_with_names() -> None:
    def relu() -> None: ...

    assert layers.MaxPool2D is layers.MaxPooling2D
    assert layers.AvgPool2D is layers.AveragePooling2D
    assert layers.Dense(3, relu).get_config()["activation"] == "relu"
    assert layers.Dense(np.int64(3)).get_config()["units"] == 3
    assert layers.Conv2D(np.int32(3), np.int64(5)).get_config()["kernel_size"] == [5, 5]
    json.dumps(layers.Rescaling(np.float32(0.5)).get_config())


def test_settings_reach_the_network() -> None:
    """Two descriptions of the same network give the same numbers; another initializer gives others."""

    def weights(**settings: Any) -> Any:
        return convoy.Sequential([convoy.Input((4,)), layers.Dense(3, "softmax", **settings)]).get_weights()[0]

    assert (weights() == weights(kernel_initializer="glorot_uniform")).all()
    assert (weights() != weights(kernel_initializer="he_uniform")).any()
    assert not weights(kernel_initializer="zeros").any()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: layers.Dense(3, kernel_regularizer="l2"), "Dense, kernel_regularizer: 'l2' is not supported"),
        (lambda: layers.Conv2D(3, 3, dilation_rate=2), "Conv2D, dilation_rate"),
        (lambda: layers.Conv2D(3, 3, groups=2), "Conv2D, groups"),
        (lambda: layers.Conv2D(3, 3, data_format="channels_first"), "Conv2D, data_format"),
        (lambda: layers.MaxPooling2D(data_format="channels_first"), "MaxPooling2D, data_format"),
        (lambda: layers.Dropout(0.5, seed=3), "Dropout, seed"),
        (lambda: layers.Dense(3, trainable=False), "Dense, trainable"),
        (lambda: layers.Dense(3, dtype="float16"), "Dense, dtype"),
        (lambda: layers.Dense(3, unit=4), "'unit' is no argument"),
        (lambda: layers.Input((3,), batch_size=4), "Input, batch_size"),
        (lambda: layers.Input(), "Input, shape"),
        (lambda: layers.Dense(3)(np.zeros(3)), "expected what a layer or Input returned"),
        (lambda: layers.Dense(3).get_weights(), "has no weights yet"),
        (lambda: convoy.Sequential([layers.Dense(3)]).get_weights(), "is not built yet"),
        (lambda: convoy.Sequential([3]), "is no layer"),
        (lambda: convoy.Model(layers.Input((3,)), layers.Dense(3)(layers.Input((3,)))), "expected from"),
    ],
)
def test_refused_arguments(make: Any, says: str) -> None:
    with pytest.raises(ValueError) as error:
        make()
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("layer", "where"),
    [
        (layers.Dense(0, name="wide"), 'layer "wide", units'),
        (layers.Dense(3, activation="gelu"), 'layer "dense", activation'),
        (layers.Dense(3, kernel_initializer="ones"), 'layer "dense", kernel_initializer'),
        (layers.Conv2D(3, 3), 'layer "conv2d", input shape'),
        (layers.Dropout(1.5), 'layer "dropout", rate'),
        (layers.Dense(3, name="a/b"), "layer name"),
    ],
)
def test_errors_of_the_library_name_the_layer(layer: Any, where: str) -> None:
    with pytest.raises(convoy.Error) as error:
        convoy.Sequential([convoy.Input((4,)), layer])
    assert where in error.value.where


def test_built_from_the_data() -> None:
    for x, shape in ((np.zeros((4, 6, 6)), (36, 2)), (np.zeros((4, 6, 6, 2)), (72, 2))):
        model = convoy.Sequential([layers.Flatten(), layers.Dense(2, "softmax")])
        assert not model.built
        model.compile()
        model.fit(x, [0, 1, 0, 1], verbose=0)
        assert model.built
        assert model.get_weights()[0].shape == shape
    model = convoy.Sequential([layers.Dense(2, "softmax")])
    model.compile()
    model.fit(np.zeros((2, 5)), [0, 1], verbose=0)
    assert model.get_weights()[0].shape == (5, 2)


def test_built_by_shape_and_by_layers() -> None:
    model = convoy.Sequential([layers.Dense(2, "softmax")])
    model.build((None, 7))
    assert model.count_params() == 16
    model = convoy.Sequential([layers.Flatten(input_shape=(3, 3, 1)), layers.Dense(2, "softmax")])
    assert model.count_params() == 20
    model = convoy.Sequential()
    model.add(convoy.Input((3,)))
    model.add(layers.Dense(4, "relu"))
    with pytest.raises(convoy.Error):
        model.count_params()  # no softmax yet
    model.add(layers.Dense(2, "softmax"))
    assert model.count_params() == 16 + 10
    model.compile()
    with pytest.raises(ValueError, match="before compile"):
        model.add(layers.Dense(2, "softmax"))


def test_preprocessing_hides_the_shape() -> None:
    model = convoy.Sequential([layers.Flatten(), layers.Dense(2, "softmax")])
    model.preprocessing = "average_pooling=2"
    model.compile()
    with pytest.raises(ValueError, match="give it an Input"):
        model.fit(np.zeros((2, 8, 8)), [0, 1])
    with pytest.raises(convoy.Error):
        convoy.Sequential([convoy.Input((4,))]).preprocessing = "sharpen"


def test_a_layer_belongs_to_one_model() -> None:
    dense = layers.Dense(2, "softmax")
    convoy.Sequential([convoy.Input((4,)), dense])
    with pytest.raises(ValueError, match="in a model already"):
        convoy.Sequential([convoy.Input((4,)), dense])


def test_weights_of_layers() -> None:
    model = lesson()
    kernel, bias = model.layers[3].get_weights()
    model.layers[3].set_weights([kernel + 1, bias + 2])
    assert (model.get_weights()[2] == kernel + 1).all()
    assert (model.layers[3].weights[1] == 2).all()
    assert model.layers[2].get_weights() == []
    for wrong in ([kernel], [kernel, bias[:-1]], [bias, kernel]):
        with pytest.raises(ValueError, match="set_weights"):
            model.layers[3].set_weights(wrong)
    assert (model.get_weights()[2] == kernel + 1).all()


def test_json_both_ways() -> None:
    text = lesson().to_json()
    again = convoy.model_from_json(text)
    assert json.loads(again.to_json()) == json.loads(text)
    for layer, twin in zip(again.layers, lesson().layers):
        assert (type(layer), layer.name) == (type(twin), twin.name)
    assert again.layers[1].get_config()["kernel_size"] == [5, 5]
    assert not again.compiled
    with pytest.raises(convoy.Error, match="line 1"):
        convoy.model_from_json("{")


def test_json_of_a_compiled_model() -> None:
    model = lesson()
    model.compile(convoy.optimizers.SGD(0.5, momentum=0.25), convoy.losses.CategoricalCrossentropy(label_smoothing=0.125))
    again = convoy.model_from_json(model.to_json())
    assert again.optimizer is not None
    assert again.optimizer.get_config() == {
        **convoy.optimizers.SGD(0.5, momentum=0.25).get_config(),
        "name": again.optimizer.name,
    }
    assert again.loss.label_smoothing == 0.125
    text = json.loads(model.to_json())
    text["compile_config"]["optimizer"]["config"].update(clipnorm=1.0, global_clipnorm=2.0)
    with pytest.raises(convoy.Error) as error:
        convoy.model_from_json(json.dumps(text))
    assert "clipnorm" in str(error.value)
    assert "global_clipnorm" in str(error.value)
