"""What was chosen at run time. In: the artifact of a choice and the names of its members. Out: a record, and a note."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ladle.executor.report.content import Chosen, Table
from ladle.executor.task import StepError, Task


def read_choice(task: Task, label: str, benchmark: str, names: Sequence[str]) -> Chosen:
    """Return the choice that `choice.json` of the model `label` records. Raises StepError where it is damaged."""
    folders = [given.path for given in task.all_given(f"model:{label}") if given.path]
    try:
        raw = json.loads((folders[0] / "choice.json").read_text(encoding="utf-8"))
        scores = [float(member["score"]) for member in raw["members"]]
        taken = tuple(names[int(place)] for place in raw["taken"])
        return Chosen(label, benchmark, str(raw["metric"]), tuple(zip(names, scores, strict=True)), taken)
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise StepError(f"the choice of `{label}` cannot be read: {error}", "make it again") from None


def told(table: Table) -> tuple[str, ...]:
    """Return a sentence for each choice of a table."""
    return tuple(_told(chosen) for chosen in table.choices)


def _told(chosen: Chosen) -> str:
    scores = dict(chosen.members)
    scale, digits, unit = (100, 1, " %") if chosen.metric == "accuracy" else (1, 3, "")
    taken = ", ".join(f"`{name}` ({scale * scores[name]:.{digits}f}{unit})" for name in chosen.taken)
    verb = "is" if len(chosen.taken) == 1 else "is merged from"
    return f"`{chosen.model}` {verb} {taken}, chosen on `{chosen.benchmark}` from {len(chosen.members)} models."
