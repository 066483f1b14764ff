"""A file that must not exist yet. In: a path and its text. Out: the file, whole or not there."""

from __future__ import annotations

import os
from pathlib import Path


def write_new(place: Path, text: str) -> None:
    """Write a file that is whole or not there. Raises FileExistsError where one came meanwhile."""
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f".{place.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.link(partial, place)
    finally:
        partial.unlink(missing_ok=True)
