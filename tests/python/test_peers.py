"""One point for each package that the tests use if it can be had, so that what its absence leaves out is counted."""

from __future__ import annotations

import importlib.metadata
import pathlib
import re

import pytest

REQUIREMENTS = (pathlib.Path(__file__).parent / "requirements.txt").read_text()


@pytest.mark.parametrize("name", re.findall(r"^([\w-]+)==.*# peer", REQUIREMENTS, re.MULTILINE))
def test_is_installed(name: str) -> None:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed: the tests that need it are left out")
