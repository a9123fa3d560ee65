"""The lesson in Keras and in convoy.from_keras(model), in one process. Arguments: folder of MNIST, epochs, rounds.

Prints JSON: versions, and the best seconds of an epoch of fit and of predict of one image in each."""

import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import convoy
import data
import keras
import numpy as np


def lesson():
    X = keras.layers.Input(shape=[28, 28, 1])
    H = keras.layers.Conv2D(3, kernel_size=5, activation="swish")(X)
    H = keras.layers.MaxPool2D()(H)
    H = keras.layers.Conv2D(6, kernel_size=5, activation="swish")(H)
    H = keras.layers.MaxPool2D()(H)
    H = keras.layers.Flatten()(H)
    H = keras.layers.Dense(84, activation="swish")(H)
    Y = keras.layers.Dense(10, activation="softmax")(H)
    model = keras.Model(X, Y)
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    return model


class Stopwatch(keras.callbacks.Callback):
    """For both: Convoy takes callbacks of Keras."""

    def __init__(self):
        super().__init__()
        self.best = float("inf")

    def on_epoch_begin(self, epoch, logs=None):
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.best = min(self.best, time.perf_counter() - self.begun)


def predict(model, image, times, **settings):
    """The best seconds of one call."""
    best = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        model.predict(image, **settings)
        best = min(best, time.perf_counter() - begun)
    return best


def main():
    images, labels = data.training(sys.argv[1])
    epochs, rounds = int(sys.argv[2]), int(sys.argv[3])
    x_train = images[..., None]
    y_train = keras.utils.to_categorical(labels, 10)
    keras.utils.set_random_seed(1)
    model = lesson()
    fast = convoy.from_keras(model)
    slow_watch, fast_watch = Stopwatch(), Stopwatch()
    one_slow = one_fast = float("inf")
    for _ in range(rounds):
        fast.fit(x_train, y_train, epochs=10, batch_size=32, verbose=0, callbacks=[fast_watch])
        model.fit(x_train, y_train, epochs=epochs, batch_size=32, verbose=0, callbacks=[slow_watch])
        one_slow = min(one_slow, predict(model, x_train[:1], 30, verbose=0))
        one_fast = min(one_fast, predict(fast, x_train[:1], 3000))
    print(json.dumps({
        "versions": {"keras": keras.version(), "backend": keras.backend.backend(), "numpy": np.__version__},
        "keras": {"epoch": slow_watch.best, "predict": one_slow},
        "convoy": {"epoch": fast_watch.best, "predict": one_fast, "threads": fast.threads},
    }))


main()
