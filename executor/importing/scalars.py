"""What a plain word of YAML means. In: its text. Out: null, truth, a number, or the text itself.

The tools read YAML 1.1, where `yes` is true, and turn `2e-5`, which YAML 1.1 calls text, into a number themselves.
"""

from __future__ import annotations

import re
from typing import Final

Plain = None | bool | int | float | str
STRING: Final = "tag:yaml.org,2002:str"
CORE: Final = tuple(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))

_TRUTH: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)\Z")
_NUMBER = re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z")
_LONGEST: Final = 60


def resolve(text: str) -> Plain:
    """Return what an unquoted word means."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    found = number(text)
    return text if found is None else found


def number(text: str) -> int | float | None:
    """Return the number that a text is, None where it is none. `010` is none: readers differ about it."""
    bare = text.strip()
    if len(bare) > _LONGEST:
        return None
    if _WHOLE.match(bare):
        return int(bare.replace("_", ""))
    if not _NUMBER.match(bare) or re.match(r"[-+]?0[0-9]+\Z", bare):
        return None
    value = float(bare.replace("_", ""))
    return value if abs(value) < float("inf") else None
