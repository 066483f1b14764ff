"""Preferences as token rows. In: rows with a prompt and two answers. Out: pairs, as TRL tokenises conversations.

The prompt ends where its tokens and those of an answered prompt part; what follows is the answer, turn end included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ladle.dsl.graph import Json
from ladle.executor.prepare.chats import messages_of
from ladle.executor.prepare.documents import Asked, Counts, Located, Pair, integers, overlong
from ladle.executor.prepare.limits import patience
from ladle.executor.prepare.proof import Proof
from ladle.executor.prepare.render import ChatTemplate, Message, TemplateFault
from ladle.executor.rows import Row
from ladle.executor.task import StepError
from ladle.executor.tokenizer import Tokenizer

Sides = tuple[list[Message], list[Message], list[Message]]


def pairs(
    batch: Sequence[Located], tokenizer: Tokenizer, template: ChatTemplate, proof: Proof, asked: Asked, counts: Counts
) -> Iterator[Pair]:
    """Yield the pairs of a batch."""
    sides = [(place, sides_of(row)) for place, row in batch]
    with patience(batch):
        texts = [text for place, side in sides for text in _rendered(place, template, side)]
        for _, (prompt, chosen, rejected) in sides:
            proof.expected(prompt, prompt=True)
            proof.expected(prompt + chosen)
            proof.expected(prompt + rejected)
    tokens = [placed.ids for placed in tokenizer.rendered(texts)]
    for number, (place, (prompt, chosen, rejected)) in enumerate(sides):
        asked_for, accepted, refused = tokens[3 * number : 3 * number + 3]
        proof.chat(place, prompt, asked_for, prompt=True)
        proof.chat(place, prompt + chosen, accepted)
        proof.chat(place, prompt + rejected, refused)
        border = min(_common(asked_for, accepted), _common(asked_for, refused))
        answers = accepted[border:], refused[border:]
        for answer in answers:
            proof.turn_end(place, answer)
        fitted = _fitted(place, asked_for[:border], answers, asked, counts)
        if fitted:
            yield fitted


def sides_of(row: Row) -> Sides:
    """Return prompt, chosen and rejected as messages; strings are a user's question and the assistant's answers."""
    return (
        _messages(row["prompt"], "user"),
        _messages(row["chosen"], "assistant"),
        _messages(row["rejected"], "assistant"),
    )


def _messages(side: Json, role: str) -> list[Message]:
    return [{"role": role, "content": side}] if isinstance(side, str) else messages_of(side)


def _rendered(place: str, template: ChatTemplate, sides: Sides) -> tuple[str, str, str]:
    prompt, chosen, rejected = sides
    try:
        return (
            template.render(prompt, add_generation_prompt=True).text,
            template.render(prompt + chosen).text,
            template.render(prompt + rejected).text,
        )
    except TemplateFault as fault:
        raise StepError(f"`{place}`: {fault}", "mend the row, or give the model another template") from None


def _fitted(
    place: str, prompt: list[int], answers: tuple[list[int], list[int]], asked: Asked, counts: Counts
) -> Pair | None:
    chosen, rejected = answers
    length = len(prompt) + max(len(chosen), len(rejected))
    if length > asked.context:
        if asked.overlong == "error":
            raise overlong(place, length, asked)
        if asked.overlong == "drop":
            counts.dropped += 1
            return None
        counts.truncated += 1
        room = max(asked.context - len(prompt), 0)
        chosen, rejected = chosen[:room], rejected[:room]
    if not prompt or not chosen or not rejected:
        raise StepError(
            f"`{place}`: no token of an answer is learned once the row is cut to {asked.context} tokens",
            "raise `context`, or leave such rows out: `overlong = drop`",
        )
    return Pair(place, integers(prompt), integers(chosen), integers(rejected))


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return index
    return min(len(left), len(right))
