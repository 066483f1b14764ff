"""Tokens of a tokenizer nobody vouches for. In: a folder with `tokenizer.json`. Out: ids by token, what was added.

Nothing is loaded or run: the file is bounded JSON, and what an id or a token can be is checked here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Json
from ladle.executor.model_folder import BadFolder, json_object
from ladle.executor.quoting import short

FILE: Final = "tokenizer.json"
MAX_ID: Final = 2**21
"""Ids lie below; the largest vocabularies have a quarter of a million tokens."""


@frozen
class Tokens:
    """A token-to-id table: `added` are the added tokens as the file describes them (`content`, `special`, ...)."""

    ids: Mapping[str, int] = MappingProxyType({})
    added: tuple[Mapping[str, Json], ...] = ()

    @property
    def contents(self) -> frozenset[str]:
        """The texts of the added tokens, which alone are never taken apart."""
        return frozenset(str(each["content"]) for each in self.added)

    @property
    def end(self) -> int:
        """The number after the last id."""
        return max(self.ids.values(), default=-1) + 1


def read_tokens(folder: Path, name: str) -> Tokens:
    """Return the tokens of the fast tokenizer in `folder`, which messages call `name`. Raises BadFolder."""
    tokenizer = json_object(folder / FILE, name)
    model, listed = tokenizer.get("model"), tokenizer.get("added_tokens", [])
    vocab = model.get("vocab") if isinstance(model, dict) else None
    ids = dict(_words(vocab, name))
    added = listed if isinstance(listed, list) else [None]
    for item in added:
        content = item.get("content") if isinstance(item, dict) else None
        ids[_token(content, name)] = _id(item.get("id") if isinstance(item, dict) else None, name)
    return Tokens(ids, tuple(item for item in added if isinstance(item, dict)))


def _words(vocab: Json, name: str) -> Iterator[tuple[str, int]]:
    """The words of a model: a map to ids, or (Unigram) a list of words and scores."""
    if isinstance(vocab, dict):
        yield from ((_token(word, name), _id(number, name)) for word, number in vocab.items())
    elif isinstance(vocab, list) and len(vocab) <= MAX_ID:
        for number, pair in enumerate(vocab):
            yield _token(pair[0] if isinstance(pair, list) and pair else None, name), number
    else:
        raise _bad(name, "has no vocabulary")


def _token(value: Json, name: str) -> str:
    if not isinstance(value, str):
        raise _bad(name, "holds what is no token")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _bad(name, "holds half of a surrogate pair") from None
    return value


def _id(value: Json, name: str) -> int:
    if type(value) is not int or not 0 <= value < MAX_ID:
        raise _bad(name, f"gives a token an id that is no number below {MAX_ID}")
    return value


def _bad(name: str, what: str) -> BadFolder:
    return BadFolder("E410", f"`{name}/{FILE}` {what}", "get the file again")


def differing(a: Mapping[str, int], b: Mapping[str, int]) -> tuple[str, str, str] | None:
    """Return the token of the lowest id in which two tables differ, shown, and what it is in each; None where equal."""
    if a == b:
        return None
    different = (token for token in a.keys() | b.keys() if a.get(token) != b.get(token))
    token = min(different, key=lambda each: (min(a.get(each, MAX_ID), b.get(each, MAX_ID)), each))
    return f"`{short(ascii(token) if not token.isprintable() else token)}`", _place(a, token), _place(b, token)


def _place(table: Mapping[str, int], token: str) -> str:
    return f"token {table[token]}" if token in table else "no token"
