"""What an expression means. In: an expression and where it stands. Out: its meaning; problems are reported."""

from __future__ import annotations

from fractions import Fraction

from ladle.dsl import arithmetic, families
from ladle.dsl.applying import apply
from ladle.dsl.operands import Piped
from ladle.dsl.order import applies
from ladle.dsl.program import (
    FAILED,
    BareWord,
    Constant,
    Entries,
    Failed,
    Items,
    Meaning,
    Quantity,
    StageValue,
    Step,
)
from ladle.dsl.remedies import as_range, called, how_declared
from ladle.dsl.signature import Operator, Role, Sort
from ladle.dsl.source import Span
from ladle.dsl.stages import call_stage, feed
from ladle.dsl.syntax import (
    Attribute,
    Binary,
    Call,
    ConstantLiteral,
    Expr,
    Index,
    ListLiteral,
    MapLiteral,
    Name,
    Negation,
    NumberLiteral,
    Pipe,
    Range,
    StringLiteral,
)
from ladle.dsl.types import Dimension
from ladle.dsl.values import MAX_DEPTH, MAX_ITEMS, entries, exact, items, show, what
from ladle.dsl.world import Scope, World


def evaluate(world: World, expr: Expr, scope: Scope) -> Meaning:
    """Return what `expr` means in `scope`."""
    match expr:
        case NumberLiteral():
            return _quantity(world, expr)
        case StringLiteral(value) | ConstantLiteral(value):
            return Constant(value)
        case Name():
            return _name(world, expr, scope)
        case ListLiteral(values, span):
            return _list(world, [evaluate(world, value, scope) for value in values], span)
        case MapLiteral():
            return _map(world, expr, scope)
        case Range():
            return _range(world, expr)
        case Call():
            return _call(world, expr, None, scope)
        case Index():
            return families.index(world, expr, scope)
        case Attribute(_, name, span):
            message = f"nothing here has a part `{name.name}`"
            return world.problems.report(
                "E201", span, message, "`.` stands only before an option in `with`", "no parts"
            )
        case Negation(operand):
            return arithmetic.negate(world, expr, evaluate(world, operand, scope))
        case Binary():
            return _binary(world, expr, scope)
        case Pipe():
            return _pipe(world, expr, scope)


def _quantity(world: World, expr: NumberLiteral) -> Quantity | Failed:
    found = exact(expr)
    return found or world.problems.report("E217", expr.span, "this number is too large or too long to compute with")


def _list(world: World, values: list[Meaning], span: Span) -> Items | Failed:
    found = items(values)
    return _too_much(world, "list", span) if found is None else found


def _too_much(world: World, what: str, span: Span) -> Failed:
    message = f"a {what} holds at most {MAX_ITEMS:,} values, {MAX_DEPTH} levels deep"
    return world.problems.report("E302", span, message, f"make the {what} shorter, or flatter")


def _map(world: World, expr: MapLiteral, scope: Scope) -> Entries | Failed:
    found = entries({entry.key.name: evaluate(world, entry.value, scope) for entry in expr.entries})
    return _too_much(world, "map", expr.span) if found is None else found


def _range(world: World, expr: Range) -> Items | Failed:
    first, last = exact(expr.first), exact(expr.last)
    step = exact(expr.step) if expr.step is not None else None
    if first is None or last is None or (expr.step is not None and step is None):
        return world.problems.report("E217", expr.span, "this range has a number that is too large or too long")
    step = step or Quantity(Fraction(1) if expr.step is None else Fraction(0), Dimension.PLAIN)
    if not first.dimension is last.dimension is step.dimension:
        help = "a range of percentages says its step: `10%..50% by 10%`" if expr.step is None else ""
        return world.problems.report("E202", expr.span, "the numbers of a range need one unit", help)
    if step.number <= 0 or last.number < first.number:
        message = "a range rises from its first number to its last, by a step above 0"
        help = "write the smaller number first; values that fall are a list: `[3, 2, 1]`"
        return world.problems.report("E218", expr.span, message, help)
    count = (last.number - first.number) / step.number
    if count >= MAX_ITEMS:
        return world.problems.report(
            "E302", expr.span, f"a range holds at most {MAX_ITEMS:,} values", "take larger steps"
        )
    if count.denominator != 1:
        end = show(first.number + int(count) * step.number)
        message = f"this range does not meet its end: the last step before {show(last.number)} is {end}"
        return world.problems.report("E218", expr.span, message, f"end it at {end}, or choose another step")
    values: list[Meaning] = [Quantity(first.number + i * step.number, first.dimension) for i in range(int(count) + 1)]
    return _list(world, values, expr.span)


def _binary(world: World, expr: Binary, scope: Scope) -> Meaning:
    """A long sum leans to the left; it is computed from there, without a level of calls for each sign."""
    spine: list[Binary] = []
    first: Expr = expr
    while isinstance(first, Binary):
        spine.append(first)
        first = first.left
    value = evaluate(world, first, scope)
    for each in reversed(spine):
        value = arithmetic.combine(world, each, value, evaluate(world, each.right, scope))
    return value


_NO_WORD = "this version has no stage, merge, source or corpus operator of that name"

# --- names ----------------------------------------------------------------------------------------------------------


def _name(world: World, expr: Name, scope: Scope) -> Meaning:
    """Axes, then declarations, then stage kinds as values, then words that some option takes."""
    if expr.name in scope.axes:
        return scope.axes[expr.name]
    declared = world.lookup(expr.name)
    if declared is not None:
        return declared
    operator = world.operator(expr.name, scope)
    if operator is not None and operator.role is Role.STAGE:
        return StageValue((Step(expr.name, operator, {}, {}, expr.span),))
    if expr.name in world.words:
        return BareWord(expr.name)
    if operator is not None and operator.role is not Role.INTERNAL:
        message = f"`{expr.name}` is a {operator.role.value} and is written as a call"
        return world.problems.report("E201", expr.span, message, f"`{expr.name}(...)`: {operator.text}")
    hint = how_declared(world, scope.sort)
    names = (*scope.axes, *world.declared)
    return world.problems.missing(expr.name, expr.span, lambda: (*names, *world.operators(Role.STAGE)), hint)


def _applicable(world: World, expr: Expr, scope: Scope, piped: bool = False) -> StageValue | Operator | Failed:
    """What stands before `(` or after `|`. A declared stage wins over a catalogue word, other declarations do not."""
    if not isinstance(expr, Name):
        computed = evaluate(world, expr, scope)
        return computed if isinstance(computed, StageValue | Failed) else _not_applicable(world, expr, computed)
    operator = world.operator(expr.name, scope)
    catalogued = operator is not None and operator.role is not Role.INTERNAL
    value: Meaning | None = scope.axes.get(expr.name)
    if value is None and (not catalogued or _applies(world, expr.name)):
        value = world.lookup(expr.name)
    if isinstance(value, StageValue | Failed):
        return value
    if operator is None or not catalogued:
        if value is not None:
            return _not_applicable(world, expr, value)
        if expr.name == "each":
            message = "`each` stands only where a parameter is given operand by operand"
            return world.problems.report("E243", expr.span, message, "such as `density = each(0.5, 0.7)` of a merge")
        hint = _NO_WORD
        if scope.sort is Sort.CORPUS:
            role = Role.TRANSFORM if piped else Role.CORPUS_SOURCE
            hint = f"{role.value}s are {called(world, role)}"
        return world.problems.missing(expr.name, expr.span, lambda: _callables(world, scope), hint)
    if operator.role is Role.BENCHMARK:
        message = f"`{expr.name}` is a benchmark kind"
        help = f"declare `benchmark NAME: {expr.name} {{ on = ... }}`"
        return world.problems.report("E201", expr.span, message, help, "not something to apply")
    return operator


def _applies(world: World, name: str) -> bool:
    declaration = world.declared.get(name)
    return declaration is None or applies(declaration) or isinstance(world.brought.get(name), StageValue)


def _callables(world: World, scope: Scope) -> tuple[str, ...]:
    roles = set(Role) - {Role.BENCHMARK, Role.INTERNAL}
    return (*scope.axes, *world.declared, *world.operators(*roles))


def _not_applicable(world: World, expr: Expr, value: Meaning) -> Failed:
    message = f"`{world.written(expr.span)}` is {what(value)}, and cannot be applied"
    help = "a stage, a merge or a corpus operator stands after `|` and before `(`"
    return world.problems.report("E201", expr.span, message, help, f"this is {what(value)}")


# --- application ----------------------------------------------------------------------------------------------------


def _call(world: World, expr: Call, piped: Piped | None, scope: Scope) -> Meaning:
    if expr.function == Name("range", expr.function.span) and "range" not in (*scope.axes, *world.declared):
        return world.problems.report("E201", expr.span, "a range is no call", as_range(expr), "not a call")
    target = _applicable(world, expr.function, scope, piped is not None)
    match target:
        case Failed():
            for argument in expr.arguments:
                if argument.name is None:
                    evaluate(world, argument.value, scope)
            return FAILED
        case StageValue():
            return call_stage(world, target, expr.arguments, piped, expr.span, scope)
        case Operator():
            return apply(world, target, expr.arguments, piped, expr.span, scope)


def _pipe(world: World, expr: Pipe, scope: Scope) -> Meaning:
    """A chain leans to the left; it is fed from there."""
    chain: list[Pipe] = []
    first: Expr = expr
    while isinstance(first, Pipe):
        chain.append(first)
        first = first.left
    value = Piped(evaluate(world, first, scope), first.span)
    for each in reversed(chain):
        value = Piped(_fed(world, value, each, scope), each.span)
    return value.value


def _fed(world: World, piped: Piped, pipe: Pipe, scope: Scope) -> Meaning:
    if isinstance(pipe.right, Call):
        return _call(world, pipe.right, piped, scope)
    target = _applicable(world, pipe.right, scope, piped=True)
    match target:
        case Failed():
            return FAILED
        case StageValue():
            return feed(world, piped, target, pipe.span, scope)
        case Operator():
            return apply(world, target, (), piped, pipe.span, scope)
