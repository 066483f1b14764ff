"""The tools that are written for. In: the package of exporters. Out: each by its name."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from ladle.executor import exports
from ladle.executor.exporting.subject import Exporter
from ladle.executor.modules import module_names


@cache
def exporters() -> dict[str, Exporter]:
    """Return every exporter by name. Raises TypeError for a module without one: a fault of ours."""
    found: dict[str, Exporter] = {}
    for name in module_names(exports):
        exporter = getattr(import_module(f"{exports.__name__}.{name}"), "EXPORTER", None)
        if not isinstance(exporter, Exporter):
            raise TypeError(f"{exports.__name__}.{name} defines no EXPORTER")
        found[exporter.name] = exporter
    return found
