"""Flags a declaration that is called like an operator, and a stage that is called like a kind it is not of.

Before `(` and after `|` the word is the operator, elsewhere the declaration: the language keeps them apart, a reader
does not. A stage of its own kind's name is the common form and is fine.

Bad:

    model soup = base | sft

Good:

    model tasty = base | sft
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.signature import Role
from ladle.dsl.syntax import BenchmarkDecl, CorpusDecl, LetDecl, ModelDecl, StageDecl

APPLIED = (Role.MODEL_SOURCE, Role.TOKENIZER, Role.STAGE, Role.MERGE, Role.CORPUS_SOURCE, Role.TRANSFORM)
"""Operators whose word stands before `(` or after `|`; a kind of benchmark stands after a colon only."""


NAMED = LetDecl | ModelDecl | CorpusDecl | BenchmarkDecl


def find(program: Program) -> Iterator[Finding]:
    """Yield the name of each such declaration."""
    for each in program.recipe.declarations:
        if not isinstance(each, NAMED | StageDecl):
            continue
        name = each.name.name
        operator = program.vocabulary.get(name)
        if operator is None or operator.role not in APPLIED:
            continue
        label = f"a {operator.role}"
        if isinstance(each, StageDecl) and operator.role is Role.STAGE:
            if each.kind is not None and each.kind.name != name:
                message = f"the stage `{name}` is of kind `{each.kind.name}`, and `{name}` is another kind"
                yield Finding(each.name.span, message, "call it by what it does", label)
        else:
            message = f"`{name}` is the name of {label} too"
            yield Finding(each.name.span, message, f"call it after what it is, such as `my_{name}`", label)


RULE = Rule("W502", "catalogue-name", Severity.WARNING, find)
