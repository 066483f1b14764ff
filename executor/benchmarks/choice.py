"""Multiple choice by likelihood. Out: the declaration of `choice`."""

from ladle.dsl.signature import Operator, Option, Role, Word
from ladle.dsl.types import CorpusKind
from ladle.executor.benchmark import ENGINES, rows

SCORE = Option(
    "score",
    Word(("likelihood", "normalized", "letter")),
    "likelihood",
    "what a choice counts: its summed log-likelihood, or that divided by its bytes; letter: the model is shown the "
    "choices and writes the letter of one",
)

OPERATOR = Operator(
    name="choice",
    role=Role.BENCHMARK,
    version=1,
    text="multiple choice: the choice that the model finds likeliest as an answer, in its template; accuracy, higher "
    "is better",
    options=(rows((CorpusKind.LABELLED,), "`question`, `choices` and the index `answer`, from 0"), SCORE),
    engines=ENGINES,
    takes=(CorpusKind.LABELLED,),
    columns=("question", "choices", "answer"),
    needs_template=True,
    program="ladle.executor.scoring.choice",
)
