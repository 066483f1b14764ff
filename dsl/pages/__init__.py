"""One page for each error code. In: a code. Out: why it is an error, a recipe that has it and one that does not.

A page begins with a sentence; `Bad:` and `Good:` are recipes, or `Comes about:` says how a code comes about that no
text of a recipe gives.
"""

from __future__ import annotations

from importlib.resources import files
from textwrap import dedent

from ladle.dsl.frozen import frozen


@frozen
class Page:
    """What is said of a code."""

    code: str
    title: str
    why: str
    bad: str
    """A recipe, or part of one, that has the problem; "" where none has."""
    good: str
    """The same without it."""
    cause: str = ""
    """How it comes about, where no text of a recipe gives it."""


def read_page(code: str) -> Page | None:
    """Return the page of an error code, or None where there is none."""
    place = files(__name__) / f"{code}.md"
    return parse_page(code, place.read_text(encoding="utf-8")) if place.is_file() else None


def parse_page(code: str, text: str) -> Page:
    """Return the page that a text holds: a page file, or the documentation of a lint rule's module."""
    rest, _, cause = text.partition("\nComes about:\n")
    rest, _, examples = rest.partition("\nBad:\n")
    bad, _, good = examples.partition("\nGood:\n")
    title, _, why = rest.strip().partition("\n")
    return Page(code, title.strip(), why.strip(), _snippet(bad), _snippet(good), cause.strip())


def _snippet(text: str) -> str:
    return dedent(text).strip("\n")
