"""Tables and figure of a recipe. Out: the declaration of `report`."""

from ladle.dsl.signature import REQUIRED, Operator, Option, Role, Text

OPERATOR = Operator(
    name="report",
    role=Role.INTERNAL,
    version=2,
    text="tables, figure, loss curves and graph of what a recipe evaluates",
    options=(
        Option(
            "tables", Text(), REQUIRED, "models, benchmarks, baseline and parents of each table; written by lowering"
        ),
        Option("graph", Text(), REQUIRED, "names and edges of the graph, to be drawn; written by lowering"),
    ),
    program="ladle.executor.report.program",
)
