"""A sound recipe in its project, ready to plan or run. In: a path. Out: program, steps and workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
from ladle.executor import completing
from ladle.executor.catalog import vocabulary
from ladle.executor.layout import Layout, layout
from ladle.executor.load import Loaded, load
from ladle.executor.plan import sought
from ladle.executor.unmade import refuse_unmade
from ladle.executor.workspace import Workspace

Decorated = TypeVar("Decorated", bound=Callable[..., int])


@dataclass(frozen=True, slots=True)
class Opened:
    """A recipe that passed its checks, as steps, and the project it lies in."""

    loaded: Loaded
    layout: Layout
    workspace: Workspace

    def targets(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the fingerprints of what `names` ask for; of what the recipe asks for where none is given."""
        found = dict.fromkeys(key for name in names for key in sought(self.layout, name))
        return tuple(found) or self.layout.graph.targets

    def refuse_unmade(self, targets: tuple[str, ...]) -> None:
        """Raise RecipeError where `targets` need a word that this version checks and does not make yet."""
        refuse_unmade(self.layout.graph, self.layout.vocabulary, self.loaded.program.source, targets)


def open_recipe(path: Path, variant: str = "") -> Opened:
    """Check a recipe and lay out its steps, or those of a variant. Raises RecipeError with every problem found."""
    loaded = load(path, variant)
    return Opened(loaded, layout(loaded.graph, vocabulary()), Workspace(loaded.root))


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
