"""Multiple choice. In: a model and questions with choices. Out: which choice it finds likeliest as its answer.

Each choice is scored as the assistant's answer in the model's chat template: the sum of the log-likelihoods of its
tokens and of the turn end (`scoring.chat`), or with `score = normalized` that sum divided by the choice's UTF-8 bytes.
The first of equal choices is taken. With `score = letter` the model writes a letter instead (`scoring.letter`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from ladle.dsl.graph import Json
from ladle.executor.corpus_rows import read_rows
from ladle.executor.rows import Row
from ladle.executor.scoring import letter
from ladle.executor.scoring.chat import answered
from ladle.executor.scoring.items import content, on, rounded, write_accuracy
from ladle.executor.scoring.likelihood import log_likelihoods
from ladle.executor.scoring.subject import subject
from ladle.executor.task import Progress, StepError, Task


def run(task: Task) -> None:
    """Write `items.jsonl` and `metrics.json` of one model on one benchmark. Raises StepError for other rows."""
    rows = list(read_rows(on(task)))
    if any("choices" not in row for row in rows):
        raise StepError("a `choice` benchmark needs `choices` in its rows", "rows of exact answers belong to `exact`")
    asked = subject(task.given("model"), task.machine, task.work)
    if task.options.get("score") == "letter":
        letter.score(task, asked, rows)
        return
    pairs = [(str(row["question"]), choice) for row in rows for choice in choices(row)]
    likelihoods = log_likelihoods(
        asked,
        answered(asked, pairs),
        lambda done: task.report(Progress(done, len(pairs), "choices")),
    )
    normalized = task.options.get("score") == "normalized"
    items: list[dict[str, Json]] = []
    for number, row in enumerate(rows):
        texts = choices(row)
        own, likelihoods = likelihoods[: len(texts)], likelihoods[len(texts) :]
        items.append(_item(number, row, own, normalized))
    write_accuracy(task.output, items)


def choices(row: Row) -> list[str]:
    """Return the choices of a row of the canonical form."""
    return cast(list[str], row["choices"])


def best(likelihoods: Sequence[float], texts: Sequence[str], normalized: bool) -> int:
    """Return the index of the likeliest choice, the first among equals."""
    values = [
        value / len(text.encode()) if normalized else value for value, text in zip(likelihoods, texts, strict=True)
    ]
    return values.index(max(values))


def _item(number: int, row: Row, likelihoods: list[float], normalized: bool) -> dict[str, Json]:
    # Predicted from the numbers as written, so that a reader of the file comes to the same choice.
    written = [rounded(value) for value in likelihoods]
    prediction = best(written, choices(row), normalized)
    return {
        "id": number,
        "content": content(row),
        "gold": row["answer"],
        "prediction": prediction,
        "correct": prediction == row["answer"],
        "log_likelihoods": list[Json](written),
    }
