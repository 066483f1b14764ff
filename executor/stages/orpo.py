"""Odds ratio preference optimisation (Hong et al. 2024). Out: the declaration of `orpo`."""

from ladle.dsl.signature import Number, Operator, Option, Role
from ladle.dsl.types import CorpusKind
from ladle.executor.stage import ENGINES, adapters, budget, corpus, optimisation, sequence

BETA = Option(
    "beta",
    Number(low=0, open_low=True),
    0.1,
    "weight of the odds ratio beside the likelihood of the chosen answer (lambda in the article)",
    field="beta",
)

OPERATOR = Operator(
    name="orpo",
    role=Role.STAGE,
    version=1,
    text="odds ratio preference optimisation: learn the chosen answer and prefer it, without a reference model",
    options=(corpus(CorpusKind.PREFERENCE), *budget(), *optimisation(3e-6), *sequence(), BETA, *adapters()),
    engines=ENGINES,
    takes=(CorpusKind.PREFERENCE,),
    needs_template=True,
    program="ladle.executor.trainers.orpo",
)
