"""Words for text that does not fit. In: where a declaration got stuck. Out: why, and what to do, as one diagnostic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ladle.dsl.brackets import CLOSERS, innermost, unmatched
from ladle.dsl.build import place
from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import frozen
from ladle.dsl.lalr import END, Stuck
from ladle.dsl.lex import CLOSER, RESERVED, SIGNS, Token
from ladle.dsl.numbers import with_point
from ladle.dsl.source import Source
from ladle.dsl.types import CorpusKind

FORMS: Final = {
    "edition": "edition 1",
    "use": 'use "recipes/shared.recipe": name, other as mine',
    "let": "let NAME = EXPRESSION",
    "model": "model NAME = EXPRESSION",
    "corpus": "corpus NAME: KIND = SOURCE",
    "stage": "stage NAME { ... }`, `stage NAME: KIND { ... }` or `stage NAME = cpt | sft",
    "benchmark": "benchmark NAME: KIND { on = ... }",
    "evaluate": "evaluate NAME { models = [...]  on = [...] }",
    "gate": "gate NAME { require model.benchmark >= 60% }",
    "variant": "variant NAME { stage.steps = 2  corpus = corpus | take(200) }",
    "publish": 'publish NAME { model = ...  to = hub("me/name") }',
}
"""How each declaration is written."""

_EXPRESSION = frozenset({"NAME", "NUMBER", "STRING", "LPAR", "LSQB", "LBRACE", "MINUS", "TRUE", "FALSE", "NONE"})
_OPERATORS = frozenset({"PIPE", "PLUS", "MINUS", "STAR", "SLASH", "CALL", "INDEX", "DOT", "RANGE"})
_WRITTEN = {kind: f"`{sign}`" for sign, kind in SIGNS.items()} | {kind: f"`{word}`" for word, kind in RESERVED.items()}
_WRITTEN |= {
    "NUMBER": "a number",
    "STRING": "a string",
    "CALL": "`(`",
    "INDEX": "`[`",
    END: "the end of the declaration",
}
_MOST_WANTED = 5


@frozen
class _Place:
    """Where a declaration got stuck: all its tokens, the one that does not fit, and what would."""

    source: Source
    tokens: Sequence[Token]
    index: int
    wanted: frozenset[str]

    @property
    def token(self) -> Token:
        """The token that does not fit, or the end."""
        if self.index < len(self.tokens):
            return self.tokens[self.index]
        end = self.tokens[-1].end
        return Token(END, "", end, end)

    @property
    def before(self) -> Token | None:
        """The token before it."""
        return self.tokens[self.index - 1] if self.index else None

    @property
    def opening(self) -> int | None:
        """The index of the innermost bracket that is open here."""
        return innermost(self.tokens[: self.index])

    def line(self, token: Token) -> int:
        """Return the line on which a token stands."""
        return self.source.position(token.start)[0]

    def error(self, code: str, message: str, label: str, help: str, at: Token | None = None) -> Diagnostic:
        """Return the diagnostic, its caret under `at` or the token that does not fit."""
        return Diagnostic(code, CODES[code], message, self.source, place(at or self.token), label, help)


def explain(source: Source, tokens: Sequence[Token], stuck: Stuck) -> Diagnostic:
    """Return what is wrong with a declaration whose parse got stuck."""
    at = _Place(source, tokens, stuck.index, stuck.wanted)
    return _unclosed(at) or _stray(at) or _reserved(at) or _detached(at) or _range(at) or _other(at)


def _unclosed(at: _Place) -> Diagnostic | None:
    """A bracket that is never closed explains whatever follows it, but for another opening bracket."""
    index = at.opening
    if index is None or index not in unmatched(at.tokens)[0] or at.token.type in CLOSER:
        return None
    opener = at.tokens[index]
    closer = _WRITTEN[CLOSER[opener.type]]
    if at.token.type in CLOSERS and at.line(at.token) == at.line(opener):
        message = f"{_found(at.token)} comes before the `{opener.text}` is closed"
        return at.error("E012", message, f"expected {closer} first", f"close it with {closer}")
    help = f"close it with {closer}" + ("" if at.token.type == END else f" before {_found(at.token)}")
    return at.error("E012", f"`{opener.text}` is never closed", f"no {closer} follows", help, opener)


def _stray(at: _Place) -> Diagnostic | None:
    if at.index not in unmatched(at.tokens)[1]:
        return None
    return at.error("E012", f"{_found(at.token)} closes nothing", "no such bracket is open", "remove it")


def _reserved(at: _Place) -> Diagnostic | None:
    if "NAME" not in at.wanted or at.token.text not in RESERVED:
        return None
    message = f"`{at.token.text}` is a reserved word and cannot be a name"
    return at.error("E008", message, "reserved", f"choose another name, such as `{at.token.text}_1`")


def _detached(at: _Place) -> Diagnostic | None:
    """A call or index whose bracket does not touch the word before it."""
    touching = {"LPAR": "CALL", "LSQB": "INDEX"}.get(at.token.type, "")
    if touching not in at.wanted or at.before is None or at.before.type not in ("NAME", "RPAR", "RSQB"):
        return None
    what = "call" if touching == "CALL" else "index"
    message = f"the `{at.token.text}` of a {what} touches the word before it"
    comma = "; between entries of a list stands a comma" if "COMMA" in at.wanted else ""
    return at.error("E009", message, "a space stands before it", f"write `{at.before.text}{at.token.text}`{comma}")


def _range(at: _Place) -> Diagnostic | None:
    dots = at.token.type == "RANGE"
    ends = at.before is not None and at.before.type in ("RANGE", "BY") and "NUMBER" in at.wanted
    if not dots and not ends:
        return None
    return at.error(
        "E015",
        "the ends of a range are numbers of 0 or more",
        "not part of a range of numbers" if dots else "expected a number",
        "write it as `1..5` or `0.1..0.9 by 0.2`, alone where a value stands",
    )


def _other(at: _Place) -> Diagnostic:
    """What was wanted and what was found; the caret stands where something is missing, if that is a line earlier."""
    valueless = _valueless(at)
    before = valueless or at.before
    wanted = "an expression" if valueless else _listed(at.wanted)
    missing = wanted.startswith("an expression") or _comma(at)
    if before and (at.token.type == END or (missing and at.line(before) < at.line(at.token))):
        after = f"expected {wanted} after {_found(before)}"
        return at.error(
            "E001", f"{after}, found {_found(at.token)}", f"expected {wanted} after this", _help(at), before
        )
    return at.error("E001", f"expected {wanted}, found {_found(at.token)}", f"expected {wanted}", _help(at))


def _valueless(at: _Place) -> Token | None:
    """Return the `=` at the end of a line whose value is missing, so that the next setting was read as one."""
    if at.token.type != "EQUAL":
        return None
    index = at.index - 1
    while index > 0 and at.tokens[index].type in ("NAME", "DOT", "STAGE"):
        index -= 1
    found = at.tokens[index]
    return found if found.type == "EQUAL" and at.line(found) < at.line(at.token) else None


def _found(token: Token) -> str:
    if token.type == END:
        return "the end of the declaration"
    text = token.text if len(token.text) <= 40 else f"{token.text[:36]}..."
    return text if token.type == "STRING" else f"`{text}`"


def _listed(wanted: frozenset[str]) -> str:
    """Return what could stand here, in words and without what merely continues an expression."""
    rest = set(wanted)
    phrases: list[str] = []
    if {"NUMBER", "STRING"} <= rest:
        phrases.append("an expression")
        rest -= _EXPRESSION
    elif "NAME" in rest:
        phrases.append("a key" if "ELSE" in rest else "a setting" if "RBRACE" in rest else "a name")
        rest -= {"NAME", "ELSE", "STAGE"}
    if phrases or rest - _OPERATORS:
        rest -= _OPERATORS
    phrases += sorted(_WRITTEN[kind] for kind in rest)
    shown = phrases[:_MOST_WANTED]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _help(at: _Place) -> str:
    """Return what to do: the slips that happen, else how the declaration is written."""
    inside = at.opening is not None
    match at.token.type:
        case "NUMBER" if number := with_point(at.source.text, at.token.start, at.token.end):
            return f"a decimal is written with a point: `{number}`"
        case "EQUAL" if _valueless(at):
            return "a setting is written `name = value`"
        case "LBRACE" if inside and "DOT" in at.wanted and at.before and at.index + 1 < len(at.tokens):
            return f"a setting of a stage is written `{at.before.text}.{at.tokens[at.index + 1].text} = value`"
        case "EQUAL" if at.tokens[0].text == "corpus" and "COLON" in at.wanted and at.before:
            kinds = [f"`{kind.value}`" for kind in CorpusKind][1:3]
            return f"say what its rows are: `corpus {at.before.text}: text = ...`, or {' or '.join(kinds)}"
        case "NAME" if "IN" in at.wanted and at.before:
            return f"write `in`: an axis is `{at.before.text} in VALUES`"
        case "EQUAL" if "EQ" in at.wanted:
            return "equal is written `==`"
        case "EQUAL" if "COLON" in at.wanted and inside:
            return "an entry of a map is written `name: value`"
        case "MINUS" if at.before and at.before.type == "NAME" and at.before.end == at.token.start:
            after = at.tokens[at.index + 1].text if at.index + 1 < len(at.tokens) else ""
            return f"a name has letters, digits and `_`, no `-`: `{at.before.text}_{after}`"
        case "INDEX" | "LSQB" if "NAME" in at.wanted and "RBRACE" in at.wanted:
            return "an index touches the word before it; a setting is written `name = [...]`"
        case "NAME" if inside and at.before and _comma(at):
            return f"a comma is missing between {_found(at.before)} and {_found(at.token)}"
        case _ if "EQUAL" in at.wanted and inside:
            return "a setting is written `name = value`"
        case _ if (not inside or "REQUIRE" in at.wanted) and at.tokens[0].text in FORMS:
            return f"it is written `{FORMS[at.tokens[0].text]}`"
        case _ if _comma(at):
            return "between entries stands a comma"
        case kind if kind == END:
            return f"go on with {_listed(at.wanted)}"
        case _:
            return f"{_listed(at.wanted)} goes before {_found(at.token)}"


def _comma(at: _Place) -> bool:
    """Whether a comma is missing: only between the settings of a block it may be left out."""
    return "COMMA" in at.wanted and "NAME" not in at.wanted and at.token.type in _EXPRESSION
