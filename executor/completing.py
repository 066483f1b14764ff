"""What a shell may complete. In: the command line so far. Out: names of the recipe on it, from its text alone.

A recipe that cannot be read has none, and whatever goes wrong is not said: the line is still being typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
from ladle.dsl.parse import parse, read_source
from ladle.dsl.syntax import (
    BenchmarkDecl,
    BrokenDecl,
    CorpusDecl,
    Declaration,
    EditionDecl,
    EvaluateDecl,
    GateDecl,
    ModelDecl,
    StageDecl,
    UseDecl,
    VariantDecl,
)

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def _declared(*kinds: type) -> Complete:
    """Return a completion of the names that declarations of some kinds have in the recipe on the line."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        try:
            source, _ = read_source(_recipe(context))
            found = parse(source)[0].declarations if source else ()
        except Exception:
            return []
        names = (name for each in found if isinstance(each, kinds) for name in _names(each))
        return [name for name in names if name.startswith(incomplete)]

    return complete


def _recipe(context: click.Context) -> Path:
    """Return the recipe on the line; after an option that waits for its value, click has not told it from the rest."""
    return Path(context.params.get("recipe") or next(word for word in context.args if word.endswith(".recipe")))


def _names(declaration: Declaration) -> Iterator[str]:
    match declaration:
        case UseDecl(imports=imports):
            yield from (item.local.name for item in imports)
        case EditionDecl() | BrokenDecl(name=None):
            pass
        case _ if declaration.name:
            yield declaration.name.name


results = _declared(ModelDecl, CorpusDecl, BenchmarkDecl, EvaluateDecl, UseDecl)
"""Completes what NAME means to `plan`, `run`, `why` and the like."""
gates = _declared(GateDecl)
"""Completes gates."""
variants = _declared(VariantDecl)
"""Completes variants."""
declarations = _declared(ModelDecl, CorpusDecl, StageDecl, BenchmarkDecl, EvaluateDecl, UseDecl)
"""Completes what `rename` may rename."""
