"""A sound recipe. In: a path. Out: the typed program and its graph, or every problem found."""

from __future__ import annotations

from pathlib import Path

from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.frozen import frozen
from ladle.dsl.graph import Graph
from ladle.dsl.lower import lower
from ladle.dsl.program import Program
from ladle.dsl.variants import unknown_variant
from ladle.dsl.verify import verify
from ladle.executor.catalog import vocabulary
from ladle.executor.examine import Checked, examine
from ladle.executor.facts import ProjectFacts
from ladle.executor.project import ProjectError, recipe_name


@frozen
class Loaded:
    """A sound recipe: the typed program and its graph."""

    path: Path
    root: Path
    program: Program
    graph: Graph


def load(path: str | Path, variant: str = "") -> Loaded:
    """Return the typed program and the graph of a recipe, or of a variant of it.

    Raises RecipeError with every problem found, and ProjectError where the file's name cannot name a recipe, or it has
    no such variant.
    """
    path = Path(path)
    recipe_name(path)
    checked = examine(path, variant)
    if variant and checked.program is not None:
        _chosen(path, checked.program, variant)
    return graph_of(checked)


def _chosen(path: Path, program: Program, variant: str) -> None:
    """Raise ProjectError where a recipe has no such variant, or its results would lie among another recipe's."""
    if variant not in program.variants:
        raise ProjectError(f"`{path}` has no variant `{variant}`: {unknown_variant(variant, program.variants)}")
    other = path.with_name(f"{path.stem}-{variant}{path.suffix}")
    if other.exists():
        raise ProjectError(f"results of the variant `{variant}` would lie among those of `{other}`: rename one of them")


def graph_of(checked: Checked) -> Loaded:
    """Return a checked recipe with its graph. Raises RecipeError with every problem found."""
    if checked.program is None or not checked.sound:
        raise RecipeError(checked.diagnostics)
    graph = lower(checked.program, vocabulary(), ProjectFacts(checked.root))
    return Loaded(checked.path, checked.root, checked.program, verify(graph))
