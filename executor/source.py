"""What model sources share. In: options and types of a call. Out: options, and the type once a template is put on."""

from __future__ import annotations

from ladle.dsl.frozen import replace
from ladle.dsl.signature import Fault, OneOf, Option, Reference, Sort, Typed, Typing, Word
from ladle.dsl.types import UNKNOWN, ModelType, Unknown
from ladle.executor.templates import BUILT_IN, template_identity

CHOICES = Word(tuple(BUILT_IN))

TEMPLATE = Option(
    "template",
    OneOf((CHOICES, Reference(Sort.MODEL))),
    None,
    "the chat template: a built-in one, or that of a model with the same vocabulary, whose turn end and pad come "
    "along; none: the model's own",
)

FROM = Option(
    "from",
    Reference(Sort.MODEL),
    None,
    "the model this one claims to descend from, recorded in its lineage; of an adapter, the model that it sits on",
)


def built_in(name: str) -> str:
    """Return the identity of the built-in template `name`."""
    return template_identity(BUILT_IN[name].text)


def with_template(typing: Typing, model: ModelType) -> Typed:
    """Return `model` with the template that the option `template` asks for, or what is wrong with that."""
    for donor in typing.references.get("template", ()):
        if not isinstance(donor, ModelType):
            continue
        if (
            not isinstance(donor.vocabulary, Unknown)
            and not isinstance(model.vocabulary, Unknown)
            and (donor.vocabulary != model.vocabulary)
        ):
            return (_other_vocabulary(),)
        return replace(model, template=donor.template, pad_is_end=donor.pad_is_end)
    name = typing.options.get("template")
    if isinstance(name, str) and name in BUILT_IN:
        known = isinstance(model.vocabulary, str)
        if known and (token := typing.facts.lacking_control(str(model.vocabulary), name)):
            return (_no_control(token, name),)
        return replace(model, template=built_in(name), pad_is_end=UNKNOWN)
    return model


def _other_vocabulary() -> Fault:
    return Fault(
        "E283",
        "the model that gives its template has another vocabulary",
        "a template brings its control tokens, which must be the same tokens here: name a model of the same tokenizer",
        "template",
    )


def _no_control(token: str, template: str) -> Fault:
    return Fault(
        "E283",
        f"{token}, a control token of the template `{template}`, is no added token of this model's vocabulary",
        "no vocabulary is changed: take the template of a model of the same tokenizer, `template = THAT_MODEL`",
        "template",
    )
