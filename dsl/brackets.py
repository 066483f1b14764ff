"""Which brackets match. In: the tokens of a declaration. Out: those that are open somewhere, never closed, or stray."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ladle.dsl.lex import CLOSER, Token

CLOSERS: Final = frozenset(CLOSER.values())


def unmatched(tokens: Sequence[Token]) -> tuple[set[int], set[int]]:
    """Return the indices of opening brackets that nothing closes, and of closing ones that close nothing.

    A closing bracket closes the nearest of its kind; those opened since then are left open.
    """
    stack: list[int] = []
    unclosed: set[int] = set()
    stray: set[int] = set()
    for index, token in enumerate(tokens):
        if token.type in CLOSER:
            stack.append(index)
        elif token.type in CLOSERS:
            if all(CLOSER[tokens[opening].type] != token.type for opening in stack):
                stray.add(index)
                continue
            while CLOSER[tokens[stack[-1]].type] != token.type:
                unclosed.add(stack.pop())
            stack.pop()
    return unclosed | set(stack), stray


def innermost(tokens: Sequence[Token]) -> int | None:
    """Return the index of the last bracket that is open after `tokens`, which match so far."""
    stack: list[int] = []
    for index, token in enumerate(tokens):
        if token.type in CLOSER:
            stack.append(index)
        elif token.type in CLOSERS:
            stack.pop()
    return stack[-1] if stack else None


def deep_bracket(tokens: Sequence[Token], bound: int) -> Token | None:
    """Return the first bracket that is opened inside `bound` others, or None."""
    depth = 0
    for token in tokens:
        if token.type in CLOSER:
            depth += 1
            if depth > bound:
                return token
        elif token.type in CLOSERS:
            depth = max(0, depth - 1)
    return None
