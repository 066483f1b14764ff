"""Flags a model or data set of the hub that is not pinned to a commit.

A branch or tag moves: the same recipe then gives another model next month, and nobody can say which was trained. Only
a commit never moves.

Bad:

    model m = hub("org/model", revision = "main", template = chatml) | sft

Good:

    model m = hub("org/model", revision = "0123456789abcdef0123456789abcdef01234567", template = chatml) | sft
"""

import re
from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule

COMMIT = re.compile(r"[0-9a-f]{40}")


def find(program: Program) -> Iterator[Finding]:
    """Yield every source whose `revision` is no commit."""
    for term in program.walk():
        revision = term.options.get("revision")
        if "revision" not in term.options or (isinstance(revision, str) and COMMIT.fullmatch(revision)):
            continue
        name = term.options.get("name", term.operator.name)
        how = f"the revision `{revision}`" if "revision" in term.written else f"the branch `{revision or 'main'}`"
        help = 'name the commit: `revision = "..."`, its 40 digits from the page of the repository'
        yield Finding(term.written.get("revision", term.span), f"`{name}` is taken at {how}, which can move", help)


RULE = Rule("W510", "unpinned-reference", Severity.WARNING, find)
