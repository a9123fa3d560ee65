"""Copies a safetensors file with an edit: SOURCE DESTINATION PYTHON.

The edit sees `header` (a dict) and may call nudge(name, ...), put(name, value) and remove(name)."""

import json
import struct
import sys

source, destination, edit = sys.argv[1:]
content = open(source, "rb").read()
length = struct.unpack("<Q", content[:8])[0]
header = json.loads(content[8 : 8 + length])
data = bytearray(content[8 + length :])
formats = {"F32": "<f", "F64": "<d", "I32": "<i"}


def tensor(name):
    """A tensor's format, where it begins, and its values."""
    form = formats[header[name]["dtype"]]
    begin, end = header[name]["data_offsets"]
    return form, begin, [value for (value,) in struct.iter_unpack(form, bytes(data[begin:end]))]


def nudge(*names):
    """Makes the first tensor's largest value a thousandth larger, and the same element of the others."""
    values = tensor(names[0])[2]
    largest = max(range(len(values)), key=lambda i: abs(values[i]))
    for name in names:
        form, begin, values = tensor(name)
        struct.pack_into(form, data, begin + largest * struct.calcsize(form), values[largest] * 1.001)


def put(name, value):
    struct.pack_into(formats[header[name]["dtype"]], data, header[name]["data_offsets"][0], value)


def remove(name):
    begin, end = header.pop(name)["data_offsets"]
    del data[begin:end]
    for other in header.values():
        if "data_offsets" in other and other["data_offsets"][0] >= end:
            other["data_offsets"] = [offset - (end - begin) for offset in other["data_offsets"]]


exec(edit)  # noqa: S102
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
open(destination, "wb").write(struct.pack("<Q", len(text)) + text + bytes(data))
