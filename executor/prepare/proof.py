"""The proof of rows. In: a tokenizer, its template and tokenised rows. Out: nothing, or the row that is wrong.

Control tokens in a row must be those that the template writes for these roles, as many and in this order: so BOS stands
as often as it should, and nothing that a text says is read as a control token.
"""

from __future__ import annotations

from collections.abc import Sequence

from ladle.executor.prepare.render import ChatTemplate, Message
from ladle.executor.task import StepError
from ladle.executor.tokenizer import Tokenizer

NEUTRAL = "a"
"""What messages say where only the template's own tokens are wanted."""


class Proof:
    """What must hold of every row under one tokenizer."""

    def __init__(self, tokenizer: Tokenizer, template: ChatTemplate | None) -> None:
        """Prove the tokenizer itself. Raises StepError for one without an end or pad, or where they are the same."""
        self._tokenizer = tokenizer
        self._template = template
        self._chats: dict[tuple[tuple[str, ...], bool], list[int]] = {}
        self._tails: dict[tuple[int, ...], bool] = {(): True}
        self._document = self._controls(tokenizer.documents([NEUTRAL])[0])
        _ends(tokenizer)

    def document(self, place: str, tokens: Sequence[int]) -> None:
        """Prove the tokens of a plain text, without its end token."""
        self._same(place, self._controls(tokens), self._document)

    def chat(self, place: str, messages: Sequence[Message], tokens: Sequence[int], prompt: bool = False) -> None:
        """Prove the tokens of a rendered chat; with `prompt` it was rendered up to where an answer begins."""
        self._same(place, self._controls(tokens), self.expected(messages, prompt))

    def turn_end(self, place: str, answer: Sequence[int]) -> int:
        """Return where the turn's end stands in an answer: its last control token, which only white space may follow.

        Raises StepError for an answer without one: a model trained on it would never learn to stop.
        """
        for index in range(len(answer) - 1, -1, -1):
            if answer[index] in self._tokenizer.special and self._blank(tuple(answer[index + 1 :])):
                return index
        raise StepError(
            f"`{place}`: no control token ends the answer in the template of `{self._tokenizer.name}`",
            "a model learns to stop from a turn's end that is one token of its vocabulary: take another template",
        )

    def expected(self, messages: Sequence[Message], prompt: bool = False) -> list[int]:
        """Return the control tokens that the template writes for the roles of `messages`. Raises TemplateFault."""
        if self._template is None:
            return []
        roles = tuple(message["role"] for message in messages)
        if (roles, prompt) not in self._chats:
            text = self._template.render([{"role": role, "content": NEUTRAL} for role in roles], prompt).text
            self._chats[roles, prompt] = self._controls(self._tokenizer.rendered([text])[0].ids)
        return self._chats[roles, prompt]

    def _blank(self, tail: tuple[int, ...]) -> bool:
        if tail not in self._tails:
            self._tails[tail] = not str(self._tokenizer.fast.decode(tail)).strip()
        return self._tails[tail]

    def _controls(self, tokens: Sequence[int]) -> list[int]:
        special = self._tokenizer.special
        return [] if special.isdisjoint(tokens) else [token for token in tokens if token in special]

    def _same(self, place: str, found: list[int], wanted: list[int]) -> None:
        if found == wanted:
            return
        extra = next((token for token in found if found.count(token) > wanted.count(token)), None)
        if extra is None:
            missing = next((token for token in wanted if wanted.count(token) > found.count(token)), wanted[0])
            raise StepError(
                f"`{place}`: the control token `{self._tokenizer.token(missing)}` is missing from the row",
                "the template leaves out part of this row: look at how it renders it",
            )
        raise StepError(
            f"`{place}`: the text holds the control token `{self._tokenizer.token(extra)}`, which only the tokenizer "
            f"or its template may write ({found.count(extra)} instead of {wanted.count(extra)})",
            "take it out of the text; a row is one document or one chat",
        )


def _ends(tokenizer: Tokenizer) -> None:
    if tokenizer.eos is None:
        raise StepError(
            f"the tokenizer of `{tokenizer.name}` has no end token", "take the template of a model that has"
        )
    if tokenizer.pad is None:
        raise StepError(
            f"the tokenizer of `{tokenizer.name}` names no pad token",
            "a template brings one along: `template = instruct`, a model of the same vocabulary that has a pad",
        )
    if tokenizer.pad == tokenizer.eos:
        raise StepError(
            f"pad and end are the same token in the tokenizer of `{tokenizer.name}`",
            "a model that never learns its end never stops: take the template of a model whose pad is another token",
        )
