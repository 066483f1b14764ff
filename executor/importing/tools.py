"""The tools whose files are read. In: the package of importers, and a file's keys. Out: the tool, and how it shows."""

from __future__ import annotations

from functools import cache

from ladle.dsl.suggest import did_you_mean, nearest, sentences
from ladle.executor import imports
from ladle.executor.importing.draft import Importer
from ladle.executor.importing.tree import Document, Table
from ladle.executor.modules import defined
from ladle.executor.quoting import short


@cache
def importers() -> dict[str, Importer]:
    """Return every importer by name. Raises TypeError for a module without one: a fault of ours."""
    return {importer.name: importer for _, importer in defined(imports, "IMPORTER", Importer)}


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


def meant(document: Document) -> str:
    """Return what keys by which tools are known the keys of a document are likely meant for; "" where none is near."""
    keys = [entry.key for entry in document.root.entries] if isinstance(document.root, Table) else []
    known = sorted({key for tool in importers().values() for sign in tool.signs for key in sign})
    told = ((key, did_you_mean(nearest(key, known))) for key in keys if key not in known)
    return sentences(f"`{short(key)}`: {hint}" for key, hint in told if hint)
