"""compile, fit, evaluate, predict, weights and optimizer state."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import convoy
import numpy as np
import pytest
from convoy import layers, losses, optimizers
from networks import images, same, small


def test_history() -> None:
    x, y = images()
    model = small()
    history = model.fit(x, y, epochs=8, validation_split=0.25, verbose=0)
    assert model.history is history
    assert history.epoch == list(range(8))
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert history.params == {"verbose": 0, "epochs": 8, "steps": 3}
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert history.history["val_accuracy"][-1] > 0.9


def test_without_metrics() -> None:
    x, y = images()
    model = small()
    model.compile()
    assert set(model.fit(x, y, verbose=0, validation_data=(x, y)).history) == {"loss", "val_loss"}
    assert isinstance(model.evaluate(x, y, verbose=0), float)
    assert model.metrics_names == ["loss"]


def test_layouts_and_types_of_the_same_images_give_the_same_weights() -> None:
    x, y = images()

    def trained(x: Any, y: Any) -> Any:
        model = small()
        model.fit(x, y, epochs=2, verbose=0)
        return model.get_weights()

    expected = trained(x, y)
    for other in (x[..., None], x.astype(np.float32), x.astype(float), x.astype(int), np.asfortranarray(x), x.tolist()):
        assert same(trained(other, y), expected)
    for labels in (y.astype(np.uint8), np.eye(3)[y], y[:, None], y.tolist()):
        assert same(trained(x, labels), expected)


def test_a_seed_gives_the_same_weights() -> None:
    x, y = images()

    def trained(**options: Any) -> Any:
        model = small(**options)
        model.fit(x, y, verbose=0)
        return model.get_weights()

    assert same(trained(), trained(seed=0))
    assert same(trained(seed=7), trained(seed=7, threads=1, isa="scalar"))
    assert not same(trained(seed=7), trained(seed=8))


def test_validation_data_is_validation_split() -> None:
    x, y = images(100)
    a, b = small(), small()
    first = a.fit(x, y, epochs=2, validation_split=0.3, verbose=0)
    second = b.fit(x[:70], y[:70], epochs=2, validation_data=(x[70:], np.eye(3)[y[70:]]), verbose=0)
    assert first.history == second.history
    assert same(a.get_weights(), b.get_weights())
    assert a.evaluate(x[70:], y[70:], verbose=0) == [first.history[f"val_{name}"][-1] for name in ("loss", "accuracy")]


def test_a_fit_goes_on() -> None:
    x, y = images()
    a, b = small(), small()
    a.fit(x, y, epochs=3, verbose=0)
    b.fit(x, y, epochs=1, verbose=0)
    history = b.fit(x, y, epochs=3, initial_epoch=1, verbose=0)
    assert history.epoch == [1, 2]
    assert same(a.get_weights(), b.get_weights())
    assert same(a.get_optimizer_state(), b.get_optimizer_state())
    assert b.fit(x, y, epochs=3, initial_epoch=3, verbose=0).epoch == []


def test_shuffle() -> None:
    x, y = images()
    a, b = small(), small()
    a.fit(x, y, shuffle=False, batch_size=16, verbose=0)
    b.fit(x, y, batch_size=16, verbose=0)
    assert not same(a.get_weights(), b.get_weights())


def test_evaluate_and_predict() -> None:
    x, y = images()
    model = small()
    model.fit(x, y, epochs=5, verbose=0)
    probabilities = model.predict(x)
    assert probabilities.shape == (96, 3)
    assert probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    loss, accuracy = model.evaluate(x, y, verbose=0)
    assert accuracy == pytest.approx((probabilities.argmax(axis=1) == y).mean())
    assert loss == pytest.approx(-np.log(probabilities[np.arange(96), y]).mean(), rel=1e-5)
    assert model.evaluate(x, y, verbose=0, return_dict=True) == {"loss": loss, "accuracy": accuracy}
    for i in (0, 5):
        assert (model.predict(x[i : i + 1]) == probabilities[i]).all()
    assert (model(x) == probabilities).all()
    assert (model.predict_on_batch(x) == probabilities).all()


def test_predictions_do_not_share_memory() -> None:
    x, _ = images()
    model = small()
    first = model.predict(x[:1])
    kept = first.copy()
    model.predict(x[1:2])
    assert (first == kept).all()


def test_an_error_of_predict_leaves_the_model_usable() -> None:
    x, _ = images()
    model = small()
    expected = model.predict(x)
    with pytest.raises(convoy.Error, match="the network wants 8 x 8 x 1"):
        model.predict(x[:, :5])
    assert (model.predict(x) == expected).all()


def test_compile_keeps_weights_and_forgets_state() -> None:
    x, y = images()
    model = small()
    model.fit(x, y, verbose=0)
    weights = model.get_weights()
    assert model.optimizer is not None
    assert model.optimizer.iterations == 3
    model.compile("sgd", seed=9)
    assert same(model.get_weights(), weights)
    assert model.optimizer.iterations == 0
    with pytest.raises(convoy.Error):
        model.compile(isa="sse")
    assert type(model.optimizer).__name__ == "SGD"


def test_a_model_has_weights_before_compile() -> None:
    model = convoy.Sequential([convoy.Input((4,)), layers.Dense(3, activation="softmax")])
    model.set_weights([np.arange(12).reshape(4, 3), [1, 2, 3]])
    model.compile(seed=3)
    assert model.get_weights()[0].tolist() == np.arange(12).reshape(4, 3).tolist()
    with pytest.raises(ValueError, match="set_weights"):
        model.set_weights([np.zeros((3, 4)), [1, 2, 3]])


def test_optimizer_state_goes_over() -> None:
    x, y = images()
    a = small(optimizers.RMSprop(momentum=0.5, centered=True))
    a.fit(x, y, verbose=0)
    b = small(optimizers.RMSprop(momentum=0.5, centered=True))
    b.set_weights(a.get_weights())
    b.set_optimizer_state(a.get_optimizer_state())
    a.fit(x, y, shuffle=False, verbose=0)
    b.fit(x, y, shuffle=False, verbose=0)
    assert same(a.get_weights(), b.get_weights())
    with pytest.raises(ValueError, match="set_optimizer_state"):
        b.set_optimizer_state(a.get_optimizer_state()[:-1])


def test_learning_rate() -> None:
    model = small(optimizers.SGD(0.5))
    assert model.optimizer is not None
    model.optimizer.learning_rate = 0.25
    assert model.optimizer.learning_rate == 0.25
    assert model.optimizer.get_config()["learning_rate"] == 0.25
    with pytest.raises(ValueError, match="schedule"):
        optimizers.Adam(lambda step: 0.1)  # type: ignore[arg-type]
    with pytest.raises(convoy.Error):
        model.optimizer.learning_rate = -1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: optimizers.Adam(clipnorm=1.0), "Adam, clipnorm"),
        (lambda: optimizers.get("lion"), "'lion' is not known"),
        (lambda: optimizers.get("adam:rho=0.9"), "'rho' is no argument of Adam"),
        (lambda: optimizers.get(3), "expected a name"),
        (lambda: losses.get(None), "None is not known"),
        (lambda: losses.CategoricalCrossentropy(from_logits=True), "from_logits"),
        (lambda: losses.SparseCategoricalCrossentropy(ignore_class=3), "ignore_class"),
        (lambda: small().compile(metrics=["mse"]), "metrics: 'mse'"),
        (lambda: small().compile(run_eagerly=True), "run_eagerly"),
        (lambda: small().compile(loss_weights=[1]), "loss_weights"),
        (lambda: small().compile(seed=-1), "seed"),
        (lambda: small().fit(*images(), sample_weight=[1]), "sample_weight"),
        (lambda: small().fit(*images(), steps_per_epoch=2), "steps_per_epoch"),
        (lambda: small().fit(*images(), validation_freq=2), "validation_freq"),
        (lambda: small().fit(*images(), validation_data=images()[0]), "validation_data"),
        (lambda: small().fit(*images(), validation_split=1.0), "validation_split"),
        (lambda: small().fit(*images(), batch_size=0), "batch_size"),
        (lambda: small().fit(*images(), verbose=3), "verbose"),
        (lambda: small().fit(*images(), epochs=2, images=4), "images"),
        (lambda: small().fit(*images(), schedule="zigzag", verbose=0), "schedule"),
        (lambda: small().fit(*images(), random_shift=99, verbose=0), "random_shift"),
        (lambda: small().fit(images()[0]), "labels are missing"),
        (lambda: small().evaluate(*images(), steps=2), "steps"),
        (lambda: small().predict(images()[0], steps=2), "steps"),
        (lambda: small().summary(positions=[1]), "positions"),
        (lambda: convoy.Sequential([convoy.Input((2,)), layers.Dense(2, "softmax")]).fit([[1, 2]], [1]), "not compiled"),
    ],
)
def test_refused_arguments(make: Any, says: str) -> None:
    with pytest.raises(ValueError) as error:
        make()
    assert says in str(error.value)


def test_smoothing() -> None:
    x, y = images()
    a, b = small(), small()
    b.compile("adam", losses.CategoricalCrossentropy(label_smoothing=0.1))
    a.fit(x, y, verbose=0)
    b.fit(x, y, verbose=0)
    assert not same(a.get_weights(), b.get_weights())


def test_images_instead_of_epochs() -> None:
    x, y = images()
    model = small()
    history = model.fit(x, y, images=150, batch_size=32, schedule="linear", random_shift=1, verbose=0)
    assert history.epoch == [0, 1]
    assert history.params["epochs"] == 2
    assert model.optimizer is not None
    assert model.optimizer.iterations == 3 + 2


def test_diverged() -> None:
    x, y = images()
    model = small("sgd:learning_rate=1e30")
    with pytest.raises(convoy.Diverged):
        model.fit(x, y, epochs=5, verbose=0)


def test_arrays_live_as_long_as_the_fit() -> None:
    model = small()

    def collect(*_: Any) -> None:
        gc.collect()

    model.fit(*images(), epochs=3, verbose=0, callbacks=[convoy.callbacks.LambdaCallback(on_epoch_end=collect)])


def test_arrays_are_let_go_after_the_fit() -> None:
    model = small()
    x, y = images()
    gone = weakref.ref(x)
    gc.disable()
    try:
        model.fit(x, y, verbose=0, validation_split=0.5)
        model.evaluate(x, y, verbose=0)
        model.predict(x)
        del x
        assert gone() is None
    finally:
        gc.enable()


def test_models_are_freed() -> None:
    freed = []
    for _ in range(3):
        model = small()
        freed.append(model._finalizer)
        model.fit(*images(), verbose=0)
        del model
    gc.collect()
    assert not any(finalizer.alive for finalizer in freed)


def test_two_fits_at_once() -> None:
    x, y = images()
    expected = small()
    expected.fit(x, y, epochs=20, verbose=0)
    models = [small(), small()]
    threads = [threading.Thread(target=model.fit, args=(x, y), kwargs={"epochs": 20, "verbose": 0}) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(same(model.get_weights(), expected.get_weights()) for model in models)


def test_threads_of_one_model_wait_for_each_other() -> None:
    x, _ = images()
    model = small()
    expected = model.predict(x).tobytes()
    found: list[bytes] = []

    def predict() -> None:
        found.extend(model.predict(x).tobytes() for _ in range(50))

    threads = [threading.Thread(target=predict) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {expected}


def test_save_and_load(tmp_path: Any) -> None:
    x, y = images()
    model = small()
    model.preprocessing = "scale=1/2"
    model.fit(x, y, verbose=0)
    path = tmp_path / "model.safetensors"
    model.save(path)
    other = small()
    other.load_weights(path)
    assert same(model.get_weights(), other.get_weights())
    assert (other.predict(x) == model.predict(x)).all()
    loaded = convoy.load(path)
    assert (loaded.predict(x) == model.predict(x)).all()
    assert loaded.preprocessing == other.preprocessing == model.preprocessing == "scale=0.5"
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    with pytest.raises(convoy.Error, match="overwrite"):
        model.save(path, overwrite=False)
    with pytest.raises(convoy.Error, match="nowhere"):
        convoy.load(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("extension", ["keras", "h5"])
def test_files_of_keras_go_on(tmp_path: Any, extension: str) -> None:
    x, y = images()
    model = small("sgd:momentum=0.5")
    model.fit(x, y, verbose=0)
    path = tmp_path / f"model.{extension}"
    model.save(path)
    loaded, plain = convoy.load(path), convoy.load_model(path, compile=False)
    assert loaded.compiled
    assert not plain.compiled
    assert loaded.metrics_names == ["loss", "accuracy"]
    (steps, rate, *state), (steps_before, rate_before, *state_before) = (
        loaded.get_optimizer_state(), model.get_optimizer_state())  # fmt: skip
    assert same(state, state_before) and steps == steps_before
    assert rate == np.float32(rate_before)  # as Keras has it in its files
    assert (plain.predict(x) == model.predict(x)).all()
    model.fit(x, y, shuffle=False, verbose=0)
    loaded.fit(x, y, shuffle=False, verbose=0)
    assert same(loaded.get_weights(), model.get_weights())


def test_recipes() -> None:
    assert convoy.recipes()[0] == "lesson"
    model = convoy.recipe("fast-97.7", seed=3)
    x, y = np.random.default_rng(0).integers(0, 256, (64, 28, 28), dtype=np.uint8), np.arange(64) % 10
    history = model.fit(x, y, images=128, verbose=0)
    assert history.params["epochs"] == 2
    assert history.params["steps"] < 64 // 16
    assert model.preprocessing.startswith("deskew")
    assert convoy.recipe("lesson").layers[1].get_config()["filters"] == 3
    with pytest.raises(convoy.Error, match="fast-99"):
        convoy.recipe("fastest")


def test_mnist(tmp_path: Any) -> None:
    for name, count in (("train", 5), ("t10k", 3)):
        head = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28))
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(head + bytes(range(count)) * 784)
        head = b"\0\0\x08\x01" + count.to_bytes(4, "big")
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(head + bytes(range(count)))
    (x, y), (x_test, y_test) = convoy.datasets.mnist.load_data(tmp_path)
    assert (x.shape, x.dtype, y.tolist()) == ((5, 28, 28), np.uint8, [0, 1, 2, 3, 4])
    assert x[0, 0, :6].tolist() == [0, 1, 2, 3, 4, 0]
    assert (x_test.shape, y_test.tolist()) == ((3, 28, 28), [0, 1, 2])
    with pytest.raises(convoy.Error, match="nowhere"):
        convoy.datasets.mnist.load_data(tmp_path / "nowhere")
