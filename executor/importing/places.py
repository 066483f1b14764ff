"""Models and data as other tools name them. In: a path or a repository. Out: what a recipe says instead."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from ladle.dsl.lex import HIDDEN
from ladle.dsl.signature import Operator, Role
from ladle.dsl.suggest import nearest
from ladle.dsl.types import CorpusKind
from ladle.executor.catalog import vocabulary
from ladle.executor.columns import OF_KIND
from ladle.executor.importing.draft import Corpus, ModelRef
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.spelling import option, takes
from ladle.executor.quoting import short

_SLUG = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 40
_MOST: Final = 1000
"""Folders among which one that is meant is looked for."""
_FILES: Final = (".json", ".jsonl", ".csv", ".parquet", ".txt")
"""Endings of what is a file of rows, though it may not be there."""
REPOSITORY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
REVISION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,255}")


@dataclass(frozen=True, slots=True)
class Part:
    """Which rows of a data set of the hub: its configuration and split; `name` begins the corpus's own name."""

    subset: str = ""
    split: str = ""
    name: str = ""


def slug(text: str, otherwise: str) -> str:
    """Return a name of the language made from any text."""
    found = _SLUG.sub("_", text.lower()).strip("_")[:_LONGEST].strip("_")
    return found if re.match(r"[a-z]", found) else f"{otherwise}_{found}".strip("_")


def quotable(text: str) -> bool:
    """Say whether a string of a recipe can hold a text: no double quote, line end, control or invisible character."""
    return not (HIDDEN.search(text) or any(char in text for char in '"\n\t'))


def quoted(fields: Fields, key: str, text: str) -> str:
    """Return a text as a string of a recipe; one that no string can hold is reported."""
    if not quotable(text):
        message = f"`{short(key)}` holds a double quote, a line end or a hidden character"
        fields.problem("E612", key, message, "a string of a recipe cannot hold one: rename what it names")
        return '""'
    return f'"{text}"'


def inside(root: Path, text: str) -> str | None:
    """Return a path relative to the project's root, as a recipe writes it; None where it leaves the project."""
    whole = Path(os.path.normpath(root / text))
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) and whole != root else None


def is_path(root: Path, text: str) -> bool:
    """Say whether a text names something on disk rather than a repository of the hub."""
    return text.startswith(("./", "../", "/", "~")) or text.count("/") != 1 or (root / text).exists()


def beside(root: Path, text: str) -> tuple[str, ...]:
    """Return the folders of the project that lie where a path does and are called nearly as it is."""
    path = inside(root, text)
    if path is None:
        return ()
    place = Path(path)
    try:
        with os.scandir(root / place.parent) as found:
            names = sorted(each.name for each in islice(found, _MOST) if each.is_dir())
    except OSError:
        return ()
    return tuple((place.parent / name).as_posix() for name in nearest(place.name, filter(quotable, names)))


def model(fields: Fields, key: str, revision: str = "") -> ModelRef | None:
    """Return the model that a key names; one that is missing is reported."""
    name = fields.text(key)
    if not name:
        fields.problem("E609", key, f"the file says no `{key}`, so nothing can be trained", f"add `{key}`")
        return None
    fields.ledger.name(fields.document, fields.span(key), name)
    if quotable(name) and not is_path(fields.ledger.root, name) and not REPOSITORY.fullmatch(name):
        fields.problem("E613", key, f"`{short(name)}` is no name of a model", "a folder, or `owner/name`")
    else:
        quoted(fields, key, name)
    pinned = fields.text(revision) if revision else None
    if pinned in (None, "main"):
        return ModelRef(name.rstrip("/") or name)
    if not REVISION.fullmatch(pinned or ""):
        help = "a commit, a tag or a branch"
        fields.problem("E613", revision, f"`{short(pinned or '')}` is no revision", help)
    if is_path(fields.ledger.root, name):
        fields.lost(revision, "a folder has no revisions")
        return ModelRef(name.rstrip("/") or name)
    return ModelRef(name, str(pinned))


def templated(fields: Fields, key: str, model: ModelRef) -> ModelRef:
    """Put a built-in chat template on a model where the file names one; else say that it cannot be carried."""
    word = fields.text(key)
    if word is None:
        return model
    found = option(vocabulary()["hub"], "template")
    if found is not None and takes(found.type, word):
        return ModelRef(model.name, model.revision, word)
    fields.lost(key, "a template is a built-in one or a model's: write `template =` at the model's source")
    return model


def corpus(fields: Fields, key: str, kind: str, columns: dict[str, str], part: Part | None = None) -> Corpus:
    """Return the corpus that a key names: rows of the project, or those of a hub data set."""
    part, text = part or Part(), fields.text(key) or ""
    label = slug(part.name or Path(text).stem, "corpus")
    local = is_path(fields.ledger.root, text) or Path(text).suffix in _FILES
    told = ", ".join(f"{to}: {quoted(fields, key, column)}" for to, column in columns.items() if to != column)
    renamed = f", columns = {{{told}}}" if told else ""
    if not local and (reader := _hub()):
        return Corpus(label, kind, _call(reader, fields, key, part) + renamed + ")")
    path = f"corpora/{label}.jsonl"
    if local:
        path = _file(fields, key, text, path)
    else:
        which = "".join(
            f", {word} `{short(value)}`" for word, value in (("part", part.subset), ("split", part.split)) if value
        )
        fields.missing(key, f"a data set of the hub{which}: put its rows ({OF_KIND[CorpusKind(kind)]}) into `{path}`")
    return Corpus(label, kind, f"jsonl({quoted(fields, key, path)}{renamed})")


def _file(fields: Fields, key: str, text: str, here: str) -> str:
    """Return the file of the project that a path means; one that cannot be read there is to be put `here`."""
    root = fields.ledger.root
    path = inside(root, text)
    if path is None:
        fields.missing(key, f"lies outside the project: put its rows into `{here}`")
        return here
    if Path(path).suffix != ".jsonl":
        fields.missing(key, f"rows of JSON lines are read: put those of `{short(text)}` into `{here}`")
        return here
    if not any(root.glob(path)):
        fields.missing(key, f"`{short(path)}` is not in the project yet")
    return path


def _hub() -> Operator | None:
    """Return the catalogue's reader of hub data sets, if this version has one."""
    found = (each for each in vocabulary().values() if each.role is Role.CORPUS_SOURCE and option(each, "split"))
    return next(found, None)


def _call(reader: Operator, fields: Fields, key: str, part: Part) -> str:
    """Return a call of the reader, left open for more options."""
    text, (split, _, rows) = fields.text(key) or "", part.split.partition("[")
    if not REPOSITORY.fullmatch(text):
        fields.problem(
            "E613", key, f"`{short(text)}` is no name of a data set", "`owner/name`, or a path of the project"
        )
    if rows:
        fields.lost(key, f"of the split `{split}` only `[{short(rows)}`: `take` or `sample` cuts a corpus")
    told = [("subset", part.subset), ("split", "" if split == "train" else split)]
    more = "".join(f", {name} = {quoted(fields, key, value)}" for name, value in told if value and option(reader, name))
    word = getattr(reader, "word", "") or reader.name
    return f"{word}({quoted(fields, key, text)}{more}"
