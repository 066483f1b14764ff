"""Flags a merge of models below about 3 billion parameters.

In arXiv 2409.03444 merging lifted models of 7 and 8 billion parameters and did not help one of 1.7. Toy models below
100 million are left alone: those are made to show the method, and theirs is measured.

Bad:

    model m = slerp(small, small | sft, t = 0.5)

Good:

    model m = slerp(large, large | sft, t = 0.5)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import merges, parameters

TOY = 100_000_000
SMALL = 3_000_000_000


def find(program: Program) -> Iterator[Finding]:
    """Yield every merge of models that are known to be small."""
    for term in merges(program):
        count = parameters(term)
        if count is not None and TOY <= count < SMALL:
            size = f"{count / 1e9:.1f} billion parameters"
            message = f"this merges models of {size}: at that size merging was not seen to help"
            yield Finding(term.span, message, "evaluate the unmerged model beside it", size)


RULE = Rule("W535", "small-merge", Severity.WARNING, find)
