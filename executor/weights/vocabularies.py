"""Whose tokens a merge has. In: its models' tokens, what each merge says. Out: the result's, and each model's rows.

Tokens are matched by what they say, never by their number. Where a model has no row for a token, it is given that of
the base, or else the mean of those that the others have: one that only one of them has stays what it is there. A padded
row, of no token, is merged with padded rows of its number; where a model has none, it is given that of the model whose
tokenizer the result has; else it is zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import torch
from ladle.dsl.graph import Json
from ladle.executor.quoting import short
from ladle.executor.task import StepError
from ladle.executor.token_table import Tokens, differing

MOST_PADDING: Final = 128
"""A padded vocabulary stays a multiple of the power of two that it is one of, up to this."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """A model of a merge, as far as its tokens go; `rows` is the number of its embeddings."""

    name: str
    tokens: Tokens
    rows: int


@dataclass(frozen=True, slots=True)
class Joined:
    """A merge: `whose` is the place of the operand whose tokens it has (the base is the last), None: they have one."""

    operands: tuple[Tree, ...]
    base: Tree | None = None
    whose: int | None = None
    union: bool = False
    """The result also has the tokens that only others have."""


Tree = Speaker | Joined


@dataclass(frozen=True, slots=True)
class Rows:
    """Where one model's rows of an embedding come from, for each token of the result: int64, shape (sources, rows).

    A row is the mean of its sources, mostly of one; those of a row that has fewer than others stand first.
    """

    models: torch.Tensor
    """Places among the models of the whole expression; -1: no source. A row without one is zero."""
    rows: torch.Tensor
    """Rows of these models."""

    def own(self, place: int, rows: int) -> bool:
        """Say whether they are just the rows of the model at `place`, which has so many."""
        plain = (
            self.rows.shape == (1, rows) and (self.models == place).all() and (self.rows == torch.arange(rows)).all()
        )
        return bool(plain)


@dataclass(frozen=True, slots=True)
class Arranged:
    """Tokens of a merge, or of a model in it."""

    name: str
    ids: Mapping[str, int]
    rows: int
    """Number of embeddings."""
    donor: int
    """Place of the model whose tokenizer, template and generation configuration the result has."""
    maps: tuple[Rows, ...]
    """For each model of the expression, in order, a base after its operands."""
    described: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """Its added tokens, as `tokenizer.json` describes them."""
    added: tuple[Mapping[str, Json], ...] = ()
    """What the donor's tokenizer is to have besides."""


def arrange(tree: Tree) -> Arranged:
    """Return the tokens of an expression. Raises StepError where models differ and nothing says whose it has."""
    return _arranged(tree, 0)


def _arranged(tree: Tree, place: int) -> Arranged:
    if isinstance(tree, Speaker):
        described = {str(item["content"]): item for item in tree.tokens.added}
        own = Rows(torch.full((1, tree.rows), place), torch.arange(tree.rows)[None])
        return Arranged(tree.name, tree.tokens.ids, tree.rows, place, (own,), described)
    parts: list[Arranged] = []
    for operand in (*tree.operands, *([] if tree.base is None else [tree.base])):
        parts.append(_arranged(operand, place + sum(len(each.maps) for each in parts)))
    if tree.whose is None:
        return _one(parts)
    for part in parts:
        if not part.ids:
            raise StepError(f"`{part.name}` has no `tokenizer.json`", "save its tokenizer as a fast one")
    wanted = parts[tree.whose]
    if tree.union:
        wanted = _with_tokens_of(wanted, parts)
    return _moved(wanted, parts, tree.whose, has_base=tree.base is not None)


def _one(parts: Sequence[Arranged]) -> Arranged:
    """The tokens of models that have the same; one whose tokens, or number of them, nobody knows is believed to."""
    first = parts[0]
    help = "say whose the result has: `tokenizer = first`, `tokenizer = union`, or one of the models"
    for other in parts[1:]:
        found = differing(first.ids, other.ids) if first.ids and other.ids else None
        if found:
            token, here, there = found
            message = (
                f"`{first.name}` and `{other.name}` have different vocabularies: {token} is {here} of the one and "
            )
            raise StepError(f"{message}{there} of the other", help)
        if first.rows and other.rows and first.rows != other.rows:
            message = f"`{first.name}` has embeddings of {first.rows} tokens and `{other.name}` of {other.rows}"
            raise StepError(message, help)
    return replace(first, maps=tuple(each for part in parts for each in part.maps))


def _with_tokens_of(first: Arranged, parts: Sequence[Arranged]) -> Arranged:
    """Add the tokens that others have a row for, after the first's own."""
    ids, described = dict(first.ids), dict(first.described)
    lacking: dict[str, Arranged] = {}
    for part in parts:
        own = sorted((number, token) for token, number in part.ids.items() if token not in ids and number < part.rows)
        lacking |= {token: part for _, token in own if token not in lacking}
    if not lacking:
        return first
    end = _end(first)
    for number, (token, part) in enumerate(lacking.items(), end):
        ids[token], described[token] = number, _described(part, token, number)
    added = [described[token] for token in lacking]
    rows = max(first.rows, _padded(end + len(added), first.rows, end))
    name = "union of " + ", ".join(dict.fromkeys(part.name for part in (first, *parts)))
    return replace(first, name=name, ids=ids, described=described, added=(*first.added, *added), rows=rows)


def _end(part: Arranged) -> int:
    """Return the number after the last token, where new ones begin.

    Tokens may go on after the rows, one by one. Raises StepError for one that lies beyond a hole, which rows of no
    token would have to fill.
    """
    end = part.rows
    for number, token in sorted((number, token) for token, number in part.ids.items() if number >= end > 0):
        if number > end:
            shown = short(ascii(token) if not token.isprintable() else token)
            raise StepError(
                f"`{shown}` is token {number} of `{part.name}`, which has rows for {part.rows} and no token {end}",
                "save its tokenizer anew, or name a model: `tokenizer = first`, or one of the others",
            )
        end = number + 1
    return max(part.ids.values()) + 1


def _described(part: Arranged, token: str, number: int) -> Mapping[str, Json]:
    """Describe a token of `part` as an added one; a word of its model is one where it stands alone, and nowhere else.

    In the middle of words it would cut what the first tokenizer reads whole.
    """
    plain = {"single_word": True, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {"id": number, "content": token, **plain, **_flags(part.described.get(token, {}), plain)}


def _flags(described: Mapping[str, Json], known: Mapping[str, bool]) -> Mapping[str, Json]:
    return {name: described.get(name) is True for name in known} if described else {}


def _padded(tokens: int, rows: int, end: int) -> int:
    """Return a number of rows for `tokens`, padded as `rows` pads the tokens below `end`."""
    multiple = min(rows & -rows, MOST_PADDING) if rows > end else 1
    return -(-tokens // multiple) * multiple


def _moved(wanted: Arranged, parts: Sequence[Arranged], whose: int, *, has_base: bool) -> Arranged:
    """Bring the rows of all parts into the order of the wanted tokens; what a part lacks the others give."""
    if all(part.rows == wanted.rows and part.ids == wanted.ids for part in parts):
        return replace(wanted, maps=tuple(each for part in parts for each in part.maps))
    for part in parts:
        if not part.rows:
            message = f"no tensor of `{part.name}` is known here to have a row for each of `vocab_size` tokens"
            raise StepError(message, "merge models of one vocabulary")
    free = _free(wanted, wanted.rows)
    places = [_places(wanted, part, free) for part in parts]
    given = _given(parts, places, whose, free, has_base)
    maps = tuple(_filled(own, at, given) for part, at in zip(parts, places, strict=True) for own in part.maps)
    return replace(wanted, maps=maps)


def _given(
    parts: Sequence[Arranged], places: Sequence[torch.Tensor], whose: int, free: torch.Tensor, has_base: bool
) -> Rows:
    """What a part that lacks a row is given. Of a merge within the merge, its first model speaks for all."""
    lacking = torch.stack([at < 0 for at in places]).any(0)
    of_base = (places[-1] >= 0) & has_base
    models, rows = [], []
    for number, (part, at) in enumerate(zip(parts, places, strict=True)):
        is_base = has_base and number == len(parts) - 1
        gives = torch.where(free, number == whose, of_base if is_base else ~of_base) & (at >= 0) & lacking
        models.append(torch.where(gives, part.maps[0].models[:, at], -1))
        rows.append(part.maps[0].rows[:, at])
    found, numbers = torch.cat(models), torch.cat(rows)
    first = torch.argsort(found < 0, dim=0, stable=True)
    most = max(1, int((found >= 0).sum(0).max()))
    return Rows(found.gather(0, first)[:most], numbers.gather(0, first)[:most])


def _filled(own: Rows, at: torch.Tensor, given: Rows) -> Rows:
    """The rows of a model at the places where it has the wanted tokens, and elsewhere what is given."""
    most = max(len(own.models), len(given.models))
    models = torch.where(at >= 0, _deep(own.models[:, at], most, -1), _deep(given.models, most, -1))
    rows = torch.where(at >= 0, _deep(own.rows[:, at], most, 0), _deep(given.rows, most, 0))
    used = max(1, int((models >= 0).any(1).sum()))
    return Rows(models[:used], rows[:used])


def _deep(values: torch.Tensor, most: int, fill: int) -> torch.Tensor:
    """Values of shape (sources, rows), filled up to `most` sources."""
    return torch.cat([values, values.new_full((most - len(values), values.shape[1]), fill)])


def _places(wanted: Arranged, part: Arranged, free: torch.Tensor) -> torch.Tensor:
    """Return the row of `part` for each wanted token, -1 where it has none; a row of no token is one of its number."""
    if part.rows == wanted.rows and part.ids == wanted.ids:
        return torch.arange(wanted.rows)
    at = torch.full((wanted.rows,), -1)
    pairs = [(number, part.ids.get(token, -1)) for token, number in wanted.ids.items() if number < wanted.rows]
    numbers, found = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1)
    at[numbers] = torch.where(found < part.rows, found, -1)
    both = min(wanted.rows, part.rows)
    padding = torch.nonzero(free[:both] & _free(part, both)).flatten()
    at[padding] = padding
    return at


def _free(part: Arranged, rows: int) -> torch.Tensor:
    """Say of the first rows which belong to no token."""
    free = torch.ones(rows, dtype=torch.bool)
    free[torch.tensor([number for number in part.ids.values() if number < rows], dtype=torch.int64)] = False
    return free
