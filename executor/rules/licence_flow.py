"""Flags a published model whose ancestors may not be passed on like that, or of which nobody knows.

A model made from another takes its licence along. A non-commercial ancestor makes the published model non-commercial;
an ancestor without a known licence may forbid publishing at all; and a model that is published without a licence may be
used by nobody. `ladle lock` records what repositories say of models; licences of data are not judged.

Bad:

    publish release { model = base | sft  to = hub("me/model") }

Good:

    publish release { model = base | sft  to = hub("me/model")  licence = "apache-2.0" }
"""

import re
from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program, Publication, Term, ancestry
from ladle.dsl.rule import Finding, Rule
from ladle.dsl.signature import Role
from ladle.dsl.types import ModelType, Unknown

RESTRICTED = re.compile(r"(?:^|[-_ ])(?:nc|non-?commercial|research(?:-only)?)(?:$|[-_ ])", re.IGNORECASE)
"""What the names of licences that forbid commercial use have in common."""
ELSEWHERE = ("hub",)
"""Sources of models that somebody else made."""


def find(program: Program) -> Iterator[Finding]:
    """Yield each publication without a licence, and each ancestor whose licence is unknown or narrower."""
    for publication in program.publications:
        if not publication.licence:
            message = f"`{publication.name}` is published without a licence"
            yield Finding(publication.span, message, 'say which: `licence = "apache-2.0"`', "no licence")
        for source in _sources(publication.model.term):
            yield from _narrower(publication, source)


def _narrower(publication: Publication, source: Term) -> Iterator[Finding]:
    licence = source.type.licence if isinstance(source.type, ModelType) else None
    name = source.options.get("name", source.operator.name)
    if isinstance(licence, Unknown):
        help = f"`ladle lock` records it; else look at the page of `{name}`"
        yield Finding(publication.span, f"nobody knows the licence of `{name}`, which it is made from", help)
    elif licence and RESTRICTED.search(licence) and not RESTRICTED.search(publication.licence):
        message = f"`{name}`, which it is made from, is under `{licence}`: not for commercial use"
        yield Finding(publication.span, message, f'publish it under that: `licence = "{licence}"`')


def _sources(model: Term) -> Iterator[Term]:
    """Return every model of somebody else's that a model is made from."""
    return (
        term
        for term in ancestry([model])
        if term.operator.role is Role.MODEL_SOURCE and term.operator.name in ELSEWHERE
    )


RULE = Rule("W560", "licence-flow", Severity.WARNING, find)
