"""Chats as token rows. In: rows with `messages`. Out: documents whose answers are supervised, turn ends included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ladle.dsl.graph import Json
from ladle.executor.prepare.documents import Asked, Counts, Document, Located, integers, overlong
from ladle.executor.prepare.limits import patience
from ladle.executor.prepare.proof import Proof
from ladle.executor.prepare.render import ChatTemplate, Message, TemplateFault
from ladle.executor.prepare.turns import Chat, chat
from ladle.executor.task import StepError
from ladle.executor.tokenizer import Placed, Tokenizer


def chat_documents(
    batch: Sequence[Located], tokenizer: Tokenizer, template: ChatTemplate, proof: Proof, asked: Asked, counts: Counts
) -> Iterator[Document]:
    """Yield the documents of a batch."""
    chats = [(place, messages_of(row["messages"])) for place, row in batch]
    with patience(batch):
        found = [rendered(place, template, messages, asked.supervise) for place, messages in chats]
        for _, messages in chats:
            proof.expected(messages)
    placed = tokenizer.rendered([item.text for item in found])
    for (place, messages), item, tokens in zip(chats, found, placed, strict=True):
        proof.chat(place, messages, tokens.ids)
        mask = supervised(place, item, tokens, proof, asked.supervise)
        ids = tokens.ids
        if len(ids) > asked.context:
            if asked.overlong == "error":
                raise overlong(place, len(ids), asked)
            if asked.overlong == "drop":
                counts.dropped += 1
                continue
            counts.truncated += 1
            ids, mask = ids[: asked.context], mask[: asked.context]
        if 1 not in mask[1:]:
            raise StepError(
                f"`{place}`: no token of it is learned once it is cut to {asked.context} tokens",
                "raise `context`, or leave such rows out: `overlong = drop`",
            )
        yield Document(place, integers(ids), mask)


def rendered(place: str, template: ChatTemplate, messages: Sequence[Message], supervise: str) -> Chat:
    """Return a rendered chat with the answers that `supervise` asks for. Raises StepError that names the row."""
    turns = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    if not turns:
        raise StepError(
            f"`{place}`: the chat has no answer of the assistant", "leave it out: there is nothing to learn"
        )
    try:
        return chat(template, messages, turns[-1:] if supervise == "final" else turns)
    except TemplateFault as fault:
        raise StepError(f"`{place}`: {fault}", "mend the row, or give the model another template") from None


def supervised(place: str, item: Chat, tokens: Placed, proof: Proof, supervise: str) -> bytes:
    """Return the mask of a chat: 1 for the tokens of each answer up to its turn end, or for all.

    A token that begins before the answer belongs to the prompt.
    """
    mask = bytearray(len(tokens.ids))
    for start, end in item.answers:
        inside = [k for k, (a, b) in enumerate(zip(tokens.starts, tokens.ends, strict=True)) if start <= a < b <= end]
        if inside:
            last = proof.turn_end(place, [tokens.ids[k] for k in inside])
            mask[inside[0] : inside[last] + 1] = b"\1" * (inside[last] + 1 - inside[0])
    return b"\1" * len(mask) if supervise == "all" else bytes(mask)


def messages_of(value: Json) -> list[Message]:
    """Return messages that `rows` has validated already."""
    found = value if isinstance(value, list) else []
    return [{"role": str(item["role"]), "content": str(item["content"])} for item in found if isinstance(item, dict)]
