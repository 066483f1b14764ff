"""`ladle doctor`. Out: what this machine can run, and what to do about what it cannot."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import click
from ladle.executor.constraints import pinned

ENGINES = ("torch", "transformers", "trl", "accelerate", "datasets", "mergekit", "dvc", "pydantic")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: is it well, what was looked at, what was seen, what to do."""

    well: bool
    subject: str
    seen: str
    help: str = ""


def examine() -> Iterator[Finding]:
    """Yield what was found, in the order of printing."""
    running = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding(sys.version_info >= (3, 11), "python", running, "Python 3.11 or later is needed")
    yield from engines()
    yield from on_path()
    yield from machine()


def engines() -> Iterator[Finding]:
    """Compare each installed engine with the committed constraints: a step refuses to start with another version."""
    wanted = pinned()
    for name in ENGINES:
        have = installed(name)
        if not have:
            yield Finding(False, name, "not installed", "pip install 'ladle[run]' (checking works without)")
            continue
        same = have == wanted[name]
        yield Finding(
            same, name, have, "" if same else f"recipes are pinned to {name} {wanted[name]}: install that version"
        )


def installed(name: str) -> str:
    """Return the version of a distribution, "" where it is not installed."""
    try:
        return metadata.version(name).partition("+")[0]
    except metadata.PackageNotFoundError:
        return ""


def on_path() -> Iterator[Finding]:
    """`dvc repro` starts `ladle`, and `ladle run` starts `dvc`, by name."""
    folder = Path(sys.argv[0]).resolve().parent
    for command in ("ladle", "dvc"):
        place = shutil.which(command)
        help = f'`dvc repro` starts `{command}` by its name: export PATH="{folder}:$PATH"'
        if not installed(command):
            help = "pip install 'ladle[run]'"
        yield Finding(place is not None, f"{command} on PATH", place or "no", "" if place else help)


def machine() -> Iterator[Finding]:
    """Report cores, threads, memory, disk and accelerator."""
    yield Finding(True, "cores", str(os.cpu_count()))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield Finding(memory >= 4, "memory", f"{memory:.1f} GiB", "the quickstart wants 3 GiB free" if memory < 4 else "")
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    yield Finding(free >= 2, "disk here", f"{free:.1f} GiB free", "the quickstart wants 2 GiB free" if free < 2 else "")
    gpu = Path("/proc/driver/nvidia/version").exists()
    yield Finding(True, "accelerator", "an NVIDIA driver is loaded" if gpu else "none: steps run on the CPU")


@click.command("doctor", short_help="Say what this machine can run.")
def COMMAND() -> int:  # noqa: N802 - the one name by which a command module is found
    """Say what this machine can run, and what to do about what it cannot.

    Exit status 1 if anything is amiss.
    """
    ill = 0
    for finding in examine():
        mark = "ok " if finding.well else "NO "
        click.echo(f"{mark} {finding.subject:16} {finding.seen}")
        if not finding.well:
            ill += 1
            click.echo(f"    {'':16} -> {finding.help}")
    click.echo("all well" if not ill else f"{ill} to mend")
    return 1 if ill else 0
