"""Imports for tests: fixtures, and files written on the spot."""

from __future__ import annotations

from pathlib import Path

from ladle.dsl.diagnostics import RecipeError
from ladle.executor.importing.convert import Imported, convert
from ladle.executor.importing.draft import Request
from ladle.executor.importing.ledger import Ledger

FOLDER = Path(__file__).parent / "fixtures" / "imports"
FILES = sorted(FOLDER.rglob("*.y*ml"))


def imported(*paths: Path, root: Path | None = None, tool: str = "", stage: str = "", devices: int = 1) -> Imported:
    """Return the import of files, in a project at `root`."""
    root = root or FOLDER
    return convert(paths, Ledger(root=root, devices=devices), tool, Request(stage), root / "imported.recipe")


def from_text(folder: Path, text: str, name: str = "file.yml", **said: str) -> Imported:
    """Return the import of one file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return imported(path, root=folder, **said)  # type: ignore[arg-type]


def problems(folder: Path, text: str | bytes) -> list[tuple[str, int]]:
    """Return code and line of every problem of a file with this text; [] where it is imported."""
    path = folder / "file.yml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    try:
        imported(path, root=folder)
    except RecipeError as error:
        return [(each.code, each.source.position(each.span.start)[0]) for each in error.diagnostics]
    return []


def settings(text: str) -> dict[str, str]:
    """Return the settings of the only stage of a recipe, by name."""
    _, _, block = text.partition("\nstage ")
    lines = [line.strip() for line in block.partition("\n}")[0].split("\n")[1:]]
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
