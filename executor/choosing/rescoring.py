"""Scores a model that a choice makes. In: the choice's task, its benchmark, a model. Out: a number, as a score's is."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from ladle.dsl.frozen import frozen, replace
from ladle.dsl.graph import Json
from ladle.dsl.signature import Operator, Role
from ladle.executor.catalog import vocabulary
from ladle.executor.choosing.scores import headline
from ladle.executor.option_model import problems
from ladle.executor.task import Given, StepError, Task


@frozen
class Asked:
    """The benchmark that decides, with its settings."""

    kind: Operator
    options: Mapping[str, Json]


def asked(task: Task) -> Asked:
    """Return the benchmark of a choice that scores anew; a node file may hold anything for it."""
    said = task.options.get("on")
    name, options = (said.get("operator"), said.get("options")) if isinstance(said, dict) else (None, None)
    kind = vocabulary().get(name) if isinstance(name, str) else None
    if kind is None or kind.role is not Role.BENCHMARK or not isinstance(options, dict):
        raise StepError("the node names no benchmark to score on", "write it again with `ladle compile`")
    for problem in problems(options, kind):
        raise StepError(f"options of `{kind.name}`: {problem[:200]}", "write it again with `ladle compile`")
    return Asked(kind, options)


def rescored(task: Task, benchmark: Asked, model: Given) -> float:
    """Return the score of a model, by the benchmark's own program."""
    output = empty(task.work / "score")
    inputs = (replace(model, role="model"), *task.all_given("on"))
    kind = benchmark.kind
    given = replace(task, operator=kind.name, options=benchmark.options, inputs=inputs, output=output)
    importlib.import_module(kind.program).run(given)
    return headline(output)[1]


def empty(folder: Path) -> Path:
    """Return a folder, made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
