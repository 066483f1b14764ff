"""Ladle: a small typed language for adapting language models.

`load(path)` gives the typed program and the graph of a recipe; `RecipeError` carries its problems. Both are found when
first used, so that importing one part of the package loads no other.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ladle.dsl.diagnostics import RecipeError
    from ladle.executor.load import Loaded, load

__all__ = ["Loaded", "RecipeError", "load"]

_HOMES = {"Loaded": "ladle.executor.load", "load": "ladle.executor.load", "RecipeError": "ladle.dsl.diagnostics"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `ladle` has no attribute `{name}`")
    return getattr(importlib.import_module(_HOMES[name]), name)
