"""A recipe's text into its syntax tree. In: a Source. Out: a Recipe, and every problem of its text (E0xx, E302).

The file is cut into declarations and each is parsed alone, so one mistake is one problem and costs one declaration.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Final

from ladle.dsl.brackets import deep_bracket
from ladle.dsl.build import Builder, place
from ladle.dsl.codes import CODES
from ladle.dsl.cut import Chunk, cut
from ladle.dsl.depth import too_deep
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.faults import NO_TOKENS, bad_name, faults, hidden
from ladle.dsl.frozen import replace
from ladle.dsl.lalr import Parser, Stuck
from ladle.dsl.lex import COMPARISONS, DECLARATION_WORDS, RESERVED, STARTS, Token, lex
from ladle.dsl.read import read_source
from ladle.dsl.source import Source, Span
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.dsl.syntax import BrokenDecl, Declaration, EditionDecl, Name, Recipe
from ladle.dsl.unexpected import explain

__all__ = ["parse", "read_source"]

DEEPEST: Final = 100
"""Levels of brackets and operators that an expression may have."""

_CONSTANTS: Final = {"True": "TRUE", "False": "FALSE", "None": "NONE"}
"""Constants as another language spells them: it is plain what is meant, and the rest is judged."""

_BRINGING: Final = ("from", "import", "include")

LONGEST: Final = 100_000
"""Words and signs that a declaration may have: far more than a list of the most values that a list may hold."""

MOST: Final = 1000
"""Problems after which the rest of a file is not judged."""


def parse(source: Source) -> tuple[Recipe, tuple[Diagnostic, ...]]:
    """Return the recipe as written and every problem of its text in order; what failed is a BrokenDecl."""
    reader = _Reader(source)
    chunks = cut(source.text, *lex(source.text))
    declarations = tuple(declaration for chunk in chunks for declaration in reader.read(chunk))
    problems = sorted(reader.problems, key=lambda d: (d.span.start, d.span.end, d.code))
    return Recipe(source, declarations), (*problems[:MOST], *map(_given_up, problems[MOST : MOST + 1]))


class _Reader:
    """Reads the chunks of one source one by one and collects what is wrong with them."""

    def __init__(self, source: Source) -> None:
        self.problems = [*islice(hidden(source), MOST + 1)]
        self._source = source
        self._builder = Builder(source)
        self._parser = Parser(self._builder)

    def read(self, chunk: Chunk) -> tuple[Declaration, ...]:
        """Return what a chunk declares: one declaration, or a BrokenDecl for each name it would have declared."""
        if len(self.problems) > MOST:
            return _broken(chunk)
        declared, problems = self._judge(chunk)
        self.problems += problems
        return (declared,) if declared else _broken(chunk)

    def _judge(self, chunk: Chunk) -> tuple[Declaration | None, list[Diagnostic]]:
        """Return the declaration, if its text is whole, and what is wrong with it."""
        refused = self._refuse(chunk)
        if refused is not None:
            return None, refused
        named = [bad_name(self._source, token) for token in chunk.tokens if token.type == "BADNAME"]
        constants = [told for told in named if self._source.text[told.span.start : told.span.end] in _CONSTANTS]
        tokens = [_meant(token) if token.type == "BADNAME" else token for token in chunk.tokens]
        parsed = self._parser.parse(tokens, chunk.span.end)
        problems = [*named, *self._builder.taken(), *self._misplaced(chunk)]
        if isinstance(parsed, Stuck):
            at = chunk.tokens[parsed.index : parsed.index + 1]
            told = at and at[0].type == "BADNAME"  # such as `With`: one mistake
            return None, problems if told else [*problems, explain(self._source, tokens, parsed)]
        deep = too_deep(parsed, DEEPEST) if len(tokens) > DEEPEST else None
        if deep:
            return None, [*problems, self._too_deep(deep)]
        whole = all(problem.code in ("E010", "E014") for problem in problems if problem not in constants)
        return _documented(parsed, chunk.doc) if whole else None, problems

    def _refuse(self, chunk: Chunk) -> list[Diagnostic] | None:
        """Return why a chunk is not parsed at all, or None."""
        first = chunk.tokens[0]
        if len(chunk.tokens) > LONGEST:
            return [self._too_long(first)]
        compares = first.type == RESERVED["gate"] or first.type not in STARTS
        odd = NO_TOKENS if compares else NO_TOKENS | COMPARISONS
        if any(token.type in odd for token in chunk.tokens):
            return [*islice(faults(self._source, chunk.tokens, odd), MOST + 1)]
        if first.type not in STARTS:
            return [self._unknown(chunk)]
        deep = deep_bracket(chunk.tokens, DEEPEST)
        return [self._too_deep(place(deep))] if deep else None

    def _unknown(self, chunk: Chunk) -> Diagnostic:
        first, lower = chunk.tokens[0], chunk.tokens[0].text.lower()
        near = (lower,) if lower in DECLARATION_WORDS else nearest(lower, DECLARATION_WORDS)
        begins = f"a declaration begins with {listing(DECLARATION_WORDS, 20, 'or')}"
        help = _bringing(chunk) or did_you_mean(near) or begins
        return self._error("E006", place(first), f"`{_short(first.text)}` begins no declaration", "unknown", help)

    def _misplaced(self, chunk: Chunk) -> list[Diagnostic]:
        if not chunk.misplaced:
            return []
        first = chunk.tokens[0]
        message = f"the declaration `{first.text}` does not start in column 1"
        line = self._source.text[self._source.text.rfind("\n", 0, first.start) + 1 : first.start]
        help = "begin it on a line of its own" if line.strip() else "take away the spaces before it"
        return [self._error("E014", place(first), message, "not in column 1", help)]

    def _too_long(self, first: Token) -> Diagnostic:
        message = f"a declaration holds at most {LONGEST:,} words and signs"
        return self._error("E302", place(first), message, "too long", "make it shorter; a range is written `1..400`")

    def _too_deep(self, span: Span) -> Diagnostic:
        message = f"this is nested more than {DEEPEST} levels deep"
        return self._error("E011", span, message, "too deep", "give a part of it a name with `let` or `model`")

    def _error(self, code: str, span: Span, message: str, label: str = "", help: str = "") -> Diagnostic:
        return Diagnostic(code, CODES[code], message, self._source, span, label, help)


def _meant(token: Token) -> Token:
    """Return a word that is no name as what it is read as all the same."""
    if token.text in _CONSTANTS:
        return token._replace(type=_CONSTANTS[token.text], text=token.text.lower())
    return token._replace(type="NAME")


def _given_up(first: Diagnostic) -> Diagnostic:
    """Return what stands for `first`, the first problem that is not told, and all after it."""
    message = f"more than {MOST} problems: the rest of the file is not judged"
    return replace(first, code="E019", name=CODES["E019"], message=message, label="given up here", help="correct some")


def _documented(declaration: Declaration, doc: str) -> Declaration:
    if not doc or isinstance(declaration, EditionDecl | BrokenDecl):
        return declaration
    return replace(declaration, doc=doc)


def _broken(chunk: Chunk) -> tuple[BrokenDecl, ...]:
    """Return a failed declaration for each name it would have declared, so that whoever uses them is not blamed."""
    first, *rest = chunk.tokens
    named = [token for token in rest[:1] if token.type in ("NAME", "BADNAME")]
    if not named and first.type in ("NAME", "BADNAME"):  # the declaration word is forgotten
        named = [first]
    # Of a name that cannot be one, such as `Merged`, the uses are spelt as the help says: `merged`.
    named = [token._replace(text=token.text.lower()) for token in named]
    if named and (joined := _dashed(rest)):
        # The uses are spelt as the help says, `my_model`, or as here, `my-model`: then no name of theirs is known.
        named = [named[0]._replace(text=joined)]
        return BrokenDecl(first.text, Name(joined, place(named[0])), chunk.span), BrokenDecl(
            first.text, None, chunk.span
        )
    brings = first.type == RESERVED["use"] or first.text in _BRINGING
    names = _imported(rest) if brings else [Name(token.text, place(token)) for token in named]
    return tuple(BrokenDecl(first.text, name, chunk.span) for name in names) or (
        BrokenDecl(first.text, None, chunk.span),
    )


def _dashed(tokens: Sequence[Token]) -> str:
    """Return the name that tokens at the start spell with `-` between its parts, written with `_`; "" for another."""
    parts = [token.text for token in tokens[:1]]
    for dash, part in zip(tokens[1::2], tokens[2::2], strict=False):
        touching = dash.start == tokens[2 * len(parts) - 2].end and part.start == dash.end
        if dash.type != "MINUS" or not touching or part.type not in ("NAME", "NUMBER"):
            break
        parts.append(part.text)
    return "_".join(parts).lower() if len(parts) > 1 else ""


def _bringing(chunk: Chunk) -> str:
    """Say how names of another file are brought, where this is how another language does it; "" elsewhere."""
    first, *rest = chunk.tokens
    path = next((token.text for token in rest if token.type == "STRING"), '"recipes/shared.recipe"')
    names = ", ".join(name.name for name in _imported(rest)[:4]) or "name"
    return f"names of another recipe are brought by `use {path}: {names}`" if first.text in _BRINGING else ""


def _imported(tokens: Sequence[Token]) -> list[Name]:
    """Return the names that `use "file": a, b as c` brings: those before a comma or the end."""
    ends = [*(token.type for token in tokens[1:]), "COMMA"]
    pairs = zip(tokens, ends, strict=True) if tokens else ()
    return [Name(token.text, place(token)) for token, after in pairs if token.type == "NAME" and after == "COMMA"]


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:36]}..."
