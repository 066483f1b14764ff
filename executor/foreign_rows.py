"""Rows of shapes that other tools have. In: the columns of a row that is of no kind. Out: what to write, or to rewrite.

Loaded only where a row is of no kind. What it shows stands in a recipe as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ladle.dsl.graph import Json
from ladle.dsl.suggest import listing

_ASKED: Final = ("user", "instruction", "question", "query", "prompt", "problem", "input", "human")
_SAID: Final = ("assistant", "output", "response", "answer", "completion", "solution", "target", "gpt")
_CHOSEN: Final = ("chosen", "preferred", "positive", "winner")
_REJECTED: Final = ("rejected", "dispreferred", "negative", "loser")
_TURNS: Final = ("messages", "conversations", "conversation", "dialog", "dialogue", "turns")
_TEXTS: Final = ("text", "content", "body", "document", "article", "raw_content", "markdown", "code")
_QUOTABLE: Final = re.compile(r"[A-Za-z0-9_. -]{1,60}")


def remedy(row: Mapping[str, Json], named: Mapping[str, str]) -> str:
    """Return how the columns of a row are named in a recipe, or what of the row is to be rewritten.

    A value of None is one that nobody read. `named` are the columns that the recipe names already.
    """
    if any(given not in row for given in named.values()):
        return f"the values of `columns` are names of the file's: {listing([key[:40] for key in row], 12, 'or')}"
    rest = {key: value for key, value in row.items() if key not in (*named, *named.values())}
    renamed = {name: row[given] for name, given in named.items()} | rest
    if (turns := _first(_TURNS, renamed)) and _from_value(renamed[turns]):
        return _REWRITTEN.format(turns)
    found = _turns(renamed) or _pair(renamed) or _answered(renamed) or _text(renamed)
    given = {name: named.get(column, column) for name, column in found.items()}
    entries = ", ".join(f'{name}: "{column}"' for name, column in given.items() if name != column)
    if not entries or not all(map(_QUOTABLE.fullmatch, given.values())):
        return "mend the row: `ladle explain chat`, `text` and `preference` say the columns of each kind"
    more = _INPUT if "input" in rest and "user" in found and found["user"] != "input" else ""
    return f"say what they are called: `columns = {{{entries}}}`{more}"


_INPUT: Final = "; `input` is left out: join it to the column before it in rows where it says something"
_REWRITTEN: Final = (
    'rewrite the rows as `{{"messages": [{{"role": "user", "content": "..."}}]}}`: of each turn of `{}` '
    "`from` becomes `role`, with `human` as `user` and `gpt` as `assistant`, and `value` becomes `content`"
)


def _from_value(turns: Json) -> bool:
    first = turns[0] if isinstance(turns, list) and turns else None
    return isinstance(first, dict) and ("from" in first or "value" in first)


def _turns(row: Mapping[str, Json]) -> dict[str, str]:
    name = _first(_TURNS, row)
    return {"messages": name} if name else {}


def _pair(row: Mapping[str, Json]) -> dict[str, str]:
    prompt, chosen, rejected = _first((*_ASKED, "context"), row), _first(_CHOSEN, row), _first(_REJECTED, row)
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected} if prompt and chosen and rejected else {}


def _answered(row: Mapping[str, Json]) -> dict[str, str]:
    asked = _first(_ASKED, row)
    said = _first(tuple(name for name in _SAID if name != asked), row)
    return {"user": asked, "assistant": said} if asked and said else {}


def _text(row: Mapping[str, Json]) -> dict[str, str]:
    if _first((*_CHOSEN[:1], *_REJECTED[:1]), row):
        return {}  # half a preference is no text
    strings = [name for name, value in row.items() if value is None or isinstance(value, str)]
    name = _first(_TEXTS, row) or next(iter(strings), "")
    return {"text": name} if name else {}


def _first(names: tuple[str, ...], row: Mapping[str, Json]) -> str:
    return next((name for name in names if name in row), "")
