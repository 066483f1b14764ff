"""Scores models on the benchmarks: four-way choice by summed log-likelihood of the choice as the assistant's answer."""

import argparse
import json
from pathlib import Path

import torch
from settings import CORPORA, rows
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

BENCHMARKS = ("domain_seen", "domain_text", "general_seen", "general_text", "chat")
GROUPS = {"domain": BENCHMARKS[:2], "general": BENCHMARKS[2:4], "chat": BENCHMARKS[4:]}
BATCH = 64


def sequences(item: dict, tokenizer: PreTrainedTokenizerBase) -> list[tuple[list[int], int]]:
    """Return the token ids of each choice behind its question, and where the choice begins."""
    asked = [{"role": "user", "content": item["question"]}]
    text = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    prompt = tokenizer(text, add_special_tokens=False).input_ids
    answers = [tokenizer(choice, add_special_tokens=False).input_ids for choice in item["choices"]]
    return [(prompt + answer, len(prompt)) for answer in answers]


@torch.inference_mode()
def likelihoods(model: PreTrainedModel, batch: list[tuple[list[int], int]], pad: int) -> list[float]:
    """Return the summed log-likelihood of each choice."""
    width = max(len(ids) for ids, _ in batch)
    inputs = torch.tensor([ids + [pad] * (width - len(ids)) for ids, _ in batch])
    mask = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in batch])
    logits = model(input_ids=inputs, attention_mask=mask).logits[:, :-1].float().log_softmax(-1)
    tokens = logits.gather(-1, inputs[:, 1:, None])[..., 0]
    return [tokens[row, start - 1 : len(ids) - 1].sum().item() for row, (ids, start) in enumerate(batch)]


def accuracy(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, benchmark: str) -> float:
    """Return the share of items whose right choice is the likeliest."""
    items = rows(f"bench/{benchmark}.jsonl")
    every = [sequence for item in items for sequence in sequences(item, tokenizer)]
    scores = []
    for start in range(0, len(every), BATCH):
        scores += likelihoods(model, every[start : start + BATCH], tokenizer.pad_token_id)
    best = torch.tensor(scores).view(len(items), 4).argmax(1).tolist()
    return sum(choice == item["answer"] for choice, item in zip(best, items, strict=True)) / len(items)


def score(folder: str, tokenizer: PreTrainedTokenizerBase) -> dict[str, float]:
    """Return the accuracy of one model on each benchmark, on each group, and overall (the mean of the groups)."""
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    found = {benchmark: accuracy(model, tokenizer, benchmark) for benchmark in BENCHMARKS}
    sizes = {
        benchmark: len((CORPORA / f"bench/{benchmark}.jsonl").read_text().splitlines()) for benchmark in BENCHMARKS
    }
    for group, members in GROUPS.items():
        weight = sum(sizes[benchmark] for benchmark in members)
        found[f"{group} (all)"] = sum(found[benchmark] * sizes[benchmark] for benchmark in members) / weight
    found["overall"] = sum(found[f"{group} (all)"] for group in GROUPS) / len(GROUPS)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tokenizer")
    parser.add_argument("out")
    parser.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(arguments.tokenizer)
    table = {Path(model).name: score(model, tokenizer) for model in arguments.models}
    Path(arguments.out).write_text(json.dumps(table, indent=2) + "\n")
    columns = [*BENCHMARKS, "overall"]
    print(f"{'':24}" + "".join(f"{column:>14}" for column in columns))
    for name, found in table.items():
        print(f"{name:24}" + "".join(f"{100 * found[column]:14.1f}" for column in columns))


if __name__ == "__main__":
    main()
