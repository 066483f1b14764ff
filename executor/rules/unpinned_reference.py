"""Flags a model or data set of the hub that is not pinned to a commit.

A branch or tag moves: the same recipe then gives another model next month, and nobody can say which was trained. Only
a commit never moves. `ladle lock` pins it too: a branch is then the commit that `ladle.lock` has for it.

Bad:

    model m = hub("org/model", revision = "main", template = chatml) | sft

Good:

    model m = hub("org/model", revision = "0123456789abcdef0123456789abcdef01234567", template = chatml) | sft
"""

from collections.abc import Iterator

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program
from ladle.dsl.rule import Finding, Rule


def find(program: Program) -> Iterator[Finding]:
    """Yield every source whose `revision` is no commit, and has none in the lock."""
    for term in program.walk():
        if term not in program.moving:
            continue
        revision = term.options.get("revision")
        name = term.options.get("name", term.operator.name)
        how = f"the revision `{revision}`" if "revision" in term.written else f"the branch `{revision or 'main'}`"
        help = '`ladle lock` pins it; or name the commit: `revision = "..."`, its 40 digits from its page'
        yield Finding(term.written.get("revision", term.span), f"`{name}` is taken at {how}, which can move", help)


RULE = Rule("W510", "unpinned-reference", Severity.WARNING, find)
