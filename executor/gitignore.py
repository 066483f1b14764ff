"""What git must not see in a DVC project. In: places of results. Out: the `.gitignore` lines that DVC writes for them.

DVC writes them when it records a result. `dvc checkout` brings back the result alone.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from ladle.executor.disk import remove, write_file
from ladle.executor.regular import read_regular
from ladle.executor.workspace import Workspace

MARK = ".gitignore"
LARGEST = 2**20
"""Bytes of the largest of these files that is read."""


def ignore(workspace: Workspace, places: Iterable[str]) -> None:
    """Hide those of `places` that lie there and that git would see, as DVC does: a line in the folder above each."""
    there = [place for place in places if workspace.artifact(place).is_dir()]
    open_ = _seen([place for place in there if _line(place) not in _lines(workspace, place)], workspace.root)
    for place in open_:
        _write(workspace, place, [*_lines(workspace, place), _line(place)])


def forget(workspace: Workspace, places: Iterable[str]) -> None:
    """Remove the lines of results that are gone, and the folders that held nothing else."""
    for place in places:
        lines = _lines(workspace, place)
        left = [line for line in lines if line != _line(place)]
        if left != lines:
            _write(workspace, place, left)
        folder = workspace.artifact(place).parent
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def _seen(places: list[str], root: Path) -> list[str]:
    """Return the places that no rule of the repository hides; none where this is no repository, or git is not here."""
    if not places:
        return []
    command = ["git", "check-ignore", "--no-index", "--stdin"]
    try:
        done = subprocess.run(command, cwd=root, input="\n".join(places), capture_output=True, text=True, check=False)
    except OSError:
        return []
    hidden = set(done.stdout.splitlines())
    return [place for place in places if place not in hidden] if done.returncode in (0, 1) else []


def _line(place: str) -> str:
    return f"/{place.rpartition('/')[2]}"


def _lines(workspace: Workspace, place: str) -> list[str]:
    try:
        return read_regular(workspace.artifact(place).parent / MARK, LARGEST).decode("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _write(workspace: Workspace, place: str, lines: list[str]) -> None:
    file = workspace.artifact(place).parent / MARK
    if lines:
        write_file(file, "".join(f"{line}\n" for line in lines).encode())
    else:
        remove(file)
