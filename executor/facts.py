"""What checking may know of the world outside a recipe. In: a project's root. Out: facts about its files, or faults.

Of a corpus only the first rows of each file are read, of a model its configuration and the headers of its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.frozen import replace
from ladle.dsl.read import read_source
from ladle.dsl.signature import CorpusFacts, Fault, File, Sort
from ladle.dsl.source import Source
from ladle.dsl.types import AdapterType, ModelType, Value
from ladle.executor.console import from_here
from ladle.executor.constraints import pinned
from ladle.executor.file_digests import FileDigests
from ladle.executor.model_folder import BadFolder, model_type
from ladle.executor.places import ADAPTER, Asked, located
from ladle.executor.pointers import pointed
from ladle.executor.project import ProjectError, recipe_name
from ladle.executor.quoting import short
from ladle.executor.repository import is_repository
from ladle.executor.rows import (
    MAX_LINE,
    Row,
    RowError,
    answered,
    canonical_row,
    kind_of,
    parse_row,
    same_shape,
    whole_file,
    without_last_blanks,
)
from ladle.executor.scheduled import idle_schedule
from ladle.executor.templates import BUILT_IN

if TYPE_CHECKING:
    from ladle.executor.lock.entries import LockedFolder
    from ladle.executor.lock.facts import LockedFacts
    from ladle.executor.token_table import Tokens

FIRST_ROWS = 32
"""Rows of each file that checking reads."""
FIRST_BYTES = 2**20
"""Bytes of each file that checking reads, beyond its first row."""
MAX_FILES = 256
"""Files of a corpus that checking opens; data preparation reads them all."""
MAX_FAULTS = 8

Columns = Mapping[str, str]


class ProjectFacts:
    """Facts about the files of one project."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._digests = FileDigests(self._root / ".ladle" / "digests.json")
        self._model = cache(self._read_model)
        self._corpus = cache(self._read_corpus)
        self.asked: dict[Asked, None] = {}
        """What was asked of the disk, and how it would be asked again."""
        self._folders: dict[str, str] = {}
        """Where each vocabulary that was met lies."""
        self._absent: dict[str, None] = {}

    def _located(
        self, pattern: str, folders: bool = True, noun: str = "file"
    ) -> tuple[tuple[Path, ...], tuple[Fault, ...]]:
        self.asked[Asked("glob", str(self._root), pattern, folders)] = None
        return located(self._root, pattern, folders, noun)

    @cached_property
    def _locked(self) -> LockedFacts:
        """Loaded when it is first asked: a recipe that is all here does not pay for it."""
        self.asked[Asked("file", str(self._root / "ladle.lock"))] = None
        made: LockedFacts = import_module("ladle.executor.lock.facts").LockedFacts(self._root)
        return made

    @property
    def lock_problems(self) -> tuple[Diagnostic, ...]:
        """What is wrong with the lock, if anything was asked of it."""
        return self._locked.problems if "_locked" in self.__dict__ else ()

    @property
    def unlocked(self) -> tuple[str, ...]:
        """Repositories that were asked for and that no lock holds."""
        return self._locked.missing if "_locked" in self.__dict__ else ()

    @property
    def absent(self) -> tuple[str, ...]:
        """Paths that were asked for, are not here, and that the lock speaks for."""
        return tuple(self._absent)

    def hub_model(self, name: str, revision: str) -> ModelType | None:
        """Return the type of a hub model as the lock has it, None where it has none. Any part may be unknown."""
        return self._locked.hub_model(name, revision)

    def hub_corpus(
        self, name: str, revision: str, part: tuple[str, str], columns: Columns
    ) -> CorpusFacts | tuple[Fault, ...] | None:
        """Return kind and columns of the rows of a hub data set as the lock has them, None where it has none."""
        return self._locked.hub_corpus(name, revision, part, columns)

    def hub_commit(self, sort: Sort, name: str, revision: str) -> str:
        """Return the commit that the lock has for a revision of a hub model or data set, "" where it has none."""
        return self._locked.hub_commit(sort, name, revision)

    def corpus(self, pattern: str, columns: Columns) -> CorpusFacts | tuple[Fault, ...]:
        """Return kind and columns of the rows of the files that match `pattern`, from the first rows of each."""
        return self._corpus(pattern, tuple(columns.items()))

    def _read_corpus(self, pattern: str, named: tuple[tuple[str, str], ...]) -> CorpusFacts | tuple[Fault, ...]:
        columns = dict(named)
        paths, faults = self._located(pattern, folders=False)
        if _missing(faults) and (elsewhere := self._locked.corpus(pattern)):
            self._absent[pattern] = None
            return self._locked.corpus_facts(pattern, elsewhere, columns)
        if faults:
            return faults[:MAX_FAULTS]
        found: list[Fault] = []
        shape, first, unanswered = "", None, ""
        for path in paths[:MAX_FILES]:
            rows = self._first_rows(path, columns)
            if isinstance(rows, Fault):
                found.append(rows)
                continue
            first = first or rows[0]
            silent = next((number for number, row in enumerate(rows, 1) if not answered(row)), 0)
            unanswered = unanswered or (f"{self._name(path)}:{silent}" if silent else "")
            try:
                shape = same_shape(shape, rows[0])
            except RowError as error:
                found.append(_fault(f"{self._name(path)}:1", error))
        if found or first is None:
            return tuple(found[:MAX_FAULTS])
        return CorpusFacts(tuple(first), kind_of(first), unanswered=unanswered)

    def benchmark(self, pattern: str, columns: Columns, wanted: tuple[str, ...]) -> tuple[Fault, ...]:
        """Return what is wrong with the first rows of a benchmark's files: they have the columns `wanted`.

        The rows of a corpus have one shape, so that the first of all is the one to name.
        """
        facts = self.corpus(pattern, columns)
        if isinstance(facts, tuple):
            return facts
        if not isinstance(facts.columns, tuple) or sorted(facts.columns) == sorted(wanted):
            return ()
        first = next((self._name(path) for path in self._located(pattern)[0]), pattern)
        message = f"`{first}:1`: the columns are {_listed(facts.columns)}, and {_listed(wanted)} are wanted"
        return (Fault("E406", message, "rows with `choices` belong to a `choice` benchmark, those without to `exact`"),)

    def model(self, folder: str) -> ModelType | AdapterType | tuple[Fault, ...]:
        """Return the type of a model or adapter folder from its configuration and headers; no weight is read."""
        return self._model(folder)

    def files(self, pattern: str) -> tuple[File, ...] | tuple[Fault, ...]:
        """Return the files of a pattern or folder, sorted by path, with content hashes."""
        paths, faults = self._located(pattern)
        if _missing(faults) and (locked := self._locked.files(pattern)):
            return locked
        if faults:
            return faults[:MAX_FAULTS]
        if self._in_part(pattern, paths):
            return self._locked.files(pattern)
        found = [self._file(path) for path in paths]
        self._digests.save()
        unread = tuple(item for item in found if isinstance(item, Fault))
        return unread[:MAX_FAULTS] if unread else tuple(item for item in found if isinstance(item, File))

    def contents(self, patterns: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return what the files of each pattern are known by: files of equal bytes by the same.

        Only files of equal size are read: others differ anyway, and a check is not to read large corpora.
        """
        found = {pattern: self._located(pattern)[0] for pattern in patterns}
        alike: dict[int, list[Path]] = {}
        for path in {path for paths in found.values() for path in paths}:
            with suppress(OSError):
                alike.setdefault(path.stat().st_size, []).append(path)
        known: dict[Path, str] = {}
        for path in (path for paths in alike.values() if len(paths) > 1 for path in paths):
            with suppress(OSError):
                known[path] = self._digests.sha256(path)
        self._digests.save()
        return {pattern: frozenset(known.get(path) or f"file {path}" for path in found[pattern]) for pattern in found}

    def recipe(self, path: str) -> Source | Fault:
        """Return the text of another recipe of the project."""
        paths, faults = self._located(path, folders=False, noun="recipe")
        if faults:
            return faults[0]
        if len(paths) > 1:
            return Fault("E402", f"`{short(path)}` names {len(paths)} files", "name one recipe")
        try:
            recipe_name(paths[0])
        except ProjectError as problem:
            help = "rename it: letters, digits, `-` and `_`, the first a letter or digit"
            return Fault("E020", str(problem), help)
        source, unreadable = read_source(paths[0])
        if source is None:
            return Fault(unreadable[0].code, f"`{short(path)}`: {unreadable[0].message}", unreadable[0].help)
        return Source(from_here(paths[0]), source.text)

    def engine(self, distribution: str) -> str:
        """Return the version of an engine from the constraints, never from what is installed.

        Raises KeyError for one that is not pinned: a fault of ours.
        """
        return pinned()[distribution.lower().replace("_", "-").replace(".", "-")]

    def differing_token(self, identity: str, other: str) -> tuple[str, str, str] | None:
        """Return the first token in which two vocabularies differ, and what it is in each; None where nobody knows.

        Of folders of the project every token is known, of models of the hub only the added ones, by the lock.
        """
        tables = self._tables(identity, other)
        if tables is None:
            return self._locked.differing_token(identity, other) if "_locked" in self.__dict__ else None
        found: tuple[str, str, str] | None = import_module("ladle.executor.token_table").differing(*tables)
        return found

    def lacking_token(self, identity: str, other: str) -> str:
        """Return the first token of a vocabulary that another, `identity`, lacks; "" where nobody knows of one."""
        mine, theirs = self._tables(identity, other) or ({}, {})
        token = min((each for each in theirs if each not in mine), key=lambda each: theirs[each], default="")
        return f"`{short(token if token.isprintable() else ascii(token))}`" if token else ""

    def idle_schedule(self, type: ModelType, options: Mapping[str, Value]) -> Fault | None:
        """Return what is wrong with schedules of a merge that name what a model has not; nothing of an unknown one."""
        return idle_schedule(type, options)

    def lacking_control(self, identity: str, template: str) -> str:
        """Return the first control token of a built-in template that is no added token; "" where none is known.

        A tokenizer takes any other token apart that stands in a text.
        """
        tokens = self._tokens(identity)
        known = tokens[0].contents if tokens else self._locked.added(identity) if "_locked" in self.__dict__ else None
        control = BUILT_IN[template].control if template in BUILT_IN and known is not None else ()
        return next((f"`{token}`" for token in control if token not in (known or ())), "")

    def _tables(self, *identities: str) -> tuple[Mapping[str, int], ...] | None:
        """The ids by token of vocabularies of folders of the project, None where one is of another."""
        tokens = self._tokens(*identities)
        return None if tokens is None else tuple(each.ids for each in tokens)

    def _tokens(self, *identities: str) -> tuple[Tokens, ...] | None:
        folders = [self._folders.get(each) for each in identities]
        if None in folders:
            return None
        read = import_module("ladle.executor.token_table").read_tokens
        try:
            return tuple(read(self._root / str(folder), str(folder)) for folder in folders)
        except (BadFolder, OSError):
            return None

    def elsewhere(self, word: str) -> tuple[str, str]:
        """Return the option of a stage that another trainer calls `word`, and what to say of it; either may be ""."""
        found: tuple[str, str] = import_module("ladle.executor.importing.words").elsewhere(word)
        return found

    def _read_model(self, folder: str) -> ModelType | AdapterType | tuple[Fault, ...]:
        self.asked[Asked("file", str(self._root / folder))] = None  # pickles count, and are no files of the model
        paths, faults = self._located(folder, noun="folder")
        if not faults and (partly := self._in_part(folder, paths)):
            self._absent[folder] = None
            return partly.type()
        if not faults and (self._root / folder / ADAPTER).is_file():
            read: Callable[[Path, str], AdapterType | tuple[Fault, ...]]
            read = import_module("ladle.executor.adapter").adapter_type
            return read(self._root / folder, folder)
        if _missing(faults) and (elsewhere := self._locked.folder(folder)):
            self._absent[folder] = None
            return elsewhere.type()
        faults = tuple(replace(fault, help=self._of_hub(folder) or fault.help) for fault in faults)
        found = faults[:MAX_FAULTS] if faults else model_type(self._root / folder, folder, paths)
        if isinstance(found, ModelType) and isinstance(found.vocabulary, str):
            self._folders.setdefault(found.vocabulary, folder)
        return found

    def _in_part(self, pattern: str, paths: tuple[Path, ...]) -> LockedFolder | None:
        """Return the lock's entry of a model folder that is here but for its weights."""
        if (
            any(path.suffix == ".safetensors" and not pointed(path) for path in paths)
            or not (self._root / pattern).is_dir()
        ):
            return None
        return self._locked.in_part(pattern)

    def _of_hub(self, folder: str) -> str:
        """Say how a model of the hub is named, "" where the path of a folder is meant."""
        owner = folder.partition("/")[0]
        if not is_repository(folder) or (self._root / owner).exists():
            return ""
        return f'a model of the hub is `hub("{folder}")`; `local` is a folder of the project'

    def _file(self, path: Path) -> File | Fault:
        try:
            return File(self._name(path), path.stat().st_size, self._digests.sha256(path))
        except OSError as error:
            return self._unreadable(path, error)

    def _first_rows(self, path: Path, columns: Columns) -> list[Row] | Fault:
        rows: list[Row] = []
        shape, line = "", b""
        try:
            for line in without_last_blanks(_first_lines(path)):
                row = canonical_row(parse_row(line), columns)
                shape = same_shape(shape, row)
                rows.append(row)
        except RowError as error:
            fault = _fault(f"{self._name(path)}:{len(rows) + 1}", error)
            help = _renaming(line, columns) if error.code == "E406" else whole_file(line, len(rows) + 1, error.code)
            return replace(fault, help=help or fault.help)
        except OSError as error:
            return self._unreadable(path, error)
        return rows or Fault("E403", f"`{self._name(path)}` is empty", "a corpus file has one JSON object a line")

    def _unreadable(self, path: Path, error: OSError) -> Fault:
        why = (error.strerror or str(error)).lower()
        return Fault("E402", f"`{self._name(path)}` cannot be read: {why}", "check the file and its permissions")

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _missing(faults: tuple[Fault, ...]) -> bool:
    """Say whether files are missing here, so that the lock may speak for them; those of other projects never are."""
    return bool(faults) and all(fault.code == "E402" for fault in faults)


def _first_lines(path: Path) -> Iterator[bytes]:
    left = FIRST_BYTES
    with path.open("rb") as file:
        for _ in range(FIRST_ROWS):
            if left <= 0 or not (line := file.readline(MAX_LINE + 1)):
                return
            left -= len(line)
            yield line


def _listed(columns: Iterable[str]) -> str:
    return ", ".join(f"`{each}`" for each in columns)


def _fault(place: str, error: RowError) -> Fault:
    alike = "mend the row: the rows of a corpus have the columns of the first"
    return Fault(error.code, f"`{place}`: {error.message}", alike if error.code == "E409" else _MEND)


def _renaming(line: bytes, columns: Columns) -> str:
    found: str = import_module("ladle.executor.foreign_rows").remedy(parse_row(line), columns)
    return found


_MEND = "mend the row, or leave it out"
