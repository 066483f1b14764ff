"""The mean of models, drawn towards their base by how little they agree (Jang et al. 2024). Out: `model_stock`."""

from ladle.dsl.signature import Flag, Operands, Operator, Option, Role, Sort
from ladle.executor.merge import BASE, ENGINES, PROGRAM

FILTER_WISE = Option(
    "filter_wise", Flag(), False, "a weight for each row of a tensor instead of one for the tensor", field="filter_wise"
)

OPERATOR = Operator(
    name="model_stock",
    role=Role.MERGE,
    version=1,
    text="between the base and the mean of models trained from it, by the angle between their differences",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, family=True),
    options=(BASE, FILTER_WISE),
    engines=ENGINES,
    needs_base=True,
    program=PROGRAM,
)
