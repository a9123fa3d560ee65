"""Settings of all tests.

Keras runs on PyTorch where that is installed: it compiles nothing, so that a few steps of a model take hundredths of a
second, and not three seconds as on TensorFlow. $KERAS_BACKEND chooses another."""

import importlib.util
import os
import sys

import pytest

os.environ.setdefault("KERAS_BACKEND", "torch" if importlib.util.find_spec("torch") else "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

if os.environ["KERAS_BACKEND"] == "torch":
    import torch

    # Two threads that wait for each other take ten times as long where others use the machine, too.
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def same_every_time() -> None:
    """A model's initial weights do not depend on which tests run."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(1)
