"""Where a project is. In: the path of a recipe. Out: the folder its paths are relative to, and the recipe's name."""

from __future__ import annotations

import os
import re
from pathlib import Path

MARKS = (".dvc", ".git", "ladle.lock")
"""A folder that holds one of these is the root of a project."""

_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")


MOST = 100_000
"""Folders of a project that are looked into for its recipes."""


class ProjectError(Exception):
    """A recipe that cannot be placed in a project: why, and what to do where the message does not say it."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def project_root(recipe: Path) -> Path:
    """Return the nearest folder above `recipe` with a mark; else the parent of its `recipes/`, else its folder."""
    folder = recipe.resolve().parent
    for candidate in (folder, *folder.parents):
        if any((candidate / mark).exists() for mark in MARKS):
            return candidate
    return folder.parent if folder.name == "recipes" else folder


def recipe_name(recipe: Path) -> str:
    """Return the name that places artifacts of this recipe: the stem of its file name.

    Raises ProjectError for a stem that could not be the name of a folder and of a DVC stage.
    """
    if not _STEM.match(recipe.stem):
        raise ProjectError(
            f"`{recipe.name}` cannot name a recipe: use letters, digits, `-` and `_`, since it becomes a folder's name"
        )
    return recipe.stem


def project_here() -> Path:
    """Return the root of the project that the working folder lies in."""
    return project_root(Path.cwd() / "any.recipe")


def recipes_in(root: Path) -> tuple[Path, ...]:
    """Return every recipe of the project at `root`, sorted.

    Hidden folders, environments of Python, other projects and links to folders are not entered. Raises ProjectError
    beyond `MOST` folders, and OSError for one that cannot be read.
    """
    found: list[Path] = []
    for looked, (parent, names, files) in enumerate(os.walk(root, onerror=_refuse)):
        if looked >= MOST:
            raise ProjectError(f"`{root}` holds more than {MOST:,} folders", "keep what is no part of it elsewhere")
        names[:] = [name for name in names if not name.startswith(".") and not _foreign(Path(parent, name))]
        found += [Path(parent, name) for name in files if name.endswith(".recipe") and not name.startswith(".")]
    return tuple(sorted(found))


def _foreign(folder: Path) -> bool:
    return any((folder / mark).exists() for mark in (*MARKS, "pyvenv.cfg"))


def _refuse(error: OSError) -> None:
    """A folder that cannot be read may hold recipes."""
    raise error
