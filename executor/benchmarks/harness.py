"""A task of the evaluation harness. Out: the declaration of `harness`."""

from ladle.dsl.signature import REQUIRED, Number, Operator, Option, Role, Text
from ladle.executor.benchmark import ENGINES

OPERATOR = Operator(
    name="harness",
    role=Role.BENCHMARK,
    version=1,
    text="a task of lm_eval; its own headline number",
    options=(
        Option("task", Text(), REQUIRED, "the name of the task", field="tasks"),
        Option("shots", Number(low=0, high=64, integer=True), 0, "examples before each question", field="num_fewshot"),
    ),
    engines=ENGINES,
    checked_only=True,
)
