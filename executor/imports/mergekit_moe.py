"""mergekit-moe: mixtures of experts as `mergekit-moe` reads them. Out: the importer of `mergekit-moe`."""

from __future__ import annotations

from typing import Final

from ladle.dsl.signature import Operator
from ladle.dsl.suggest import did_you_mean, listing, nearest
from ladle.executor.catalog import vocabulary
from ladle.executor.importing.draft import Importer, Made, Merged, ModelRef, Request, fields_of
from ladle.executor.importing.fields import Fields
from ladle.executor.importing.ledger import Ledger, Sort
from ladle.executor.importing.mergekit_results import MORE, outputs, rounded, seed
from ladle.executor.importing.places import quotable
from ladle.executor.importing.sources import reference
from ladle.executor.importing.spelling import option, takes
from ladle.executor.importing.tree import Document, Scalar
from ladle.executor.quoting import short

METHOD: Final = "moe"
RANDOM: Final = "random"
PROMPTS: Final = ("positive_prompts", "negative_prompts")
_EXPERT: Final = {
    "noise_scale": (Sort.LOST, "an expert is taken as it is, without noise"),
    "residual_scale": (Sort.LOST, "an expert is taken as it is: `passthrough(m, scale = {...})` scales one before"),
}
_MORE: Final = MORE | {
    "shared_experts": (Sort.LOST, "a mixture here has no experts that work on every token"),
    "architecture": (Sort.LOST, "it follows from the models: `mixtral` for llama and mistral, `qwen3_moe` for qwen3"),
}


def convert(document: Document, ledger: Ledger, request: Request) -> Made | None:
    """Return the mixture that a document says."""
    fields = fields_of(document, ledger)
    if fields is None:
        return None
    operator = vocabulary()[METHOD]
    base = reference(fields, "base_model") if "base_model" in fields else None
    if "base_model" not in fields:
        fields.problem("E609", "base_model", "the mixture has no `base_model`", "add it: it gives all but the experts")
    experts = list(fields.tables("experts"))
    models = [reference(each, "source_model") for each in experts]
    if len(experts) < operator.operands.minimum:
        fields.problem(
            "E609", "experts", f"a mixture has two `experts` or more, and here are {len(experts)}", "add them"
        )
    options: list[tuple[str, str | ModelRef]] = [*_gates(fields, operator), *_prompts(fields, experts)]
    options += seed(fields, operator)
    name, named = fields.text("name") or "", outputs(fields)
    precision = rounded(fields)
    if precision == "fp32":
        fields.assumed("dtype", "gates have the precision of the base first: of a base in float32 they are mergekit's")
    for each in experts:
        each.rest(_EXPERT)
    fields.rest(_MORE)
    told = tuple((model, "") for model in models if model is not None)
    return Merged(METHOD, told, (("base", base), *options), name, named, precision) if base else None


def _gates(fields: Fields, operator: Operator) -> list[tuple[str, str | ModelRef]]:
    """Return how gates are made, and how many experts work on a token, where the document says it."""
    found: list[tuple[str, str | ModelRef]] = []
    mode, known = fields.text("gate_mode"), option(operator, "gate_mode")
    if mode is not None and known is not None:
        if takes(known.type, mode):
            found.append(("gate_mode", mode))
        else:
            choices = [str(each) for each in getattr(known.type, "choices", ())]
            help = did_you_mean(nearest(mode, choices)) or f"there are {listing(choices)}"
            fields.problem("E611", "gate_mode", f"this version makes no gates by `{short(mode)}`", help)
    count, known = fields.whole("experts_per_token"), option(operator, "experts_per_token")
    if count is not None and known is not None:
        if takes(known.type, count):
            found.append(("experts_per_token", str(count)))
        else:
            fields.problem(
                "E611", "experts_per_token", f"`experts_per_token` cannot be {count} here", "it is 1 or more"
            )
    return found


def _prompts(fields: Fields, experts: list[Fields]) -> list[tuple[str, str | ModelRef]]:
    """Return the prompts of the experts, operand by operand; random gates are made from none."""
    found: list[tuple[str, str | ModelRef]] = []
    for key in PROMPTS:
        told = [_texts(each, key) for each in experts]
        if fields.text("gate_mode") == RANDOM:
            for each in experts:
                if key in each:
                    each.agrees(key, "random gates use none")
        elif told and all(told):
            found.append((key, f"each({', '.join(told)})"))
        elif any(told):
            for each, text in zip(experts, told, strict=True):
                if text:
                    each.lost(key, "every expert has such prompts here, or none has")
    return found


def _texts(expert: Fields, key: str) -> str:
    """Return the prompts of an expert as a recipe writes them, "" where there are none; others are reported."""
    texts = []
    for item in expert.items(key):
        if not isinstance(item, Scalar):
            message = f"`{key}` is a list of texts"
            expert.ledger.problem("E608", expert.document, item.span, message, "write each prompt as one text")
        elif not quotable(item.text):
            message = "a prompt holds a double quote, a line end or a hidden character, which no string of a recipe can"
            expert.ledger.problem("E612", expert.document, item.span, message, "say it in other words, or without")
        else:
            texts.append(f'"{item.text}"')
    return f"[{', '.join(texts)}]" if texts else ""


IMPORTER = Importer("mergekit-moe", (frozenset({"base_model", "experts"}),), convert, rank=4)
