"""The shipped table is what Lark makes of the grammar, and Lark itself reads recipes as the shipped parser does."""

import logging
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ladle.dsl.build import Builder
from ladle.dsl.codes import CODES
from ladle.dsl.cut import cut
from ladle.dsl.lalr import END, Parser, Stuck
from ladle.dsl.lex import Token, lex
from ladle.dsl.make_table import GRAMMAR, TABLE, load_grammar, make_table, render_table
from ladle.dsl.source import Source
from lark import Lark, UnexpectedToken, logger
from strategies import SHIPPED, mutated, recipes


def test_the_table_is_current() -> None:
    """If not: python -m ladle.dsl.make_table."""
    assert TABLE.read_text(encoding="utf-8") == render_table(make_table(load_grammar()))


def test_the_grammar_has_no_conflict(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lark resolves a shift/reduce conflict in silence, but for its log."""
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level(logging.DEBUG, logger=logger.name):
        Lark(GRAMMAR.read_text(encoding="utf-8"), parser="lalr", lexer="basic", debug=True)
    assert not [record.message for record in caplog.records if "conflict" in record.message.lower()]


class LarkParser:
    """Lark's own loop over the grammar, with the same tokens and the same builder."""

    def __init__(self, builder: Builder) -> None:
        self.lark = Lark(
            GRAMMAR.read_text(encoding="utf-8"),
            parser="lalr",
            lexer="basic",
            keep_all_tokens=True,
            transformer=Spread(builder),
        )

    def parse(self, tokens: tuple[Token, ...]) -> object:
        """Return the declaration, or the index of the token that does not fit."""
        interactive = self.lark.parse_interactive(None)
        for index, token in enumerate((*tokens, Token(END, "", 0, 0))):
            try:
                found = interactive.feed_token(token)
            except UnexpectedToken:
                return index
        return found


class Spread:
    """A builder whose methods take their children in one list, as Lark passes them."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def __getattr__(self, name: str) -> object:
        method = getattr(self.builder, name)
        return lambda children: method(*children)


LARK = LarkParser(Builder(Source("a.recipe", "")))
OURS = Parser(Builder(Source("a.recipe", "")))


def agree(text: str) -> None:
    for chunk in cut(text, *lex(text)):
        ours = OURS.parse(chunk.tokens, chunk.span.end)
        theirs = LARK.parse(chunk.tokens)
        assert theirs == (ours.index if isinstance(ours, Stuck) else ours)


@pytest.mark.parametrize("text", SHIPPED, ids=range(len(SHIPPED)))
def test_lark_reads_the_shipped_recipes_alike(text: str) -> None:
    agree(text)


@given(recipes)
@settings(max_examples=50)
def test_lark_reads_every_recipe_alike(text: str) -> None:
    agree(text)


@given(mutated(st.sampled_from(SHIPPED)))
@settings(max_examples=50)
def test_lark_refuses_at_the_same_place(text: str) -> None:
    agree(text)


def test_the_reference_lists_every_code_of_the_syntax() -> None:
    page = (TABLE.parent.parent / "docs" / "reference" / "syntax.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| (E\d{3}) \| (\S+) \|", page, flags=re.MULTILINE))
    assert listed == {code: name for code, name in CODES.items() if code < "E100"}
