"""Flags an adapter trained over tokens that the model never learned.

`tokensurgeon` guesses the embeddings of tokens that the model did not have, from those that it had. An adapter leaves
embeddings as they are, so that texts are read and written through guesses for good. Train the whole model first.

Bad:

    model moved = tokensurgeon(base, donor = instruct)
    model m = moved | sft(lora = {r: 16, alpha: 32})

Good:

    model moved = tokensurgeon(base, donor = instruct)
    model m = moved | cpt | sft(lora = {r: 16, alpha: 32})
"""

from collections.abc import Iterator, Mapping

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import stages

GUESSING = ("tokensurgeon",)
"""Operators that make embeddings of tokens nobody trained."""


def find(program: Program) -> Iterator[Finding]:
    """Yield each new adapter right over guessed embeddings."""
    for term in stages(program):
        origin = term.operands[0].operator
        if isinstance(term.options.get("lora"), Mapping) and origin.name in GUESSING:
            message = f"the adapter leaves the embeddings that `{origin.written}` guessed as they are"
            help = "train the whole model before, such as with `| cpt`"
            yield Finding(term.written.get("lora", term.span), message, help, "embeddings are frozen")


RULE = Rule("W526", "frozen-new-tokens", Severity.WARNING, find)
