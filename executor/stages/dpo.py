"""Direct preference optimisation (Rafailov et al. 2023). Out: the declaration of `dpo`."""

from ladle.dsl.signature import Number, Operator, Option, Reference, Role, Sort, Word
from ladle.dsl.types import CorpusKind
from ladle.executor.stage import ENGINES, adapters, budget, corpus, optimisation, sequence

PREFERENCE = (
    Option(
        "beta",
        Number(low=0, open_low=True),
        0.1,
        "how strongly the model is held to the reference; for `ipo` its regularisation tau",
        field="beta",
    ),
    Option("loss", Word(("sigmoid", "hinge", "ipo")), "sigmoid", "the loss over reward differences", field="loss_type"),
    Option(
        "reference",
        Reference(Sort.MODEL),
        None,
        "the model whose likelihoods answers are measured against; none: the stage's own start",
        field="ref_model",
    ),
)

OPERATOR = Operator(
    name="dpo",
    role=Role.STAGE,
    version=1,
    text="direct preference optimisation: prefer the chosen answer, measured against a reference model",
    options=(corpus(CorpusKind.PREFERENCE), *budget(), *optimisation(5e-7), *sequence(), *PREFERENCE, *adapters()),
    engines=ENGINES,
    takes=(CorpusKind.PREFERENCE,),
    needs_template=True,
    program="ladle.executor.trainers.dpo",
)
