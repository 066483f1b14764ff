"""Plain values that are written as YAML. Out: their type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Union

Said = Union[None, bool, int, float, str, Sequence["Said"], Mapping[str, "Said"]]
