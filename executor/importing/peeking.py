"""What rows of the project hold. In: a data file and a column. Out: the first row that has something in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ladle.executor.importing.places import inside
from ladle.executor.regular import read_regular

LARGEST: Final = 64 * 1024 * 1024


def first_with(root: Path, path: str, column: str) -> int | None:
    """Return the number of the first row with a non-empty column, 0 where none has one, None where nobody can tell."""
    place = inside(root, path)
    if place is None or Path(place).suffix not in (".json", ".jsonl"):
        return None
    try:
        rows = _rows(read_regular(root / place, LARGEST), Path(place).suffix == ".jsonl")
        return next((number for number, row in enumerate(rows, 1) if isinstance(row, dict) and row.get(column)), 0)
    except (OSError, ValueError, RecursionError):
        return None


def _rows(raw: bytes, lines: bool) -> Iterable[object]:
    if lines:
        return (json.loads(line) for line in raw.splitlines() if line.strip())
    found: object = json.loads(raw)
    if not isinstance(found, list):
        raise ValueError("a list of rows is wanted")
    return found
