"""Supervised fine-tuning: answers of chats. Out: the declaration of `sft`."""

from ladle.dsl.signature import Operator, Option, Role, Word
from ladle.dsl.types import CorpusKind
from ladle.executor.stage import ENGINES, adapters, budget, corpus, optimisation, packing, sequence

SUPERVISE = Option(
    "supervise",
    Word(("answers", "final", "all")),
    "answers",
    "which tokens are learned: every answer, the last answer, or the whole chat; the end of a turn always is",
    field="assistant_only_loss",
    prepare=True,
)

OPERATOR = Operator(
    name="sft",
    role=Role.STAGE,
    version=1,
    text="supervised fine-tuning: learn the answers of chats, rendered in the model's template",
    options=(
        corpus(CorpusKind.CHAT),
        *budget(),
        *optimisation(2e-5),
        *sequence(),
        packing("none"),
        SUPERVISE,
        *adapters(),
    ),
    engines=ENGINES,
    takes=(CorpusKind.CHAT,),
    needs_template=True,
    program="ladle.executor.trainers.sft",
)
