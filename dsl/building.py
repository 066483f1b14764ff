"""Computations from settled options. In: an operator, operands, what is set. Out: its one term, and a name."""

from __future__ import annotations

from collections.abc import Mapping

from ladle.dsl.agreement import ONE, SETTLED, Tokens, agree
from ladle.dsl.computation import Computation
from ladle.dsl.operands import Operand
from ladle.dsl.options import Layer, complete
from ladle.dsl.program import FAILED, Choice, Failed, Linked, Named, Term
from ladle.dsl.remedies import corpora
from ladle.dsl.signature import Made, Numbers, Operator, Option, Reference, Role, Texts
from ladle.dsl.source import Span
from ladle.dsl.spelling import joined, settings, source_name, spelled
from ladle.dsl.suggest import listing, sentences
from ladle.dsl.types import Value
from ladle.dsl.vocabularies import FIRST, TOKENIZER, UNION
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
    spans = {name: setting.span for name, setting in settled.items()} | _weighed(operands)
    if operator.role in (Role.MERGE, Role.CHOICE, Role.ADAPTER) and operator.agree:
        said = settled.get(TOKENIZER)
        says = said is not None and (said.failed or said.value is not None)
        _agree(world, operands, values, says, operator.any_depth, span)
        if not _one_of_them(world, operands, references, spans):
            return FAILED
    made = Computation(operator, tuple(operand.value.term for operand in operands), options, links)
    term = world.make(made, span, spans)
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


def _weighed(operands: tuple[Operand, ...]) -> dict[str, Span]:
    """Where weights are written, from the first to the last."""
    written = [operand.weighs for operand in operands if operand.weighs]
    return {"weights": written[0].to(written[-1])} if written else {}


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
        if isinstance(option.type, Numbers | Texts) and not all(isinstance(item, tuple) for item in setting.value):
            help = f"write `{option.name} = each({world.written(setting.span)}, ...)`, one list for each operand"
            world.problems.report(
                "E243", setting.span, f"`{option.name}` is given operand by operand", help, "one list"
            )
            return False
        if len(setting.value) != operands:
            given = f"{len(setting.value)} value{'s' if len(setting.value) != 1 else ''}"
            models = f"{operands} model{'s' if operands != 1 else ''}"
            message = f"`{option.name}` is given {given}, and `{operator.name}` has {models}"
            help = "`each(...)` takes one value for each operand, in their order"
            world.problems.report("E243", setting.span, message, help, given)
            return False
    return True


def _handed(
    world: World, option: Option, value: Value, makers: tuple[Named, ...], span: Span
) -> Mapping[str, tuple[Term, ...]]:
    """The makers of `option.hands_to`, each with this option's value too."""
    found: list[Term] = []
    for maker in makers:
        term = maker.term
        asked = Computation(term.operator, term.operands, {**term.options, option.name: value}, term.references)
        made = world.make(asked, span, {})
        if not isinstance(made, Failed):
            told = "" if value == option.default else f"{option.name}-{spelled(value)}"
            found.append(world.name(made, joined((maker.label, told))).term)
    return {option.hands_to: tuple(found)}


def _agree(
    world: World, operands: tuple[Operand, ...], values: Mapping[str, Choice], says: bool, deep: bool, span: Span
) -> None:
    links = {name: value.items for name, value in values.items() if isinstance(value, Linked) and name != TOKENIZER}
    others = tuple((name, item) for name, items in links.items() for item in items)
    tokens = ONE
    if TOKENIZER in values:
        named = ", ".join(f"`{TOKENIZER} = {word}`" for word in (FIRST, UNION, _nearest_name(world, operands)))
        tokens = SETTLED if says else Tokens(help=f"say whose the result has: {named}")
    models, spans = tuple(each.value for each in operands), tuple(each.span for each in operands)
    agree(world, models, spans, span, others, tokens, any_depth=deep)


def _nearest_name(world: World, operands: tuple[Operand, ...]) -> str:
    """A model of a merge that has a name, for an example."""
    labels = [operand.value.label for operand in reversed(operands)]
    return next((label for label in labels if label in world.declared), "that_model")


def _one_of_them(
    world: World,
    operands: tuple[Operand, ...],
    references: Mapping[str, tuple[Named, ...]],
    spans: Mapping[str, Span],
) -> bool:
    """Say whether the model whose tokenizer the result is to have is one that is merged; report one that is not."""
    merged = {operand.value.term for operand in operands}
    merged |= {item.term for name, items in references.items() if name != TOKENIZER for item in items}
    for named in references.get(TOKENIZER, ()):
        if named.term not in merged:
            message = f"`{named.label}` is not one of the models that are merged here"
            help = "a token's embedding comes from the merged models: name one of them, or its `base`"
            world.problems.report("E263", spans[TOKENIZER], message, help, "not merged here")
            return False
    return True


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
