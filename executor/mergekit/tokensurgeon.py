"""Another tokenizer through mergekit-tokensurgeon. In: a task with a model and a donor. Out: a model folder.

The tokenizer's files are the donor's, byte for byte: mergekit would write them in another form. It loads tokenizers
with their own code allowed, so that a folder that asks for code is refused before.
"""

from __future__ import annotations

from collections.abc import Mapping

from ladle.dsl.graph import Json
from ladle.executor.headers import Tensor, folder_tensors
from ladle.executor.mergekit.parents import parents, size
from ladle.executor.mergekit.result import prove
from ladle.executor.mergekit.tool import SURGEON, Call
from ladle.executor.mergekit.tool import run as call
from ladle.executor.models.folder import copy_tokenizer
from ladle.executor.task import StepError, Task
from ladle.executor.weights.configurations import configure
from ladle.executor.weights.parents import Parent, parent


def run(task: Task) -> None:
    """Write the model. Raises StepError where a tokenizer cannot be read, or mergekit fails."""
    model, donor = parent(task.given("0"), task.work), parent(task.given("donor"), task.work)
    for each in (model, donor):
        if not each.vocabulary:
            raise StepError(f"`{each.name}` has no `tokenizer.json`", "a fast tokenizer is needed")
    parents(task.work, {"model": model, "donor": donor})
    options = task.options
    # As relative paths: a `+` or an `@` in the text of a path would mean something to mergekit.
    arguments = ["./parents/model", "./parents/donor", str(task.output), "-k", str(options["k"])]
    arguments += ["--approximation-method", str(options["method"])]
    for name in ("prefix_match", "byte_match"):
        arguments += [f"--{name.replace('_', '-')}", "yes" if options[name] is True else "no"]
    seed = options["seed"]
    call(
        Call(SURGEON, arguments, task.output, seed if isinstance(seed, int) else 0), task, size(model.headers.values())
    )
    _prove(task, model, donor)
    copy_tokenizer(donor.tokenizer, task.output)
    configure(task.output, _forget_place)


def _prove(task: Task, model: Parent, donor: Parent) -> None:
    """Raise StepError unless all tensors are there, those with a row for each token with as many as the donor has."""
    found = folder_tensors(task.output)
    had = _rows(model)
    rows = max(found[name].shape[0] for name in found if name in had) if had.keys() & found.keys() else 0
    if rows <= max(donor.vocabulary.values()):
        raise StepError(
            f"mergekit wrote {rows} rows of embeddings, and the donor has the token {max(donor.vocabulary.values())}"
        )
    wanted = {name: tensor.shape for name, tensor in model.headers.items()}
    prove(task.output, wanted | {name: (rows, *tensor.shape[1:]) for name, tensor in had.items()}, [model])


def _rows(model: Parent) -> Mapping[str, Tensor]:
    """Return the tensors that have a row for each token."""
    count = model.configuration.get("vocab_size")
    return {
        name: tensor
        for name, tensor in model.headers.items()
        if tensor.shape[:1] == (count,) and len(tensor.shape) == 2 and "layers." not in name
    }


def _forget_place(said: dict[str, Json]) -> None:
    said.pop("_name_or_path", None)
