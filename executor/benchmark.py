"""What benchmark kinds share. In: the corpus kinds of its rows. Out: the option `on`, and engines."""

from __future__ import annotations

from ladle.dsl.signature import REQUIRED, Option, Reference, Sort
from ladle.dsl.types import CorpusKind

ENGINES = ("torch", "transformers")


def rows(kinds: tuple[CorpusKind, ...], columns: str) -> Option:
    """Return the option `on` of a benchmark over rows with `columns`."""
    return Option("on", Reference(Sort.CORPUS, kinds), REQUIRED, f"the rows, with {columns}")
