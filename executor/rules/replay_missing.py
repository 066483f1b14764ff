"""Flags continued pretraining on one corpus alone, where nothing brings back what is forgotten.

A model that reads only the domain loses general ability within an epoch. Mixing in some general text (replay) keeps it;
so does a later merge with a model that did not read it. Training from random weights has nothing to forget.

Bad:

    model m = base | cpt(on = papers) | sft

Good:

    model m = base | cpt(on = mix(papers: 90%, general: 10%)) | sft
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program, Term
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import ancestors, merges, name, parents, stages

MERGES = 2000
OPERANDS = 64
"""Merges of a recipe, and operands of one, that are looked at: more of them restore nothing new."""


def find(program: Program) -> Iterator[Finding]:
    """Yield the corpus of every such training."""
    restored = _restored(program)
    for term in stages(program, "cpt"):
        corpora = [source for corpus in term.references.get("on", ()) for source in _sources(corpus)]
        if term in restored or len(set(corpora)) != 1 or term.operands[0].operator.name == "init":
            continue
        corpus = name(program, term.references["on"][0])
        message = f"`{name(program, term)}` reads `{corpus}` alone, and nothing keeps what it forgets"
        help = "mix in general text, `mix(domain: 90%, general: 10%)`, or merge the result with a model it came from"
        yield Finding(term.written.get("on", term.span), message, help, "no replay")


def _sources(corpus: Term) -> list[Term]:
    """What a corpus is drawn from."""
    found: list[Term] = []
    stack = [corpus]
    while stack:
        term = stack.pop()
        stack += term.operands
        found += [] if term.operands else [term]
    return found


def _restored(program: Program) -> set[Term]:
    """The models that some merge joins with one that never was them: what they forgot comes back."""
    found: set[Term] = set()
    for merge in [*merges(program)][:MERGES]:
        lines = [ancestors(each) for each in parents(merge)[:OPERANDS]]
        found.update(frozenset[Term]().union(*lines) - lines[0].intersection(*lines))
    return found


RULE = Rule("W513", "replay-missing", Severity.WARNING, find)
