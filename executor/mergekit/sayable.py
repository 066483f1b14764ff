"""Whether mergekit has words for a merge. In: a program or a graph. Out: a problem for each thing it cannot say.

Told by `ladle check` where a recipe writes what mergekit makes, and before anything starts where `--engine` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
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
from ladle.executor.places import ADAPTER

CODE: Final = "E630"
ADAPTED: Final = "E634"
PROGRAMS: Final = "ladle.executor.mergekit."
"""Where the programs lie that call mergekit."""
WRAPPER: Final = "mergekit"
"""The operator that hands a merge to mergekit."""
_WRITTEN: Final = (
    "leave `mergekit` out, since Ladle's own engine takes adapters; or write it into its model in a recipe of its own, "
    "`round(ADAPTER, bf16)`, and name the folder that it makes"
)


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
    adapter: bool = False
    """Whether it is an adapter with its model, which no file holds."""
    taken: tuple[Said, ...] = ()
    """Every model that it takes, those of options too."""

    @property
    def fused(self) -> bool:
        """Whether it is a merge that is computed with the merge around it."""
        return merges(self.operator)


def of_program(program: Program, adapter: Callable[[Term], bool]) -> tuple[Diagnostic, ...]:
    """Return what mergekit cannot say of what a program hands to it; `adapter` says which sources are adapters."""
    known: dict[Term, Said] = {}
    for term in program.terms:
        if isinstance(term.type, ModelType):
            known[term] = _of_term(program, term, known, adapter)
    return _judged(program.source, list(known.values()))


def of_graph(graph: Graph, vocabulary: Vocabulary, source: Source) -> tuple[Diagnostic, ...]:
    """Return what mergekit cannot say of what the targets of a graph hand to it."""
    known: dict[str, Said] = {}
    for key, node in graph.nodes.items():
        known[key] = _of_node(node, vocabulary, known)
    return _judged(source, [known[node.fingerprint] for node in graph.walk(graph.targets)])


def _of_term(program: Program, term: Term, known: Mapping[Term, Said], adapter: Callable[[Term], bool]) -> Said:
    options = {name: canonical(value) for name, value in term.options.items()}
    options |= dict.fromkeys(term.references.keys() & {TOKENIZER}, "a model")
    operands = tuple(known[each] for each in term.operands if each in known)
    base = next((known[each] for each in term.references.get("base", ()) if each in known), None)
    type = term.type if isinstance(term.type, ModelType) else None
    name, taken = (
        program.names.get(term, term.operator.name),
        tuple(known[each] for _, each in term.inputs() if each in known),
    )
    return Said(term.operator, options, operands, base, type, name, term.span, adapter(term), taken)


def _of_node(node: Node, vocabulary: Vocabulary, known: Mapping[str, Said]) -> Said:
    roles = {used.role: known[used.node] for used in node.inputs}
    operands = tuple(roles[role] for role in sorted((role for role in roles if role.isdecimal()), key=int))
    span = node.span or Span(0, 0)
    operator = vocabulary[node.operator]
    options = {**dict(node.options), **dict.fromkeys(roles.keys() & {TOKENIZER}, "a model")}
    adapter = any(PurePosixPath(file).name == ADAPTER for file in node.files)
    taken = tuple(known[used.node] for used in node.inputs)
    return Said(operator, options, operands, roles.get("base"), node.type, node.name, span, adapter, taken)


def _judged(source: Source, known: list[Said]) -> tuple[Diagnostic, ...]:
    found: dict[tuple[Span, str], Diagnostic] = {}
    for each in known:
        if each.operator.program.startswith(PROGRAMS):
            for told in _problems(each) if each.operator.name == WRAPPER else _adapters(each):
                place = told.span.within(source)
                diagnostic = Diagnostic(told.code, CODES[told.code], told.message, place, told.span, "", told.help)
                found.setdefault((told.span, told.message), diagnostic)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Told:
    message: str
    help: str
    span: Span
    code: str = CODE


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


def _adapters(step: Said) -> Iterator[_Told]:
    """An adapter among the models of a step that mergekit makes: it reads weights from files, and none has these."""
    for each in step.taken:
        if each.adapter:
            help = f"write it into its model first: `model whole = round({each.name}, bf16)`, and name `whole` here"
            yield _adapted(each, step.span, help)


def _adapted(model: Said, span: Span, help: str = _WRITTEN) -> _Told:
    return _Told(f"`{model.name}` is an adapter, which mergekit is not told of", help, span, ADAPTED)


def _merge(said: Said) -> Iterator[_Told]:
    inner = said
    if said.operator.name == ROUND:
        inner = said.operands[0]
        if inner.adapter:
            yield _adapted(inner, said.span)
            return
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
        elif each.adapter:
            yield _adapted(each, inner.span)


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
