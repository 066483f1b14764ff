"""Which recipes are meant. In: files and folders. Out: the files, and of each folder every recipe below it, sorted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ladle.executor.task import StepError

MOST = 10_000
"""Recipes that a folder may hold."""


def recipe_files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the recipes, each once. Hidden and linked folders are not entered.

    Raises StepError for a folder without a recipe, or with too many.
    """
    return tuple(dict.fromkeys(file for path in paths for file in (_below(path) if path.is_dir() else (path,))))


def _below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for file in _walk(folder):
        found.append(file)
        if len(found) > MOST:
            raise StepError(f"`{folder}` holds more than {MOST:,} recipes", "name a folder below it")
    if not found:
        raise StepError(f"no recipe lies in `{folder}`", "the name of a recipe ends in `.recipe`")
    return sorted(found)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in files if name.endswith(".recipe"))
