"""Where a key of a lock stands. In: JSON that was read before, the keys that lead there. Out: the place of the last."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from ladle.dsl.source import Span

_READ: Final = json.JSONDecoder(parse_float=float).raw_decode
_SPACE: Final = re.compile(r"[ \t\r\n]*")


def key_span(text: str, keys: tuple[str, ...]) -> Span:
    """Return the place of the last of `keys` that the text has, each looked for inside the one before it.

    In a text that is no JSON, or lacks the first, that is where the key is first written; else its beginning.
    """
    found, value = Span(0, 0), _after(text, 0)
    try:
        for key in keys:
            inner = next(((span, start) for name, span, start in _members(text, value) if name == key), None)
            if inner is None:
                break
            found, value = inner
    except (ValueError, RecursionError):
        pass
    return found if found.end else _first(text, keys[0])


def _members(text: str, start: int) -> Iterator[tuple[str, Span, int]]:
    """Yield name, place of the name and start of the value of each member of the object at `start`, if it is one."""
    if text[start : start + 1] != "{":
        return
    place = _after(text, start + 1)
    while text[place : place + 1] == '"':
        name, end = _READ(text, place)
        value = _after(text, _after(text, end) + 1)
        yield str(name), Span(place, end), value
        _, end = _READ(text, value)
        place = _after(text, _after(text, end) + 1)


def _after(text: str, place: int) -> int:
    """The next place that is no space."""
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _first(text: str, key: str) -> Span:
    written = json.dumps(key, ensure_ascii=False)
    found = text.find(f"{written}:")
    return Span(0, 0) if found < 0 else Span(found, found + len(written))
