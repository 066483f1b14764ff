"""Continued pretraining: the next token of plain text. Out: the declaration of `cpt`."""

from ladle.dsl.signature import Operator, Role
from ladle.dsl.types import CorpusKind
from ladle.executor.stage import ENGINES, adapters, budget, corpus, optimisation, packing, sequence

OPERATOR = Operator(
    name="cpt",
    role=Role.STAGE,
    version=1,
    text="continued pretraining: learn to continue plain text; every token is supervised",
    options=(corpus(CorpusKind.TEXT), *budget(), *optimisation(2e-5), *sequence(), packing("isolated"), *adapters()),
    engines=ENGINES,
    takes=(CorpusKind.TEXT,),
    program="ladle.executor.trainers.cpt",
)
