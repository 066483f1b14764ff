"""The tools that are written for. In: the package of exporters. Out: each by its name."""

from __future__ import annotations

from functools import cache

from ladle.executor import exports
from ladle.executor.exporting.subject import Exporter
from ladle.executor.modules import defined


@cache
def exporters() -> dict[str, Exporter]:
    """Return every exporter by name. Raises TypeError for a module without one: a fault of ours."""
    return {exporter.name: exporter for _, exporter in defined(exports, "EXPORTER", Exporter)}
