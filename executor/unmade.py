"""Words that are checked and planned, and not made yet. In: an operator, a node, a recipe. Out: which; or a refusal.

The catalogue marks them (`checked_only` of an operator or an option). Only here is it decided what that means.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic, RecipeError
from ladle.dsl.graph import Graph, Json, Node
from ladle.dsl.signature import Operator, Vocabulary
from ladle.dsl.source import Source, Span

HELP = "`check`, `plan` and `graph` know it; docs/language.md, section 8, lists what this version does not make yet"


def unmade(operator: Operator, options: Mapping[str, Json], roles: Iterable[str]) -> str:
    """Return the word of a node that this version does not make, "" where it makes all: an operator, or an option."""
    if operator.checked_only:
        return operator.name
    given = {*options, *roles}
    named = (option.name for option in operator.options if option.checked_only and option.name in given)
    return next((f"{name}` of `{operator.name}" for name in named), "")


def refuse_unmade(graph: Graph, vocabulary: Vocabulary, source: Source, targets: tuple[str, ...]) -> None:
    """Raise RecipeError, before anything starts, with every word that `targets` need and this version does not make."""
    found = [(node, _word(node, vocabulary[node.operator])) for node in graph.walk(targets)]
    problems = {(node.span, word): _problem(source, node, word) for node, word in found if word}
    if problems:
        raise RecipeError(tuple(problems.values()))


def _word(node: Node, operator: Operator) -> str:
    return unmade(operator, dict(node.options), (used.role for used in node.inputs))


def _problem(source: Source, node: Node, word: str) -> Diagnostic:
    message = f"`{word}` is checked but not yet made by this version"
    return Diagnostic("E241", CODES["E241"], message, source, node.span or Span(0, 0), "needed here", HELP)
