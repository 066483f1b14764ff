"""What differs between two entries of a lock. In: both, as JSON. Out: lines for people, templates as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ladle.dsl.graph import Json
from ladle.executor.quoting import short

MAX_LINES = 400
"""Lines of a template's difference that are shown."""


def differences(before: Json, after: Json, where: str = "") -> Iterator[str]:
    """Yield one line for each fact that changed, several for a template."""
    if before == after:
        return
    if where == "template":
        yield from _template(before, after)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            name = f"{where}.{key}" if where else key
            yield from differences(before.get(key, "not there"), after.get(key, "not there"), name)
    else:
        yield f"{where}: {_shown(before)} -> {_shown(after)}"


def _template(before: Json, after: Json) -> Iterator[str]:
    old, new = _lines(before), _lines(after)
    if old is None or new is None:
        yield f"template: {_named(before)} -> {_named(after)}"
    diff = list(difflib.unified_diff(old or [], new or [], "template before", "template after", lineterm="", n=2))
    yield from diff[:MAX_LINES]
    if len(diff) > MAX_LINES:
        yield f"... and {len(diff) - MAX_LINES} lines more"


def _lines(template: Json) -> list[str] | None:
    lines = template.get("lines") if isinstance(template, dict) else None
    return [str(line) for line in lines] if isinstance(lines, list) else None


def _named(template: Json) -> str:
    if isinstance(template, dict):
        return f"sha256 {str(template.get('sha256'))[:16]}"
    return "none" if template is None else "unknown"


def _shown(value: Json) -> str:
    match value:
        case str():
            return short(value)
        case None:
            return "none"
        case list():
            return short(", ".join(str(item) for item in value)) or "none"
        case dict():
            return "1 entry" if len(value) == 1 else f"{len(value)} entries"
        case _:
            return str(value).lower()
