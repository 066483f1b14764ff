"""Words for text that is no token of the language. In: a source, its tokens. Out: diagnostics, at most one a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ladle.dsl.build import place
from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.lex import HIDDEN, Token
from ladle.dsl.source import Source, Span

NO_TOKENS: Final = frozenset({"UNCLOSED", "ODD", "HIDDEN"})
"""Types of what is no token of the language."""

_IN_GATES: Final = "two values are compared in a gate: `gate NAME { require ... >= ... }`"
_INSTEAD: Final = {
    "'": 'a string stands between double quotes: `"..."`',
    "`": 'a string stands between double quotes: `"..."`',
    "\u2018": 'a string stands between straight double quotes: `"..."`',
    "\u2019": 'a string stands between straight double quotes: `"..."`',
    "\u201c": 'a string stands between straight double quotes: `"..."`',
    "\u201d": 'a string stands between straight double quotes: `"..."`',
    "\u2212": "write the plain `-`",
    "\u2013": "write the plain `-`",
    "\u2014": "write the plain `-`",
    "\u00d7": "write `*`",
    "\u2026": "a range is written `1..5`",
    ";": "no separator is needed; a comma or a new line may stand between settings",
    "//": "a comment begins with `#`",
    "/*": "a comment begins with `#`; a path stands in double quotes",
    "!=": "what must hold is said in a gate, with `>=`, `<=`, `>`, `<` or `==`",
    ">=": _IN_GATES,
    "<=": _IN_GATES,
    "<": _IN_GATES,
    "==": "a setting is written `name = value`",
    ":=": "a setting is written `name = value`",
    "=>": "an entry of a map is written `name: value`",
    "->": "what fills the first operand of the next is written `a | f`",
    ">": "what fills the first operand of the next is written `a | f`",
    "**": "there is no power",
    "%": "a percentage is written as `60%`, the sign after its number",
    "$": "there is no interpolation; declare a constant with `let`",
    "@": "there are no decorators",
}


def hidden(source: Source) -> Iterator[Diagnostic]:
    """Yield the control, bidirectional and invisible characters of a source, the first of each line."""
    last = 0
    for match in HIDDEN.finditer(source.text):
        line = source.position(match.start())[0]
        if line == last:
            continue
        last = line
        char = match.group()[0]
        message = f"U+{ord(char):04X}, {_sort(char)}, stands in the text"
        span = Span(match.start(), match.end())
        help = "remove it; retype the line if you cannot see it"
        yield Diagnostic("E005", CODES["E005"], message, source, span, "not allowed, not even in a comment", help)


def _sort(char: str) -> str:
    point = ord(char)
    if point < 0x20 or 0x7F <= point < 0xA0:
        return "a control character"
    if point in (0x61C, 0x200E, 0x200F) or 0x202A <= point <= 0x202E or 0x2066 <= point <= 0x2069:
        return "a bidirectional control character"
    return "an invisible character"


def faults(source: Source, tokens: Sequence[Token], odd: frozenset[str] = NO_TOKENS) -> Iterator[Diagnostic]:
    """Yield what is wrong with the tokens of the types `odd`, the first of each line; `hidden` tells HIDDEN ones."""
    last = 0
    for token in tokens:
        if token.type not in odd:
            continue
        line = source.position(token.start)[0]
        if line != last:
            last = line
            if token.type != "HIDDEN":
                yield _unclosed(source, token) if token.type == "UNCLOSED" else _odd(source, token)


def _unclosed(source: Source, token: Token) -> Diagnostic:
    span = Span(token.start, token.start + len(token.text.rstrip()))
    message = "a string is not closed on its line"
    help = 'close it with `"`; a string stands on one line'
    return Diagnostic("E003", CODES["E003"], message, source, span, 'no `"` follows', help)


def _odd(source: Source, token: Token) -> Diagnostic:
    quoted = _quoted(source, token)
    shown = f"`{token.text}`" if token.text.isprintable() else f"U+{ord(token.text):04X}"
    if len(token.text) == 1 and not token.text.isascii() and token.text.isprintable():
        shown += f" (U+{ord(token.text):04X})"
    help = (
        "write a plain space"
        if token.text.isspace()
        else quoted
        or _INSTEAD.get(token.text, "outside strings and comments stand names, numbers and the signs of the language")
    )
    return Diagnostic("E004", CODES["E004"], f"{shown} has no meaning here", source, place(token), "no such sign", help)


def _quoted(source: Source, token: Token) -> str:
    """Show in double quotes what stands between two single ones on the line, "" elsewhere."""
    line = source.text[token.end :].split("\n", 1)[0]
    inner, closing, _ = line.partition(token.text)
    if token.text != "'" or not closing or '"' in inner or len(inner) > 80:
        return ""
    return f'a string stands between double quotes: `"{inner}"`'


def bad_name(source: Source, token: Token) -> Diagnostic:
    """Return what is wrong with a word that is no name."""
    lower = token.text.lower()
    allowed = lower.isascii() and not lower.startswith("_")
    help = f"write `{lower}`" if allowed else "a name begins with a letter a to z; letters, digits and `_` follow"
    message = f"`{token.text if len(token.text) < 40 else token.text[:36] + '...'}` is not a name"
    return Diagnostic("E013", CODES["E013"], message, source, place(token), "lower case letters, digits, `_`", help)
