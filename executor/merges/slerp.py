"""Spherical interpolation of two models. Out: the declaration of `slerp`."""

from ladle.dsl.signature import Operands, Operator, Option, Role, Sort, Word
from ladle.executor.merge import ENGINES, PROGRAM, T

NORM = Option(
    "norm",
    Word(("linear", "geometric")),
    "linear",
    "linear: interpolate the weights themselves, as mergekit does; geometric: interpolate their directions and scale "
    "by |a|^(1-t) |b|^t (equation 9 of Lu, Luu and Buehler 2025)",
)

OPERATOR = Operator(
    name="slerp",
    role=Role.MERGE,
    version=1,
    text="spherical interpolation of two models, tensor by tensor; linear above |cos| 0.9995",
    operands=Operands((Sort.MODEL, Sort.MODEL), minimum=2),
    options=(T, NORM),
    engines=ENGINES,
    program=PROGRAM,
)
