"""Paths of a recipe. In: a path or glob as written, and the project's root. Out: files inside it, or what is wrong."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ladle.dsl.signature import Fault
from ladle.dsl.suggest import nearest
from ladle.executor.console import typed
from ladle.executor.quoting import short

_PLAIN = re.compile(r"[\w./~*?@%+=:,-]{1,200}")
"""Paths and globs that a shell takes as they are written."""

ADAPTER = "adapter_config.json"
"""What makes a folder an adapter: a change of another model."""

MODEL_NAMES = (
    ADAPTER,
    "added_tokens.json",
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "merges.txt",
    "model.safetensors.index.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "vocab.json",
    "vocab.txt",
)
"""What makes a model, beside its weights; the rest of its folder (cards, other formats) is no part of identity."""


class Asked(NamedTuple):
    """One thing asked of the disk. `what`: `root` (which project is this path of?), `file`, or `glob` below a root."""

    what: str
    path: str
    pattern: str = ""
    folders: bool = True


def located(
    root: Path, pattern: str, folders: bool = True, noun: str = "file"
) -> tuple[tuple[Path, ...], tuple[Fault, ...]]:
    """Return the files that `pattern` names, sorted by path, and what is wrong.

    A folder stands for its model files, where `folders` lets it. Paths are below `root`, absolute and resolved. `noun`
    is what is wanted, for a message.
    """
    if fault := _outside(pattern, noun):
        return (), (fault,)
    try:
        return _located(root, pattern, folders, noun)
    except (ValueError, OSError, NotImplementedError) as error:
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        help = "write a path such as `corpora/x/*.jsonl`"
        return (), (Fault("E402", f"`{short(pattern)}` is no path or glob: {why.lower()}", help),)


def _located(root: Path, pattern: str, folders: bool, noun: str) -> tuple[tuple[Path, ...], tuple[Fault, ...]]:
    if (root / pattern).is_dir() and inside(root, root / pattern) and not folders:
        help = f"name its files: `{short(pattern.rstrip('/'))}/*.jsonl`"
        return (), (Fault("E402", f"`{short(pattern)}` is a folder", help),)
    if (root / pattern).is_dir():
        return _checked(root, model_files(root / pattern), pattern, noun)
    matches = sorted(root.glob(pattern), key=lambda path: path.relative_to(root).as_posix())
    shown = tuple(path for path in matches if not _hidden(path.relative_to(root), pattern) and not path.is_dir())
    return _checked(root, shown, pattern, noun)


def model_files(folder: Path) -> tuple[Path, ...]:
    """Return the files of `folder` that make a model, sorted; none where there is no such folder."""
    return tuple(path for path in sorted(folder.iterdir()) if _of_model(path)) if folder.is_dir() else ()


def inside(root: Path, path: Path) -> bool:
    """Say whether `path` lies below `root` once every link on the way is followed."""
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a ring of links
        return False


def _outside(pattern: str, noun: str) -> Fault | None:
    path = PurePosixPath(pattern)
    if "\0" in pattern or not pattern.strip():
        return Fault("E402", "an empty path", "name a file or a glob below the project's root")
    if path.is_absolute() or ".." in path.parts or pattern.startswith("~") or "\\" in pattern:
        help = f"paths are relative to the project's root, with `/`, and stay below it{_brought(pattern, noun)}"
        return Fault("E401", f"`{short(pattern)}` does not stay below the project's root", help)
    return None


def _brought(pattern: str, noun: str) -> str:
    """Say how to bring in what lies elsewhere, "" where no command can be quoted, or none is of use."""
    name = PurePosixPath(pattern).name
    into = {"folder": f"models/{name}", "file": "corpora/"}.get(noun)
    if into is None or not _PLAIN.fullmatch(pattern) or not name.strip("."):
        return ""
    return f"; to bring it in, there: `mkdir -p {into.partition('/')[0]} && {copying(pattern, into)}"


def copying(source: str, target: str) -> str:
    """Return the command that brings files in, after its opening quote, and what to know of it."""
    where = "hard links take no room; without the `l`, a copy, where that is another file system"
    return f"cp -rlL {source} {target}` ({where})"


def _leading_out(root: Path, path: Path) -> Path:
    """Return the link on the way to `path` that leads out of the project."""
    way = (each for each in (*reversed(path.parents), path) if each.is_relative_to(root) and each != root)
    return next((each for each in way if each.is_symlink() and not inside(root, each)), path)


def _checked(
    root: Path, paths: tuple[Path, ...], pattern: str, noun: str
) -> tuple[tuple[Path, ...], tuple[Fault, ...]]:
    if not paths:
        return (), (_nothing(root, pattern, noun),)
    links = dict.fromkeys(_leading_out(root, path) for path in paths if not inside(root, path))
    faults = [_linked(root, link) for link in links]
    if len(links) > 1 and (root / pattern).is_dir():
        message = f"`{short(pattern)}` holds links that lead out of the project"
        folder = pattern.rstrip("/")
        files = copying(typed(Path(folder)), typed(Path(f"{folder}-files")))
        faults = [Fault("E401", message, f"name a folder of the files themselves: at the project's root `{files}")]
    faults += [fault for path in paths if inside(root, path) and (fault := _bad(root, path))]
    return (() if faults else paths), tuple(faults)


def _linked(root: Path, link: Path) -> Fault:
    name = link.relative_to(root)
    try:
        target = typed(link.resolve())
    except (OSError, RuntimeError):  # a ring of links
        target = "THE_FILES"
    help = f"put the files themselves there, at the project's root: `rm {typed(name)} && {copying(target, typed(name))}"
    return Fault("E401", f"`{short(name.as_posix())}` is a link that leads out of the project", help)


def _bad(root: Path, path: Path) -> Fault | None:
    if not path.is_file():
        name = path.relative_to(root).as_posix()
        return Fault("E402", f"`{name}` is no file", "a link to nothing, or a device, cannot be read")
    return None


def _nothing(root: Path, pattern: str, noun: str) -> Fault:
    name = short(pattern)
    if (root / pattern).is_dir():
        return Fault("E402", f"the folder `{name}` holds no model", "a model folder has config.json and safetensors")
    if any(char in pattern for char in "*?["):
        return Fault("E402", f"no file matches `{name}`", "globs are relative to the project's root")
    near = _nearest(root, pattern)
    return Fault("E402", f"there is no {noun} `{name}`", f"did you mean `{near}`?" if near else "check the path")


def _nearest(root: Path, pattern: str) -> str:
    folder = (root / pattern).parent
    if not folder.is_dir() or not inside(root, folder):
        return ""
    written = PurePosixPath(pattern)
    there = [PurePosixPath(path.name) for path in folder.iterdir()]
    # An ending that is alike says nothing of how near names are.
    stems = nearest(written.stem, [path.stem for path in there if path.suffix == written.suffix])
    others = nearest(written.name, [path.name for path in there if path.suffix != written.suffix])
    names = (*(f"{stem}{written.suffix}" for stem in stems), *others)
    return str(PurePosixPath(pattern).with_name(names[0])) if names else ""


def _hidden(path: Path, pattern: str) -> bool:
    """A glob does not reach into `.git` or `.ladle`: a part that begins with a dot is matched by name alone."""
    named = PurePosixPath(pattern).parts
    return any(part.startswith(".") and part not in named for part in path.parts)


def _of_model(path: Path) -> bool:
    return path.name in MODEL_NAMES or path.suffix == ".safetensors"
