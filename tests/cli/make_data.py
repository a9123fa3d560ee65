"""Writes a small data set: DIRECTORY TRAINING_IMAGES TEST_IMAGES [FORMAT].

An image of class c is noise with a bright square whose place tells the class: a network learns it in a few epochs. The
bytes depend on the arguments alone. The formats idx (the default), npy, npz, emnist and png hold the same grey images of
28 x 28; cifar and npz-colour hold the same colour images of 32 x 32. In all but idx, images are sorted by class, as they
are in a folder of PNG images; idx-sorted is idx in that order."""

import os
import random
import struct
import sys
import zipfile
import zlib
from typing import NamedTuple


class Split(NamedTuple):
    train: bool
    labels: bytes
    images: "list[bytes]"  # height x width x channels
    side: int
    channels: int


def image(draw, label, side, channels):
    pixels = bytearray(draw.randrange(40) for _ in range(side * side * channels))
    top, left = 3 + 12 * (label // 5), 1 + 5 * (label % 5)
    for y in range(top, top + 8):
        for x in range(left * channels, (left + 5) * channels):
            pixels[y * side * channels + x] = 200 + draw.randrange(56)
    return bytes(pixels)


def make_split(train, count, side=28, channels=1, ordered=True):
    draw = random.Random(1 if train else 2)
    labels = bytes(i * 10 // count if ordered else i % 10 for i in range(count))
    return Split(train, labels, [image(draw, label, side, channels) for label in labels], side, channels)


def write(directory, name, content):
    path = os.path.join(directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def write_idx(directory, split, prefix, images, first=0):
    count = len(split.labels)
    shape = struct.pack(">IIII", 0x803, count, split.side, split.side)
    write(directory, f"{prefix}-images-idx3-ubyte", shape + b"".join(images))
    write(directory, f"{prefix}-labels-idx1-ubyte", struct.pack(">II", 0x801, count) + bytes(c + first for c in split.labels))


def idx(directory, split):
    write_idx(directory, split, "train" if split.train else "t10k", split.images)


def emnist(directory, split):
    """Letters: labels from 1, rows and columns exchanged."""
    turned = [bytes(i[y * split.side + x] for x in range(split.side) for y in range(split.side)) for i in split.images]
    write_idx(directory, split, "emnist-letters-" + ("train" if split.train else "test"), turned, 1)


def array(descr, shape, content):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def npy(directory, split):
    """uint8 images, int64 labels."""
    name, count = "train" if split.train else "test", len(split.labels)
    write(directory, f"x_{name}.npy", array("|u1", (count, split.side, split.side), b"".join(split.images)))
    write(directory, f"y_{name}.npy", array("<i8", (count,), struct.pack(f"<{count}q", *split.labels)))


def npz(directory, split):
    """float64 images with channels, one-hot labels."""
    name, count, values = "train" if split.train else "test", len(split.labels), b"".join(split.images)
    x = array("<f8", (count, split.side, split.side, split.channels), struct.pack(f"<{len(values)}d", *values))
    rows = [float(c == label) for label in split.labels for c in range(10)]
    y = array("<f8", (count, 10), struct.pack(f"<{len(rows)}d", *rows))
    os.makedirs(directory, exist_ok=True)
    with zipfile.ZipFile(os.path.join(directory, "data.npz"), "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"x_{name}.npy", x)
        archive.writestr(f"y_{name}.npy", y)


def cifar(directory, split):
    records = [bytes([label]) + b"".join(i[c::3] for c in range(3)) for label, i in zip(split.labels, split.images)]
    if not split.train:
        return write(directory, "test_batch.bin", b"".join(records))
    for batch in range(5):
        begin, end = (len(records) * k // 5 for k in (batch, batch + 1))
        write(directory, f"data_batch_{batch + 1}.bin", b"".join(records[begin:end]))


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(directory, split):
    header = struct.pack(">IIBBBBB", split.side, split.side, 8, 0, 0, 0, 0)
    for i, (label, pixels) in enumerate(zip(split.labels, split.images)):
        rows = b"".join(b"\0" + pixels[y : y + split.side] for y in range(0, len(pixels), split.side))
        content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        path = f"{'train' if split.train else 'test'}/{label}/{i:06}.png"
        write(directory, path, b"\x89PNG\r\n\x1a\n" + content)


FORMATS = {"idx": idx, "idx-sorted": idx, "npy": npy, "npz": npz, "npz-colour": npz}
FORMATS.update({"emnist": emnist, "cifar": cifar, "png": png})

directory, counts = sys.argv[1], (int(sys.argv[2]), int(sys.argv[3]))
form = sys.argv[4] if len(sys.argv) > 4 else "idx"
colour = form in ("cifar", "npz-colour")
for train, count in zip((True, False), counts):
    FORMATS[form](directory, make_split(train, count, 32 if colour else 28, 3 if colour else 1, form != "idx"))
