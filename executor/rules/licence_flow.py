"""Flags a published model whose models or data may not be passed on like that, or of which nobody knows.

A model made from another takes its licence along, and many read the licence of data so, too. A non-commercial ancestor
makes the published model non-commercial; one without a known licence may forbid publishing at all; and a model that is
published without a licence may be used by nobody. `ladle lock` records what repositories say.

Bad:

    publish release { model = base | sft  to = hub("me/model") }

Good:

    publish release { model = base | sft  to = hub("me/model")  licence = "apache-2.0" }
"""

import re
from collections.abc import Iterable, Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program, Publication, Term, ancestry
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.types import CorpusType, ModelType, Unknown

RESTRICTED = re.compile(r"(?:^|[-_ ])(?:nc|non-?commercial|research(?:-only)?)(?:$|[-_ ])", re.IGNORECASE)
"""What the names of licences that forbid commercial use have in common."""
ELSEWHERE = ("hub", "hub_rows")
"""Sources of what somebody else made."""


def find(program: Program) -> Iterator[Finding]:
    """Yield each publication without a licence, and each ancestor whose licence is unknown or narrower."""
    for publication in program.publications:
        if not publication.licence:
            message = f"`{publication.name}` is published without a licence"
            yield Finding(publication.span, message, 'say which: `licence = "apache-2.0"`', "no licence")
        for source in _sources(publication.model.term):
            yield from _narrower(publication, source)


def _narrower(publication: Publication, source: Term) -> Iterator[Finding]:
    licence = source.type.licence if isinstance(source.type, ModelType | CorpusType) else None
    name = source.options.get("name", source.operator.name)
    if isinstance(licence, Unknown):
        help = f"`ladle lock` records it; else look at the page of `{name}`"
        yield Finding(publication.span, f"nobody knows the licence of `{name}`, which it is made from", help)
    elif licence and RESTRICTED.search(licence) and not RESTRICTED.search(publication.licence):
        message = f"`{name}`, which it is made from, is under `{licence}`: not for commercial use"
        yield Finding(publication.span, message, f'publish it under that: `licence = "{licence}"`')


def _sources(model: Term) -> Iterable[Term]:
    """Return every model and every data set of somebody else's that a model is made from, each once."""
    found = (term for term in ancestry([model]) if term.operator.name in ELSEWHERE)
    return {(term.operator.name, term.options.get("name")): term for term in found}.values()


RULE = Rule("W560", "licence-flow", Severity.WARNING, find)
