"""In which order declarations can be resolved. In: declarations, vocabulary. Out: names, used before users; cycles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ladle.dsl.depth import children
from ladle.dsl.frozen import frozen
from ladle.dsl.remedies import path_without_quotes
from ladle.dsl.signature import Operator, OptionType, Vocabulary
from ladle.dsl.syntax import (
    Axis,
    BenchmarkDecl,
    Block,
    BrokenDecl,
    Call,
    ComposeDecl,
    CorpusDecl,
    Declaration,
    EvaluateDecl,
    Expr,
    LetDecl,
    ModelDecl,
    Name,
    Pipe,
    Setting,
    StageDecl,
)
from ladle.dsl.world import option_of, words

Declared = Mapping[str, Declaration]


@frozen
class Order:
    """Names so that whatever one is made from stands before it; and each cycle as the names along it."""

    names: tuple[str, ...]
    cycles: tuple[tuple[str, ...], ...]


def applies(declaration: Declaration | None) -> bool:
    """Say whether a declared name can stand before `(` or after `|`: elsewhere the word of the catalogue is meant."""
    return isinstance(declaration, StageDecl | ComposeDecl | LetDecl | BrokenDecl)


def order(declared: Declared, vocabulary: Vocabulary, replaced: Mapping[str, Setting] | None = None) -> Order:
    """Sort declarations by what they use, without recursion. A name on a cycle stands in the order too.

    Of what a variant replaces, the replacement counts as well; the name itself means the old value there.
    """
    edges = {name: tuple(uses(declaration, declared, vocabulary)) for name, declaration in declared.items()}
    for name, setting in (replaced or {}).items():
        if name in declared:
            block = Block((setting,), setting.span)
            found = uses(EvaluateDecl(setting.name, block, setting.span), declared, vocabulary)
            edges[name] = (*edges[name], *(used for used in found if used != name))
    done: dict[str, None] = {}
    cyclic: set[str] = set()
    cycles: list[tuple[str, ...]] = []
    for root in declared:
        path: dict[str, Iterator[str]] = {} if root in done else {root: iter(edges[root])}
        while path:
            name = next(reversed(path))
            used = next(path[name], None)
            if used is None:
                done[name] = None
                del path[name]
            elif used in path:
                along = tuple(path)[tuple(path).index(used) :]
                if not cyclic.intersection(along):
                    cycles.append(along)
                cyclic.update(along)
            elif used not in done:
                path[used] = iter(edges[used])
    return Order(tuple(done), tuple(cycles))


def uses(declaration: Declaration, declared: Declared, vocabulary: Vocabulary) -> dict[str, None]:
    """Return the names that a declaration uses, in no order that matters."""
    axes = _axes(declaration)
    found: dict[str, None] = {}
    stack = list(_parts(declaration, vocabulary))
    while stack:
        expr, own_words = stack.pop()
        match expr:
            case Name(name):
                if name not in own_words and name not in axes and name in declared:
                    found[name] = None
            case Call():
                stack += _call(expr, axes, declared, vocabulary)
            case Pipe(left, right):
                stack.append((left, ()))
                stack += [] if _catalogued(right, axes, declared, vocabulary) else [(right, ())]
            case _:
                stack += [(child, ()) for child in children(expr)]
    return found


Part = tuple[Expr, tuple[str, ...]]
"""An expression, and the bare words that mean themselves there."""


def _axes(declaration: Declaration) -> frozenset[str]:
    axes: tuple[Axis, ...] = declaration.axes if isinstance(declaration, ModelDecl) else ()
    return frozenset(axis.name.name for axis in axes)


def _parts(declaration: Declaration, vocabulary: Vocabulary) -> Iterator[Part]:
    match declaration:
        case LetDecl(value=value) | CorpusDecl(value=value) | ComposeDecl(value=value):
            yield value, ()
        case ModelDecl(axes=axes, value=value, overrides=overrides):
            yield from ((axis.values, ()) for axis in axes)
            yield value, ()
            for setting in overrides.settings if overrides else ():
                operators = vocabulary.values()
                yield setting.value, tuple(word for each in operators for word in _words(each, setting.name.name))
        case StageDecl(name=name, kind=kind, block=block):
            yield from _settings(block.settings, vocabulary.get((kind or name).name))
        case BenchmarkDecl(kind=kind, block=block):
            yield from _settings(block.settings, vocabulary.get(kind.name))
        case EvaluateDecl(block=block):
            yield from _settings(block.settings, None)
        case _:
            return


def _settings(settings: Iterable[Setting], operator: Operator | None) -> Iterator[Part]:
    return ((setting.value, _words(operator, setting.name.name)) for setting in settings)


def _words(operator: Operator | None, option: str) -> tuple[str, ...]:
    found = option_of(operator, option) if operator else None
    type: OptionType | None = found.type if found else None
    return words(type) if type else ()


def _by_place(operator: Operator | None) -> tuple[str, ...]:
    """The words of options that are written without their names: `round(m, bf16)`."""
    options = operator.options if operator else ()
    return tuple(word for option in options if option.positional for word in words(option.type))


def _call(call: Call, axes: frozenset[str], declared: Declared, vocabulary: Vocabulary) -> Iterator[Part]:
    operator: Operator | None = None
    if isinstance(call.function, Name):
        stage = declared.get(call.function.name)
        name = (stage.kind or stage.name).name if isinstance(stage, StageDecl) else call.function.name
        operator = vocabulary.get(name)
    if not _catalogued(call.function, axes, declared, vocabulary):
        yield call.function, ()
    for argument in call.arguments:
        if operator and operator.pattern and path_without_quotes(argument.value):
            continue
        yield argument.value, _words(operator, argument.name.name) if argument.name else _by_place(operator)
        if argument.weight is not None:
            yield argument.weight, ()


def _catalogued(expr: Expr, axes: frozenset[str], declared: Declared, vocabulary: Vocabulary) -> bool:
    """Say whether a word that is applied is the catalogue's, though something of that name may be declared."""
    if not isinstance(expr, Name) or expr.name in axes or expr.name not in vocabulary:
        return False
    return not applies(declared.get(expr.name))
