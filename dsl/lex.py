"""Text into tokens. In: the text of a recipe. Out: tokens with their places, and the `##` lines beside them.

Lexing is permissive: what is no token of the language is a token all the same (`ODD`, `HIDDEN`, `UNCLOSED`, `BADNAME`,
a NUMBER with an unknown unit), and the parser says in words what is wrong with it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Token(NamedTuple):
    """One token: its type (a terminal of grammar.lark, or a bad one), its text, and where it stands in code points."""

    type: str
    text: str
    start: int
    end: int


class DocLine(NamedTuple):
    """One `##` line that stands alone: what it says, and where it starts."""

    text: str
    start: int


DECLARATION_WORDS: Final = (
    "edition", "use", "let", "model", "corpus", "stage", "benchmark", "evaluate", "gate", "variant", "publish",
)  # fmt: skip
RESERVED: Final = {
    word: word.upper()
    for word in (*DECLARATION_WORDS, "in", "by", "as", "with", "else", "require", "true", "false", "none")
}
STARTS: Final = frozenset(RESERVED[word] for word in DECLARATION_WORDS)
ENDS: Final = frozenset(
    {"NAME", "BADNAME", "NUMBER", "STRING", "UNCLOSED", "TRUE", "FALSE", "NONE", "RPAR", "RSQB", "RBRACE"}
)
"""Types of tokens a declaration may end with."""
CLOSER: Final = {"LPAR": "RPAR", "CALL": "RPAR", "LSQB": "RSQB", "INDEX": "RSQB", "LBRACE": "RBRACE"}
"""The closing bracket of each opening one."""
SIGNS: Final = {
    "=": "EQUAL", ":": "COLON", ",": "COMMA", ".": "DOT", "..": "RANGE", "|": "PIPE", "+": "PLUS", "-": "MINUS",
    "*": "STAR", "/": "SLASH", "(": "LPAR", ")": "RPAR", "[": "LSQB", "]": "RSQB", "{": "LBRACE", "}": "RBRACE",
    ">=": "GE", "<=": "LE", ">": "GT", "<": "LT", "==": "EQ",
}  # fmt: skip
COMPARISONS: Final = frozenset({"GE", "LE", "GT", "LT", "EQ"})
"""Types of the signs that compare; they stand in a gate alone."""

HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
"""Control, bidirectional and invisible characters: they may stand nowhere, not even in a comment."""

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\n]+)
    | (?P<doc>\#\#(?!\#)[^\n]*)
    | (?P<comment>\#[^\n]*)
    | (?P<NAME>[a-z][a-z0-9_]*)(?!\w)
    | (?P<BADNAME>[^\W\d]\w*)
    | (?P<NUMBER>\.?[0-9](?:(?<=[0-9][eE])[+-](?=[0-9])|[\w%]|\.(?=\w))*)
    | (?P<STRING>"[^"\n]*")
    | (?P<UNCLOSED>"[^"\n]*)
    | (?P<odd>[!:]=|[=-]>|\*\*|//|/\*)
    | (?P<sign>\.\.|[=<>]=|[=<>:,.|+\-*/()\[\]{}])
    | (?P<ODD>[^\s\w])
    | (?P<strange>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BEFORE_EQUAL = re.compile(r"\s*=(?![=>])")


def lex(text: str) -> tuple[list[Token], list[DocLine]]:
    """Return the tokens of `text` in order, and its documentation lines."""
    tokens: list[Token] = []
    docs: list[DocLine] = []
    depth = 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or ""
        if kind in ("space", "comment"):
            continue
        start, end = match.span()
        found = text[start:end]
        if kind == "doc":
            if not text[text.rfind("\n", 0, start) + 1 : start].strip():
                docs.append(DocLine(found[2:].strip(), start))
            continue
        if kind == "sign":
            kind = SIGNS[found]
            if kind in CLOSER:
                depth += 1
                kind = _touching(kind, start, tokens)
            elif kind in ("RPAR", "RSQB", "RBRACE"):
                depth = max(0, depth - 1)
        elif kind == "NAME":
            kind = RESERVED.get(found, kind)
            if kind != "NAME":
                if depth and _BEFORE_EQUAL.match(text, end):
                    kind = "NAME"
                elif kind in STARTS and (start == 0 or text[start - 1] == "\n") and not text.startswith(".", end):
                    depth = 0
        elif kind in ("odd", "ODD", "strange", "BADNAME"):
            kind = _bad(kind, found)
        tokens.append(Token(kind, found, start, end))
    return tokens, docs


def _touching(kind: str, start: int, tokens: list[Token]) -> str:
    """Return CALL or INDEX for a bracket that touches the word before it."""
    if tokens and tokens[-1].end == start and tokens[-1].type in ("NAME", "BADNAME", "RPAR", "RSQB"):
        return {"LPAR": "CALL", "LSQB": "INDEX"}.get(kind, kind)
    return kind


def _bad(kind: str, found: str) -> str:
    if HIDDEN.search(found):
        return "HIDDEN"
    return "BADNAME" if kind == "BADNAME" else "ODD"
