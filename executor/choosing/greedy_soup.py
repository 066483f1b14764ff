"""A greedy soup (Wortsman et al. 2022). In: a task with models, scores and a benchmark. Out: the mean that does best.

Models come best first. Each is taken in where the mean of those taken so far and it scores no worse on the benchmark
than the mean without it. A mean is `soup` itself, a score the benchmark's own program: both give the bytes that their
steps would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ladle.dsl.frozen import replace
from ladle.dsl.graph import Json, digest
from ladle.executor.choosing.rescoring import Asked, asked, empty, rescored
from ladle.executor.choosing.scores import Candidate, candidates, merit, write_choice
from ladle.executor.task import Given, Progress, Task
from ladle.executor.weights import merge


def run(task: Task) -> None:
    """Write the soup, and which models are in it with every score on the way."""
    benchmark = asked(task)
    found = candidates(task)
    order = sorted(found, key=lambda each: (-each.merit, each.place))
    taken, value = [order[0]], order[0].value
    tried: list[Json] = []
    for done, each in enumerate(order[1:], 1):
        task.report(Progress(done, len(order), "models"))
        mean = _score(task, benchmark, [*taken, each])
        kept = merit(each.metric, mean) >= merit(each.metric, value)
        tried.append({"member": each.place, "score": mean, "taken": kept})
        if kept:
            taken, value = [*taken, each], mean
    _soup(task, taken, task.output)
    write_choice(task.output, found, [each.place for each in taken], {"tried": tried, "score": value})
    task.report(Progress(len(order), len(order), "models"))


def _soup(task: Task, taken: Sequence[Candidate], output: Path) -> None:
    inputs = tuple(replace(each.model, role=str(place)) for place, each in enumerate(taken))
    merge.run(replace(task, operator="soup", options={}, inputs=inputs, output=output))


def _score(task: Task, benchmark: Asked, taken: Sequence[Candidate]) -> float:
    model = empty(task.work / "mean")
    _soup(task, taken, model)
    identity = digest([task.fingerprint, *(each.model.fingerprint for each in taken)])
    return rescored(task, benchmark, Given("model", "soup", identity, model))
