"""The tools that are written for. In: the package of exporters. Out: each by its name."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from ladle.executor import exports
from ladle.executor.exporting.subject import Exporter


@cache
def exporters() -> dict[str, Exporter]:
    """Return every exporter by name. Raises TypeError for a module without one: a fault of ours."""
    found: dict[str, Exporter] = {}
    for module in iter_modules(exports.__path__, exports.__name__ + "."):
        exporter = getattr(import_module(module.name), "EXPORTER", None)
        if not isinstance(exporter, Exporter):
            raise TypeError(f"{module.name} defines no EXPORTER")
        found[exporter.name] = exporter
    return found
