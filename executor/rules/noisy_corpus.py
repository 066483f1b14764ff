"""Flags raw extracted text that a model is trained on as it comes.

Text out of PDF files or web pages carries headers, page numbers, broken hyphens and many copies. Continued pretraining
learns these first: they repeat.

Bad:

    corpus raw: text = pdf("text/*.pdf")
    model m = base | cpt(on = raw)

Good:

    corpus raw: text = pdf("text/*.pdf") | filter(min_words = 50)
    model m = base | cpt(on = raw)
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program, Term
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import name, stages

RAW = frozenset({"pdf", "html", "web", "warc"})
"""Sources that extract text from what was made for eyes."""
CLEANING = frozenset({"clean", "dedup", "filter"})


def find(program: Program) -> Iterator[Finding]:
    """Yield every corpus of a training that raw text reaches uncleaned."""
    for term in stages(program):
        for corpus in term.references.get("on", ()):
            raw = _raw(corpus)
            if raw is not None:
                message = f"`{name(program, corpus)}` holds the text of `{raw.operator.name}` as it comes"
                help = "clean it before: `| clean | dedup(threshold = 0.8) | filter(min_words = 50)`"
                yield Finding(raw.span, message, help, "never cleaned")


def _raw(corpus: Term) -> Term | None:
    stack = [corpus]
    while stack:
        term = stack.pop()
        if term.operator.name in RAW:
            return term
        if term.operator.name not in CLEANING:
            stack += term.operands
    return None


RULE = Rule("W512", "noisy-corpus", Severity.WARNING, find)
