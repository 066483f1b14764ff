"""Computations from settled options. In: an operator, operands, what is set. Out: its one term, and a name."""

from __future__ import annotations

from collections.abc import Mapping

from ladle.dsl.agreement import agree
from ladle.dsl.operands import Operand
from ladle.dsl.options import Layer, complete
from ladle.dsl.program import FAILED, Failed, Linked, Named, Term
from ladle.dsl.remedies import corpora
from ladle.dsl.signature import Made, Operator, Option, Reference, Role
from ladle.dsl.source import Span
from ladle.dsl.spelling import joined, settings, source_name, spelled
from ladle.dsl.suggest import listing, sentences
from ladle.dsl.types import Value
from ladle.dsl.world import World


def build(
    world: World, operator: Operator, operands: tuple[Operand, ...], settled: Layer, span: Span, label: str = ""
) -> Named | Failed:
    """Return the computation, typed. Options that must be set and are not are reported."""
    if not required(world, operator, settled, span):
        return FAILED
    values, _ = complete(operator, settled)
    if operator.typed is not None and any(setting.failed for setting in settled.values()):
        return FAILED
    references = {name: value.items for name, value in values.items() if isinstance(value, Linked)}
    options: dict[str, Value] = {}
    for option in operator.options:
        value = values[option.name]
        if not isinstance(value, Linked) and not isinstance(option.type, Reference | Made):
            options[option.name] = value
    options |= _weights(operator, operands)
    links = {name: tuple(item.term for item in items) for name, items in references.items()}
    for option in operator.options:
        if option.hands_to and not isinstance(values[option.name], Linked):
            links |= _handed(world, option, options[option.name], references.get(option.hands_to, ()), span)
    if not _one_each(world, operator, settled, len(operands)):
        return FAILED
    if not _has_rows(world, operator, settled):
        return FAILED
    if operator.role in (Role.MERGE, Role.CHOICE):
        _agree(world, operands, references, span)
    spans = {name: setting.span for name, setting in settled.items()}
    term = world.make(operator, tuple(operand.value.term for operand in operands), options, links, span, spans)
    return FAILED if isinstance(term, Failed) else world.name(term, label or made_name(operator, operands, settled))


def made_name(operator: Operator, operands: tuple[Operand, ...], settled: Layer) -> str:
    """Return a name from inputs, operator and the options set at the call."""
    values = {name: setting.value for name, setting in settled.items()}
    if operator.pattern in values and not isinstance(values[operator.pattern], Linked):
        located = values.pop(operator.pattern)
        assert not isinstance(located, Linked)
        return joined((source_name(operator, located), settings(operator, values)))
    labels = [part for operand in operands for part in _operand(operand)]
    first = operator.role is Role.TRANSFORM and len(operands) == 1
    parts = (*labels, operator.name) if first else (operator.name, *labels)
    return joined((*parts, settings(operator, values)))


def _operand(operand: Operand) -> tuple[str, ...]:
    return (operand.value.label,) if operand.weight is None else (operand.value.label, spelled(operand.weight))


def _weights(operator: Operator, operands: tuple[Operand, ...]) -> dict[str, Value]:
    if operator.operands.weighted == "no":
        return {}
    weights = tuple(operand.weight for operand in operands)
    if operator.operands.weighted == "others":
        return {"weights": weights}
    return {"weights": None if any(weight is None for weight in weights) else weights}


def _has_rows(world: World, operator: Operator, settled: Layer) -> bool:
    """Say whether each benchmark that stands for its rows has some; report one that has none."""
    for name, setting in settled.items() if operator.role is Role.TRANSFORM else ():
        for item in setting.value.items if isinstance(setting.value, Linked) else ():
            if item.term.operator.role is Role.BENCHMARK and not any(item.term.references.values()):
                message = f"`{name}` takes rows, and the benchmark `{item.label}` has none of its own"
                help = f"a `{item.term.operator.name}` benchmark names no file here"
                world.problems.report("E201", setting.span, message, help, "no rows")
                return False
    return True


def _one_each(world: World, operator: Operator, settled: Layer, operands: int) -> bool:
    """Say whether each option that is given operand by operand has a value for each; report one that has not."""
    for option in operator.options:
        setting = settled.get(option.name)
        if setting is None or not option.each or not isinstance(setting.value, tuple):
            continue
        if len(setting.value) != operands:
            message = (
                f"`{option.name}` is given {len(setting.value)} values, and `{operator.name}` has {operands} models"
            )
            help = "`each(...)` takes one value for each operand, in their order"
            world.problems.report("E243", setting.span, message, help, f"{len(setting.value)} values")
            return False
    return True


def _handed(
    world: World, option: Option, value: Value, makers: tuple[Named, ...], span: Span
) -> Mapping[str, tuple[Term, ...]]:
    """The makers of `option.hands_to`, each with this option's value too."""
    found: list[Term] = []
    for maker in makers:
        term = maker.term
        made = world.make(term.operator, term.operands, {**term.options, option.name: value}, term.references, span, {})
        if not isinstance(made, Failed):
            told = "" if value == option.default else f"{option.name}-{spelled(value)}"
            found.append(world.name(made, joined((maker.label, told))).term)
    return {option.hands_to: tuple(found)}


def _agree(
    world: World, operands: tuple[Operand, ...], references: Mapping[str, tuple[Named, ...]], span: Span
) -> None:
    others = tuple((name, item) for name, items in references.items() for item in items)
    named = tuple(operand.value for operand in operands)
    agree(world, named, tuple(operand.span for operand in operands), span, others)


def _missing(world: World, operator: Operator, option: Option) -> str:
    """Say what an option that must be set is, how it is written where it is missing, and what there is to name."""
    block = operator.role in (Role.STAGE, Role.BENCHMARK)
    form = f"`{option.name} = ...`" if block else f"`{operator.written}(..., {option.name} = ...)`"
    here = corpora(world, option.type) if isinstance(option.type, Reference) and operator.role is Role.STAGE else ""
    return sentences((f"{form}: {option.text}", here))


def required(world: World, operator: Operator, settled: Layer, span: Span, help: str = "", once: str = "") -> bool:
    """Say whether everything is set that must be; report what is not."""
    _, missing = complete(operator, settled)
    if missing:
        texts = [_missing(world, operator, option) for option in operator.options if option.name in missing]
        message = f"`{operator.name}` needs {listing(missing)}"
        label = f"{listing(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        world.problems.report("E205", span, message, help or "; ".join(texts), label, once)
    return not missing
