"""A file into declarations. In: its tokens. Out: one chunk of tokens for each declaration, to be parsed alone."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.dsl.brackets import CLOSERS
from ladle.dsl.frozen import frozen
from ladle.dsl.lex import CLOSER, ENDS, STARTS, DocLine, Token
from ladle.dsl.source import Span


@frozen
class Chunk:
    """The tokens of one declaration, at least one, and what its `##` lines say."""

    tokens: tuple[Token, ...]
    doc: str
    misplaced: bool
    """It begins with a declaration word, but not in column 1."""

    @property
    def span(self) -> Span:
        """The range from its first token to its last."""
        return Span(self.tokens[0].start, self.tokens[-1].end)


def cut(text: str, tokens: list[Token], docs: list[DocLine]) -> Iterator[Chunk]:
    """Yield the declarations of a file.

    A declaration word in column 1 starts one, whatever brackets are open. Outside brackets, where the declaration
    before is complete, so do a declaration word anywhere and any other name in column 1: a misspelt or forgotten
    declaration word.
    """
    waiting = list(reversed(docs))
    chunk: list[Token] = []
    depth = 0
    end = 0
    misplaced = False
    for token in tokens:
        first = token.start == 0 or text[token.start - 1] == "\n"
        complete = depth == 0 and (not chunk or chunk[-1].type in ENDS)
        starts = token.type in STARTS and (complete or (first and not _owner(text, token, depth)))
        if starts or (first and complete and token.type in ("NAME", "BADNAME")):
            if chunk:
                yield Chunk(tuple(chunk), _doc(waiting, end, chunk[0].start), misplaced)
                end = chunk[-1].end
            chunk, depth, misplaced = [], 0, starts and not first
        chunk.append(token)
        if token.type in CLOSER:
            depth += 1
        elif token.type in CLOSERS:
            depth = max(0, depth - 1)
    if chunk:
        yield Chunk(tuple(chunk), _doc(waiting, end, chunk[0].start), misplaced)


def _owner(text: str, token: Token, depth: int) -> bool:
    """Whether a word is the `stage` of `stage.seed = 7` in a `with`."""
    return depth > 0 and text.startswith(".", token.end)


def _doc(waiting: list[DocLine], after: int, before: int) -> str:
    """Return the documentation between two declarations, and take it and whatever stands earlier from `waiting`."""
    lines: list[str] = []
    while waiting and waiting[-1].start < before:
        line = waiting.pop()
        if line.start >= after:
            lines.append(line.text)
    return "\n".join(lines)
