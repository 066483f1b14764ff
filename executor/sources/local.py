"""A model or adapter folder of the project. Out: the declaration of `local`, typed by configuration and headers."""

from collections.abc import Callable, Mapping
from importlib import import_module

from ladle.dsl.frozen import replace
from ladle.dsl.signature import REQUIRED, Fault, Operator, Option, Role, Text, Typed, Typing
from ladle.dsl.types import AdapterType, ModelType, one_vocabulary
from ladle.executor.source import FROM, TEMPLATE, with_template


def model_type(typing: Typing) -> Typed:
    """Return the type that the folder's configuration and weight headers show, or what is wrong with them."""
    found = typing.facts.model(str(typing.options["folder"]))
    typed = adapted(typing, found) if isinstance(found, AdapterType) else found
    return with_template(typing, typed) if isinstance(typed, ModelType) else typed


def adapted(typing: Typing, adapter: AdapterType) -> Typed:
    """Return the type of the model that `from` names, with the adapter's tokenizer and template where it has them."""
    folder = str(typing.options["folder"])
    model = next((each for each in typing.references.get("from", ()) if isinstance(each, ModelType)), None)
    if model is None:
        told = f"; it says that it was trained on `{adapter.based_on}`" if adapter.based_on else ""
        help = f'name the model that it sits on: `local("{folder}", from = MODEL)`{told}'
        return (Fault("E426", f"`{folder}` is an adapter, which is no model without another", help),)
    if isinstance(model.tensors, tuple):
        adapters = import_module("ladle.executor.adapter")
        misfit: Callable[[AdapterType, Mapping[str, tuple[int, ...]]], str] = adapters.misfit
        if wrong := misfit(adapter, {name: shape for name, _, shape in model.tensors}):
            message = f"the adapter `{folder}` does not fit: the model {wrong}"
            return (Fault("E427", message, adapters.sitting(wrong), "from"),)
    if adapter.vocabulary is None:
        return model
    if one_vocabulary(adapter.vocabulary, model.vocabulary) is False:
        help = "an adapter that adds tokens is merged into its model where it was trained"
        message = f"the adapter `{folder}` has a tokenizer of another vocabulary than the model"
        return (Fault("E427", message, help, "from"),)
    return replace(model, template=adapter.template, pad_is_end=adapter.pad_is_end, untokenized="")


OPERATOR = Operator(
    name="local",
    role=Role.MODEL_SOURCE,
    version=1,
    text="a model folder of the project, as transformers saves it: safetensors, configuration, tokenizer; or a LoRA "
    "adapter as peft saves it, `from` the model that it sits on",
    options=(
        Option("folder", Text(path=True), REQUIRED, "the folder, relative to the project's root", positional=True),
        TEMPLATE,
        FROM,
    ),
    typed=model_type,
    produces=False,
    pattern="folder",
)
