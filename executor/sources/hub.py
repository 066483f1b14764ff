"""A model of the Hugging Face hub. Out: the declaration of `hub`; its type is unknown until it has been downloaded."""

from ladle.dsl.signature import REQUIRED, Operator, Option, Role, Text, Typed, Typing
from ladle.dsl.types import ModelType
from ladle.executor.source import FROM, TEMPLATE, with_template


def model_type(typing: Typing) -> Typed:
    """Return a type of which only a template put on here is known."""
    return with_template(typing, ModelType())


OPERATOR = Operator(
    name="hub",
    role=Role.MODEL_SOURCE,
    version=1,
    text="a model of the Hugging Face hub",
    options=(
        Option("name", Text(), REQUIRED, "owner and name, `owner/name`", positional=True),
        Option("revision", Text(), "main", "commit, tag or branch; a commit is the only one that never moves"),
        TEMPLATE,
        FROM,
    ),
    engines=("huggingface-hub",),
    typed=model_type,
    program="ladle.executor.models.hub",
)
