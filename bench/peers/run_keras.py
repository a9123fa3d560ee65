"""The lesson in Keras, as a beginner writes it. Arguments: folder of MNIST, epochs. Prints the seconds of each epoch."""

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import data
import keras

images, labels = data.training(sys.argv[1])
x_train = images[..., None]
y_train = keras.utils.to_categorical(labels, 10)
keras.utils.set_random_seed(1)

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


class Stopwatch(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.begun = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        print(time.monotonic() - self.begun, flush=True)


model.fit(x_train, y_train, epochs=int(sys.argv[2]), batch_size=32, verbose=0, callbacks=[Stopwatch()])
