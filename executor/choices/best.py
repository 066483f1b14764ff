"""The model of a family that does best on a benchmark. Out: the declaration of `best`.

Formula, for models m_1, m_2, ... and their scores s_i on the benchmark:

    result = m_i with the best s_i, the first where several are as good

The best is the highest accuracy, or the lowest loss. The result has that model's own bytes; `choice.json` beside it
records every score and which was taken.

Source: selection on held-out rows, as for a checkpoint or a value of `t`.

When to use it: to end a sweep. The choice has seen the rows of its benchmark, so that its number there is too good: a
table that reports it on them says `as = dev`, and another benchmark judges it.

Example:

    benchmark dev: choice { on = jsonl("corpora/bench/dev.jsonl") }
    model swept[t in 0.1..0.9 by 0.2] = slerp(instruct, cpt(base), t = t)
    model m = best(swept, on = dev)
    evaluate table { models = [instruct, m]  on = [silk] }
"""

from ladle.dsl.signature import Operands, Operator, Role, Sort
from ladle.executor.choice import ON

OPERATOR = Operator(
    name="best",
    role=Role.CHOICE,
    version=1,
    text="the model of a family or list that scores best on a benchmark, the first among equals; decided when the "
    "scores are there, and recorded with them",
    operands=Operands((Sort.MODEL,), variadic=True, minimum=2, family=True),
    options=(ON,),
    program="ladle.executor.choosing.best",
)
