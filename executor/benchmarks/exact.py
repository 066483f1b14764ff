"""Exact answers by greedy generation. Out: the declaration of `exact`."""

from ladle.dsl.signature import Number, Operator, Option, Role
from ladle.dsl.types import CorpusKind
from ladle.executor.benchmark import ENGINES, rows

LENGTH = Option("max_tokens", Number(low=1, integer=True), 64, "tokens generated at most", field="max_new_tokens")

OPERATOR = Operator(
    name="exact",
    role=Role.BENCHMARK,
    version=1,
    text="exact answers: greedy generation in the model's template equals the answer; accuracy, higher is better",
    options=(rows((CorpusKind.LABELLED,), "the strings `question` and `answer`"), LENGTH),
    engines=ENGINES,
    takes=(CorpusKind.LABELLED,),
    columns=("question", "answer"),
    needs_template=True,
    program="ladle.executor.scoring.exact",
)
