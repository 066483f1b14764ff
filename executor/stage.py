"""What training kinds share. In: the few values in which kinds differ. Out: tuples of options and of engines."""

from __future__ import annotations

from ladle.dsl.signature import (
    REQUIRED,
    Number,
    Numbers,
    OneOf,
    Option,
    Record,
    Reference,
    Sort,
    Word,
)
from ladle.dsl.types import CorpusKind, Dimension, Share

ENGINES = ("accelerate", "numpy", "torch", "transformers", "trl")
"""Distributions whose versions can change what a training gives."""

COUNT = Number(low=1, integer=True)
SEED = Number(low=0, high=2**32 - 1, integer=True)


def corpus(kind: CorpusKind) -> Option:
    """Return the option `on` of a stage that learns from `kind`."""
    rows = Reference(Sort.CORPUS, (kind,), answered=kind is CorpusKind.CHAT)
    return Option("on", rows, REQUIRED, "the corpus; every row of it is trained on", prepare=True)


def sequence() -> tuple[Option, ...]:
    """Return the options that say how long a row may be."""
    return (
        Option(
            "context",
            Number(low=2, integer=True),
            1024,
            "tokens per sequence, at most",
            field="max_length",
            prepare=True,
        ),
        Option(
            "overlong",
            Word(("error", "drop", "truncate")),
            "error",
            "what becomes of a row longer than `context`: stop, leave it out, or keep its beginning",
            field="truncation_mode",
            prepare=True,
        ),
    )


def packing(default: str) -> Option:
    """Return the option `packing`."""
    return Option(
        "packing",
        Word(("none", "wrapped", "isolated")),
        default,
        "none: one document a row; wrapped: one stream of tokens, cut at `context`; isolated: several whole documents "
        "a row, which do not see each other",
        field="packing_strategy",
        prepare=True,
    )


def adapters() -> tuple[Option, ...]:
    """Return the option `lora`: how a stage trains, not what its model is."""
    fields = (
        Option("r", Number(low=1, high=4096, integer=True), REQUIRED, "rank", field="r"),
        Option("alpha", Number(low=0, open_low=True), None, "scale; none: twice the rank", field="lora_alpha"),
        Option(
            "targets",
            Word(("all_linear", "attention")),
            "all_linear",
            "the layers that get an adapter: every linear one but the output, or those of attention",
            field="target_modules",
        ),
        Option("dropout", Number(low=0, high=1, open_high=True), 0.0, "dropout before it", field="lora_dropout"),
    )
    return (
        Option(
            "lora",
            OneOf((Record(fields), Word(("continue",)))),
            None,
            "a new adapter, `{r: 16}`, or `continue` with the one of the stage before; none: every weight is trained",
            field="peft_config",
            late=True,
            continues="continue",
            checked_only=True,
        ),
        Option(
            "watch",
            Reference(Sort.BENCHMARK),
            None,
            "a benchmark that is measured while the stage trains; it changes nothing of the training",
            field="eval_dataset",
            late=True,
            checked_only=True,
        ),
    )


def budget() -> tuple[Option, ...]:
    """Return the three ways to say how long a stage trains, of which one has a value."""
    return (
        Option(
            "epochs",
            Number(low=0, open_low=True),
            1,
            "passes over the corpus",
            field="num_train_epochs",
            group="budget",
        ),
        Option("steps", COUNT, None, "optimizer steps", field="max_steps", group="budget"),
        Option("tokens", COUNT, None, "tokens seen, padding not counted; ends with the step that reaches them",
               field="max_steps", group="budget"),
    )  # fmt: skip


def optimisation(lr: float) -> tuple[Option, ...]:
    """Return the options of the optimizer; `lr` is the kind's default learning rate."""
    return (
        Option("lr", Number(low=0, high=1, open_low=True), lr, "learning rate at its peak", field="learning_rate"),
        Option(
            "schedule",
            Word(("cosine", "linear", "constant")),
            "cosine",
            "how the learning rate falls after warming up",
            field="lr_scheduler_type",
        ),
        Option(
            "warmup",
            OneOf((Number(low=0, high=1, dimensions=(Dimension.PERCENT,)), Number(low=0, integer=True))),
            Share(0.05),
            "steps in which the learning rate rises from zero: a share of all steps, or a number of them",
            field="warmup_steps",
        ),
        Option(
            "betas",
            Numbers(Number(low=0, high=1, open_high=True), 2),
            (0.9, 0.95),
            "AdamW's decay rates of the first and second moments",
            field="adam_beta1, adam_beta2",
        ),
        Option("weight_decay", Number(low=0, high=1), 0.01, "AdamW's weight decay", field="weight_decay"),
        Option("clip", Number(low=0), 1.0, "largest norm of the gradient; 0: never clipped", field="max_grad_norm"),
        Option(
            "global_batch",
            COUNT,
            32,
            "sequences per optimizer step (packed rows if packed; a preference pair is one), whatever the machine",
            field="per_device_train_batch_size * gradient_accumulation_steps * processes",
        ),
        Option(
            "precision",
            Word(("fp32", "bf16")),
            None,
            "what is computed in and written (bf16 trains float32 weights in autocast); none: that of the start model",
            field="bf16",
        ),
        Option("seed", SEED, 42, "what the order of rows and dropout are drawn from", field="seed, data_seed"),
    )
