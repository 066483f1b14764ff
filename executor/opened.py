"""A sound recipe in its project, ready to plan or run. In: a path. Out: program, steps and workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import click
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.graph import Graph
from ladle.dsl.verify import verify
from ladle.executor import completing
from ladle.executor.catalog import vocabulary
from ladle.executor.facts import ProjectFacts
from ladle.executor.forced_engine import ENGINES, MERGEKIT, NATIVE, SUFFIX, forced
from ladle.executor.layout import Layout, layout
from ladle.executor.load import Loaded, load
from ladle.executor.members import members
from ladle.executor.mergekit.sayable import of_graph
from ladle.executor.plan import sought
from ladle.executor.project import ProjectError
from ladle.executor.unmade import refuse_unmade
from ladle.executor.workspace import Workspace

Decorated = TypeVar("Decorated", bound=Callable[..., int])


@dataclass(frozen=True, slots=True)
class Opened:
    """A recipe that passed its checks, as steps, and the project it lies in."""

    loaded: Loaded
    layout: Layout
    workspace: Workspace
    engine: str = NATIVE
    """What computes its merges: `native`, each method of its own, or `mergekit`, all that can be said to it."""

    @property
    def overlays(self) -> str:
        """What a command was told about the recipe, as it is typed: ` --variant smoke --engine mergekit`."""
        variant = self.loaded.program.variant
        engine = f" --engine {self.engine}" if self.engine != NATIVE else ""
        return f"{f' --variant {variant}' if variant else ''}{engine}"

    def targets(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the fingerprints of what `names` ask for; of what the recipe asks for where none is given."""
        found = dict.fromkeys(key for name in names for key in sought(self.layout, name))
        return tuple(found) or self.layout.graph.targets

    def refuse_unmade(self, targets: tuple[str, ...]) -> None:
        """Raise RecipeError where `targets` need a word that this version checks and does not make yet."""
        refuse_unmade(self.layout.graph, self.layout.vocabulary, self.loaded.program.source, targets)

    def refuse_unsayable(self, targets: tuple[str, ...]) -> None:
        """Raise RecipeError where `targets` need a merge that mergekit has no words for."""
        graph = self.layout.graph
        if problems := of_graph(graph, targets, self.layout.vocabulary, self.loaded.program.source):
            raise RecipeError(problems)


def open_recipe(
    path: Path, variant: str = "", engine: str = NATIVE, names: tuple[str, ...] = (), *, reading: bool = False
) -> Opened:
    """Check a recipe and lay out its steps, or those of a variant. Raises RecipeError with every problem found.

    What mergekit has no words for is a problem where `names`, or what the recipe asks for, need it; and none where only
    results that are there are wanted: `reading`.
    """
    loaded = load(path, variant)
    graph = loaded.graph if engine == NATIVE else _by_mergekit(path, loaded)
    opened = Opened(loaded, layout(graph, vocabulary(), partial(members, loaded)), Workspace(loaded.root), engine)
    if engine != NATIVE and not reading:
        opened.refuse_unsayable(opened.targets(names))
    return opened


def _by_mergekit(path: Path, loaded: Loaded) -> Graph:
    """Return the graph of what mergekit makes. Raises ProjectError where another recipe's results would lie there."""
    if what := taken(path, loaded):
        raise ProjectError(f"results of `--engine {MERGEKIT}` would lie among {what}: rename it")
    return verify(forced(loaded.graph, vocabulary(), ProjectFacts(loaded.root).engine))


def taken(path: Path, loaded: Loaded) -> str:
    """Return whose results lie where those of `--engine mergekit` would; "" where nobody's do."""
    other = path.with_name(f"{loaded.graph.recipe}{SUFFIX}{path.suffix}")
    if other.exists():
        return f"those of `{other}`"
    return f"those of the variant `{MERGEKIT}`" if MERGEKIT in loaded.program.variants else ""


def used_by(opened: Opened) -> tuple[Opened, ...]:
    """Return the recipes whose results a recipe takes: their pipelines make them. Those used first stand first."""
    taken = {node.recipe for node in opened.layout.steps(opened.layout.graph.targets)}
    used = [each for each in opened.loaded.program.used if each.name in taken]
    return tuple(open_recipe(Path(each.source.path)) for each in used)


def variant_option(command: Decorated) -> Decorated:
    """Give a command the option `--variant`."""
    help = "A variant of the recipe."
    option = click.option("--variant", default="", metavar="NAME", shell_complete=completing.variants, help=help)
    return option(command)


def engine_option(command: Decorated) -> Decorated:
    """Give a command the option `--engine`."""
    help = "What computes the merges. The results of mergekit lie under a name of their own."
    option = click.option("--engine", type=click.Choice(ENGINES), default=NATIVE, show_default=True, help=help)
    return option(command)
