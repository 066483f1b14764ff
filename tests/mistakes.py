"""Machine-made mistakes. In: a recipe's text and a seed. Out: texts with one mistake each, and what must be said."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(r'"[^"\n]*"|#[^\n]*|[a-z][a-z0-9_]*|\d[\w.%]*')
_DECLARATION = re.compile(r"^[a-z]+\b.*?(?=^[a-z#]|\Z)", re.MULTILINE | re.DOTALL)
_PIPED = re.compile(r"\b([a-z_]+) \| ([a-z_]+)\b")
_STAGES = ("cpt", "sft", "orpo", "dpo")
"""Stages piped into stages are compositions either way round."""
_CONSTANT = re.compile(r"let ([a-z][a-z0-9_]*) =")
"""A constant of a wrong unit is wrong where it is used: the same constant may be right elsewhere."""
_UNITS = ("%", "GiB", "h", "pp", "kB")


@dataclass(frozen=True, slots=True)
class Mistake:
    """A recipe with one mistake. `lines`: where it may be reported; `names`: one of them is to be offered."""

    what: str
    text: str
    lines: frozenset[int]
    names: tuple[str, ...]
    """In the help; of a deleted declaration in the message."""
    deleted: bool = False


def mistakes(text: str, seed: int, count: int) -> Iterator[Mistake]:
    """Yield `count` mistakes: names misspelt, declarations deleted, units changed, operands of a pipe swapped."""
    draw = random.Random(seed)
    makers = [_misspelt] * 12 + [_unit] * 4 + [_deleted, _swapped]
    made: set[str] = {text}
    while count:
        mistake = draw.choice(makers)(text, draw)
        if mistake is not None and mistake.text not in made:
            made.add(mistake.text)
            count -= 1
            yield mistake


def _tokens(text: str, first: str) -> list[re.Match[str]]:
    return [match for match in _TOKEN.finditer(text) if re.match(first, match[0])]


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _uses(text: str, name: str) -> list[int]:
    return [_line(text, match.start()) for match in _tokens(text, "[a-z]") if match[0] == name]


def _misspelt(text: str, draw: random.Random) -> Mistake | None:
    word = draw.choice([match for match in _tokens(text, "[a-z]") if len(match[0]) > 1])
    name = word[0]
    place = draw.randrange(len(name))
    if draw.random() < 0.5:
        wrong = name[:place] + name[place + 1 :]
    else:
        wrong = name[:place] + name[place : place + 2][::-1] + name[place + 2 :]
    if not re.fullmatch("[a-z][a-z0-9_]*", wrong) or wrong in {match[0] for match in _tokens(text, "[a-z]")}:
        return None
    if re.search(r"^evaluate $", text[text.rfind("\n", 0, word.start()) + 1 : word.start()]):
        return None  # nothing uses the name of a table
    broken = text[: word.start()] + wrong + text[word.end() :]
    line = _line(text, word.start())
    what = f"`{name}` -> `{wrong}` on line {line}"
    if _declares(text, word) or text[word.end() :].startswith(" in "):
        # Then the uses are wrong, and what is declared is offered there.
        return Mistake(what, broken, frozenset({line, *_uses(broken, name)}), (name, wrong))
    return Mistake(what, broken, frozenset({line}), (name,))


def _declares(text: str, word: re.Match[str]) -> bool:
    start = text.rfind("\n", 0, word.start()) + 1
    return re.fullmatch(r"[a-z]+ ", text[start : word.start()]) is not None


def _unit(text: str, draw: random.Random) -> Mistake | None:
    number = draw.choice(_tokens(text, r"\d"))
    unit = draw.choice(_UNITS)
    line = _line(text, number.start())
    broken = text[: number.end()] + unit + text[number.end() :]
    lines = (
        {line, *_uses(broken, constant[1])} if (constant := _CONSTANT.match(text.splitlines()[line - 1])) else {line}
    )
    return Mistake(f"`{number[0]}{unit}` on line {line}", broken, frozenset(lines), ())


def _deleted(text: str, draw: random.Random) -> Mistake | None:
    found = draw.choice(list(_DECLARATION.finditer(text)))
    keyword, name = re.findall(r"[a-z][a-z0-9_]*|\d+", found[0])[:2]
    if keyword in ("edition", "evaluate"):
        return None
    blank = re.sub(r"[^\n]", " ", found[0])
    broken = text[: found.start()] + blank + text[found.end() :]
    lines = frozenset(_uses(broken, name))
    return Mistake(f"`{keyword} {name}` deleted", broken, lines, (name,), deleted=True) if lines else None


def _swapped(text: str, draw: random.Random) -> Mistake | None:
    found = draw.choice([match for match in _PIPED.finditer(text) if match[1] not in _STAGES])
    broken = text[: found.start()] + f"{found[2]} | {found[1]}" + text[found.end() :]
    line = _line(text, found.start())
    return Mistake(f"`{found[2]} | {found[1]}` on line {line}", broken, frozenset({line}), ())
