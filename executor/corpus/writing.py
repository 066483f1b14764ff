"""Writing a corpus. In: rows of a program. Out: the file of the artifact; and what a row says, as texts."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ladle.dsl.graph import Json
from ladle.executor.rows import Row
from ladle.executor.task import Progress, StepError, Task

_EVERY = 10_000


def write_rows(rows: Iterable[Row], task: Task) -> None:
    """Write `rows` as the corpus artifact of `task`.

    Raises StepError for a corpus without a row: no stage could be trained on it.
    """
    count = 0
    with (task.output / "rows.jsonl").open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":"), allow_nan=False) + "\n")
            count += 1
            if count % _EVERY == 0:
                task.report(Progress(count, 0, "rows"))
    if not count:
        raise StepError(f"`{task.operator}` leaves no row of this corpus", "loosen its options, or give it more rows")
    task.report(Progress(count, count, "rows"))


def integer(task: Task, name: str) -> int | None:
    """Return the value of a whole-numbered option, None where it is not set."""
    value = task.options.get(name)
    return int(value) if isinstance(value, int | float) else None


def pieces(row: Row) -> list[str]:
    """Return the texts of a canonical row in order: its text, or what each message, choice or field says."""
    found: list[str] = []
    for value in row.values():
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            found += [_said(item) for item in value]
    return found


def _said(item: Json) -> str:
    content = item.get("content") if isinstance(item, dict) else item
    return content if isinstance(content, str) else ""
