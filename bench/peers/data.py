"""MNIST from the folder of its four IDX files, as numpy arrays."""

import gzip
import os
import sys

import numpy


def read(folder, name, header):
    path = os.path.join(folder, name)
    if os.path.exists(path):
        with open(path, "rb") as file:
            content = file.read()
    elif os.path.exists(path + ".gz"):
        with gzip.open(path + ".gz", "rb") as file:
            content = file.read()
    else:
        sys.exit(f"{path}: not found, nor {name}.gz")
    return numpy.frombuffer(content, numpy.uint8, offset=header)


def training(folder):
    """(images [count][28][28], labels [count]), bytes both."""
    images = read(folder, "train-images-idx3-ubyte", 16).reshape(-1, 28, 28)
    return images, read(folder, "train-labels-idx1-ubyte", 8)
