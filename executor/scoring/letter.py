"""Multiple choice by a letter. In: a model and questions with choices. Out: the letter it writes.

The choices are shown under letters, the model is asked for one, and what it writes, greedily, is read as a letter: the
first that stands alone. An answer without one counts as wrong and is told apart in `metrics.json` (`unparsed`): not to
know and not to follow are two faults.
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Sequence
from typing import Final, cast

from ladle.dsl.graph import Json
from ladle.executor.rows import Row
from ladle.executor.scoring.batches import batches
from ladle.executor.scoring.chat import prompts, turn_end
from ladle.executor.scoring.exact import generate
from ladle.executor.scoring.items import content, dump, write_accuracy
from ladle.executor.scoring.subject import Subject
from ladle.executor.task import Progress, StepError, Task

LONGEST: Final = 16
"""Tokens of an answer: room for "The answer is (B)."."""
_ASK: Final = "Answer with the letter of the right choice only."
_ALONE: Final = re.compile(r"(?<![A-Za-z])([A-Za-z])(?![A-Za-z'\u2019])")


def score(task: Task, asked: Subject, rows: Sequence[Row]) -> None:
    """Write `items.jsonl` and `metrics.json`. Raises StepError for a question of more choices than letters."""
    questions = prompts(asked, [shown(row) for row in rows])
    ends = turn_end(asked)
    said: dict[int, str] = {}
    for batch in batches([len(ids) + LONGEST for ids in questions]):
        said.update(zip(batch, generate(asked, [questions[i] for i in batch], LONGEST, ends), strict=True))
        task.report(Progress(len(said), len(rows), "items"))
    items = [_item(number, row, said[number]) for number, row in enumerate(rows)]
    write_accuracy(task.output, items)
    metrics = json.loads((task.output / "metrics.json").read_text(encoding="utf-8"))
    metrics["unparsed"] = sum(item["prediction"] is None for item in items)
    (task.output / "metrics.json").write_text(dump(metrics) + "\n", encoding="utf-8")


def shown(row: Row) -> str:
    """Return a question with its choices under letters."""
    choices = _choices(row)
    if len(choices) > len(string.ascii_uppercase):
        raise StepError(f"a question has {len(choices)} choices, and there are 26 letters", "score it by likelihood")
    listed = [f"{letter}. {choice}" for letter, choice in zip(string.ascii_uppercase, choices, strict=False)]
    return "\n".join([str(row["question"]), "", *listed, "", _ASK])


def read(said: str, choices: Sequence[str]) -> int | None:
    """Return the place of the choice that an answer names: by a capital letter, by a lone small one, or as it reads."""
    letters = string.ascii_uppercase[: len(choices)]
    found = [match[1] for match in _ALONE.finditer(said)]
    alone = said.strip(" .()[]:*\n")
    capital = next((letter for letter in found if letter in letters), None)
    if capital is None and len(alone) == 1:
        capital = alone.upper()
    if capital is not None and capital in letters:
        return letters.index(capital)
    same = [place for place, choice in enumerate(choices) if choice.casefold() == alone.casefold()]
    return same[0] if len(same) == 1 else None


def _item(number: int, row: Row, said: str) -> dict[str, Json]:
    choices = _choices(row)
    prediction = read(said, choices)
    return {
        "id": number,
        "content": content(row),
        "gold": row["answer"],
        "said": said,
        "choices": len(choices),
        "prediction": prediction,
        "correct": prediction is not None and prediction == row["answer"],
    }


def _choices(row: Row) -> list[str]:
    return cast(list[str], row["choices"])
