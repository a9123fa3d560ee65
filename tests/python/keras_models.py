"""Models as Keras's users build them: those that Convoy trains, and those that it refuses.

Each is a function without arguments that returns a compiled Keras model. Keras is imported here and nowhere else in the
tests, so that its absence skips the tests that need it."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="Keras is not installed")
L = keras.layers
O = keras.optimizers

IMAGE = (12, 12, 1)


@dataclasses.dataclass(frozen=True)
class Supported:
    build: Callable[[], Any]
    repeatable: bool = True  # no Dropout: two programs can compute the same steps
    steps: int = 20  # how many of them are compared
    backends: tuple[str, ...] = ("tensorflow", "jax", "torch")  # of Keras, that compute it alike

    def __str__(self) -> str:
        return self.build.__name__


@dataclasses.dataclass(frozen=True)
class Refused:
    build: Callable[[], Any]
    words: tuple[str, ...]  # all of them are in the error

    def __str__(self) -> str:
        return self.build.__name__


SUPPORTED: list[Supported] = []
REFUSED: list[Refused] = []


def supported(**facts: Any) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def add(build: Callable[[], Any]) -> Callable[[], Any]:
        case = Supported(build, **facts)
        if keras.backend.backend() in case.backends:
            SUPPORTED.append(case)
        return build

    return add


def refused(*words: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def add(build: Callable[[], Any]) -> Callable[[], Any]:
        REFUSED.append(Refused(build, words))
        return build

    return add


def compiled(model: Any, **settings: Any) -> Any:
    settings = {"optimizer": "rmsprop", "loss": "categorical_crossentropy", "metrics": ["accuracy"], **settings}
    model.compile(**settings)
    return model


def small(*layers: Any, shape: tuple[int, ...] = IMAGE, classes: int = 4, name: str | None = None,
          **settings: Any) -> Any:
    """A Sequential of these layers between an Input and a Dense with softmax."""
    end = [] if any(isinstance(layer, L.Flatten) for layer in layers) or len(shape) == 1 else [L.Flatten()]
    stack = [L.Input(shape), *layers, *end, L.Dense(classes, activation="softmax")]
    return compiled(keras.Sequential(stack, name=name), **settings)


def with_optimizer(optimizer: Any, **settings: Any) -> Any:
    return small(L.Conv2D(3, 3, activation="tanh"), L.MaxPooling2D(), optimizer=optimizer, **settings)


def data(model: Any, count: int = 64, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Images that fit the model, and labels 0 to classes - 1. A model that begins with a Rescaling gets bytes.

    As in MNIST most of an image is background, here with a patch of noise, and a bright spot that moves with the class.
    Max-pooling takes another pixel where the two largest differ by a rounding error, and training then parts; in images
    of nothing but noise that happens in most runs of 200 steps, between Keras's own float32 and float64 as well."""
    random = np.random.default_rng(seed)
    shape = model.input_shape[1:]
    images = np.zeros((count, *shape), np.float32)
    labels = random.integers(0, model.output_shape[-1], count)
    for image, label in zip(images, labels, strict=True):
        patch = tuple(slice(at, at + 6) for at in random.integers(0, np.maximum(1, np.array(shape) - 5)))
        image[patch] = random.random(image[patch].shape)
        image.reshape(-1)[label * 7 % image.size] = 2
    if isinstance(model.layers[0], L.Rescaling):
        return (images * 120).astype(np.uint8), labels.astype(np.uint8)
    return images, labels.astype(np.uint8)


def targets(model: Any, labels: np.ndarray) -> np.ndarray:
    """The labels in the form that the model's loss takes."""
    sparse = "sparse" in str(getattr(model.loss, "name", model.loss)).lower()
    return labels.astype(np.int64) if sparse else np.eye(model.output_shape[-1], dtype=np.float32)[labels]


# ---- Supported: networks ----


@supported(steps=200)
def lesson() -> Any:
    """The beginner's network."""
    x = L.Input(shape=[28, 28, 1])
    h = L.Conv2D(3, kernel_size=5, activation="swish")(x)
    h = L.MaxPool2D()(h)
    h = L.Conv2D(6, kernel_size=5, activation="swish")(h)
    h = L.MaxPool2D()(h)
    h = L.Flatten()(h)
    h = L.Dense(84, activation="swish")(h)
    y = L.Dense(10, activation="softmax")(h)
    return compiled(keras.Model(x, y))


@supported()
def lesson_sequential() -> Any:
    stack = [L.Input((28, 28, 1)), L.Rescaling(1 / 255), L.Conv2D(3, 5, activation="swish"), L.MaxPooling2D(),
             L.Conv2D(6, 5, activation="swish"), L.MaxPooling2D(), L.Flatten(), L.Dense(84, activation="swish"),
             L.Dense(10, activation="softmax")]  # fmt: skip
    return compiled(keras.Sequential(stack), optimizer="adam", loss="sparse_categorical_crossentropy")


@supported()
def lenet5() -> Any:
    stack = [L.Input((28, 28, 1)), L.Conv2D(6, 5, padding="same", activation="tanh"), L.AveragePooling2D(2),
             L.Conv2D(16, 5, activation="tanh"), L.AveragePooling2D(2), L.Flatten(), L.Dense(120, activation="tanh"),
             L.Dense(84, activation="tanh"), L.Dense(10, activation="softmax")]  # fmt: skip
    return compiled(keras.Sequential(stack), optimizer=O.SGD(0.05, momentum=0.9))


@supported(steps=200)
def dense_only() -> Any:
    return small(L.Dense(16, activation="relu"), L.Dense(8, activation="tanh"), shape=(20,))


@supported()
def one_dense() -> Any:
    """A linear classifier: nothing but a softmax."""
    return small(shape=(30,), optimizer="sgd")


@supported()
def functional_vector() -> Any:
    x = L.Input((24,), name="features")
    return compiled(keras.Model(x, L.Dense(5, activation="softmax")(L.Dense(9, activation="sigmoid")(x)), name="mlp"))


@supported()
def colour() -> Any:
    return small(L.Conv2D(4, 3, activation="relu"), L.MaxPooling2D(), shape=(14, 10, 3))


@supported()
def colour_rescaled() -> Any:
    return small(L.Rescaling(1 / 127.5, offset=-1), L.Conv2D(4, 3, activation="silu"), shape=(12, 12, 3))


@supported()
def strides() -> Any:
    return small(L.Conv2D(3, (3, 2), strides=(2, 1), activation="tanh"), L.Conv2D(4, 2, strides=(1, 2)),
                 shape=(13, 11, 2))  # fmt: skip


@supported()
def same_padding() -> Any:
    return small(L.Conv2D(4, 3, padding="same", activation="tanh"), L.MaxPooling2D(3, padding="same"),
                 L.Conv2D(3, (2, 4), strides=2, padding="same", activation="silu"))  # fmt: skip


@supported()
def pool_sizes() -> Any:
    return small(L.MaxPooling2D((3, 2), strides=(1, 2)), L.AveragePooling2D((2, 3)), L.Conv2D(4, 2, activation="tanh"),
                 L.MaxPooling2D(2, strides=1), shape=(20, 20, 1))  # fmt: skip


@supported()
def average_pooling() -> Any:
    return small(L.Conv2D(3, 3, activation="silu"), L.AveragePooling2D(2))


@supported()
def average_pooling_same() -> Any:
    return small(L.Conv2D(3, 4, activation="silu"), L.AveragePooling2D(3, strides=2, padding="same"))


@supported(backends=("tensorflow", "jax"))
def average_pooling_one_sided() -> Any:
    """Padded at the right and the bottom only. There Keras on PyTorch takes copies of the edge into its means."""
    return small(L.Conv2D(3, 3, activation="silu"), L.AveragePooling2D(3, strides=2, padding="same"))


@supported()
def activations() -> Any:
    """Each of them, by name, as a function of Keras's and as a layer."""
    return small(L.Conv2D(3, 3, activation="relu"), L.Conv2D(3, 3, activation=keras.activations.tanh),
                 L.Conv2D(3, 2, activation="linear"), L.Activation("sigmoid"), L.Flatten(),
                 L.Dense(9, activation=keras.activations.silu), L.Dense(7, activation="swish"))  # fmt: skip


@supported()
def activation_layers() -> Any:
    x = L.Input(IMAGE)
    h = L.Activation("silu")(L.Conv2D(3, 3)(x))
    h = L.Activation("tanh")(L.AveragePooling2D(2)(h))
    h = L.Dense(4)(L.Flatten()(h))
    return compiled(keras.Model(x, L.Activation("softmax")(h)))


@supported()
def softmax_within() -> Any:
    return small(L.Flatten(), L.Dense(6, activation="softmax"), L.Dense(5, activation="tanh"))


@supported()
def initializers() -> Any:
    return small(L.Conv2D(3, 3, kernel_initializer="he_normal", bias_initializer="glorot_normal", activation="tanh"),
                 L.Conv2D(3, 3, kernel_initializer=keras.initializers.HeUniform(), activation="tanh"), L.Flatten(),
                 L.Dense(8, kernel_initializer="glorot_normal", bias_initializer="he_uniform", activation="tanh"),
                 L.Dense(6, kernel_initializer="glorot_uniform", activation="tanh"))  # fmt: skip


@supported()
def zeros() -> Any:
    stack = [L.Input((8,)), L.Dense(4, kernel_initializer="zeros", activation="softmax")]
    return compiled(keras.Sequential(stack))


@supported()
def no_bias() -> Any:
    return small(L.Conv2D(4, 3, use_bias=False, activation="tanh"), L.Flatten(),
                 L.Dense(6, use_bias=False, activation="tanh"))  # fmt: skip


@supported()
def named_by_the_user() -> Any:
    x = L.Input(IMAGE, name="picture")
    h = L.Conv2D(3, 3, activation="tanh", name="edges")(x)
    h = L.MaxPooling2D(name="half")(h)
    h = L.Flatten(name="row")(h)
    h = L.Dense(6, activation="tanh", name="hidden_1")(h)
    return compiled(keras.Model(x, L.Dense(4, activation="softmax", name="digit")(h), name="my_model"))


@supported()
def named_sequential() -> Any:
    return small(L.Conv2D(3, 3, name="first conv"), L.MaxPooling2D(name="half"), name="digits")


@supported()
def many_layers() -> Any:
    """Twelve layers of a kind: Keras numbers their names."""
    return small(*(L.Dense(6, activation="tanh") for _ in range(11)), shape=(10,))


@supported(repeatable=False)
def dropout() -> Any:
    return small(L.Conv2D(4, 3, activation="relu"), L.Dropout(0.25), L.Flatten(), L.Dense(12, activation="relu"),
                 L.Dropout(0.5))  # fmt: skip


@supported(repeatable=False)
def functional_dropout() -> Any:
    x = L.Input((20,))
    return compiled(keras.Model(x, L.Dense(3, activation="softmax")(L.Dropout(0.1)(L.Dense(8)(x)))), optimizer="adam")


@supported()
def dropout_of_nothing() -> Any:
    return small(L.Dropout(0.0), L.Conv2D(3, 3, activation="tanh"))


@supported()
def two_classes() -> Any:
    return small(L.Conv2D(2, 3, activation="tanh"), classes=2)


@supported()
def one_pixel() -> Any:
    return small(L.Conv2D(3, 1, activation="tanh"), shape=(1, 1, 6), classes=3)


@supported()
def wide() -> Any:
    """More channels than a vector has lanes, and no multiple of it."""
    return small(L.Conv2D(19, 3, activation="silu"), L.MaxPooling2D(), L.Conv2D(33, 3, activation="tanh"))


@supported()
def not_square() -> Any:
    return small(L.Conv2D(3, (5, 1), activation="tanh"), L.MaxPooling2D((1, 3)), shape=(9, 17, 1))


# ---- Supported: settings of compile ----


@supported(steps=200)
def sgd() -> Any:
    return with_optimizer(O.SGD(learning_rate=0.05))


@supported()
def sgd_momentum() -> Any:
    return with_optimizer(O.SGD(0.02, momentum=0.9))


@supported()
def sgd_nesterov() -> Any:
    return with_optimizer(O.SGD(0.02, momentum=0.8, nesterov=True, weight_decay=0.01))


@supported()
def rmsprop_momentum() -> Any:
    return with_optimizer(O.RMSprop(0.002, rho=0.8, momentum=0.5))


@supported()
def rmsprop_centered() -> Any:
    return with_optimizer(O.RMSprop(0.002, centered=True, epsilon=1e-5))


@supported()
def rmsprop_everything() -> Any:
    return with_optimizer(O.RMSprop(0.002, momentum=0.3, centered=True, weight_decay=0.004, use_ema=True))


@supported(steps=200)
def adam() -> Any:
    return with_optimizer(O.Adam(0.002))


@supported()
def adam_amsgrad() -> Any:
    return with_optimizer(O.Adam(0.003, beta_1=0.8, beta_2=0.99, epsilon=1e-6, amsgrad=True))


@supported()
def adamw() -> Any:
    return with_optimizer(O.AdamW(0.003, weight_decay=0.02))


@supported()
def adamw_everything() -> Any:
    return with_optimizer(O.AdamW(0.003, amsgrad=True, use_ema=True, ema_momentum=0.9))


@supported()
def moving_average() -> Any:
    return with_optimizer(O.SGD(0.05, momentum=0.5, use_ema=True, ema_momentum=0.95))


@supported()
def named_optimizer() -> Any:
    return with_optimizer(O.Adam(name="my_adam"))


@supported()
def label_smoothing() -> Any:
    return with_optimizer("adam", loss=keras.losses.CategoricalCrossentropy(label_smoothing=0.1))


@supported()
def sparse_loss() -> Any:
    return with_optimizer("rmsprop", loss="sparse_categorical_crossentropy")


@supported()
def sparse_loss_object() -> Any:
    return with_optimizer("sgd", loss=keras.losses.SparseCategoricalCrossentropy(),
                          metrics=["sparse_categorical_accuracy"])  # fmt: skip


@supported()
def metric_objects() -> Any:
    return with_optimizer("sgd", loss=keras.losses.CategoricalCrossentropy(),
                          metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")])  # fmt: skip


@supported()
def no_metrics() -> Any:
    return with_optimizer("sgd", metrics=None)


# ---- Refused: layers and their settings ----


@refused("BatchNormalization", "Conv2D")
def batch_normalization() -> Any:
    return small(L.Conv2D(3, 3), L.BatchNormalization())


@refused("GlobalAveragePooling2D", "LayerNormalization", "DepthwiseConv2D")
def three_foreign_layers() -> Any:
    """One error names them all."""
    stack = [L.Input(IMAGE), L.DepthwiseConv2D(3), L.GlobalAveragePooling2D(), L.LayerNormalization(),
             L.Dense(4, activation="softmax")]  # fmt: skip
    return compiled(keras.Sequential(stack))


@refused("activation", "gelu", "relu")
def foreign_activation() -> Any:
    return small(L.Conv2D(3, 3, activation="gelu"))


@refused("kernel_regularizer", "bias_regularizer", "activity_regularizer")
def regularizers() -> Any:
    return small(L.Conv2D(3, 3, kernel_regularizer="l2", bias_regularizer=keras.regularizers.L1(0.1)),
                 L.Flatten(), L.Dense(4, activity_regularizer="l1"))  # fmt: skip


@refused("kernel_constraint")
def constraint() -> Any:
    return small(L.Conv2D(3, 3, kernel_constraint="max_norm"))


@refused("dilation_rate", "groups")
def dilation_and_groups() -> Any:
    return small(L.Conv2D(4, 3, dilation_rate=2), L.Conv2D(4, 3, groups=2))


@refused("data_format", "channels_last")
def channels_first() -> Any:
    return small(L.MaxPooling2D(data_format="channels_first"), shape=(4, 12, 12))


@refused("trainable")
def frozen_layer() -> Any:
    return small(L.Conv2D(3, 3, trainable=False))


@refused("trainable")
def frozen_model() -> Any:
    model = with_optimizer("sgd")
    model.trainable = False
    return compiled(model)


@refused("dtype", "float32")
def half_precision() -> Any:
    return small(L.Conv2D(3, 3, dtype="mixed_bfloat16"))


@refused("kernel_initializer", "Orthogonal", "glorot_uniform")
def foreign_initializer() -> Any:
    return small(L.Conv2D(3, 3, kernel_initializer="orthogonal"))


@refused("seed")
def seeded_dropout() -> Any:
    return small(L.Dropout(0.5, seed=3))


@refused("two_branches", "chain")
def two_branches() -> Any:
    x = L.Input((10,))
    h = L.Add()([L.Dense(5)(x), L.Dense(5)(x)])
    return compiled(keras.Model(x, L.Dense(3, activation="softmax")(h), name="two_branches"))


@refused("Sequential")
def nested() -> Any:
    inner = keras.Sequential([L.Input(IMAGE), L.Conv2D(3, 3)])
    return small(inner)


@refused("softmax")
def no_softmax() -> Any:
    return compiled(keras.Sequential([L.Input((8,)), L.Dense(4)]))


@refused("foreign", "Double")
def own_layer() -> Any:
    class Double(L.Layer):
        def call(self, x: Any) -> Any:
            return 2 * x

    return small(Double(name="foreign"))


@refused("subclass", "Sequential")
def own_model() -> Any:
    """A subclass of Model has no description as JSON."""

    class Net(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = L.Dense(3, activation="softmax")

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = compiled(Net())
    model.build((None, 8))
    return model


@refused("subclass", "Sequential")
def own_train_step() -> Any:
    """Its layers are Keras's, its training is its own."""

    class Net(keras.Sequential):
        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    return compiled(Net([L.Input((8,)), L.Dense(3, activation="softmax")]))


@refused("lambda")
def lambda_layer() -> Any:
    return small(L.Lambda(lambda x: x / 2))


@refused("activation")
def own_activation() -> Any:
    def doubled(x: Any) -> Any:
        return 2 * x

    return small(L.Conv2D(3, 3, activation=doubled))


@refused("not built", "Input")
def not_built() -> Any:
    return compiled(keras.Sequential([L.Dense(4, activation="softmax")]))


# ---- Refused: settings of compile ----


@refused("loss", "mean_squared_error", "categorical_crossentropy")
def foreign_loss() -> Any:
    return with_optimizer("sgd", loss="mean_squared_error")


@refused("loss")
def lambda_loss() -> Any:
    return with_optimizer("sgd", loss=lambda truth, found: keras.ops.mean(truth - found))


@refused("loss")
def own_loss() -> Any:
    class Mine(keras.losses.Loss):
        def call(self, truth: Any, found: Any) -> Any:
            return keras.ops.mean(truth - found, axis=-1)

    return with_optimizer("sgd", loss=Mine())


@refused("from_logits")
def loss_of_logits() -> Any:
    return with_optimizer("sgd", loss=keras.losses.CategoricalCrossentropy(from_logits=True))


@refused("reduction")
def summed_loss() -> Any:
    return with_optimizer("sgd", loss=keras.losses.CategoricalCrossentropy(reduction="sum"))


@refused("loss_weights")
def loss_weights() -> Any:
    return with_optimizer("sgd", loss_weights=[0.5])


@refused("Nadam", "RMSprop", "Adam")
def foreign_optimizer() -> Any:
    return with_optimizer("nadam")


@refused("Mine")
def own_optimizer() -> Any:
    class Mine(O.SGD):
        pass

    return with_optimizer(Mine())


@refused("clipnorm")
def clipped() -> Any:
    return with_optimizer(O.Adam(clipnorm=1.0))


@refused("clipvalue", "gradient_accumulation_steps", "ema_overwrite_frequency")
def three_options() -> Any:
    return with_optimizer(O.SGD(clipvalue=0.5, gradient_accumulation_steps=2, use_ema=True, ema_overwrite_frequency=3))


@refused("learning_rate", "ExponentialDecay")
def decaying_rate() -> Any:
    return with_optimizer(O.SGD(O.schedules.ExponentialDecay(0.1, 100, 0.9)))


@refused("exclude_from_weight_decay")
def decay_of_some() -> Any:
    model = with_optimizer(O.AdamW())
    model.optimizer.exclude_from_weight_decay(var_names=["bias"])
    return model


@refused("metrics", "top_k_categorical_accuracy")
def foreign_metric() -> Any:
    return with_optimizer("sgd", metrics=["accuracy", "top_k_categorical_accuracy"])


@refused("metrics")
def own_metric() -> Any:
    class Mine(keras.metrics.CategoricalAccuracy):
        pass

    return with_optimizer("sgd", metrics=[Mine()])


@refused("weighted_metrics")
def weighted_metrics() -> Any:
    return with_optimizer("sgd", weighted_metrics=["accuracy"])


@refused("BatchNormalization", "kernel_regularizer", "mean_squared_error", "clipnorm")
def everything_at_once() -> Any:
    """Layer, regularizer, loss and option: one error for all."""
    return small(L.Conv2D(3, 3, kernel_regularizer="l2"), L.BatchNormalization(), loss="mean_squared_error",
                 optimizer=O.SGD(clipnorm=1.0))  # fmt: skip
