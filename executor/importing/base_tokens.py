"""Whose tokenizer mergekit gives a merge unasked. In: merges with a `base_model`. Out: the same, with `tokenizer =`.

mergekit copies configuration, tokenizer and template from the `base_model`; a merge here has its first operand's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ladle.dsl.agreement import rows
from ladle.dsl.program import Program
from ladle.dsl.types import ModelType, Unknown, one_vocabulary
from ladle.dsl.vocabularies import FIRST, TOKENIZER
from ladle.executor.importing.draft import Base, Made, Merged, Read
from ladle.executor.importing.ledger import Ledger, Sort
from ladle.executor.importing.writing import Writer
from ladle.executor.quoting import short

CONFIGURATION = "the configuration is the first operand's, and mergekit's that of the `base_model`"


def with_base_tokens(read: Sequence[Read], writer: Writer, program: Program | None, ledger: Ledger) -> list[Made]:
    """Return what is made, with the option in each merge whose base is not known to have the first operand's tokens."""
    found: list[Made] = []
    for each, name in zip(read, writer.results, strict=True):
        made = each.made
        if isinstance(made, Merged) and made.base:
            models = (*(model for model, _ in made.operands), made.base.model)
            called = [writer.called(model, name) for model in models]
            types = [program.models[label].type if program and label in program.models else None for label in called]
            made = _with(made, made.base, types, ledger)
        found.append(made)
    return found


def _with(made: Merged, base: Base, types: Sequence[object], ledger: Ledger) -> Merged:
    key = f"base_model = {short(base.model.name)}" if base.named else ""
    if base.model == made.operands[0][0]:
        if not any(differ(types[0], other) for other in types[1:]):
            return made
        reason = f"mergekit takes tokenizer and template from `{short(base.model.name)}`, the first model: so does"
        ledger.note(Sort.ASSUMED, base.document, base.span, key, f"{reason} the recipe, by `{TOKENIZER} = {FIRST}`")
        return replace(made, options=(*made.options, (TOKENIZER, FIRST)))
    if _read(types[0]) and _read(types[-1]) and not differ(types[0], types[-1]):
        ledger.note(Sort.ASSUMED, base.document, base.span, key, CONFIGURATION)
        return made
    reason = (
        f"mergekit takes tokenizer and template from it, and so does the recipe by `{TOKENIZER} =`; {CONFIGURATION}"
    )
    ledger.note(Sort.ASSUMED, base.document, base.span, key, reason)
    return replace(made, options=(*made.options, (TOKENIZER, base.model)))


def differ(first: object, other: object) -> bool:
    """Say whether two models are known to differ in vocabulary, number of embeddings or template."""
    if not isinstance(first, ModelType) or not isinstance(other, ModelType):
        return False
    pairs = ((rows(first), rows(other)), (first.template, other.template))
    known = [pair for pair in pairs if not any(isinstance(value, Unknown) for value in pair)]
    return one_vocabulary(first.vocabulary, other.vocabulary) is False or any(a != b for a, b in known)


def _read(found: object) -> bool:
    return isinstance(found, ModelType) and not isinstance(found.architecture, Unknown)
