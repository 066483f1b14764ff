"""The tools whose files are read. In: the package of importers, and a file's keys. Out: the tool, and how it shows."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from ladle.executor import imports
from ladle.executor.importing.draft import Importer
from ladle.executor.importing.tree import Document, Table
from ladle.executor.modules import module_names


@cache
def importers() -> dict[str, Importer]:
    """Return every importer by name. Raises TypeError for a module without one: a fault of ours."""
    found: dict[str, Importer] = {}
    for name in module_names(imports):
        importer = getattr(import_module(f"{imports.__name__}.{name}"), "IMPORTER", None)
        if not isinstance(importer, Importer):
            raise TypeError(f"{imports.__name__}.{name} defines no IMPORTER")
        found[importer.name] = importer
    return found


def detect(document: Document) -> tuple[Importer, tuple[str, ...]] | None:
    """Return the tool that a document is of and the keys that show it; None where no tool's keys are there."""
    if not isinstance(document.root, Table):
        return None
    keys = {entry.key for entry in document.root.entries}
    fits = [(tool, sign) for tool in importers().values() for sign in tool.signs if sign <= keys]
    if not fits:
        return None
    tool, sign = max(fits, key=lambda fit: (fit[0].rank, len(fit[1])))
    return tool, tuple(sorted(sign))
