"""The version of Ladle. Out: one string, from the installed metadata."""

from __future__ import annotations

VERSION = "0.1.0"


def version() -> str:
    """Return the version of this package; a test compares it with `pyproject.toml`."""
    return VERSION
