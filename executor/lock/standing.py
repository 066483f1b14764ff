"""Whether a lock is good for its recipes. In: a lock, and what they want. Out: what is missing, what is stale."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.source import Source, Span
from ladle.dsl.types import Unknown
from ladle.executor.lock.entries import LOCK, Lock, written
from ladle.executor.lock.facts import split
from ladle.executor.lock.local import files
from ladle.executor.lock.wanted import Wanted
from ladle.executor.places import located

_HELP = f"run `ladle lock` and commit `{LOCK}`"


def standing(lock: Lock, wished: Wanted, root: Path) -> tuple[Diagnostic, ...]:
    """Return each hub model and split that the lock lacks, and each local corpus that is not what it says."""
    return (*_models(lock, wished), *_data(lock, wished), *_corpora(lock, wished, root))


def unused(lock: Lock, wished: Wanted) -> tuple[str, ...]:
    """Return the entries that none of the recipes asks for."""
    pinned = [
        *(key for key in lock.models if key not in wished.models),
        *(k for k in lock.data if k not in wished.data),
    ]
    return (*map(written, pinned), *(pattern for pattern in lock.corpora if pattern not in wished.corpora))


def _models(lock: Lock, wished: Wanted) -> Iterator[Diagnostic]:
    for pinned, place in wished.models.items():
        if pinned not in lock.models:
            yield _problem("E418", place, f"`{written(pinned)}` is not in `{LOCK}`")


def _data(lock: Lock, wished: Wanted) -> Iterator[Diagnostic]:
    for pinned, parts in wished.data.items():
        entry = lock.data.get(pinned)
        for part, place in parts.items():
            if entry is None or split(entry, part) is None:
                yield _problem("E418", place, f"the split `{part[1]}` of `{written(pinned)}` is not in `{LOCK}`")


def _corpora(lock: Lock, wished: Wanted, root: Path) -> Iterator[Diagnostic]:
    for pattern, place in wished.corpora.items():
        entry, here = lock.corpora.get(pattern), located(root, pattern, folders=False)[0]
        if entry is None and not here:
            yield _problem("E418", place, f"`{pattern}` is neither here nor in `{LOCK}`")
        elif entry and here and not isinstance(entry.rows.files, Unknown) and files(root, here) != entry.rows.files:
            yield _problem("E419", place, f"the files of `{pattern}` are not those of `{LOCK}`")


def _problem(code: str, place: tuple[Source, Span], message: str) -> Diagnostic:
    return Diagnostic(code, CODES[code], message, place[0], place[1], "", _HELP)
