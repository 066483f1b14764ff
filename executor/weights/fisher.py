"""Fisher-weighted means. In: a task with models and rows. Out: a model folder; `executor/merges/fisher.py` says how.

The information of each model is found first, in float32: weights and the sum of the gradients' squares are in memory,
twice the model; a gradient is squared and let go where it is made. The merge then streams over models and information.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from ladle.dsl.frozen import replace
from ladle.dsl.graph import digest
from ladle.executor.task import Given, StepError, Task, operands, unsaid
from ladle.executor.weights import merge
from ladle.executor.weights.observed import Seen, Tensors, at_once, observed
from ladle.executor.weights.one_thread import one_thread
from ladle.executor.weights.parents import agree, apart, parent


def run(task: Task) -> None:
    """Write the weighted mean. Raises StepError for models that do not fit, or rows that hold nothing to predict."""
    models = operands(task.inputs)
    parents = [parent(given, task.work) for given in models]
    agree(parents)
    for text in apart(parents):
        task.note(text)
    with one_thread():
        folders = observed(task, lambda seen: at_once(information(seen)))
    known = tuple(
        Given(str(len(models) + place), "fisher", digest([task.fingerprint, place]), path)
        for place, path in enumerate(folders)
    )
    options = {"weights": task.options.get("weights")}
    # The information has a model's configuration: what is to be said of that was said.
    merge.run(replace(task, options=options, inputs=(*models, *known), note=unsaid))


def _squared(total: torch.Tensor) -> Callable[[torch.Tensor], None]:
    """Return what adds the square of a weight's gradient, once it is whole, and lets the gradient go."""

    def add(weight: torch.Tensor) -> None:
        if weight.grad is not None:
            total.addcmul_(weight.grad, weight.grad)
            weight.grad = None

    return add


def information(seen: Seen) -> Tensors:
    """Return the mean square of the gradient of a sequence's log-likelihood, divided by its mean over all weights."""
    parameters = {name: each.requires_grad_() for name, each in seen.model.named_parameters()}
    found = {name: torch.zeros_like(each) for name, each in parameters.items()}
    hooks = [each.register_post_accumulate_grad_hook(_squared(found[name])) for name, each in parameters.items()]
    for ids in seen.each():
        logits = seen.model(input_ids=ids, use_cache=False).logits[0, :-1].float()
        loss = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum")
        torch.autograd.backward(loss)
    for hook in hooks:
        hook.remove()
    whole = sum(each.sum(dtype=torch.float64).item() for each in found.values())
    if whole <= 0:
        raise StepError(f"the likelihood of the rows depends on no weight of `{seen.name}`", "give it other rows")
    count = sum(each.numel() for each in found.values())
    return {name: each.div_(whole / count) for name, each in found.items()}
