"""Where a project is. In: the path of a recipe. Out: the folder its paths are relative to, and the recipe's name."""

from __future__ import annotations

import re
from pathlib import Path

MARKS = (".dvc", ".git", "ladle.lock")
"""A folder that holds one of these is the root of a project."""

_STEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")


class ProjectError(Exception):
    """A recipe that cannot be placed in a project; the message says why and what to do."""


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


def recipes_here() -> tuple[Path, ...]:
    """Return the recipes below `recipes/` of the project that the working folder lies in, sorted."""
    folder = project_root(Path.cwd() / "any.recipe") / "recipes"
    return tuple(sorted(folder.rglob("*.recipe")))
