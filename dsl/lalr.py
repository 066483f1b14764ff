"""Runs the parse table. In: the tokens of one declaration and the actions. Out: its node, or where it went wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ladle.dsl.build import Builder
from ladle.dsl.frozen import frozen
from ladle.dsl.lex import Token
from ladle.dsl.syntax import Declaration
from ladle.dsl.table import ACCEPTING, RULES, STATES

END: Final = "$END"


@frozen
class Stuck:
    """The first token that fits nowhere, by its index (one past the last for the end), and what would fit."""

    index: int
    wanted: frozenset[str]


Action = Callable[[*tuple[object, ...]], object]


class Parser:
    """Lark's table with the actions of a builder."""

    def __init__(self, builder: Builder) -> None:
        self._actions: tuple[Action | None, ...] = tuple(
            getattr(builder, action) if action else None for _, _, action in RULES
        )

    def parse(self, tokens: Sequence[Token], end: int) -> Declaration | Stuck:
        """Return the declaration that `tokens` are; `end` is the offset at which they end."""
        states = [0]
        values: list[object] = []
        for index, token in enumerate((*tokens, Token(END, "", end, end))):
            while True:
                move = STATES[states[-1]].get(token.type)
                if move is None:
                    return Stuck(index, _wanted(states))
                if move >= 0:
                    states.append(move)
                    values.append(token)
                    break
                self._reduce(~move, states, values)
                if token.type == END and states[-1] == ACCEPTING:
                    return _declaration(values[-1])
        raise AssertionError("the end of the tokens is accepted or refused")

    def _reduce(self, rule: int, states: list[int], values: list[object]) -> None:
        origin, size, _ = RULES[rule]
        action = self._actions[rule]
        if action is None:  # the only child is handed on: the value stays, its state changes
            states.pop()
        elif size:
            children = values[-size:]
            del states[-size:], values[-size:]
            values.append(action(*children))
        else:
            values.append(action())
        states.append(STATES[states[-1]][origin])


def _declaration(value: object) -> Declaration:
    assert isinstance(value, Declaration)
    return value


def _wanted(states: list[int]) -> frozenset[str]:
    """Return the tokens that could stand here: a table's row lists some that a later reduction refuses."""
    return frozenset(symbol for symbol in STATES[states[-1]] if _fits(symbol, states))


def _fits(symbol: str, states: list[int]) -> bool:
    if symbol != END and not symbol.isupper():
        return False
    stack = list(states)
    while (move := STATES[stack[-1]].get(symbol)) is not None:
        if move >= 0 or (symbol == END and stack[-1] == ACCEPTING):
            return True
        origin, size, _ = RULES[~move]
        del stack[len(stack) - size :]
        stack.append(STATES[stack[-1]][origin])
        if symbol == END and stack[-1] == ACCEPTING:
            return True
    return False
