"""What a recipe says, without where it says it. In: a text that parses. Out: its syntax tree without places."""

from __future__ import annotations

from ladle.dsl.format import format_source
from ladle.dsl.lex import lex
from ladle.dsl.parse import parse
from ladle.dsl.source import Source, Span
from ladle.dsl.trivia import gaps


def meaning(text: str) -> object:
    """Return the declarations of `text`, which must parse."""
    recipe, problems = parse(Source("a.recipe", text))
    assert problems == ()
    return [_bare(each) for each in recipe.declarations]


def _bare(node: object) -> object:
    if isinstance(node, Span):
        return None
    if isinstance(node, tuple):
        return tuple(map(_bare, node))
    fields = getattr(type(node), "__match_args__", None)
    return node if fields is None else (type(node).__name__, *(_bare(getattr(node, name)) for name in fields))


def comments(text: str) -> list[str]:
    """Return every comment in order."""
    return [each.text for gap in gaps(text, lex(text)[0]) for each in gap.comments]


def formatted(text: str) -> str:
    """Return `text`, which must parse, laid out."""
    found, problems = format_source(Source("a.recipe", text))
    assert problems == ()
    return found


def keeps(text: str) -> None:
    """Assert that formatting changes nothing of what `text` says, and twice is once."""
    once = formatted(text)
    assert formatted(once) == once
    assert meaning(once) == meaning(text)
    assert comments(once) == comments(text)
    assert all(line == line.rstrip(" \t") for line in once.split("\n"))
    assert not once or (once.endswith("\n") and not once.endswith("\n\n") and not once.startswith("\n"))
