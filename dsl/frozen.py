"""Frozen data, cheaply made. In: a class with annotated fields. Out: what `@dataclass(frozen=True, slots=True)` gives.

`ladle check` makes about a hundred classes before it reads a byte, and the standard decorator compiles six functions
for each: 35 ms of 140 (`docs/decisions/008-frozen-data.md`). This one compiles the constructor, once it is called, and
shares the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from operator import attrgetter
from types import FunctionType
from typing import NoReturn, TypeVar, cast, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def frozen(cls: type[T]) -> type[T]:
    """Return `cls` with slots, a constructor, equality by value and type, a hash, `repr`, and no assignment.

    What a `cached_property` of it found is kept beside the slots.
    """
    body = dict(cls.__dict__)
    names = tuple(body.get("__annotations__", ()))
    defaults = {name: body.pop(name) for name in names if name in body}
    body.pop("__dict__", None)
    body.pop("__weakref__", None)
    beside = ("__dict__",) if any(isinstance(each, cached_property) for each in body.values()) else ()
    made = type(cls.__name__, cls.__bases__, {**body, "__slots__": (*names, *beside), "__match_args__": names})
    methods: dict[str, object] = {
        "__init__": _compiled_when_called(made, names, defaults),
        "__eq__": _equality(names),
        "__hash__": _hash(names),
        "__repr__": _represent,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
        "__reduce__": _reduce,
    }
    for name, method in methods.items():
        if name not in body:
            setattr(made, name, method)
    return cast("type[T]", made)


def replace(value: T, **changes: object) -> T:
    """Return `value` with some fields changed; a standard dataclass will do too."""
    return type(value)(**{name: getattr(value, name) for name in _fields(value)} | changes)


def _fields(value: object) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(type(value), "__match_args__")  # noqa: B009 - `object` has none to mypy
    return names


def _compiled_when_called(made: type[object], names: tuple[str, ...], defaults: dict[str, object]) -> object:
    """Return an `__init__` that puts the compiled one in its place: two classes of five are never made into objects."""

    def __init__(self: object, *values: object, **named: object) -> None:  # noqa: N807
        constructor = _constructor(made, names, defaults)
        setattr(made, "__init__", constructor)  # noqa: B010 - to mypy a method is no variable
        constructor(self, *values, **named)

    return __init__


def _constructor(made: type[object], names: tuple[str, ...], defaults: dict[str, object]) -> FunctionType:
    """Compile `__init__`: one parameter a field, in order, and one slot filled for each."""
    known: dict[str, object] = {f"_default_{name}": value for name, value in defaults.items()}
    known |= {f"_set_{name}": getattr(made, name).__set__ for name in names}
    parameters = "".join(f", {name}=_default_{name}" if name in defaults else f", {name}" for name in names)
    lines = "".join(f"\n _set_{name}(self, {name})" for name in names)
    exec(f"def __init__(self{parameters}):{lines or ' pass'}", known)
    constructor = known["__init__"]
    assert isinstance(constructor, FunctionType)
    return constructor


def _values(names: tuple[str, ...]) -> Callable[[object], object]:
    return attrgetter(*names) if names else lambda _: ()


def _equality(names: tuple[str, ...]) -> Callable[[object, object], bool]:
    values = _values(names)

    def __eq__(self: object, other: object) -> bool:  # noqa: N807 - it becomes the class's
        if self is other:
            return True
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(names: tuple[str, ...]) -> Callable[[object], int]:
    values = _values(names)

    def __hash__(self: object) -> int:  # noqa: N807
        return hash(values(self))

    return __hash__


def _represent(self: object) -> str:
    return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in _fields(self))})"


def _reduce(self: object) -> tuple[type[object], tuple[object, ...]]:
    return type(self), tuple(getattr(self, name) for name in _fields(self))


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    raise AttributeError(f"`{type(self).__name__}` is frozen: `{name}` cannot be set")
