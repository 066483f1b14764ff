"""Where a tensor stands in a model. In: its name. Out: the module it belongs to, and the number of the layer."""

from __future__ import annotations

import re
from typing import Final

from ladle.executor.weights.modules import MODULES, matching, module_path

OUTSIDE: Final = -1
"""The layer of what stands in none."""
_CONTAINERS: Final = frozenset({"layers", "self_attn", "mlp"})
"""Modules that others stand in: what is in none of those is called by its own name."""
_ENDS: Final = frozenset({"weight", "bias", "scales", "scale"})
_NUMBER: Final = re.compile(r"[0-9]{1,6}\Z")
_LONGEST: Final = 40


def module(tensor: str) -> tuple[str, int]:
    """Return a tensor's module, by the name that schedules have for it, and its layer."""
    parts = tensor.split(".")
    layer = next((int(part) for part in parts if _NUMBER.match(part)), OUTSIDE)
    if not any(part.isdecimal() and not _NUMBER.match(part) for part in parts):
        name = matching(dict.fromkeys(MODULES), tensor)
        if name and name not in _CONTAINERS:
            return name, module_path(tensor)[1]
    named = [part for part in parts if part not in _ENDS and not part.isdecimal()]
    return (named[-1] if named else tensor)[:_LONGEST], layer
