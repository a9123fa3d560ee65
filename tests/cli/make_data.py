"""Writes a small data set in MNIST's format: DIRECTORY TRAINING_IMAGES TEST_IMAGES.

An image of class c is noise with a bright square whose place tells the class: a network learns it in a few epochs. The
bytes depend on the arguments alone."""

import os
import random
import struct
import sys


def image(draw, label):
    pixels = bytearray(draw.randrange(40) for _ in range(28 * 28))
    top, left = 3 + 12 * (label // 5), 1 + 5 * (label % 5)
    for y in range(top, top + 8):
        for x in range(left, left + 5):
            pixels[y * 28 + x] = 200 + draw.randrange(56)
    return bytes(pixels)


def write_split(directory, name, count, seed):
    draw = random.Random(seed)
    labels = bytes(i % 10 for i in range(count))
    with open(os.path.join(directory, f"{name}-images-idx3-ubyte"), "wb") as file:
        file.write(struct.pack(">IIII", 0x803, count, 28, 28))
        file.write(b"".join(image(draw, label) for label in labels))
    with open(os.path.join(directory, f"{name}-labels-idx1-ubyte"), "wb") as file:
        file.write(struct.pack(">II", 0x801, count) + labels)


directory, training, test = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
os.makedirs(directory, exist_ok=True)
write_split(directory, "train", training, 1)
write_split(directory, "t10k", test, 2)
