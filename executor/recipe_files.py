"""Recipes from what a command is given. In: files and folders. Out: the recipes they stand for, each once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from ladle.executor.console import one_line

MOST = 10_000
"""Folders that are looked into, and recipes that are found, for one command."""


def recipe_files(given: Iterable[Path]) -> tuple[Path, ...]:
    """Return each file as given, and of a folder every `*.recipe` below it in order of their paths.

    Hidden folders and links to folders are not entered. Raises UsageError for a folder without a recipe, and beyond
    `MOST`, and OSError for a folder that cannot be read.
    """
    found: dict[str, Path] = {}
    for path in given:
        for each in _below(path) if path.is_dir() else (path,):
            found.setdefault(os.path.realpath(each), each)
    return tuple(found.values())


def _below(folder: Path) -> tuple[Path, ...]:
    found: list[Path] = []
    for looked, (parent, names, files) in enumerate(os.walk(folder, onerror=_refuse)):
        names[:] = sorted(name for name in names if not name.startswith("."))
        found += _recipes(Path(parent), files)
        if looked >= MOST or len(found) > MOST:
            raise click.UsageError(
                f"`{one_line(folder)}` holds more than {MOST:,} folders or recipes: name a smaller one"
            )
    if not found:
        raise click.UsageError(f"no recipe lies below `{one_line(folder)}`: recipes are files that end in `.recipe`")
    return tuple(sorted(found))


def _refuse(error: OSError) -> None:
    """A folder that cannot be read may hold recipes: passing over it would call them sound."""
    raise error


def _recipes(parent: Path, files: Iterable[str]) -> Iterator[Path]:
    return (parent / name for name in files if name.endswith(".recipe") and not name.startswith("."))
