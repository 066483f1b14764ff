"""Choices of models and states of trainings. In: a call, or a table. Out: the model; what is wrong is reported."""

from __future__ import annotations

from collections.abc import Iterator

from ladle.dsl.building import build
from ladle.dsl.leaks import leaks, shares
from ladle.dsl.operands import Operand
from ladle.dsl.options import Layer
from ladle.dsl.program import Evaluation, Failed, Linked, Named, Term, ancestry
from ladle.dsl.signature import Operator, Role, Sort
from ladle.dsl.source import Span
from ladle.dsl.stages import need_template, need_tokenizer
from ladle.dsl.syntax import EvaluateDecl
from ladle.dsl.tables import places
from ladle.dsl.world import World


def choice(world: World, operator: Operator, given: tuple[Operand, ...], settled: Layer, span: Span) -> Named | Failed:
    """Return the model that is chosen at run time by scores on the benchmark `on`."""
    on = settled.get("on")
    for benchmark in on.value.items if on is not None and isinstance(on.value, Linked) else ():
        for operand in given:
            need_tokenizer(world, operand.value, benchmark.label, span)
            if benchmark.term.operator.needs_template:
                need_template(world, operand.value, benchmark.label, span)
        for _, stage, corpus in leaks([operand.value.term for operand in given], [benchmark.term]):
            trained = world.titles.get(corpus) or world.labels.get(corpus, "its rows")
            line = world.problems.line(stage.span)
            message = f"the rows of `{benchmark.label}` are trained on, as `{trained}`, on line {line}"
            help = f"choose on rows that no model has seen: `corpus rest: ... = {trained} | except({benchmark.label})`"
            world.problems.report("E303", on.span if on else span, message, help, "what chooses must be new to all")
    return build(world, operator, given, settled, span)


def state(world: World, operator: Operator, given: Operand, settled: Layer, span: Span) -> Named | Failed:
    """Return a state within the last training of a model; its end is the model itself."""
    stage = given.value.term
    if stage.operator.role is not Role.STAGE:
        message = f"`{operator.name}` takes a model that a stage trained last, and `{given.value.label}` is none"
        help = "take the state before what follows the training: `slerp(a, snapshot(b | cpt, epoch = 2), t = 0.5)`"
        return world.problems.report("E245", given.span, message, help, "no training ends here")
    for option in operator.options:
        setting = settled.get(option.name)
        whole = stage.options.get(option.within) if option.within else None
        value = setting.value if setting is not None else None
        if setting is None or not isinstance(value, int) or not isinstance(whole, int | float):
            continue
        if value == whole:
            return given.value
        if value > whole:
            message = f"`{option.name} = {value}` is beyond the training, which has `{option.within} = {whole:g}`"
            help = "a state lies inside the run; a longer one is another run, with its own schedule"
            return world.problems.report("E246", setting.span, message, help, "beyond the end")
    return build(world, operator, (given,), settled, span)


def chosen(world: World, declaration: EvaluateDecl, table: Evaluation) -> None:
    """Report models that were chosen on rows which the table reports them on, unless it says `as = dev`."""
    if table.development:
        return
    where = places(world, declaration)
    seen: set[tuple[Term, Term]] = set()
    for model in table.models:
        for made in _choices(model.term):
            for benchmark in table.benchmarks:
                by = next(iter(made.references.get("on", ())), None)
                if by is None or (made, benchmark.term) in seen or not shares(benchmark.term, by):
                    continue
                seen.add((made, benchmark.term))
                name = world.titles.get(made) or world.labels.get(made, made.operator.name)
                asked = world.titles.get(by) or world.labels.get(by, by.operator.name)
                message = f"`{name}` was chosen on `{asked}`, and `{benchmark.label}` asks the same rows"
                help = "report it on rows that chose nothing, or say what these numbers are: `as = dev`"
                world.problems.report("E240", where[benchmark.term], message, help, "a model of this table won here")


def _choices(model: Term) -> Iterator[Term]:
    """The choices among a model and its ancestors, each once."""
    return (term for term in ancestry([model], Sort.MODEL) if term.operator.role is Role.CHOICE)
