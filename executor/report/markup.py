"""Writes HTML and SVG. In: tag names, attributes, children. Out: markup in which every text is escaped."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable
from typing import Final

SVG: Final = "http://www.w3.org/2000/svg"
"""The namespace of a drawing that is a file of its own."""
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


def document(title: str, style: str, *main: str) -> str:
    """Return a whole page. It loads nothing: its policy forbids scripts, fonts, images and any other style."""
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(style)),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', tag('main', *main)), lang='en')}\n"


def canvas(
    marks: Iterable[str],
    size: tuple[float, float],
    kind: str,
    label: str | None = None,
    *,
    width: str | float | None = None,
    height: float | None = None,
    xmlns: str | None = None,
) -> Markup:
    """Return marks as an SVG of a size; one with a label is an image to who cannot see it."""
    return tag(
        "svg",
        *marks,
        xmlns=xmlns,
        viewBox=f"0 0 {number(size[0])} {number(size[1])}",
        width=width,
        height=height,
        class_=kind,
        role=label and "img",
        aria_label=label,
    )


def text_at(text: str, x: float, y: float, kind: str, anchor: str | None = None, title: str = "") -> Markup:
    """Return a text of an SVG; `title` is shown for it where it says more."""
    children = (tag("title", title), text) if title and title != text else (text,)
    return tag("text", *children, x=x, y=y, class_=kind or None, text_anchor=anchor)


def shortened(text: str, longest: int) -> str:
    """Return a text of at most `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "\u2026"


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
