"""A model of the Hugging Face hub. Out: the declaration of `hub`, typed by what `ladle.lock` says of it."""

from ladle.dsl.signature import Operator, Role, Sort, Typed, Typing
from ladle.dsl.types import ModelType
from ladle.executor.repository import NAME, REVISION, misnamed, pins
from ladle.executor.source import FROM, TEMPLATE, with_template


def model_type(typing: Typing) -> Typed:
    """Return the type that the lock has, unknown but for a template put on here where it has none; or bad names."""
    if faults := misnamed(typing.options):
        return faults
    if typing.target:
        return ModelType()
    found = typing.facts.hub_model(str(typing.options["name"]), str(typing.options["revision"]))
    return with_template(typing, found or ModelType())


OPERATOR = Operator(
    name="hub",
    role=Role.MODEL_SOURCE,
    version=1,
    text="a model of the Hugging Face hub; in the place of a corpus, a data set of it",
    options=(NAME, REVISION, TEMPLATE, FROM),
    engines=("huggingface-hub",),
    typed=model_type,
    pin="revision",
    pushes=True,
    program="ladle.executor.models.hub",
    pins=pins(Sort.MODEL),
)
