"""The build backend: meson-python, whose wheel is then tagged for every version of Python.

The package holds a shared library that ctypes loads, and no extension module. meson-python cannot know this, and tags the
wheel for the Python that built it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from mesonpy import (  # noqa: F401  (the hooks of PEP 517 and PEP 660)
    build_editable,
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
)
from mesonpy import build_wheel as build_tagged_wheel


def build_wheel(wheel_directory: str, config_settings: dict[str, Any] | None = None,
                metadata_directory: str | None = None) -> str:
    name = build_tagged_wheel(wheel_directory, config_settings, metadata_directory)
    command = [sys.executable, "-m", "wheel", "tags", "--remove", "--python-tag=py3", "--abi-tag=none"]
    tagged = subprocess.run([*command, os.path.join(wheel_directory, name)], check=True, stdout=subprocess.PIPE, text=True)
    return os.path.basename(tagged.stdout.split()[-1])
