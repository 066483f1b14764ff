"""The best of some models. In: a task with models and their scores. Out: the chosen one's folder, and the choice."""

from __future__ import annotations

import shutil
from importlib import import_module

from ladle.dsl.frozen import replace
from ladle.executor.choosing.scores import CHOICE, candidates, write_choice
from ladle.executor.disk import link_tree
from ladle.executor.lineage import LINEAGE
from ladle.executor.models.folder import adapted, copy_tokenizer, tokenizer_folder
from ladle.executor.task import Given, Progress, StepError, Task

_NOT_THE_MODEL = (LINEAGE, CHOICE, "losses.csv", "alignment.json")
"""Files of an artifact that say how that one was made."""


def run(task: Task) -> None:
    """Write the model with the best score, the first among equals."""
    found = candidates(task)
    won = max(found, key=lambda each: (each.merit, -each.place))
    take(won.model, task)
    write_choice(task.output, found, [won.place])
    task.report(Progress(len(found), len(found), "scores"))


def take(model: Given, task: Task) -> None:
    """Put a model into the output: an artifact by hard links, a folder of the project as a copy (it may be edited).

    An adapter is written in the model that it sits on: as the soup of that one alone.
    """
    output, work = task.output, task.work
    if model.path is None or not model.path.is_dir():
        raise StepError(f"the input `{model.role}` has no folder", "run the step that makes it first")
    if adapted(model) is not None:
        alone = replace(task, operator="soup", options={}, inputs=(replace(model, role="0"),))
        import_module("ladle.executor.weights.merge").run(alone)
        return
    if model.operator == "local":
        for file in model.files:
            shutil.copyfile(file, output / file.name)
        copy_tokenizer(tokenizer_folder(model, work), output)
        return
    link_tree(model.path, output)
    for name in _NOT_THE_MODEL:
        (output / name).unlink(missing_ok=True)
