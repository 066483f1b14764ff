"""A byte-level BPE tokenizer. In: a task with corpora, a size and a template. Out: a fast tokenizer's folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ladle.executor.corpus_rows import read_rows
from ladle.executor.task import Given, Progress, StepError, Task
from ladle.executor.templates import BUILT_IN, END, PAD, reserved
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast


def run(task: Task) -> None:
    """Train a tokenizer on all texts of the corpora; control tokens come first, then the 256 bytes, then merges.

    Raises StepError where the corpora are too small for that size: a vocabulary has the size it is declared with.
    """
    template, size = task.options["template"], int(str(task.options["vocab"]))
    name = template if isinstance(template, str) else None
    control = reserved(name)
    with one_thread():
        inner = learn(texts(task.all_given("corpora")), size, control)
    if inner.get_vocab_size() != size:
        raise StepError(
            f"the corpora give a vocabulary of {inner.get_vocab_size()} tokens, fewer than `vocab = {size}`",
            f"write `vocab = {inner.get_vocab_size()}` or less, or add text",
        )
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=list(control[2:]),
        clean_up_tokenization_spaces=False,
    )
    made.chat_template = BUILT_IN[name].text if name else None
    made.save_pretrained(task.output)
    task.report(Progress(1, 1, "tokenizers"))


def learn(found: Iterator[str], size: int, control: tuple[str, ...]) -> Tokenizer:
    """Return the tokenizer learned from `found`, with `control` as its first tokens."""
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        show_progress=False,
        special_tokens=[AddedToken(token, normalized=False, special=True) for token in control],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    inner.train_from_iterator(found, trainer=trainer)
    return inner


def texts(corpora: tuple[Given, ...]) -> Iterator[str]:
    """Yield every text of the rows: of messages and answers too, one by one, without template."""
    for corpus in corpora:
        for row in read_rows(corpus):
            yield from strings(row)


def strings(value: Any) -> Iterator[str]:
    """Yield the texts of a row, a message or a list of them; a role is no text."""
    match value:
        case str():
            yield value
        case Mapping():
            for key in sorted(value):
                if key != "role":
                    yield from strings(value[key])
        case list() | tuple():
            for item in value:
                yield from strings(item)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the tokenizers library from counting in parallel: its result must not depend on how work is shared out."""
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ["TOKENIZERS_PARALLELISM"]
        else:
            os.environ["TOKENIZERS_PARALLELISM"] = before
