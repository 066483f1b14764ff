"""Exact answers. In: a model and questions with answers. Out: what it writes, greedily, and whether it is the answer.

Compared without regard to letter case, runs of white space, compatibility forms and punctuation at either end.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import torch
import transformers
from ladle.dsl.graph import Json
from ladle.executor.corpus_rows import read_rows
from ladle.executor.scoring.batches import batches
from ladle.executor.scoring.chat import prompts, turn_end
from ladle.executor.scoring.items import content, on, write_accuracy
from ladle.executor.scoring.subject import Subject, subject
from ladle.executor.task import Progress, StepError, Task


def run(task: Task) -> None:
    """Write `items.jsonl` and `metrics.json` of one model on one benchmark. Raises StepError for rows with choices."""
    rows = list(read_rows(on(task)))
    if any("choices" in row for row in rows):
        raise StepError("an `exact` benchmark takes `answer` as a string", "rows with `choices` belong to `choice`")
    longest = task.options["max_tokens"]
    assert isinstance(longest, int)
    asked = subject(task.given("model"), task.machine, task.work)
    questions = prompts(asked, [str(row["question"]) for row in rows])
    ends = turn_end(asked)
    written: dict[int, str] = {}
    for batch in batches([len(ids) + longest for ids in questions]):
        texts = generate(asked, [questions[i] for i in batch], longest, ends)
        written.update(zip(batch, texts, strict=True))
        task.report(Progress(len(written), len(rows), "items"))
    items: list[dict[str, Json]] = [
        {
            "id": number,
            "content": content(row),
            "gold": row["answer"],
            "prediction": written[number],
            "correct": normal(written[number]) == normal(str(row["answer"])),
        }
        for number, row in enumerate(rows)
    ]
    write_accuracy(task.output, items)


def normal(text: str) -> str:
    """Return `text` as answers are compared."""
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    ends = {char for char in folded if unicodedata.category(char).startswith("P")}
    return folded.strip("".join(ends) + " ")


@torch.inference_mode()
def generate(asked: Subject, questions: Sequence[list[int]], longest: int, ends: tuple[int, ...]) -> list[str]:
    """Return the greedy continuations of `questions`, padded at the left and masked, without control tokens."""
    width = max(len(ids) for ids in questions)
    rows = [[asked.pad] * (width - len(ids)) + ids for ids in questions]
    mask = [[0] * (width - len(ids)) + [1] * len(ids) for ids in questions]
    settings = transformers.GenerationConfig(
        max_new_tokens=longest,
        do_sample=False,
        num_beams=1,
        eos_token_id=list(ends) or None,
        pad_token_id=asked.pad,
    )
    generated = asked.model.generate(
        torch.tensor(rows, device=asked.device),
        attention_mask=torch.tensor(mask, device=asked.device),
        generation_config=settings,
    )
    return [asked.tokenizer.fast.decode(ids[width:], skip_special_tokens=True).strip() for ids in generated]
