"""A model folder of the project. Out: the declaration of `local`, typed by configuration and weight headers."""

from ladle.dsl.signature import REQUIRED, Operator, Option, Role, Text, Typed, Typing
from ladle.dsl.types import ModelType
from ladle.executor.source import FROM, TEMPLATE, with_template


def model_type(typing: Typing) -> Typed:
    """Return the type that the folder's configuration and weight headers show, or what is wrong with them."""
    found = typing.facts.model(str(typing.options["folder"]))
    return with_template(typing, found) if isinstance(found, ModelType) else found


OPERATOR = Operator(
    name="local",
    role=Role.MODEL_SOURCE,
    version=1,
    text="a model folder of the project, as transformers saves it: safetensors, configuration, tokenizer",
    options=(
        Option("folder", Text(path=True), REQUIRED, "the folder, relative to the project's root", positional=True),
        TEMPLATE,
        FROM,
    ),
    typed=model_type,
    produces=False,
    pattern="folder",
)
