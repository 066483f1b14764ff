"""Whether mergekit has words for a merge. In: a program or a graph. Out: a problem for each thing it cannot say.

Told by `ladle check` where a recipe writes `mergekit(...)`, and before anything starts where `--engine` puts it there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ladle.dsl.codes import CODES
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.graph import Graph, Json, Node, canonical
from ladle.dsl.program import Program, Term
from ladle.dsl.signature import Operator, Vocabulary
from ladle.dsl.source import Source, Span
from ladle.dsl.types import ModelType, Unknown
from ladle.dsl.vocabularies import TOKENIZER
from ladle.executor.layout import merges
from ladle.executor.mergekit.spoken import NAMED, ROUND, body

CODE: Final = "E630"
WRAPPER: Final = "mergekit"
"""The operator that hands a merge to mergekit."""


@dataclass(frozen=True, slots=True)
class Said:
    """A model of an expression, from a program or a graph: what makes it, from what, and where it is written."""

    operator: Operator
    options: Mapping[str, Json]
    operands: tuple[Said, ...]
    base: Said | None
    type: ModelType | None
    name: str
    span: Span

    @property
    def fused(self) -> bool:
        """Whether it is a merge that is computed with the merge around it."""
        return merges(self.operator)


def of_program(program: Program) -> tuple[Diagnostic, ...]:
    """Return what mergekit cannot say of what a program hands to it."""
    known: dict[Term, Said] = {}
    for term in program.terms:
        if isinstance(term.type, ModelType):
            known[term] = _of_term(program, term, known)
    handed = [each for term, each in known.items() if term.operator.name == WRAPPER]
    return _judged(program.source, handed)


def of_graph(graph: Graph, vocabulary: Vocabulary, source: Source) -> tuple[Diagnostic, ...]:
    """Return what mergekit cannot say of what the targets of a graph hand to it."""
    known: dict[str, Said] = {}
    for key, node in graph.nodes.items():
        known[key] = _of_node(node, vocabulary, known)
    handed = [known[node.fingerprint] for node in graph.walk(graph.targets) if node.operator == WRAPPER]
    return _judged(source, handed)


def _of_term(program: Program, term: Term, known: Mapping[Term, Said]) -> Said:
    options = {name: canonical(value) for name, value in term.options.items()}
    options |= dict.fromkeys(term.references.keys() & {TOKENIZER}, "a model")
    operands = tuple(known[each] for each in term.operands if each in known)
    base = next((known[each] for each in term.references.get("base", ()) if each in known), None)
    type = term.type if isinstance(term.type, ModelType) else None
    return Said(term.operator, options, operands, base, type, program.names.get(term, term.operator.name), term.span)


def _of_node(node: Node, vocabulary: Vocabulary, known: Mapping[str, Said]) -> Said:
    roles = {used.role: known[used.node] for used in node.inputs}
    operands = tuple(roles[role] for role in sorted((role for role in roles if role.isdecimal()), key=int))
    span = node.span or Span(0, 0)
    operator = vocabulary[node.operator]
    options = {**dict(node.options), **dict.fromkeys(roles.keys() & {TOKENIZER}, "a model")}
    return Said(operator, options, operands, roles.get("base"), node.type, node.name, span)


def _judged(source: Source, handed: list[Said]) -> tuple[Diagnostic, ...]:
    found: dict[tuple[Span, str], Diagnostic] = {}
    for each in handed:
        for told in _problems(each):
            diagnostic = Diagnostic(CODE, CODES[CODE], told.message, told.span.within(source), told.span, "", told.help)
            found.setdefault((told.span, told.message), diagnostic)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Told:
    message: str
    help: str
    span: Span


@dataclass(slots=True)
class _Listening:
    span: Span
    heard: list[_Told] = field(default_factory=list)

    def refuse(self, message: str, help: str = "") -> None:
        self.heard.append(_Told(message, help, self.span))


def _problems(wrapper: Said) -> Iterator[_Told]:
    for operand in wrapper.operands:
        if not operand.fused:
            message = f"`mergekit` computes a merge, and `{operand.name}` is none"
            yield _Told(message, "write a merge within it: `mergekit(slerp(a, b, t = 0.5))`", wrapper.span)
        else:
            yield from _merge(operand)
            yield from _element_type(operand)


def _merge(said: Said) -> Iterator[_Told]:
    inner = said
    if said.operator.name == ROUND:
        inner = said.operands[0]
        if not inner.fused or inner.operator.name == ROUND:
            yield _Told("`round` of a model that is no merge is no setting of mergekit", "round a merge", said.span)
            return
    listening = _Listening(inner.span)
    base = "base" if inner.base else None
    body(inner.operator, inner.options, [each.name for each in inner.operands], base, listening)
    yield from listening.heard
    for each in (*inner.operands, *([inner.base] if inner.base else [])):
        if each.fused:
            yield from _merge(each)


def _element_type(said: Said) -> Iterator[_Told]:
    """mergekit writes one element type; that of the first operand, unless the result is rounded."""
    first = said
    while first.fused:
        if first.operator.name == ROUND:
            return
        first = first.operands[0]
    if first.type is None or isinstance(first.type.tensors, Unknown):
        return
    kinds = {dtype for _, dtype, _ in first.type.tensors}
    if len(kinds) != 1 or not kinds <= set(NAMED):
        held = ", ".join(sorted(kinds))
        message = f"`{first.name}` holds weights of {held}, and mergekit writes one of {', '.join(NAMED)}"
        yield _Told(message, "say which: `mergekit(round(..., bf16))`", said.span)
