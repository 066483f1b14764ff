"""`ladle convert FOLDER`. In: a folder with pickled weights. Out: safetensors beside them, or in a new folder."""

from __future__ import annotations

from pathlib import Path

import click
from ladle.executor.console import from_here, one_line
from ladle.executor.convert import convert

OPEN = (
    "note: this system lets no process leave the network, so the child could have reached it; what kept the file from "
    "running anything is that it was read as plain tensors alone"
)


@click.command("convert", short_help="Turn pickled weights into safetensors, in a confined process.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", metavar="NEW", type=click.Path(path_type=Path), help="Write a new folder; FOLDER stays as it is.")
def COMMAND(folder: Path, to: Path | None) -> int:  # noqa: N802 - found by this name
    """Turn the pickled weights in FOLDER into safetensors.

    They are read in a process of its own, as tensors alone, with limits of memory and time and without network. FOLDER
    gets safetensors beside its pickles, in one rename.
    """
    made = convert(folder, to)
    place, files = from_here(made.folder), f"{made.files} file{'s' if made.files != 1 else ''}"
    click.echo(one_line(f"{place}: {made.tensors} tensors in {files} of safetensors"))
    if not made.isolated:
        click.echo(OPEN, err=True)
    return 0
