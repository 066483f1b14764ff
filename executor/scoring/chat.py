"""A question and an answer as the model reads them. In: texts. Out: token ids, and where the answer begins.

The answer is what stands after the model's generation prompt, up to and with the turn end, without the white space
that a template puts between turns. So an answer also has to be over: a choice that begins another is no better for it.
The same for every kind of benchmark, and what training supervises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import jinja2
from ladle.executor.scoring.subject import Subject
from ladle.executor.task import StepError

_PROBE: Final = "probe"
_DATE: Final = "26 Jul 2024"
"""Given to templates that would otherwise print today's date, so that a score is the same tomorrow."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Token ids of a question and its answer; the answer begins at `start`, which is never 0."""

    ids: tuple[int, ...]
    start: int


def prompt(subject: Subject, question: str) -> str:
    """Return the rendered question, up to where the model's answer would begin. Raises StepError without a template."""
    return _render(subject, [{"role": "user", "content": question}], True)


def answered(subject: Subject, question: str, answer: str) -> Answered:
    """Return question and answer as token ids, tokenised together as in training.

    Raises StepError for a template that writes a question otherwise once it is answered.
    """
    before = prompt(subject, question)
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    whole = _render(subject, turns, False)
    if not whole.startswith(before):
        raise StepError(
            f"the template of `{subject.name}` renders a question differently once it is answered",
            "a likelihood needs a template whose generation prompt begins the answer's turn",
        )
    ids, ends = subject.tokens(whole.rstrip())
    start = next((i for i, end in enumerate(ends) if end > len(before)), len(ids))
    if not 0 < start < len(ids):
        raise StepError(f"an answer of `{subject.name}`'s template has no token, or nothing before it")
    return Answered(tuple(ids), start)


def turn_end(subject: Subject) -> tuple[int, ...]:
    """Return the ids that end an answer: the model's own, and the control token its template closes a turn with."""
    known = subject.model.generation_config.eos_token_id
    ends = {known} if isinstance(known, int) else set(known or ())
    before = prompt(subject, _PROBE)
    turns = [{"role": "user", "content": _PROBE}, {"role": "assistant", "content": _PROBE}]
    tail = _render(subject, turns, False)[len(before) :].split(_PROBE, 1)[-1].strip()
    closing, _ = subject.tokens(tail)
    if closing and closing[0] in subject.tokenizer.all_special_ids:
        ends.add(closing[0])
    return tuple(sorted(ends))


def _render(subject: Subject, turns: list[dict[str, str]], to_answer: bool) -> str:
    if not subject.tokenizer.chat_template:
        raise StepError(
            f"`{subject.name}` has no chat template, and a benchmark asks it in one",
            "declare one at the model's source: template = chatml, or template = a model that has one",
        )
    try:
        text = subject.tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=to_answer, date_string=_DATE
        )
    except jinja2.TemplateError as error:
        raise StepError(f"the template of `{subject.name}` cannot render a question: {error}") from None
    return str(text)
