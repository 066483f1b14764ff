"""Words for text that does not fit. In: where a declaration got stuck. Out: why, and what to do, as one diagnostic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ladle.dsl.build import place
from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.lalr import END, Stuck
from ladle.dsl.lex import CLOSER, RESERVED, SIGNS, Token
from ladle.dsl.source import Source, Span

FORMS: Final = {
    "edition": "edition 1",
    "let": "let NAME = EXPRESSION",
    "model": "model NAME = EXPRESSION",
    "corpus": "corpus NAME: KIND = SOURCE",
    "stage": "stage NAME { ... }`, `stage NAME: KIND { ... }` or `stage NAME = cpt | sft",
    "benchmark": "benchmark NAME: KIND { on = ... }",
    "evaluate": "evaluate NAME { models = [...]  on = [...] }",
}
"""How each declaration is written."""

_CLOSERS = frozenset(CLOSER.values())
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


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a declaration got stuck: all its tokens, the one that does not fit, and what would."""

    source: Source
    tokens: Sequence[Token]
    index: int
    wanted: frozenset[str]

    @property
    def token(self) -> Token:
        if self.index < len(self.tokens):
            return self.tokens[self.index]
        end = self.tokens[-1].end
        return Token(END, "", end, end)

    @property
    def before(self) -> Token | None:
        return self.tokens[self.index - 1] if self.index else None

    def error(self, code: str, message: str, label: str, help: str = "", at: Token | None = None) -> Diagnostic:
        span = place(at or self.token)
        if span.start == span.end:  # the end: under the last character
            span = Span(span.start - 1, span.end)
        return Diagnostic(code, CODES[code], message, self.source, span, label, help)


def explain(source: Source, tokens: Sequence[Token], stuck: Stuck) -> Diagnostic:
    """Return what is wrong with a declaration whose parse got stuck."""
    place = _Place(source, tokens, stuck.index, stuck.wanted)
    return _bracket(place) or _reserved(place) or _detached(place) or _range(place) or _other(place)


def _bracket(at: _Place) -> Diagnostic | None:
    """A bracket that is never closed explains whatever follows it; so does a closing one without its partner."""
    unclosed, stray = _unmatched(at.tokens)
    opening = _open(at.tokens[: at.index])
    if opening and opening[-1] in unclosed:
        opener = at.tokens[opening[-1]]
        closer = _WRITTEN[CLOSER[opener.type]]
        if at.token.type in _CLOSERS:
            line, column = at.source.position(opener.start)
            message = f"{_found(at.token)} comes before the `{opener.text}` of line {line}, column {column} is closed"
            return at.error("E012", message, f"expected {closer} first", f"close it with {closer}")
        message = f"`{opener.text}` is never closed"
        return at.error("E012", message, f"no {closer} follows", _comma_help(at, closer), opener)
    if at.index in stray:
        return at.error("E012", f"{_found(at.token)} closes nothing", "no bracket is open", "remove it")
    return None


def _comma_help(at: _Place, closer: str) -> str:
    return f"close it with {closer}" if at.token.type == END else f"close it with {closer} before {_found(at.token)}"


def _unmatched(tokens: Sequence[Token]) -> tuple[set[int], set[int]]:
    """Return the indices of opening brackets that nothing closes, and of closing ones that close nothing."""
    stack: list[int] = []
    unclosed: set[int] = set()
    stray: set[int] = set()
    for index, token in enumerate(tokens):
        if token.type in CLOSER:
            stack.append(index)
        elif token.type in _CLOSERS:
            if not any(CLOSER[tokens[i].type] == token.type for i in stack):
                stray.add(index)
                continue
            while CLOSER[tokens[stack[-1]].type] != token.type:
                unclosed.add(stack.pop())
            stack.pop()
    return unclosed | set(stack), stray


def _open(tokens: Sequence[Token]) -> list[int]:
    """Return the indices of the brackets that are open after `tokens`, which fit so far."""
    stack: list[int] = []
    for index, token in enumerate(tokens):
        if token.type in CLOSER:
            stack.append(index)
        elif token.type in _CLOSERS:
            stack.pop()
    return stack


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
    wanted = _listed(at.wanted)
    return at.error("E001", f"expected {wanted}, found {_found(at.token)}", f"expected {wanted}", _help(at))


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
    match at.token.type:
        case _ if "EQUAL" in at.wanted and _open(at.tokens[: at.index]):
            return "a setting is written `name = value`"
        case "EQUAL" if "COLON" in at.wanted and _open(at.tokens[: at.index]):
            return "an entry of a map is written `name: value`"
        case "MINUS" if at.before and at.before.type == "NAME" and at.before.end == at.token.start:
            return "a name has letters, digits and `_`, no `-`"
        case "INDEX" | "LSQB" if "NAME" in at.wanted and "RBRACE" in at.wanted:
            return "an index touches the word before it; a setting is written `name = [...]`"
        case _:
            if not _open(at.tokens[: at.index]) and at.tokens[0].text in FORMS:
                return f"it is written `{FORMS[at.tokens[0].text]}`"
            if "COMMA" in at.wanted and at.token.type in _EXPRESSION:
                return "between entries stands a comma"
            return f"put {_listed(at.wanted)} before it"
