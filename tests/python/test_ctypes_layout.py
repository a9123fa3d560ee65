"""The structs of python/convoy/_library.py against src/convoy.h: sizes, and the place and size of every field."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import pytest
from convoy import _library

SOURCES = Path(__file__).resolve().parents[2] / "src"
STRUCTS = [kind for kind in vars(_library).values() if isinstance(kind, type) and getattr(kind, "c_name", None)]


def measure(expressions: list[str], directory: Path) -> list[int]:
    """The values of constant expressions of C."""
    source = directory / "measure.c"
    lines = "".join(f'    printf("%zu\\n", (size_t)({expression}));\n' for expression in expressions)
    source.write_text(f'#include <convoy.h>\n#include <stdio.h>\nint main(void) {{\n{lines}    return 0;\n}}\n')
    program = directory / "measure"
    subprocess.run(["cc", f"-I{SOURCES}", str(source), "-o", str(program)], check=True)
    return [int(line) for line in subprocess.run([program], check=True, capture_output=True).stdout.split()]


def fields_of_header(name: str) -> list[str]:
    header = "".join((SOURCES / file).read_text() for file in ("convoy_types.h", "convoy.h"))
    header = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    found = re.search(rf"typedef struct {name} {{\n(.*?)\n}} {name};", header, re.DOTALL)
    assert found, name
    body = re.sub(r"{.*?}", "", found.group(1), flags=re.DOTALL)
    declarators = [part for line in body.split(";") for part in line.split(",")]
    return [re.findall(r"\w+", re.sub(r"\[.*?\]", "", part))[-1] for part in declarators if part.strip()]


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.c_name)
def test_struct(struct: type[ctypes.Structure], tmp_path: Path) -> None:
    fields = [name for name, *_ in struct._fields_]
    assert fields == fields_of_header(struct.c_name)
    places = [getattr(struct, name) for name in fields]
    found = measure(
        [f"sizeof({struct.c_name})"]
        + [f"offsetof({struct.c_name}, {name})" for name in fields]
        + [f"sizeof((({struct.c_name} *)0)->{name})" for name in fields],
        tmp_path,
    )
    assert found == [ctypes.sizeof(struct), *(place.offset for place in places), *(place.size for place in places)]


def test_every_function_is_in_the_header() -> None:
    header = (SOURCES / "convoy.h").read_text()
    declared = set(re.findall(r"\b(cvy_\w+)\(", header))
    used = {name for name in _library._functions if name.startswith("cvy_")}
    assert used <= declared


def test_codes(tmp_path: Path) -> None:
    from convoy import _errors

    codes = ["FAILED", "USAGE", "DIVERGED", "INTERRUPTED"]
    assert measure([f"CVY_{code}" for code in codes], tmp_path) == [getattr(_errors, code) for code in codes]
