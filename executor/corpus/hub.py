"""Rows of a data set of the hub. In: a task with a repository, a revision and a split. Out: its canonical rows.

Only parquet and JSON lines are read, at one commit; no code of a repository is ever fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from ladle.dsl.graph import Json
from ladle.executor.corpus.writing import write_rows
from ladle.executor.endpoint import HubEndpoint
from ladle.executor.lock.derive import sha256
from ladle.executor.lock.proof import locked_facts, prove_rows
from ladle.executor.lock.refusals import asked
from ladle.executor.lock.remote_rows import DataHub, Located
from ladle.executor.rows import Row, RowError, bounded_lines, canonical_row, parse_row, same_shape
from ladle.executor.task import Progress, StepError, Task

BATCH = 256


def run(task: Task) -> None:
    """Fetch a split at its commit and write its rows. Raises StepError where the lock says otherwise of it."""
    name, revision = str(task.options["name"]), str(task.options["revision"])
    part = (str(task.options.get("subset") or ""), str(task.options["split"]))
    paths = fetched(task, name, revision, part)
    columns = task.options.get("columns")
    names = {k: v for k, v in columns.items() if isinstance(v, str)} if isinstance(columns, dict) else {}
    write_rows(rows(paths, names, name), task)


def fetched(task: Task, name: str, revision: str, part: tuple[str, str]) -> dict[str, Path]:
    """Return the files of a split in the hub's cache, by their paths in the repository, proved against the lock."""
    hub = DataHub(HubEndpoint(None, None))
    locked = locked_facts(task.root)
    entry = locked.data(name, revision) if locked else None
    if entry and not entry.present:
        raise StepError(
            f"`ladle.lock` says that `{name}` is not on the hub", f"`ladle lock --update {name}` looks again"
        )
    there = asked(name, revision, lambda: hub.located(name, revision, part))
    found: dict[str, Path] = {}
    for done, file in enumerate(there.files, 1):
        found[file] = _file(hub, name, file, there)
        task.report(Progress(done, len(there.files), "files"))
    if entry:
        digests = {file: sha256(path) for file, path in found.items()}
        prove_rows(entry, name, there.commit, there.licence, part, digests)
    return found


def _file(hub: DataHub, name: str, file: str, there: Located) -> Path:
    return asked(name, there.commit, lambda: hub.fetch(name, file, there.commit, there.siblings, "dataset", None))


def rows(paths: Mapping[str, Path], columns: Mapping[str, str], name: str) -> Iterator[Row]:
    """Yield the canonical rows of files, in the order of their paths. Raises StepError that names file and row."""
    shape = ""
    for file in sorted(paths):
        number = 0
        try:
            for row in _parquet(paths[file]) if file.endswith(".parquet") else _lines(paths[file]):
                number += 1
                made = canonical_row(row, columns)
                shape = same_shape(shape, made)
                yield made
        except RowError as error:
            help = "name the columns: columns = {...}, or choose another split"
            raise StepError(f"`{name}/{file}`, row {number or 1}: {error.message}", help) from None
        except (pa.ArrowException, OSError) as error:
            reason = str(error).split("\n")[0][:160]
            raise StepError(f"`{name}/{file}` cannot be read: {reason}", "choose another file or revision") from None


def _lines(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        yield from (parse_row(line) for line in bounded_lines(file))


def _parquet(path: Path) -> Iterator[Row]:
    for batch in pq.ParquetFile(path).iter_batches(batch_size=BATCH):
        for row in batch.to_pylist():
            yield {key: _told(value) for key, value in row.items()}


def _told(value: Json) -> Json:
    """A parquet struct says null for a field that a row of JSON would leave out."""
    if isinstance(value, dict):
        return {key: _told(item) for key, item in value.items() if item is not None}
    return [_told(item) for item in value] if isinstance(value, list) else value
