"""Who makes a compiled pipeline. In: a project. Out: its pipelines, and the recipes that could make each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from ladle.executor.backends.dvc import ROOT_RECIPE, pipeline_file
from ladle.executor.forced_engine import MERGEKIT, NATIVE, SUFFIX

FILE = "dvc.yaml"


def pipelines(root: Path) -> tuple[str, ...]:
    """Return the pipelines at the root and below `pipelines`, however deep: DVC would run every one of them."""
    folder = root / "pipelines"
    # A glob of any depth does not follow links to folders; that of one folder does.
    found = {root / FILE, *folder.glob(f"*/{FILE}"), *folder.rglob(FILE)}
    return tuple(sorted(path.relative_to(root).as_posix() for path in found if path.exists()))


def owners(place: str, recipes: Iterable[Path]) -> Iterator[tuple[Path, str, str]]:
    """Yield each recipe, with a variant or "" and the engine of its merges, whose pipeline would be at `place`."""
    name = ROOT_RECIPE if place == FILE else PurePosixPath(place).parent.name
    if pipeline_file(name) != place:
        return
    for recipe in recipes:
        for whole, engine in _overlays(name):
            stem, dash, variant = recipe.stem, whole[len(recipe.stem) :][:1], whole[len(recipe.stem) + 1 :]
            if whole == stem:
                yield recipe, "", engine
            elif whole.startswith(stem) and dash == "-" and variant:
                yield recipe, variant, engine


def _overlays(name: str) -> Iterator[tuple[str, str]]:
    """Yield what a name may mean: all of it a recipe and a variant, or what `--engine` ends it with left out."""
    yield name, NATIVE
    if name.endswith(SUFFIX):
        yield name.removesuffix(SUFFIX), MERGEKIT
