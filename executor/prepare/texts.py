"""Plain text as token rows. In: rows with `text`. Out: documents, with BOS where the tokenizer sets it, and an end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ladle.executor.prepare.documents import Asked, Counts, Document, Located, integers, overlong
from ladle.executor.prepare.proof import Proof
from ladle.executor.tokenizer import Tokenizer


def text_documents(
    batch: Sequence[Located], tokenizer: Tokenizer, proof: Proof, asked: Asked, counts: Counts
) -> Iterator[Document]:
    """Yield the documents of a batch. All tokens are supervised.

    Packing cuts what is longer than `context`; without packing, or where `overlong` says so, it is an error, dropped or
    truncated.
    """
    for (place, _), ids in zip(batch, tokenizer.documents([str(row["text"]) for _, row in batch]), strict=True):
        bare = ids[:-1] if ids and ids[-1] == tokenizer.eos else ids
        proof.document(place, ids)
        if tokenizer.eos is not None:
            ids = [*bare, tokenizer.eos]
        if len(ids) > asked.context:
            if asked.overlong == "drop":
                counts.dropped += 1
                continue
            if asked.overlong == "truncate":
                counts.truncated += 1
                ids = ids[: asked.context]
            elif asked.packing == "none":
                raise overlong(place, len(ids), asked)
        yield Document(place, integers(ids), b"\1" * len(ids))
