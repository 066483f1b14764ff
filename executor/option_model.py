"""Options of a node as a file has them. In: JSON and an operator's declaration. Out: what is wrong with it, in words.

The pydantic model is built from the declaration here, where a step starts; checking a recipe needs no pydantic.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import getitem
from typing import Annotated, Any, Literal

from ladle.dsl.graph import Json
from ladle.dsl.signature import (
    REQUIRED,
    Flag,
    Made,
    Names,
    Number,
    Numbers,
    OneOf,
    Operator,
    Option,
    OptionType,
    Record,
    Reference,
    Required,
    Role,
    Scheduled,
    Text,
    Texts,
    Word,
)
from ladle.dsl.types import Dimension
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def problems(options: Mapping[str, Json], operator: Operator) -> tuple[str, ...]:
    """Return what is wrong with a node's canonical options, one line each; empty if they fit the operator."""
    try:
        _model(operator).model_validate(dict(options))
    except ValidationError as error:
        return tuple(_line(details["loc"], details["msg"]) for details in error.errors())
    return ()


def _line(place: tuple[int | str, ...], message: str) -> str:
    return f"`{place[0]}`: {message[:1].lower()}{message[1:]}" if place else message


def _model(operator: Operator) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    for number, option in enumerate(operator.options):
        if not _is_input(option.type):
            fields[f"field_{number}"] = (
                _field(option, operator),
                Field(alias=option.name, **_default(option, operator)),
            )
    if operator.operands.weighted != "no":
        weight: Any = _type(operator.operands.weight_type or Number())
        fields["weights"] = (_of(list, weight | None) | None, None)
    if operator.role is Role.STAGE:
        fields["until"] = (_until() | None, None)
    if operator.rescores:
        fields["on"] = (_of(dict, (str, Any)), ...)  # the program checks it against that benchmark's own declaration
    return create_model(f"options of {operator.name}", __config__=_STRICT, **fields)


def _until() -> Any:
    """Where a state lies within its training: written by lowering."""
    count = _bounded(int, Number(low=1))
    epoch = create_model("epoch", __config__=_STRICT, epoch=(count, ...))
    return epoch | create_model("step", __config__=_STRICT, step=(count, ...))


def _is_input(kind: OptionType) -> bool:
    """Say whether all that such an option can be are inputs of the node."""
    kinds = kind.types if isinstance(kind, OneOf) else (kind,)
    return all(isinstance(item, Reference | Made) for item in kinds)


def _field(option: Option, operator: Operator) -> Any:
    if operator.role is Role.INTERNAL and isinstance(option.type, Text | Scheduled):
        return object  # written by lowering alone; the program knows its shape
    kind = _type(option.type)
    kind = kind | _of(list, kind) if option.each else kind
    return kind if option.default is REQUIRED else kind | None


def _default(option: Option, operator: Operator) -> dict[str, Any]:
    """The pattern of a data node is no part of a node: it is located by its files."""
    required = option.default is REQUIRED and option.name != operator.pattern
    return {} if required else {"default": None}


def _type(kind: OptionType) -> Any:
    match kind:
        case Number():
            return _number(kind)
        case Word(choices):
            return _word(choices)
        case Flag():
            return bool
        case Text():
            return str
        case Numbers(item, length):
            return _annotated(_of(list, _number(item)), Field(min_length=length or 1, max_length=length or None))
        case Texts():
            return _annotated(_of(list, str), Field(min_length=1))
        case Scheduled():
            return _scheduled(kind)
        case Names(keys):
            return _of(dict, (_word(keys), str))
        case Record(fields):
            return _record(fields)
        case OneOf(types):  # a reference among them is an input, so that the option itself is absent then
            return _union([_type(item) for item in types if not _is_input(item)])
        case Reference() | Made():
            raise TypeError(f"{kind} is an input, not an option")


def _record(fields: tuple[Option, ...]) -> Any:
    made: dict[str, Any] = {}
    for number, field in enumerate(fields):
        kind = _type(field.type) if isinstance(field.default, Required) else _type(field.type) | None
        made[f"field_{number}"] = (kind, Field(alias=field.name))
    return create_model("map", __config__=_STRICT, **made)


def _annotated(kind: Any, *bounds: Any) -> Any:
    return _of(Annotated, (kind, *bounds))


def _of(generic: Any, parts: Any) -> Any:
    """Return `generic[parts]`, made at run time."""
    return getitem(generic, parts)


def _word(choices: tuple[str, ...]) -> Any:
    return _of(Literal, choices)


def _union(kinds: list[Any]) -> Any:
    joined = kinds[0]
    for kind in kinds[1:]:
        joined = joined | kind
    return joined


def _number(kind: Number) -> Any:
    plain: Any = int if kind.integer else int | float
    bounded = _bounded(plain, kind)
    if Dimension.PERCENT in kind.dimensions:
        share = create_model("share", __config__=_STRICT, share=(_bounded(int | float, kind), ...))
        return bounded | share if len(kind.dimensions) > 1 else share
    return bounded


def _bounded(plain: Any, kind: Number) -> Any:
    bounds: list[Any] = []
    if kind.low is not None:
        bounds.append(Field(gt=kind.low) if kind.open_low else Field(ge=kind.low))
    if kind.high is not None:
        bounds.append(Field(lt=kind.high) if kind.open_high else Field(le=kind.high))
    return _annotated(plain, *bounds) if bounds else plain


def _scheduled(kind: Scheduled) -> Any:
    number: Any = _bounded(int | float, Number(low=kind.low, high=kind.high, open_low=kind.open_low))
    schedule = create_model(
        "schedule",
        __config__=_STRICT,
        schedule=(_of(dict, (str, number | _annotated(_of(list, number), Field(min_length=2)))), ...),
        otherwise=(number, Field(alias="else")),
    )
    return number | schedule
