"""Preparation of rows. In: a corpus and a tokenizer. Out: token rows with masks, each proved before it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice

from ladle.dsl.types import CorpusKind
from ladle.executor.corpus_rows import located_rows
from ladle.executor.prepare.chats import chat_documents
from ladle.executor.prepare.documents import Asked, Counts, Document, Located, Pair
from ladle.executor.prepare.limits import TooLong, limited
from ladle.executor.prepare.packing import packed
from ladle.executor.prepare.preferences import pairs
from ladle.executor.prepare.proof import Proof
from ladle.executor.prepare.render import ChatTemplate, TemplateFault
from ladle.executor.prepare.texts import text_documents
from ladle.executor.prepare.writing import write_documents, write_pairs
from ladle.executor.rows import kind_of
from ladle.executor.task import Progress, StepError, Task
from ladle.executor.tokenizer import Tokenizer, load_tokenizer

BATCH = 512

Convert = Callable[[list[Located]], list[Document | Pair]]


def run(task: Task) -> None:
    """Write `rows.safetensors` and `prepare.json`. Raises StepError that names file and row."""
    asked, counts = Asked.of(task.options), Counts()
    tokenizer = load_tokenizer(task.given("tokenizer"), task.work)
    rows = located_rows(task.given("corpus"))
    first = next(rows)
    kind = kind_of(first[1])
    convert = _converter(kind, tokenizer, asked, counts)
    made = [item for batch in _batches(chain([first], rows)) for item in _converted(convert, batch, counts, task)]
    if not made:
        raise StepError(f"all {counts.read} rows are longer than {asked.context} tokens", "raise `context`")
    documents = [item for item in made if isinstance(item, Document)]
    if documents:
        write_documents(documents, packed(documents, asked, counts), asked, counts, kind, task.output)
    else:
        write_pairs([item for item in made if isinstance(item, Pair)], asked, counts, task.output)
    task.report(Progress(counts.read, counts.read, "rows"))


def _converter(kind: CorpusKind, tokenizer: Tokenizer, asked: Asked, counts: Counts) -> Convert:
    """What makes documents or pairs of a batch of rows of `kind`."""
    if kind is CorpusKind.TEXT:
        proof = Proof(tokenizer, None)
        return lambda batch: list(text_documents(batch, tokenizer, proof, asked, counts))
    template = _template(tokenizer)
    proof = Proof(tokenizer, template)
    if kind is CorpusKind.CHAT:
        return lambda batch: list(chat_documents(batch, tokenizer, template, proof, asked, counts))
    if kind is CorpusKind.PREFERENCE:
        return lambda batch: list(pairs(batch, tokenizer, template, proof, asked, counts))
    raise StepError(f"a stage trains on text, chats or preferences, not on {kind} rows")


def _template(tokenizer: Tokenizer) -> ChatTemplate:
    if tokenizer.template is None:
        raise StepError(
            f"the tokenizer of `{tokenizer.name}` has no chat template",
            "declare one at the model's source: `template = chatml`, or `template = a_model` that has one",
        )
    try:
        with limited():
            return ChatTemplate(tokenizer.template, dict(tokenizer.names))
    except (TemplateFault, TooLong, MemoryError) as fault:
        raise StepError(f"the template of `{tokenizer.name}`: {fault or 'it takes too much'}") from None


def _converted(convert: Convert, batch: list[Located], counts: Counts, task: Task) -> list[Document | Pair]:
    found = convert(batch)
    counts.read += len(batch)
    task.report(Progress(counts.read, 0, "rows"))
    return found


def _batches(rows: Iterable[Located]) -> Iterator[list[Located]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch
