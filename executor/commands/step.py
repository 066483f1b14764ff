"""`ladle step`. In: a node file. Out: its artifact. What each stage of a DVC pipeline calls."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click
from ladle.executor.backends.lone import Lone
from ladle.executor.catalog import vocabulary
from ladle.executor.console import one_line
from ladle.executor.environment import settle
from ladle.executor.locks import Holder
from ladle.executor.profile import read_profile
from ladle.executor.signals import STOPPED, StopFlag, die_with_parent
from ladle.executor.step import Surroundings, node_root, run_step
from ladle.executor.task import Interrupted
from ladle.executor.workspace import Workspace


def say(text: str) -> None:
    """Print a line. Where nobody reads any more, a training still comes to its checkpoint."""
    with suppress(OSError):
        click.echo(text)


@click.command("step", short_help="Make one node of a compiled pipeline.")
@click.argument("node", type=click.Path(path_type=Path))
def COMMAND(node: Path) -> int:  # noqa: N802 - found by this name
    """Make the artifact of one NODE file of a compiled pipeline.

    The machine is that of the profile named by LADLE_PROFILE, else what it has. An interrupted step resumes.
    """
    die_with_parent()
    stop = StopFlag()
    stop.install()
    root = node_root(node)
    profile = read_profile(root)
    settle(profile)
    told: set[int] = set()

    def waiting(holder: Holder) -> None:
        if stop():
            raise Interrupted
        if holder.pid not in told:
            told.add(holder.pid)
            click.echo(one_line(f"waiting: {holder} works on the same step"), err=True)

    def note(text: str) -> None:
        say(one_line(f"note: {text}"))

    around = Surroundings(Workspace(root), vocabulary(), profile, Lone(say), waiting, stop, note)
    try:
        done = run_step(node, around)
    except Interrupted:
        click.echo("stopped after a checkpoint; the same command goes on from it", err=True)
        return STOPPED
    click.echo(one_line(f"{done.place}: {done.how.value} in {done.seconds:.1f} s, {done.fingerprint[:12]}"))
    return 0
