"""What is installed."""

from __future__ import annotations

import re
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "python"


def test_every_module_is_installed() -> None:
    listed = re.findall(r"'(convoy/[\w/]+\.(?:py|typed))'", (SOURCES / "meson.build").read_text())
    present = [str(path.relative_to(SOURCES)) for path in (SOURCES / "convoy").rglob("*") if path.suffix in (".py", ".typed")]
    assert sorted(listed) == sorted(present)
