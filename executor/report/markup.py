"""Writes HTML and SVG. In: tag names, attributes, children. Out: markup in which every text is escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Final

_VOID: Final = frozenset({"meta", "br", "hr"})


class Markup(str):
    """Text that is markup already; any other string is escaped when it becomes a child."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """Return an element. `class_` is `class`, `_` in an attribute's name is `-`, and None leaves it out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Markup:
    """Return parts one after the other, escaped unless they are markup."""
    return Markup(
        "".join(part if isinstance(part, Markup) else html.escape(visible(part), quote=True) for part in parts)
    )


def coded(text: str) -> Markup:
    """Return a note with its `backquoted` names as code; an odd backquote stays what it is."""
    pieces = text.split("`")
    whole = len(pieces) % 2 == 1
    return join(tag("code", piece) if whole and i % 2 else piece for i, piece in enumerate(pieces))


def visible(text: str) -> str:
    """Return `text` with control and bidirectional characters replaced, so that nothing shows what is not there."""
    return "".join("\ufffd" if _hidden(char) else char for char in text)


def number(value: float) -> str:
    """Return a coordinate with at most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def _hidden(char: str) -> bool:
    if char < " ":
        return char not in "\n\t"
    return "\x7f" <= char <= "\x9f" or "\u202a" <= char <= "\u202e" or "\u2066" <= char <= "\u2069"


def _attribute(value: str | float) -> str:
    return html.escape(visible(value), quote=True) if isinstance(value, str) else number(value)
