"""A plan for a pull request. In: the nodes of a plan. Out: Markdown, short enough for a comment, all text escaped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from ladle.executor.console import plain
from ladle.executor.forced_engine import MERGEKIT, computed_by
from ladle.executor.plan import Action, Plan, Planned
from ladle.executor.sizes import in_units

LONGEST: Final = 60_000
"""Characters of a comment, of which GitHub takes 65,536."""
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#.|~@:&$])")


def markdown(made: Plan, title: str) -> str:
    """Return what will run as a table, and what is reused as a number."""
    steps = [item for item in made.nodes if item.place]
    counts = Counter(item.action for item in steps)
    told = ", ".join(f"{counts[action]} {action.value}" for action in Action if counts[action]) or "nothing to do"
    unknown = sum(item.size is None for item in steps)
    more = f", and {unknown} artifacts whose size is not known yet" if unknown else ""
    head = [f"### Plan of {escaped(title)}", "", f"{told}; {in_units(made.new)} of new artifacts{more}", ""]
    return "\n".join([*head, *_table(made, [item for item in steps if item.action is not Action.REUSE])]) + "\n"


def called(made: Plan, item: Planned) -> str:
    """Return the operator of a node; of a merge that mergekit computes both are said."""
    operator = made.layout.operator(item.node)
    if computed_by(operator) != MERGEKIT:
        return operator.name
    merge = made.layout.graph.nodes[item.node.inputs[0].node] if operator.name == MERGEKIT else item.node
    return f"{merge.operator} (by mergekit)"


def _table(made: Plan, items: list[Planned]) -> Iterator[str]:
    if not items:
        return
    yield "| step | operator | what | why |"
    yield "|---|---|---|---|"
    length = 0
    for place, item in enumerate(items):
        cells = (item.node.name, called(made, item), item.action.value, item.reason)
        row = f"| {' | '.join(escaped(cell) for cell in cells)} |"
        length += len(row) + 1
        if length > LONGEST:
            yield ""
            yield f"and {len(items) - place} more; `ladle plan` lists them"
            return
        yield row
    yield ""


def escaped(text: str) -> str:
    """Return a stranger's text as Markdown shows it: no mark-up, no mention, no link, on one line."""
    return _SPECIAL.sub(r"\\\1", plain(text.replace("\n", " "))).replace("\\@", "&#64;").replace("\\<", "&lt;")
