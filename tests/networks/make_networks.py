"""The files of this directory, from Keras itself: model.to_json() of some models, and model.summary() at some widths.

    python make_networks.py        with keras 3.15 and tensorflow-cpu 2.21

NAME.json is the description, NAME_COLUMNS.txt the summary on a terminal of that many columns, with a "c" at its end the
same with colours."""
import contextlib
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import keras
from keras import layers as L


def lesson():
    x = L.Input(shape=[28, 28, 1])
    h = L.Conv2D(3, kernel_size=5, activation="swish")(x)
    h = L.MaxPool2D()(h)
    h = L.Conv2D(6, kernel_size=5, activation="swish")(h)
    h = L.MaxPool2D()(h)
    h = L.Flatten()(h)
    h = L.Dense(84, activation="swish")(h)
    y = L.Dense(10, activation="softmax")(h)
    model = keras.Model(x, y)
    model.compile(loss="categorical_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
    return model


def everything():
    """Every class of layer, activation and initialiser, in a Sequential."""
    return keras.Sequential(
        [
            L.Input((28, 28, 1)),
            L.Rescaling(1 / 255.0, offset=-0.5),
            L.Conv2D(8, (3, 5), strides=(2, 1), padding="same", kernel_initializer="he_normal", use_bias=False),
            L.Activation("relu"),
            L.AveragePooling2D(3, strides=2, padding="same"),
            L.Conv2D(6, 3, activation="tanh", kernel_initializer="he_uniform", bias_initializer="glorot_normal"),
            L.MaxPooling2D((2, 3)),
            L.Dropout(0.25),
            L.Flatten(),
            L.Dense(32, activation="sigmoid", kernel_initializer="glorot_normal"),
            L.Dropout(0.5),
            L.Dense(12, activation=keras.activations.silu, bias_initializer=keras.initializers.HeUniform()),
            L.Dense(10, use_bias=False, kernel_initializer="zeros"),
            L.Activation("softmax"),
        ],
        name="everything",
    )


def mlp():
    """No convolution: a vector goes in."""
    return keras.Sequential(
        [L.Input((20,)), L.Dense(16, activation="relu"), L.Dropout(0.1), L.Dense(4, activation="softmax")], name="mlp"
    )


def shapes():
    """Windows, strides and paddings that do not divide their inputs; a Dropout in a Functional model."""
    h = x = L.Input((61, 47, 2))
    h = L.Conv2D(3, (11, 2), strides=(3, 2), padding="same")(h)
    h = L.MaxPooling2D((3, 2), strides=(2, 1), padding="same")(h)
    h = L.Conv2D(2, (4, 3), strides=(1, 5))(h)
    h = L.AveragePooling2D((9, 7), strides=(1, 4), padding="same")(h)
    h = L.MaxPooling2D((2, 1))(h)
    h = L.Conv2D(5, (3, 1), strides=(4, 1))(h)
    h = L.Dropout(0.4)(L.Flatten()(h))
    return keras.Model(x, L.Dense(3, activation="softmax")(h))


def names():
    """Names that a table has to wrap, cut, or take literally."""
    name = [
        "in put  ", "c c c c c c c cc c c c  c c c c c cc c c c", "  lead", "x" * 60 + " y", "q" * 33, "q" * 34, "(((((",
        "[bold]a\\[b]", "naïve größe " * 3, "d" * 30 + " " + "e" * 30 + " " + "f" * 30,
    ]  # fmt: skip
    h = x = L.Input((9,), name=name[0])
    for n in name[1:]:
        h = L.Dense(1234 if n == "  lead" else 7, name=n)(h)
    return keras.Model(x, h, name="word " * 15)


def compiled(optimizer, loss="categorical_crossentropy"):
    model = keras.Sequential([L.Input((4,)), L.Dense(3, activation="softmax")])
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    return model


def compiled_sgd():
    return compiled(keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-4))


def compiled_rmsprop():
    rmsprop = keras.optimizers.RMSprop(7e-4, rho=0.8, momentum=0.5, epsilon=1e-3, centered=True)
    return compiled(rmsprop, loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1))


def compiled_adam():
    adam = keras.optimizers.Adam(0.003, beta_1=0.95, beta_2=0.98, epsilon=1e-5, amsgrad=True)
    return compiled(adam, loss="sparse_categorical_crossentropy")


def compiled_adamw():
    return compiled(keras.optimizers.AdamW(0.002, weight_decay=0.05, use_ema=True, ema_momentum=0.9))


def summary(model, name, columns, colours):
    os.environ["COLUMNS"] = str(columns)
    os.environ.pop("FORCE_COLOR", None)
    if colours:
        os.environ.update(FORCE_COLOR="1", TERM="xterm-256color")
    with open(f"{name}_{columns}{'c' if colours else ''}.txt", "w") as out, contextlib.redirect_stdout(out):
        model.summary()


for build in (
    lesson, everything, mlp, shapes, names, compiled_sgd, compiled_rmsprop, compiled_adam, compiled_adamw
):  # fmt: skip
    keras.backend.clear_session()
    made = build()
    with open(build.__name__ + ".json", "w") as out:
        out.write(made.to_json())
    if build in (lesson, names):
        for columns in 24, 40, 65, 80, 100:
            summary(made, build.__name__, columns, colours=False)
            summary(made, build.__name__, columns, colours=True)
    if build in (everything, mlp):
        summary(made, build.__name__, 80, colours=False)
