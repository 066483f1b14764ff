"""A recipe as written into a program as meant. In: a Recipe, vocabulary, facts. Out: the Program, and problems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ladle.dsl.declare import resolve
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.evaluate import evaluate
from ladle.dsl.leaks import leaks
from ladle.dsl.naming import clashes, names
from ladle.dsl.order import order
from ladle.dsl.program import (
    FAILED,
    Evaluation,
    Family,
    Meaning,
    Named,
    Program,
    StageValue,
    Term,
)
from ladle.dsl.signature import Facts, Role, Sort, Vocabulary
from ladle.dsl.source import Span
from ladle.dsl.syntax import Declaration, EditionDecl, EvaluateDecl, LetDecl, Name, Recipe, StageDecl
from ladle.dsl.tables import evaluation, places
from ladle.dsl.world import TooMany, World

EDITION = 1
"""The edition of the language that this version reads."""


def check(recipe: Recipe, vocabulary: Vocabulary, facts: Facts) -> tuple[Program, tuple[Diagnostic, ...]]:
    """Resolve and type a recipe. The program holds what could be made; each root problem is reported once."""
    world = World(recipe.source, vocabulary, facts, evaluate, resolve)
    tables = _collect(world, recipe.declarations)
    evaluations: list[Evaluation] = []
    try:
        _resolve(world)
        for table in tables.values():
            found = evaluation(world, table)
            evaluations += [found] if found else []
            if found:
                _leaks(world, table, found)
    except TooMany:
        evaluations = []
    program = _program(world, recipe, tuple(evaluations))
    if not world.problems:
        clashes(world, program.names)
    return program, world.problems.sorted()


def _collect(world: World, declarations: Iterable[Declaration]) -> dict[str, EvaluateDecl]:
    """Enter each declaration under its name; return the tables."""
    tables: dict[str, EvaluateDecl] = {}
    editions: list[EditionDecl] = []
    for declaration in declarations:
        if isinstance(declaration, EditionDecl):
            editions.append(declaration)
        elif declaration.name is None:
            world.problems.nameless = True
        elif _new(world, declaration.name, tables):
            if isinstance(declaration, EvaluateDecl):
                tables[declaration.name.name] = declaration
            else:
                world.declared[declaration.name.name] = declaration
    _edition(world, editions)
    return tables


def _new(world: World, name: Name, tables: dict[str, EvaluateDecl]) -> bool:
    first = world.declared.get(name.name) or tables.get(name.name)
    if first is None:
        return True
    place = f"line {world.problems.line(first.span)}"
    message = f"`{name.name}` is declared twice, first on {place}"
    world.problems.report("E102", name.span, message, "rename one of them", "declared already")
    return False


def _edition(world: World, editions: list[EditionDecl]) -> None:
    for place, declaration in enumerate(editions):
        number = declaration.number
        if place:
            line = world.problems.line(editions[0].span)
            message = f"a recipe has one edition, and line {line} says it"
            world.problems.report("E107", declaration.span, message, "leave this line out", "said twice")
        elif number.written != str(EDITION):
            message = f"this version reads edition {EDITION}, not {number.written}"
            help = f"write `edition {EDITION}`, or install a version that reads the later one"
            world.problems.report("E107", number.span, message, help, "unknown edition")


def _resolve(world: World) -> None:
    """Find what each name means, those it uses first."""
    found = order(world.declared, world.vocabulary)
    for cycle in found.cycles:
        along = " -> ".join(f"`{name}`" for name in (*cycle, cycle[0]))
        declaration = world.declared[cycle[0]]
        world.problems.report("E301", _place(declaration), f"`{cycle[0]}` is made from itself", along, "a cycle")
    world.meanings.update((name, FAILED) for cycle in found.cycles for name in cycle)
    for name, declaration in world.declared.items():
        if isinstance(declaration, StageDecl) and declaration.kind is None and not _is_stage(world, name):
            world.lookup(name)
    for name in found.names:
        world.lookup(name)


def _place(declaration: Declaration) -> Span:
    name = None if isinstance(declaration, EditionDecl) else declaration.name
    return name.span if name else declaration.span


def _is_stage(world: World, name: str) -> bool:
    operator = world.vocabulary.get(name)
    return operator is not None and operator.role is Role.STAGE


def _leaks(world: World, declaration: EvaluateDecl, table: Evaluation) -> None:
    where = places(world, declaration)
    models = [model.term for model in table.models]
    for benchmark, stage, corpus in leaks(models, [each.term for each in table.benchmarks]):
        name = next(each.label for each in table.benchmarks if each.term is benchmark)
        trained = world.titles.get(corpus) or world.labels.get(corpus, "its rows")
        message = f"the rows of `{name}` are trained on, as `{trained}`, on line {world.problems.line(stage.span)}"
        help = f"hold them out: `corpus rest: ... = {trained} | except({name})`"
        world.problems.report("E303", where[benchmark], message, help, "a model of this table has seen them")


def _program(world: World, recipe: Recipe, evaluations: tuple[Evaluation, ...]) -> Program:
    meant = {name: world.meanings.get(name, FAILED) for name in world.declared}
    constants = {name: meant.pop(name) for name, each in world.declared.items() if isinstance(each, LetDecl)}
    families = {name: meaning for name, meaning in meant.items() if isinstance(meaning, Family)}
    members = [each.model for family in families.values() for each in family.members]
    models = {**_of_sort(meant, Sort.MODEL), **{model.label: model.term for model in members}}
    corpora, benchmarks = _of_sort(meant, Sort.CORPUS), _of_sort(meant, Sort.BENCHMARK)
    asked = [model.term for table in evaluations for model in table.models]
    terms = _reached(
        world, [*models.values(), *(model.term for model in members), *corpora.values(), *benchmarks.values(), *asked]
    )
    return Program(
        source=world.problems.source,
        recipe=recipe,
        vocabulary=world.vocabulary,
        corpora=corpora,
        stages={name: meaning for name, meaning in meant.items() if isinstance(meaning, StageValue)},
        benchmarks=benchmarks,
        models=models,
        families=families,
        constants=constants,
        evaluations=evaluations,
        terms=terms,
        names=names(world, families.values(), terms),
        targets=tuple(dict.fromkeys(asked if evaluations else models.values())),
        skipped=world.skipped,
    )


def _of_sort(meant: Mapping[str, Meaning], sort: Sort) -> dict[str, Term]:
    return {name: each.term for name, each in meant.items() if isinstance(each, Named) and each.term.sort is sort}


def _reached(world: World, roots: list[Term]) -> tuple[Term, ...]:
    """Everything that `roots` need, inputs before users: in the order in which the checker made it."""
    needed: set[Term] = set()
    stack = list(roots)
    while stack:
        term = stack.pop()
        if term not in needed:
            needed.add(term)
            stack += [used for _, used in term.inputs()]
    return tuple(term for term in world.terms.values() if term in needed)
