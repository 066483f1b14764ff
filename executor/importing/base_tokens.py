"""Whose tokenizer mergekit gives a merge unasked. In: merges with a `base_model`. Out: the same, with `tokenizer =`.

mergekit copies configuration, tokenizer and template from the `base_model`; a merge here has its first operand's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ladle.dsl.agreement import rows
from ladle.dsl.program import Program
from ladle.dsl.types import ModelType, Unknown, one_vocabulary
from ladle.dsl.vocabularies import TOKENIZER
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
            called = (writer.called(model, name) for model in (made.operands[0][0], made.base.model))
            types = [program.models[label].type if program and label in program.models else None for label in called]
            made = _with(made, made.base, one_table(*types), ledger)
        found.append(made)
    return found


def _with(made: Merged, base: Base, one: bool, ledger: Ledger) -> Merged:
    key = f"base_model = {short(base.model.name)}"
    if one:
        ledger.note(Sort.ASSUMED, base.document, base.span, key, CONFIGURATION)
        return made
    reason = (
        f"mergekit takes tokenizer and template from it, and so does the recipe by `{TOKENIZER} =`; {CONFIGURATION}"
    )
    ledger.note(Sort.ASSUMED, base.document, base.span, key, reason)
    return replace(made, options=(*made.options, (TOKENIZER, base.model)))


def one_table(first: object, base: object) -> bool:
    """Say whether two models that could be read are not known to differ in vocabulary, embeddings or template."""
    if not isinstance(first, ModelType) or not isinstance(base, ModelType):
        return False
    if isinstance(first.architecture, Unknown) or isinstance(base.architecture, Unknown):
        return False
    same = one_vocabulary(first.vocabulary, base.vocabulary) is not False
    return same and rows(first) == rows(base) and first.template == base.template
