"""What `check` and `lint` said last time. In: arguments. Out: the same answer, where all it depends on is as it was.

An answer is remembered in the user's own cache folder, never in the project: a project may be anybody's. It holds
whatever was asked of the disk (recipes, lock, globs of corpora and model folders, pyproject.toml) and what the disk
said then; it counts only while the disk says the same, for the same program, arguments, folder and kind of output.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ladle.executor.places import Asked, located
from ladle.executor.project import project_root

COMMANDS = ("check", "lint")
"""The commands whose answers are remembered: they change nothing."""
LARGEST = 2**20
"""Bytes of an answer that is remembered."""
MOST = 200
"""Answers that are kept."""
SETTLED_NS = 50_000_000
"""A file written less than this ago could change again and leave the same time stamp: its answer is not remembered."""


class Answer(NamedTuple):
    """What a command printed, and its exit status."""

    status: int
    text: str


def recall(arguments: Sequence[str]) -> Answer | None:
    """Return the remembered answer to a command line, or None where there is none or something changed."""
    try:
        found = json.loads(_place(arguments).read_bytes())
        said = [(Asked(*asked), answer) for asked, answer in found["said"]]
        if all(_ask(asked) == answer for asked, answer in said):
            return Answer(int(found["status"]), str(found["text"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return None


def remember(arguments: Sequence[str], answer: Answer, asked: Iterable[Asked]) -> None:
    """Keep an answer. A disk that refuses is no problem, and what changed a moment ago is not kept.

    Without arguments nothing is: a program that calls Ladle wants no memory.
    """
    if not arguments:
        return
    place = _place(arguments)
    partial = place.with_suffix(f".{os.getpid()}")
    with suppress(OSError, ValueError):
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        said = [(each, _ask(each)) for each in dict.fromkeys(asked)]
        if len(answer.text) > LARGEST or any(_unsettled(found) for _, found in said):
            return
        partial.write_text(json.dumps({"said": said, "status": answer.status, "text": answer.text}))
        partial.replace(place)
        _prune(place.parent)


def _place(arguments: Sequence[str]) -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ladle" / "answers"
    key = json.dumps([_program(), str(Path.cwd()), sys.stdout.isatty(), list(arguments)])
    return folder / f"{hashlib.sha256(key.encode()).hexdigest()}.json"


@cache
def _program() -> list[list[str | int]]:
    """The program itself, by the time stamps of its modules: another version gives other answers."""
    here = Path(__file__).parent
    inner = (entry.path for entry in os.scandir(here) if not entry.name.startswith("__") and entry.is_dir())
    entries = (entry for folder in (str(here), str(here.parent / "dsl"), *inner) for entry in os.scandir(folder))
    marks = ((entry.name, entry.stat()) for entry in entries if entry.name.endswith((".py", ".txt")))
    return sorted([name, found.st_size, found.st_mtime_ns] for name, found in marks)


def _ask(asked: Asked) -> list[object]:
    """Return what the disk says now."""
    match asked.what:
        case "root":
            return [str(project_root(Path(asked.path)))]
        case "glob":
            paths, _ = located(Path(asked.path), asked.pattern, asked.folders)
            return [_mark(path) for path in paths]
        case _:
            return [_mark(Path(asked.path))]


def _mark(path: Path) -> list[str | int]:
    try:
        found = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _unsettled(found: list[object]) -> bool:
    newest = max((mark[2] for mark in found if isinstance(mark, list) and len(mark) > 2), default=0)
    return time.time_ns() - newest < SETTLED_NS


def _prune(folder: Path) -> None:
    """Forget the oldest answers beyond the number that is kept."""
    kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in kept[MOST:]:
        path.unlink(missing_ok=True)
