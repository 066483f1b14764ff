"""Loss on held-out text. Out: the declaration of `loss`."""

from ladle.dsl.signature import Number, Operator, Option, Role
from ladle.dsl.types import CorpusKind, Dimension
from ladle.executor.benchmark import ENGINES, rows

CONTEXT = Option("context", Number(low=2, integer=True), 1024, "tokens per sequence; longer text is cut into several")

OPERATOR = Operator(
    name="loss",
    role=Role.BENCHMARK,
    version=1,
    text="mean negative log-likelihood per token of held-out text, in nats; lower is better",
    options=(rows((CorpusKind.TEXT,), "`text`"), CONTEXT),
    engines=ENGINES,
    takes=(CorpusKind.TEXT,),
    headline=Dimension.PLAIN,
    program="ladle.executor.scoring.loss",
)
