"""A recipe as it is, or as git remembers it. In: a path, or `REV:FILE`. Out: the recipe, checked in today's project."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ladle.dsl.read import LARGEST, decode_source
from ladle.executor.examine import Checked, examine, examine_source
from ladle.executor.project import project_root, recipe_name
from ladle.executor.task import StepError

PATIENCE = 30
"""Seconds that git may take."""


def examine_revision(name: str, other: str = "") -> Checked:
    """Return what a name means, checked: a file where one lies there, else `REV:FILE` of the git repository here.

    `other` is what it is compared with, which a help may name.

    FILE is a path from the repository's top, or from the working folder where it begins with `./`. Whatever a recipe of
    the past names (corpora, models) is looked up in the project as it is today. Raises StepError where git has no such
    file.
    """
    revision, colon, file = name.partition(":")
    if Path(name).exists() or not colon:
        if not Path(name).exists() and other and _is_revision(name):
            meant = f"{name}:{_in_git(Path(other.partition(':')[2] or other))}"
            raise StepError(f"`{name}` is a revision, and names no file of it", f"write `{meant}`")
        recipe_name(Path(name))
        return examine(Path(name))
    if not revision or not file or revision.startswith("-") or "\0" in name:
        raise StepError(f"`{name}` is neither a file nor `REV:FILE`", "write, for instance, `HEAD:recipes/my.recipe`")
    here = Path(file).is_file() and _in_git(Path(file))
    if here and here != file and not _has(name) and _is_revision(revision):
        message = f"`{revision}` has no `{file}` at the top of the repository"
        raise StepError(message, f"from this folder it is `{revision}:{here}`")
    path = Path(file) if file.startswith(("./", "../")) else Path(_git("rev-parse", "--show-toplevel").strip(), file)
    recipe_name(path)
    source, unreadable = decode_source(name, _blob(name))
    if source is None:
        return Checked(path, project_root(path), unreadable[0].source, None, unreadable)
    return examine_source(path, source)


def _is_revision(name: str) -> bool:
    return not name.startswith("-") and "\0" not in name and _has(f"{name}^{{commit}}")


def _has(name: str) -> bool:
    """Say whether git has an object of that name."""
    try:
        _bytes("cat-file", "-e", name)
    except StepError:
        return False
    return True


def _in_git(file: Path) -> str:
    """Return a file as `REV:FILE` names it from the working folder, which may lie below the top of the repository."""
    if file.is_absolute() or file.parts[:1] == ("..",):
        file = Path(os.path.relpath(file, Path.cwd()))
    top = Path(_git("rev-parse", "--show-toplevel").strip())
    return file.as_posix() if Path.cwd().resolve() == top.resolve() else f"./{file.as_posix()}"


def _blob(name: str) -> bytes:
    """Return the bytes of `REV:FILE`, at most one more than a recipe may have."""
    if int(_git("cat-file", "-s", name)) > LARGEST:
        return b" " * (LARGEST + 1)
    return _bytes("cat-file", "blob", name)


def _git(*arguments: str) -> str:
    return _bytes(*arguments).decode(errors="replace")


def _bytes(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, timeout=PATIENCE, check=False)
    except FileNotFoundError:
        raise StepError("git is not installed", "install git, or name files") from None
    except subprocess.TimeoutExpired:
        raise StepError(f"git did not answer within {PATIENCE} seconds") from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        reason = lines[0].removeprefix("fatal: ") if lines else "it gave no reason"
        raise StepError(f"git: {reason}", "`git log --oneline -- FILE` lists the revisions of a file")
    return done.stdout
