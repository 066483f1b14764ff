"""Corpora, tokenizers and tasks for tests. In: rows and options. Out: files on disk and what a program writes."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.executor.catalog import vocabulary
from ladle.executor.rows import Row
from ladle.executor.task import Given, Machine, Progress, Task


def write(path: Path, rows: Sequence[object]) -> Path:
    """Write one JSON object a line; a string is written as it stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def source(path: Path, role: str = "corpus", columns: Mapping[str, str] | None = None, key: str = "0") -> Given:
    """Return a data node over one file."""
    options: dict[str, Json] = {"columns": dict(columns)} if columns else {}
    return Given(role, "jsonl", key * 64, files=(path,), options=options)


def run(
    folder: Path,
    operator: str,
    options: Mapping[str, Json],
    inputs: Sequence[Given],
    seen: list[Progress] | None = None,
) -> Path:
    """Run the program of `operator` and return the folder it wrote."""
    output, work = folder / "out", folder / "work"
    output.mkdir(parents=True)
    work.mkdir(parents=True)
    declared = vocabulary()[operator]
    defaults: dict[str, Json] = {
        o.name: o.default for o in declared.options if isinstance(o.default, int | str | float)
    }
    task = Task(
        operator=operator,
        name=operator,
        options={**defaults, **options},
        inputs=tuple(inputs),
        fingerprint="f" * 64,
        work=work,
        output=output,
        machine=Machine(),
        report=(seen if seen is not None else []).append,
    )
    importlib.import_module(declared.program).run(task)
    return output


def rows_of(folder: Path) -> list[Row]:
    """Return the rows of a corpus artifact."""
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text(encoding="utf-8").splitlines()]


def texts(*values: str) -> list[Row]:
    """Return rows of plain text."""
    return [{"text": value} for value in values]


def chat(*turns: str) -> Row:
    """Return a chat in which user and assistant take turns."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": turn} for n, turn in enumerate(turns)]}
