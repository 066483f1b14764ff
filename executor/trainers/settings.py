"""The options of a training, typed. In: a task's canonical options. Out: frozen settings, every option in them once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ladle.dsl.graph import Json
from ladle.executor.task import StepError

SCHEDULES = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}
"""The language's word to transformers' word. `constant` warms up too, so that `warmup` always counts."""


@dataclass(frozen=True, slots=True)
class Epochs:
    """A budget of passes over the rows, such as 3 or 0.5."""

    count: float


@dataclass(frozen=True, slots=True)
class Steps:
    """A budget of optimizer steps."""

    count: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """A budget of tokens, padding not counted; the training ends with the step that reaches them."""

    count: int


Budget = Epochs | Steps | Tokens


@dataclass(frozen=True, slots=True)
class Settings:
    """What every training kind takes."""

    budget: Budget
    lr: float
    schedule: str
    warmup: int | float
    """A number of steps, or, as a float, a share of all steps."""
    betas: tuple[float, float]
    weight_decay: float
    clip: float
    """0: gradients are not clipped."""
    global_batch: int
    precision: str
    """`fp32` or `bf16`."""
    seed: int

    def warmup_steps(self, steps: int) -> int:
        """Return the number of warm-up steps of a training of `steps` steps; a share is rounded up."""
        if isinstance(self.warmup, float):
            return math.ceil(self.warmup * steps)
        return self.warmup


def settings(options: Mapping[str, Json], precision: str) -> Settings:
    """Return the settings in `options`; `precision` is the start model's, for where the option is none."""
    first, second = _numbers(options, "betas")
    chosen = options["precision"]
    return Settings(
        budget=_budget(options),
        lr=number(options, "lr"),
        schedule=SCHEDULES[word(options, "schedule")],
        warmup=_warmup(options["warmup"]),
        betas=(first, second),
        weight_decay=number(options, "weight_decay"),
        clip=number(options, "clip"),
        global_batch=count(options, "global_batch"),
        precision=precision if chosen is None else word(options, "precision"),
        seed=count(options, "seed"),
    )


def number(options: Mapping[str, Json], name: str) -> float:
    """Return a numeric option."""
    value = options[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, "a number", value)
    return float(value)


def count(options: Mapping[str, Json], name: str) -> int:
    """Return a whole-number option."""
    value = options[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(name, "a whole number", value)
    return value


def word(options: Mapping[str, Json], name: str) -> str:
    """Return an option that is one word of an enumeration."""
    value = options[name]
    if not isinstance(value, str):
        raise _wrong(name, "a word", value)
    return value


def _budget(options: Mapping[str, Json]) -> Budget:
    given = [name for name in ("epochs", "steps", "tokens") if options[name] is not None]
    match given:
        case ["epochs"]:
            return Epochs(number(options, "epochs"))
        case ["steps"]:
            return Steps(count(options, "steps"))
        case ["tokens"]:
            return Tokens(count(options, "tokens"))
        case _:
            raise StepError(f"a stage has exactly one of `epochs`, `steps` and `tokens`, not {len(given)}")


def _warmup(value: Json) -> int | float:
    match value:
        case {"share": float() | int() as share}:
            return float(share)
        case int() if not isinstance(value, bool):
            return value
        case _:
            raise _wrong("warmup", "a share or a number of steps", value)


def _numbers(options: Mapping[str, Json], name: str) -> tuple[float, float]:
    match options[name]:
        case [int() | float() as first, int() | float() as second]:
            return float(first), float(second)
        case other:
            raise _wrong(name, "two numbers", other)


def _wrong(name: str, wanted: str, value: Json) -> StepError:
    return StepError(f"the option `{name}` is {value!r}, not {wanted}", "compile the recipe again")
