"""A recipe in the one way it is written. In: its source. Out: its text, laid out; what it says is not touched.

Only spaces, line ends and the commas that may be left out change. Every comment stays in its place and in order.
"""

from __future__ import annotations

from ladle.dsl.cut import cut
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.lex import Token, lex
from ladle.dsl.parse import parse
from ladle.dsl.phrase import Entry, stack
from ladle.dsl.pieces import read_pieces
from ladle.dsl.source import Source
from ladle.dsl.trivia import NOTHING, gaps


def format_source(source: Source) -> tuple[str, tuple[Diagnostic, ...]]:
    """Return the text laid out, or the text as it is and the problems for which it is left alone."""
    problems = parse(source)[1]
    if problems:
        return source.text, problems
    text = laid_out(source.text)
    if _said(text) != _said(source.text):
        raise AssertionError("formatting would change what the recipe says")
    return text, ()


def laid_out(text: str) -> str:
    """Return a text that parses, laid out."""
    tokens, docs = lex(text)
    before = list(gaps(text, tokens))
    entries: list[Entry] = []
    start = 0
    for chunk in cut(text, tokens, docs):
        end = start + len(chunk.tokens)
        items = read_pieces(chunk.tokens, [NOTHING, *before[start + 1 : end]])
        entries.append(Entry(before[start], items, chunk.tokens[0].text))
        start = end
    _, lines = stack(entries, before[-1], 0)
    return "".join(f"{line}\n" for line in lines)


def _said(text: str) -> tuple[list[str], list[str], list[str]]:
    """Return the words of a text without commas, its comments, and its documentation lines."""
    tokens, docs = lex(text)
    comments = [comment.text for gap in gaps(text, tokens) for comment in gap.comments]
    return [_word(token) for token in tokens if token.type != "COMMA"], comments, [doc.text for doc in docs]


def _word(token: Token) -> str:
    return f"{token.type} {token.text}"
