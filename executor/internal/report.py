"""Tables and figure of a recipe. Out: the declaration of `report`."""

from ladle.dsl.signature import Operator, Role

OPERATOR = Operator(
    name="report",
    role=Role.INTERNAL,
    version=1,
    text="tables, figure, loss curves and graph of what a recipe evaluates",
    program="ladle.executor.report.program",
)
