"""A greedy soup (Wortsman et al. 2022). In: a task with models, scores and a benchmark. Out: the mean that does best.

Models come best first. Each is taken in where the mean of those taken so far and it scores no worse on the benchmark
than the mean without it. A mean is `soup` itself, a score the benchmark's own program: both give the bytes that their
steps would give.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from ladle.dsl.frozen import replace
from ladle.dsl.graph import Json, digest
from ladle.dsl.signature import Operator, Role
from ladle.executor.catalog import vocabulary
from ladle.executor.choosing.scores import Candidate, candidates, headline, merit, write_choice
from ladle.executor.option_model import problems
from ladle.executor.task import Given, Progress, StepError, Task
from ladle.executor.weights import merge


def run(task: Task) -> None:
    """Write the soup, and which models are in it with every score on the way."""
    kind, options = _benchmark(task.options.get("on"))
    found = candidates(task)
    order = sorted(found, key=lambda each: (-each.merit, each.place))
    taken, value = [order[0]], order[0].value
    tried: list[Json] = []
    for done, each in enumerate(order[1:], 1):
        task.report(Progress(done, len(order), "models"))
        mean = _score(task, kind, options, [*taken, each])
        kept = merit(each.metric, mean) >= merit(each.metric, value)
        tried.append({"member": each.place, "score": mean, "taken": kept})
        if kept:
            taken, value = [*taken, each], mean
    _soup(task, taken, task.output)
    write_choice(task.output, found, [each.place for each in taken], {"tried": tried, "score": value})
    task.report(Progress(len(order), len(order), "models"))


def _benchmark(asked: Json) -> tuple[Operator, Mapping[str, Json]]:
    """The kind and settings of the benchmark; a node file may hold anything for them."""
    name, options = (asked.get("operator"), asked.get("options")) if isinstance(asked, dict) else (None, None)
    kind = vocabulary().get(name) if isinstance(name, str) else None
    if kind is None or kind.role is not Role.BENCHMARK or not isinstance(options, dict):
        raise StepError("the node names no benchmark to score on", "write it again with `ladle compile`")
    for problem in problems(options, kind):
        raise StepError(f"options of `{kind.name}`: {problem[:200]}", "write it again with `ladle compile`")
    return kind, options


def _soup(task: Task, taken: Sequence[Candidate], output: Path) -> None:
    inputs = tuple(replace(each.model, role=str(place)) for place, each in enumerate(taken))
    merge.run(replace(task, operator="soup", options={}, inputs=inputs, output=output))


def _score(task: Task, kind: Operator, options: Mapping[str, Json], taken: Sequence[Candidate]) -> float:
    model, scores = (_empty(task.work / name) for name in ("mean", "score"))
    _soup(task, taken, model)
    identity = digest([task.fingerprint, *(each.model.fingerprint for each in taken)])
    asked = Given("model", "soup", identity, model)
    inputs = (asked, *task.all_given("on"))
    given = replace(task, operator=kind.name, options=options, inputs=inputs, output=scores)
    importlib.import_module(kind.program).run(given)
    return headline(scores)[1]


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
