"""Where answers stand in a chat. In: a template and messages. Out: the rendered text and the characters of its answers.

An answer is what the model itself would write: from the end of the generation prompt to the end of its turn. A template
may mark it (`{% generation %}`); else it is found by rendering the chat up to it, twice: with the generation prompt in
its place, and with the answer. Text is never searched, so nothing that a message says can move a border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ladle.executor.prepare.render import ChatTemplate, Message, TemplateFault


@dataclass(frozen=True, slots=True)
class Chat:
    """A rendered chat; `answers` are (start, end) in characters of the answers asked for, in order."""

    text: str
    answers: tuple[tuple[int, int], ...]


def chat(template: ChatTemplate, messages: Sequence[Message], turns: Sequence[int]) -> Chat:
    """Return the rendered chat with the answers of `turns`, indices of messages of the assistant.

    Raises TemplateFault where the template writes a turn so that its answer cannot be told.
    """
    full = template.render(messages)
    marked = [index for index, message in enumerate(messages) if message["role"] == "assistant"]
    if full.answers and len(full.answers) == len(marked):
        return Chat(full.text, tuple(full.answers[marked.index(index)] for index in turns))
    return Chat(full.text, tuple(_answer(template, messages, index, full.text) for index in turns))


def _answer(template: ChatTemplate, messages: Sequence[Message], index: int, full: str) -> tuple[int, int]:
    asked = template.render(messages[:index], add_generation_prompt=True).text
    # Shared, since a template may close the whole chat with something that a later turn replaces.
    last = index + 1 == len(messages)
    end = len(full) if last else _shared(template.render(messages[: index + 1]).text, full)
    if not full.startswith(asked) or end <= len(asked):
        raise TemplateFault(
            f"the chat template writes message {index + 1} differently once it is answered, or followed by others"
        )
    return len(asked), end


def _shared(left: str, right: str) -> int:
    """The number of characters with which both begin."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if right.startswith(left[:middle]) else (low, middle - 1)
    return low
