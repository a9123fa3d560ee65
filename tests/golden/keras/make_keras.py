"""The files of this directory, from Keras itself: each model as .keras, .weights.h5 and .h5, and its numbers.

    python make_keras.py        with keras 3.15, tensorflow-cpu 2.21 and h5py

NAME.safetensors holds images, labels, and what Keras computes with the model of NAME.keras: probabilities, weights, the
optimizer's variables, and the weights after five more steps on all images at once."""

import json
import os
import struct

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import h5py
import keras
import numpy as np
from keras import layers as L


def sequential_rmsprop():
    model = keras.Sequential(
        [
            L.Input((8, 8, 1)),
            L.Conv2D(2, 3, activation="swish"),
            L.MaxPool2D(),
            L.Conv2D(3, 2, activation="relu"),
            L.Flatten(),
            L.Dense(4, activation="softmax"),
        ],
        name="sequential",
    )
    optimizer = keras.optimizers.RMSprop(0.002, momentum=0.5, centered=True)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def functional_adam():
    x = L.Input((8, 8, 1))
    h = L.Rescaling(0.5, offset=0.1)(x)
    h = L.Conv2D(2, 3, strides=2, padding="same", activation="relu")(h)
    h = L.AveragePooling2D(2)(h)
    h = L.Flatten()(h)
    h = L.Dense(5, activation="tanh", name="hidden")(h)
    y = L.Dense(4, activation="softmax")(h)
    model = keras.Model(x, y)
    model.compile(keras.optimizers.Adam(0.01, amsgrad=True), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sequential_sgd():
    model = keras.Sequential(
        [
            L.Input((8, 8, 1)),
            L.Conv2D(3, 4, use_bias=False),
            L.Activation("relu"),
            L.Flatten(),
            L.Dense(4, activation="softmax"),
        ],
        name="small",
    )
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def write_safetensors(path, arrays):
    header, data = {}, b""
    for name, array in arrays.items():
        kind = {"float32": "F32", "int32": "I32"}[str(array.dtype)]
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def record(name, model):
    random = np.random.default_rng(7)
    images = random.normal(size=(16, 8, 8, 1)).astype(np.float32)
    labels = random.integers(0, 4, 16).astype(np.int32)
    model.fit(images, labels, epochs=4, batch_size=16, shuffle=False, verbose=0)
    model.save(f"{name}.keras", zipped=True)
    model.save_weights(f"{name}.weights.h5")
    model.save(f"{name}.h5")
    numbers = {"images": images, "labels": labels, "probabilities": model.predict(images, verbose=0)}
    for i, weight in enumerate(model.get_weights()):
        numbers[f"weight/{i}"] = weight
    for i, variable in enumerate(model.optimizer.variables[2:]):
        numbers[f"slot/{i}"] = np.asarray(variable)
    model.fit(images, labels, epochs=5, batch_size=16, shuffle=False, verbose=0)
    for i, weight in enumerate(model.get_weights()):
        numbers[f"after/{i}"] = weight
    write_safetensors(f"{name}.safetensors", numbers)


def keras2_layer(class_name, config):
    return {"class_name": class_name, "config": {"trainable": True, "dtype": "float32", **config}}


def record_keras2(name, model):
    """The file that Keras 2 would write of the first model: texts of fixed length, names with ":0", another JSON. Two
    arrays are compressed, which h5py can do, though Keras does not."""
    weights = {"activation": "linear", "use_bias": True, "kernel_initializer": "glorot_uniform",
               "bias_initializer": "zeros"}  # fmt: skip
    config = {
        "class_name": "Sequential",
        "config": {
            "name": "sequential",
            "layers": [
                {"class_name": "InputLayer",
                 "config": {"batch_input_shape": [None, 8, 8, 1], "dtype": "float32", "sparse": False, "ragged": False,
                            "name": "conv2d_input"}},
                keras2_layer("Conv2D", {"name": "conv2d", "batch_input_shape": [None, 8, 8, 1], "filters": 2,
                                        "kernel_size": [3, 3], **weights, "activation": "swish"}),
                keras2_layer("MaxPooling2D", {"name": "max_pooling2d", "pool_size": [2, 2], "strides": [2, 2],
                                              "padding": "valid", "data_format": "channels_last"}),
                keras2_layer("Conv2D", {"name": "conv2d_1", "filters": 3, "kernel_size": [2, 2], **weights,
                                        "activation": "relu"}),
                keras2_layer("Flatten", {"name": "flatten", "data_format": "channels_last"}),
                keras2_layer("Dense", {"name": "dense", "units": 4, **weights, "activation": "softmax"}),
            ],
        },
    }  # fmt: skip
    with h5py.File(name, "w") as file:
        file.attrs["model_config"] = json.dumps(config).encode()
        file.attrs["keras_version"] = np.bytes_(b"2.11.0")
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([layer.name for layer in model.layers], "S")
        for layer in model.layers:
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            inner = group.create_group(layer.name)
            inner.attrs["weight_names"] = np.array(names, "S")
            for weight_name, values in zip(names, layer.get_weights()):
                packed = {"compression": "gzip", "shuffle": True, "fletcher32": True} if values.ndim == 4 else {}
                inner.create_dataset(weight_name, data=values, **packed)


for make in (sequential_rmsprop, functional_adam, sequential_sgd):
    keras.utils.set_random_seed(1)
    keras.backend.clear_session()
    built = make()
    if make is sequential_rmsprop:
        record(make.__name__, built)
        saved = keras.models.load_model("sequential_rmsprop.h5")
        record_keras2("keras2.h5", saved)
    else:
        record(make.__name__, built)
