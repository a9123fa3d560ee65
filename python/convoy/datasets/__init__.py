"""Data sets that lie on this machine."""

from __future__ import annotations

from . import mnist

__all__ = ["mnist"]
