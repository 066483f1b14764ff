"""What a package holds. In: a package that is walked instead of listed. Out: its modules, and what each defines.

`pkgutil` answers this also of archives and other importers; it costs a check 3 ms, and Ladle is installed as files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def module_names(package: ModuleType) -> tuple[str, ...]:
    """Return the names of the modules of a package, sorted, without the package's own."""
    files = (entry.name for folder in package.__path__ for entry in os.scandir(folder))
    return tuple(sorted(name[:-3] for name in files if name.endswith(".py") and not name.startswith("__")))


def defined(package: ModuleType, word: str, kind: type[T]) -> Iterator[tuple[str, T]]:
    """Yield each module of a package, by its whole name, with what it defines as `word`.

    Raises TypeError for a module that does not: a fault of ours.
    """
    for name in module_names(package):
        module = f"{package.__name__}.{name}"
        found = getattr(import_module(module), word, None)
        if not isinstance(found, kind):
            raise TypeError(f"{module} defines no {word}")
        yield module, found
