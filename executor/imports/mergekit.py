"""mergekit: merges as `mergekit-yaml` and `mergekit-multi` read them. Out: the importer of `mergekit`."""

from __future__ import annotations

from typing import Final

from ladle.dsl.signature import Operator, Option, Reference, Required
from ladle.dsl.suggest import did_you_mean, nearest
from ladle.dsl.vocabularies import TOKENIZER
from ladle.executor.catalog import vocabulary
from ladle.executor.importing.draft import Base, Importer, Made, Merged, ModelRef, Request, fields_of
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Ledger
from ladle.executor.importing.mergekit_results import MORE, outputs, rounded, seed, spoken
from ladle.executor.importing.mergekit_tokenizer import tokenizer_option
from ladle.executor.importing.mergekit_values import Given, per_model, shared, weight
from ladle.executor.importing.slices import PASSTHROUGH, stacked, whole
from ladle.executor.importing.sources import Source, listed, reference
from ladle.executor.importing.spelling import option
from ladle.executor.importing.tree import Document
from ladle.executor.mergekit_names import METHODS
from ladle.executor.quoting import short

IDLE: Final = {"nuslerp_row_wise": ("nuslerp_flatten", "false")}
"""Flags that do nothing without another option."""


def convert(document: Document, ledger: Ledger, request: Request) -> Made | None:
    """Return the merge that a document says."""
    fields = fields_of(document, ledger)
    if fields is None:
        return None
    method = _method(fields)
    if method == PASSTHROUGH and "slices" in fields:
        if (stack := stacked(fields)) is None:
            _unread(fields)
        return stack
    found = whole(fields) if "slices" in fields else listed(fields)
    operator = vocabulary().get(method)
    if found is None or operator is None:
        _unread(fields)
        return None
    base = reference(fields, "base_model") if "base_model" in fields else None
    given = Given(fields, operator, fields.fields("parameters"))
    operands, based = _operands(fields, operator, found, base)
    options = [*based, *_options(given, operands), *seed(fields, operator)]
    weights = [weight(given, source) for source in operands]
    given.rest(found)
    _precision(fields)
    unsaid = "tokenizer" not in fields and "tokenizer_source" not in fields and option(operator, TOKENIZER) is not None
    options += tokenizer_option(fields, operands, base)
    name, named = fields.text("name") or "", outputs(fields)
    precision = rounded(fields)
    fields.rest(MORE)
    told = tuple((source.model, number) for source, number in zip(operands, weights, strict=True))
    first = operands[0].model if operands else None
    place = fields.span("merge_method" if base is None else "base_model")
    whose = Base(base or first, document, place, base is not None) if unsaid and first else None
    if option(operator, "seed") is not None:
        fields.assumed("merge_method", "it draws at random: Ladle draws other elements, the result is equally good")
    return Merged(method, told, tuple(options), name, named, precision, whose)


def _unread(fields: Fields) -> None:
    """Report what is wrong in a document beside what makes nothing of it."""
    for key in ("dtype", "out_dtype"):
        spoken(fields, key)


def _method(fields: Fields) -> str:
    """Return the method of a document, "" where there is none. One that is misspelt is reported, and taken as meant."""
    known = sorted(METHODS & vocabulary().keys())
    help = f"the merges are {', '.join(known)}"
    method = fields.text("merge_method") if "merge_method" in fields else None
    if method is None and "merge_method" not in fields:
        fields.problem("E609", "merge_method", "the document says no `merge_method`", f"add it: {help}")
    if method is None or method in known:
        return method or ""
    meant = nearest(method, known)
    fields.problem("E611", "merge_method", f"this version has no merge `{short(method)}`", did_you_mean(meant) or help)
    return meant[0] if meant else ""


def _operands(
    fields: Fields, operator: Operator, found: tuple[Source, ...], base: ModelRef | None
) -> tuple[tuple[Source, ...], list[tuple[str, str | ModelRef]]]:
    """Return the operands in the language's order, and `base` where the method takes one."""
    option = _base(operator)
    others = tuple(source for source in found if source.model != base)
    if option is not None:
        if base is None and isinstance(option.default, Required):
            fields.problem("E609", "base_model", f"`{operator.name}` needs a `base_model`", "add it")
        _counted(fields, operator, others, "beside the `base_model`")
        return others, [] if base is None else [(option.name, base)]
    if len(operator.operands.sorts) > 1 and not operator.operands.variadic:
        return _from_base(fields, operator, tuple(source for source in found if source.model == base), others, base)
    if base is not None and found and len(others) == len(found) and operator.operands.variadic:
        found = (*found, Source(base, fields, None))
        fields.assumed("base_model", "not among the models, so mergekit adds it, and so does the recipe")
    _counted(fields, operator, found, "")
    return found, []


def _from_base(
    fields: Fields, operator: Operator, first: tuple[Source, ...], others: tuple[Source, ...], base: ModelRef | None
) -> tuple[tuple[Source, ...], list[tuple[str, str | ModelRef]]]:
    """Return the operands of a method that goes from the `base_model` to another model."""
    if base is not None and not first:
        first = (Source(base, fields, None),)
        fields.assumed("base_model", "not among the models, so mergekit adds it, and so does the recipe")
    if len(first) != 1 or len(first + others) != len(operator.operands.sorts):
        message = f"`{operator.name}` takes {len(operator.operands.sorts)} models, one of them the `base_model`"
        fields.problem("E609", "base_model", message, "name one of its models as `base_model`")
    return (*first, *others), []


def _counted(fields: Fields, operator: Operator, found: tuple[Source, ...], where: str) -> None:
    count = len(operator.operands.sorts)
    if not operator.operands.variadic and len(found) != count:
        noun = "model" if count == 1 else "models"
        message = f"`{operator.name}` takes {count} {noun} {where}".rstrip() + f", and here {len(found)} are named"
        fields.problem("E609", "models" if "models" in fields else "merge_method", message, "name as many")


def _base(operator: Operator) -> Option | None:
    return next((each for each in operator.options if isinstance(each.type, Reference)), None)


def _options(given: Given, operands: tuple[Source, ...]) -> list[tuple[str, str]]:
    """Return every option that the document sets, of the whole merge or model by model."""
    found = []
    for each in given.operator.options:
        if isinstance(each.type, Reference) or each.name == TOKENIZER:
            continue
        key = each.field or each.name
        local = any(source.says(key) or (source.parts and given.says(key)) for source in operands)
        if (
            isinstance(each.default, Required)
            and not local
            and (given.parameters is None or key not in given.parameters)
        ):
            message = f"`{given.operator.name}` has no `{key}`"
            place, at = (given.parameters, key) if given.parameters else (given.fields, "merge_method")
            place.problem("E609", at, message, "add it to `parameters`")
        text = per_model(given, each, key, operands) if local else shared(given, each, key)
        if text:
            found.append((each.name, text))
    return _effective(given, found)


def _effective(given: Given, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return options without one that mergekit ignores beside another."""
    for name, other in IDLE.items():
        if (name, "true") in found and other not in found and given.parameters is not None:
            given.parameters.agrees(name, f"mergekit ignores it without `{other[0]} = {other[1]}`, and it is left out")
            found.remove((name, "true"))
    return found


def _precision(fields: Fields) -> None:
    """Say how the precision of computing differs; what the result is rounded to is the recipe's to say."""
    word = spoken(fields, "dtype")
    if "dtype" not in fields:
        fields.assumed("merge_method", "no `dtype`: mergekit computes in the parents' precision, Ladle in float32")
    elif word not in ("", "float32"):
        fields.assumed("dtype", f"mergekit computes in {word} too: here merges are float32 throughout and rounded once")


IMPORTER = Importer("mergekit", (frozenset({"merge_method"}),), convert, rank=3, documents=True)
