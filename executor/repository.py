"""Repositories of the hub as recipes name them. In: the options of a call. Out: what is wrong; the commit they pin."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from ladle.dsl.signature import REQUIRED, Facts, Fault, Option, Sort, Text
from ladle.dsl.types import Value

_WORD: Final = r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,95}"
_NAME: Final = re.compile(rf"{_WORD}/{_WORD}")
_REVISION: Final = re.compile(rf"{_WORD}(?:/{_WORD}){{0,7}}")

NAME: Final = Option("name", Text(), REQUIRED, "owner and name, `owner/name`", positional=True)
REVISION: Final = Option(
    "revision", Text(), "main", "commit, tag or branch; `ladle lock` pins what moves to the commit it has today"
)


def misnamed(options: Mapping[str, Value]) -> tuple[Fault, ...]:
    """Return what no repository or revision is called."""
    name, revision = str(options["name"]), str(options["revision"])
    if not is_repository(name):
        help = "write `owner/name`: letters, digits, `-`, `_` and `.`"
        return (Fault("E285", f"`{name}` is no name of a repository", help, "name"),)
    if not _REVISION.fullmatch(revision):
        help = "write a commit, a tag or a branch: letters, digits, `-`, `_` and `.`, parted by `/`"
        return (Fault("E285", f"`{revision}` is no revision", help, "revision"),)
    return ()


def is_repository(name: str) -> bool:
    """Say whether a repository can be called so."""
    return _NAME.fullmatch(name) is not None


def pins(sort: Sort) -> Callable[[Mapping[str, Value], Facts], Mapping[str, Value]]:
    """Return the rule by which a revision is the commit that the lock has for it, where it has one."""

    def pinned(options: Mapping[str, Value], facts: Facts) -> Mapping[str, Value]:
        commit = facts.hub_commit(sort, str(options["name"]), str(options["revision"]))
        return {"revision": commit} if commit else {}

    return pinned
