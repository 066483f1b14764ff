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
from ladle.dsl.signature import Operator, Role, Vocabulary
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


def of_graph(graph: Graph, targets: tuple[str, ...], vocabulary: Vocabulary, source: Source) -> tuple[Diagnostic, ...]:
    """Return what mergekit cannot say of what `targets` of a graph, and what they need, hand to it."""
    known: dict[str, Said] = {}
    for key, node in graph.nodes.items():
        known[key] = _of_node(node, vocabulary, known)
    return _judged(source, [known[node.fingerprint] for node in graph.walk(targets)])


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
                place, label = told.span.within(source), told.label(source)
                diagnostic = Diagnostic(told.code, CODES[told.code], told.message, place, told.span, label, told.help)
                found.setdefault((told.span, told.message), diagnostic)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Told:
    message: str
    help: str
    span: Span
    code: str = CODE
    other: Span | None = None
    """Another place that has a part in it."""
    why: str = ""
    """What that part is."""

    def label(self, source: Source) -> str:
        """What stands at the caret: the other place, where it is on another line."""
        if self.other is None:
            return ""
        here, there = self.span.within(source), self.other.within(source)
        line = there.position(self.other.start)[0]
        if here is there and line == here.position(self.span.start)[0]:
            return ""
        return f"{self.why} on line {line}{'' if here is there else f' of `{there.path}`'}"


@dataclass(slots=True)
class _Listening:
    span: Span
    wrapper: Span
    heard: list[_Told] = field(default_factory=list)

    def refuse(self, message: str, help: str = "") -> None:
        self.heard.append(_Told(message, help, self.span, other=self.wrapper, why="handed to mergekit"))


def _problems(wrapper: Said) -> Iterator[_Told]:
    for operand in wrapper.operands:
        if operand.fused:
            yield from _merge(operand, wrapper)
            yield from _element_type(operand)
        else:
            yield _Told(*_no_merge(operand), wrapper.span)


def _no_merge(model: Said) -> tuple[str, str]:
    """Say why a model is nothing that mergekit computes, and what to write."""
    name, operator = model.name, model.operator
    if operator.program.startswith(PROGRAMS):
        message = f"`{operator.name}` goes through mergekit by itself, and is no merge that is handed to it"
        return message, f"leave `mergekit(...)` around `{operator.name}(...)` out"
    if operator.role is Role.MERGE:
        message = f"`{operator.name}` is a step of its own, which mergekit has not"
        return message, f"leave `mergekit(...)` around `{operator.name}(...)` out: it is computed here"
    message = f"`mergekit` computes a merge, and `{name}` is none"
    return message, "write a merge within it: `mergekit(slerp(a, b, t = 0.5))`"


def _adapters(step: Said) -> Iterator[_Told]:
    """An adapter among the models of a step that mergekit makes: it reads weights from files, and none has these."""
    for each in step.taken:
        if each.adapter:
            help = f"write it into its model first: `model whole = round({each.name}, bf16)`, and name `whole` here"
            yield _adapted(each, step.span, help)


def _adapted(model: Said, span: Span, help: str, reader: Span | None = None) -> _Told:
    message = f"`{model.name}` is an adapter, which mergekit is not told of"
    return _Told(message, help, span, ADAPTED, reader, "merged in")


def _within(model: Said, reader: Said, wrapper: Said) -> _Told:
    """An adapter in a merge that mergekit computes; `round` around it is a part of that merge, and makes no file."""
    written = (
        f'`model whole = round({model.name}, bf16)`, and name here what it makes: `local("artifacts/RECIPE/whole")`'
    )
    help = (
        "leave `mergekit` out, since Ladle's own engine takes adapters; or write it into its model in a recipe of its "
    )
    return _adapted(model, wrapper.span, f"{help}own, {written}", reader.span)


def _merge(said: Said, wrapper: Said) -> Iterator[_Told]:
    inner = said
    if said.operator.name == ROUND:
        inner = said.operands[0]
        if inner.adapter:
            yield _within(inner, said, wrapper)
            return
        if not inner.fused or inner.operator.name == ROUND:
            message = "`round` of a model that is no merge is no setting of mergekit"
            help = "leave `mergekit` out, since Ladle's own engine rounds any model; or round a merge"
            yield _Told(message, help, said.span, other=wrapper.span, why="handed to mergekit")
            return
    listening = _Listening(inner.span, wrapper.span)
    base = "base" if inner.base else None
    body(inner.operator, inner.options, [each.name for each in inner.operands], base, listening)
    yield from listening.heard
    for each in (*inner.operands, *([inner.base] if inner.base else [])):
        if each.fused:
            yield from _merge(each, wrapper)
        elif each.adapter:
            yield _within(each, inner, wrapper)


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
