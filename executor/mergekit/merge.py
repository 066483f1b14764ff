"""A merge expression through mergekit. In: a task whose input is a merge, merges within it. Out: a model folder.

Each merge of the expression is a document and a process: merges within are written in float32, so nothing is rounded
in between. mergekit gives the weights alone; configuration, tokenizer and template are those of the first operand.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from ladle.executor.exporting.text import written
from ladle.executor.mergekit.documents import Documents, is_merge
from ladle.executor.mergekit.parents import shapes, uniform
from ladle.executor.mergekit.result import only_weights, prove
from ladle.executor.mergekit.tool import YAML, Call
from ladle.executor.mergekit.tool import run as call
from ladle.executor.task import StepError, Task
from ladle.executor.weights.configurations import copy_beside, state_dtype
from ladle.executor.weights.parents import Parent, apart


def run(task: Task) -> None:
    """Write the merged model into `task.output`. Raises StepError for what mergekit cannot do or say."""
    outer = task.given("0")
    if not is_merge(outer):
        raise StepError("`mergekit` computes a merge, and its operand is none", "write the merge within it")
    work = task.work / "mergekit"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    documents = Documents(work)
    documents.add(outer, task.output)
    for text in apart(documents.parents):
        task.note(text)
    first, before = documents.parents[0], 0
    total = sum(each.size for each in documents.listed)
    for number, each in enumerate(documents.listed):
        file = work / f"{number}.yaml"
        file.write_text(written([each.said], (), "A merge of a recipe."), encoding="utf-8")
        made = Call(YAML, (str(file), str(each.output)), each.output, each.seed)
        call(made, task, each.size, before, total)
        prove(each.output, shapes(first.headers), documents.parents)
        before += each.size
    only_weights(task.output)
    finish(first, task.output, documents.listed[-1].precision)


def finish(first: Parent, output: Path, dtype: str | None) -> None:
    """Put configuration, tokenizer and template of the first operand beside weights of one element type, or several."""
    copy_beside(output, first)
    if dtype is not None and dtype != uniform(first):
        state_dtype(output, dtype)
