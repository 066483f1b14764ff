"""How each merge of the language is said to mergekit, tensor by tensor. In: operator and options. Out: one call.

mergekit's methods and parameter names are used as they are; `lerp`, `soup` and model arithmetic become its `linear`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ladle.dsl.graph import Json
from ladle.executor.task import StepError
from ladle.executor.weights.modules import unmatched, value_at

MERGES: Final[tuple[str, ...]] = (
    "slerp",
    "lerp",
    "linear",
    "soup",
    "ties",
    "dare_ties",
    "task_arithmetic",
    "affine",
    "model_stock",
    "round",
)
"""The operators that `weights.merge` computes."""

_OVER_DELTAS: Final = ("ties", "dare_ties", "task_arithmetic")
_SHARED: Final = ("normalize", "lambda", "rescale", "int8_mask")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of `mergekit.merge_methods.merge_tensors`: a method and its parameters for one tensor.

    With `base` the tensors are those of the base model and then of each operand, else of each operand; `base_index`
    says which of them mergekit calls the base.
    """

    method: str
    parameters: Mapping[str, float | bool | tuple[float, ...]]
    base_index: int | None = None
    geometric: bool = False
    """Whether the two tensors are brought to the norm |a|^(1-t) |b|^t before (equation 9 of Lu, Luu and Buehler)."""
    t: float = 0.0


def call(operator: str, options: Mapping[str, Json], operands: int, tensor: str, layers: int) -> Call:
    """Return the mergekit call for `tensor` of a merge of `operands` models with `layers` layers.

    Raises StepError where the weights of a normalised merge sum to zero (mergekit would write NaN, or not normalise).
    """
    match operator:
        case "slerp":
            t = value_at(options["t"], tensor, layers)
            return Call("slerp", {"t": t}, base_index=0, geometric=options.get("norm") == "geometric", t=t)
        case "lerp":
            t = value_at(options["t"], tensor, layers)
            return Call("linear", {"weight": (1 - t, t), "normalize": False})
        case "soup":
            return Call("linear", {"weight": (1.0,) * operands, "normalize": True})
        case "affine":
            return Call("linear", {"weight": _coefficients(options, tensor, layers), "normalize": False})
        case "linear":
            normalize = options.get("normalize", True) is True
            weights = _weights(options, operands, tensor, layers, normalize)
            return Call("linear", {"weight": weights, "normalize": normalize})
        case "model_stock":
            return Call("model_stock", {"filter_wise": options.get("filter_wise") is True}, base_index=0)
        case _ if operator in _OVER_DELTAS:
            return _over_deltas(operator, options, operands, tensor, layers)
        case _:
            raise StepError(f"`{operator}` is not a merge", f"the merges are {', '.join(MERGES)}")


def schedules(options: Mapping[str, Json]) -> tuple[tuple[str, Json], ...]:
    """Return every per-tensor parameter of a merge with the name of its option."""
    found: list[tuple[str, Json]] = []
    for name, value in options.items():
        if name in ("weights", "density") and isinstance(value, list):
            found.extend((name, item) for item in value)
        elif name == "coefficients" and isinstance(value, list):
            found.extend((name, _pair(product)[1]) for products in value for product in _products(products))
        else:
            found.append((name, value))
    return tuple((name, value) for name, value in found if isinstance(value, dict) and "schedule" in value)


def ineffective(options: Mapping[str, Json], tensors: tuple[str, ...]) -> str:
    """Return a message for the first module name of a schedule that no tensor matches, or ""."""
    for option, setting in schedules(options):
        for name in unmatched(setting, tensors):
            return f"`{name}` in `{option}` matches no tensor of the model"
    return ""


def _over_deltas(operator: str, options: Mapping[str, Json], operands: int, tensor: str, layers: int) -> Call:
    normalize = options.get("normalize") is True
    parameters: dict[str, float | bool | tuple[float, ...]] = {
        "weight": _weights(options, operands, tensor, layers, normalize)
    }
    density = options.get("density")
    if density is not None:
        each = density if isinstance(density, list) else [density] * operands
        parameters["density"] = tuple(value_at(item, tensor, layers) for item in each)
    for name in _SHARED:
        value = options.get(name)
        if isinstance(value, dict):
            parameters[name] = value_at(value, tensor, layers)
        elif isinstance(value, bool | int | float):
            parameters[name] = value
    return Call(operator, parameters, base_index=0)


def _weights(
    options: Mapping[str, Json], operands: int, tensor: str, layers: int, normalize: bool
) -> tuple[float, ...]:
    given = options.get("weights")
    listed = given if isinstance(given, list) and given else [None] * operands
    weights = tuple(1.0 if item is None else value_at(item, tensor, layers) for item in listed)
    if normalize and abs(sum(weights)) < 1e-8:
        raise StepError(
            f"the weights of the merge sum to zero for `{tensor}`, so they cannot be normalised",
            "change a weight, or set normalize = false",
        )
    return weights


def _coefficients(options: Mapping[str, Json], tensor: str, layers: int) -> tuple[float, ...]:
    listed = options["coefficients"]
    assert isinstance(listed, list)
    result = tuple(sum(_product(product, tensor, layers) for product in _products(products)) for products in listed)
    if abs(sum(result) - 1) > 1e-6:
        raise StepError(
            f"the coefficients of the model arithmetic sum to {sum(result):g} for `{tensor}`, not to 1",
            "a sum of models is a model only where its coefficients sum to 1",
        )
    return result


def _products(products: Json) -> list[Json]:
    assert isinstance(products, list)
    return products


def _pair(product: Json) -> tuple[Json, Json]:
    assert isinstance(product, list)
    number, schedule = product
    return number, schedule


def _product(product: Json, tensor: str, layers: int) -> float:
    number, schedule = _pair(product)
    factor = 1.0 if schedule is None else value_at(schedule, tensor, layers)
    return value_at(number, tensor, layers) * factor
