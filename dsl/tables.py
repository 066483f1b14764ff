"""What is evaluated. In: an `evaluate` block. Out: models by benchmarks, each once, in order."""

from __future__ import annotations

from collections.abc import Mapping

from ladle.dsl.affine import as_model
from ladle.dsl.averaging import averaged
from ladle.dsl.blocks import Form, settings
from ladle.dsl.frozen import frozen
from ladle.dsl.problems import Mismatch
from ladle.dsl.program import FAILED, Evaluation, Failed, Family, Items, Meaning, Named, Term
from ladle.dsl.signature import Sort
from ladle.dsl.source import Span
from ladle.dsl.stages import need_template, need_tokenizer
from ladle.dsl.syntax import EvaluateDecl, Expr, ListLiteral, Name
from ladle.dsl.values import MAX_ITEMS, what
from ladle.dsl.world import Scope, World

_FORM = Form(
    "evaluate",
    ("models", "on", "baseline", "average", "as"),
    ("models", "on"),
    "{ models = [a, b]  on = [c]  baseline = a }",
    dict.fromkeys(("benchmark", "benchmarks", "task", "tasks"), "on"),
)


def evaluation(world: World, declaration: EvaluateDecl) -> Evaluation | None:
    """Return the table, or None where nothing of it can be made."""
    given = settings(world, _FORM, declaration)
    models = _entries(world, given.get("models"), Sort.MODEL)
    benchmarks = _entries(world, given.get("on"), Sort.BENCHMARK)
    _empty(world, given)
    baseline = _baseline(world, declaration, given.get("baseline"), models)
    items = benchmarks.items
    name, span = declaration.name.name, declaration.name.span
    if len(models.items) * len(items) > MAX_ITEMS:
        message = f"`{name}` asks for more than {MAX_ITEMS:,} scores"
        world.problems.report("E302", span, message, "evaluate fewer models, or on fewer benchmarks")
        return None
    for benchmark, place in items.items():
        for model in models.items:
            need_tokenizer(world, model, benchmark.label, place)
        if benchmark.term.operator.needs_template:
            for model in models.items:
                need_template(world, model, benchmark.label, place)
    average, groups = averaged(world, given.get("average"), models.named, models.broken)
    development = _development(world, given.get("as"))
    return Evaluation(name, tuple(models.items), tuple(items), baseline, span, average, groups, development)


def _development(world: World, expr: Expr | None) -> bool:
    """Whether the table says of its numbers that they are development's: `as = dev`."""
    if expr is None or (isinstance(expr, Name) and expr.name == "dev"):
        return expr is not None
    world.problems.report("E105", expr.span, "`as` of `evaluate` takes `dev`", "`as = dev`, or leave it out")
    return False


def places(world: World, declaration: EvaluateDecl) -> Mapping[Term, Span]:
    """Return where each benchmark of a table is written."""
    on = next((s.value for s in declaration.block.settings if s.name.name == "on"), None)
    return {benchmark.term: span for benchmark, span in _entries(world, on, Sort.BENCHMARK).items.items()}


def _empty(world: World, given: Mapping[str, Expr]) -> None:
    for name, expr in given.items():
        if name in ("models", "on") and isinstance(expr, ListLiteral) and not expr.items:
            noun = "model" if name == "models" else "benchmark"
            world.problems.report("E205", expr.span, f"`{name}` names no {noun}", f"name at least one {noun}")


@frozen
class _Entries:
    """What a list names and where, `named` with every name of it; `broken`: something of it failed."""

    items: dict[Named, Span]
    named: tuple[Named, ...]
    broken: bool


def _entries(world: World, expr: Expr | None, sort: Sort) -> _Entries:
    """What a list names, families and lists in it spliced, each computation once, under its first name."""
    found: dict[Term, tuple[Named, Span]] = {}
    every: list[Named] = []
    broken = expr is None
    for each in () if expr is None else expr.items if isinstance(expr, ListLiteral) else (expr,):
        for value in _spliced(world.evaluate(each, Scope(sort=sort))):
            named = _of_sort(world, value, sort, each.span)
            if isinstance(named, Named):
                found.setdefault(named.term, (named, each.span))
                every.append(named)
            else:
                broken = True
    return _Entries(dict(found.values()), tuple(every), broken)


def _spliced(value: Meaning) -> list[Meaning]:
    """What stands in lists and families; what failed there stands for itself."""
    match value:
        case Family(members=members, broken=broken):
            return [*(member.model for member in members), *([FAILED] if broken else [])]
        case Items(items, broken=broken):
            return [*(inner for item in items for inner in _spliced(item)), *([FAILED] if broken else [])]
        case _:
            return [value]


def _of_sort(world: World, value: Meaning, sort: Sort, span: Span) -> Named | Failed:
    if isinstance(value, Failed):
        return FAILED
    if sort is Sort.MODEL:
        model = as_model(world, value, span)
        if isinstance(model, Mismatch):
            return world.problems.report(model.code, span, f"`models` {model.message}", model.help, model.label)
        return model
    if isinstance(value, Named) and value.term.sort is sort:
        return value
    message = f"`on` of `evaluate` takes benchmarks, not {what(value)}"
    return world.problems.report("E201", span, message, "declare one: `benchmark NAME: KIND { on = ... }`")


def _baseline(world: World, declaration: EvaluateDecl, expr: Expr | None, models: _Entries) -> str:
    if expr is None:
        return ""
    found = world.evaluate(expr, Scope())
    if isinstance(found, Failed):
        return ""
    model = as_model(world, found, expr.span)
    if isinstance(model, Mismatch):
        message = f"`baseline` {model.message}"
        world.problems.report(model.code, expr.span, message, model.help or "a table has one baseline", model.label)
        return ""
    if isinstance(model, Failed):
        return ""
    label = next((named.label for named in models.items if named.term is model.term), "")
    if not label and not models.broken:
        message = f"the baseline `{model.label}` is not among the models of `{declaration.name.name}`"
        world.problems.report("E201", expr.span, message, "add it to `models`", "not in the table")
    return label
