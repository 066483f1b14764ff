"""Members of families as a recipe writes them. In: a sound recipe, an index. Out: the names of what it picks.

The recipe is read again with the index in it, so that a command takes whatever the recipe would take.
"""

from __future__ import annotations

from typing import Final

from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.lower import lower
from ladle.dsl.parse import parse
from ladle.dsl.source import Source
from ladle.dsl.syntax import Index, LetDecl, Name
from ladle.executor.catalog import vocabulary
from ladle.executor.examine import examine_source
from ladle.executor.facts import ProjectFacts
from ladle.executor.load import Loaded
from ladle.executor.task import StepError

_LONGEST: Final = 1000
"""Characters of an index that is read."""


def members(loaded: Loaded, index: str) -> tuple[str, ...]:
    """Return the names of the nodes that `index` picks, such as `trained[start = base]`; none where it is no index.

    Raises StepError for an index that the recipe would not take.
    """
    if not _is_index(index):
        return ()
    text = loaded.program.source.text
    fresh = "asked"
    while fresh in text or fresh in index:
        fresh += "_"
    begun = f"{text}\n\nmodel {fresh}[{fresh}_each in [{index}]] = {fresh}_each\n"
    source = Source(loaded.program.source.path, begun)
    checked = examine_source(loaded.path, source, variant=loaded.program.variant)
    if checked.program is None or not checked.sound:
        raise _refused(index, checked.diagnostics, len(text))
    graph = lower(checked.program, vocabulary(), ProjectFacts(loaded.root))
    return tuple(graph.nodes[key].name for key in graph.groups.get(fresh, ()))


def _is_index(text: str) -> bool:
    if len(text) > _LONGEST or "\n" in text:
        return False
    recipe, problems = parse(Source("", f"let each = {text}\n"))
    declared = recipe.declarations
    if problems or len(declared) != 1 or not isinstance(declared[0], LetDecl):
        return False
    value = declared[0].value
    return isinstance(value, Index) and isinstance(value.target, Name)


def _refused(index: str, problems: tuple[Diagnostic, ...], start: int) -> StepError:
    """What a recipe would say of the index; its own mistakes were told before."""
    told = next((each for each in problems if each.span.start >= start), problems[0])
    return StepError(f"`{index}`: {told.message}", told.help or "write it as the recipe would")
