"""A question and an answer as the model reads them. In: texts. Out: token ids, and where the answer begins.

Rendered and cut as in training (`prepare.turns`): the answer is what stands after the model's generation prompt, up to
and with the turn end, without the white space that a template puts after it. So an answer also has to be over: a choice
that begins another is no better for it. The same holds for every kind of benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ladle.executor.prepare.limits import TooLong, limited
from ladle.executor.prepare.render import ChatTemplate, Message, TemplateFault
from ladle.executor.prepare.turns import chat
from ladle.executor.scoring.subject import Subject
from ladle.executor.task import StepError

_PROBE: Final = "probe"


@dataclass(frozen=True, slots=True)
class Answered:
    """Token ids of a question and its answer; the answer begins at `start`, which is never 0."""

    ids: tuple[int, ...]
    start: int


def prompts(subject: Subject, questions: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each question, up to where the model's answer would begin. Raises StepError."""
    template = _template(subject)
    try:
        with limited():
            texts = [template.render(_asked(question), add_generation_prompt=True).text for question in questions]
    except (TemplateFault, TooLong, MemoryError) as fault:
        raise _refused(subject, fault) from None
    return [placed.ids for placed in subject.tokenizer.rendered(texts)]


def answered(subject: Subject, pairs: Sequence[tuple[str, str]]) -> list[Answered]:
    """Return each (question, answer) as token ids, tokenised together as in training.

    A token that begins before the answer belongs to the question. Raises StepError for a model without a template, or
    with one in which an answer cannot be told from its question.
    """
    template = _template(subject)
    try:
        with limited():
            chats = [chat(template, [*_asked(question), _said(answer)], [1]) for question, answer in pairs]
    except (TemplateFault, TooLong, MemoryError) as fault:
        raise _refused(subject, fault) from None
    found = []
    for item, placed in zip(chats, subject.tokenizer.rendered([item.text for item in chats]), strict=True):
        begin, end = item.answers[0]
        end = begin + len(item.text[begin:end].rstrip())
        start = next((k for k, at in enumerate(placed.starts) if at >= begin), len(placed.ids))
        stop = next((k for k, at in enumerate(placed.starts) if at >= end), len(placed.ids))
        if not 0 < start < stop:
            raise StepError(f"an answer has no token of its own in the template of `{subject.name}`")
        found.append(Answered(tuple(placed.ids[:stop]), start))
    return found


def turn_end(subject: Subject) -> tuple[int, ...]:
    """Return the ids that end an answer: the model's own, and the control token its template closes a turn with."""
    known = subject.model.generation_config.eos_token_id
    ends = {known} if isinstance(known, int) else set(known or ())
    probe = answered(subject, [(_PROBE, _PROBE)])[0]
    if probe.ids[-1] in subject.tokenizer.special:
        ends.add(probe.ids[-1])
    return tuple(sorted(ends))


def _template(subject: Subject) -> ChatTemplate:
    if subject.template is None:
        raise StepError(
            f"`{subject.name}` has no chat template, and a benchmark asks it in one",
            "declare one at the model's source: template = chatml, or template = a model that has one",
        )
    return subject.template


def _asked(question: str) -> list[Message]:
    return [{"role": "user", "content": question}]


def _said(answer: str) -> Message:
    return {"role": "assistant", "content": answer}


def _refused(subject: Subject, fault: BaseException) -> StepError:
    return StepError(
        f"the template of `{subject.name}` cannot ask: {fault or 'it takes too much'}", "take another template"
    )
