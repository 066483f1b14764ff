"""Tokenizers and prepared rows for tests. In: texts, rows and options. Out: real tokenizer folders, decoded rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ladle.dsl.graph import Json
from ladle.executor.rows import Row
from ladle.executor.task import Given
from ladle.executor.tokenizer import Tokenizer, open_tokenizer
from safetensors.numpy import load_file
from tokenizers import AddedToken, decoders, models, pre_tokenizers, processors, trainers
from tokenizers import Tokenizer as Inner
from transformers import PreTrainedTokenizerFast

from corpora import run, source, write

WORDS = "the quick brown fox jumps over the lazy dog and says hello to user assistant system again and again"

LLAMA = (
    "{{ bos_token }}{% for message in messages %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n{{ message['content'] | trim }}<|eot_id|>"
    "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
"""The shape of Llama 3's template: BOS is the template's own."""


def tokenizer_folder(
    folder: Path,
    template: str | None,
    control: Sequence[str],
    eos: str = "<|endoftext|>",
    pad: str | None = "<|pad|>",
    bos: str | None = None,
) -> Path:
    """Train a byte-level BPE on a sentence and save it with a template. With `bos`, documents begin with it."""
    tokens = [*dict.fromkeys([*([bos] if bos else []), eos, *([pad] if pad else []), *control])]
    inner = Inner(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in tokens],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    inner.train_from_iterator([WORDS] * 4, trainer=trainer)
    if bos:
        inner.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, inner.token_to_id(bos))]
        )
    names = {"eos_token": eos, **({"pad_token": pad} if pad else {}), **({"bos_token": bos} if bos else {})}
    made = PreTrainedTokenizerFast(tokenizer_object=inner, clean_up_tokenization_spaces=False, **names)
    made.chat_template = template
    made.save_pretrained(folder)
    return folder


@dataclass(frozen=True)
class Prepared:
    """What a preparation wrote."""

    tensors: dict[str, Any]
    folder: Path
    tokenizer: Tokenizer

    def rows(self, name: str = "") -> list[list[int]]:
        """Return the ids of each row, or of one side of each pair."""
        prefix = f"{name}_" if name else ""
        tokens, offsets = self.tensors[f"{prefix}tokens"].tolist(), self.tensors[f"{prefix}offsets"].tolist()
        return [tokens[a:b] for a, b in pairwise(offsets)]

    def texts(self, name: str = "") -> list[str]:
        """Return each row as text, control tokens included."""
        return [self.tokenizer.fast.decode(row) for row in self.rows(name)]

    def learned(self) -> list[str]:
        """Return what is supervised in each row, as text."""
        found, start = [], 0
        mask = self.tensors["supervised"].tolist()
        for row in self.rows():
            kept = [token for token, one in zip(row, mask[start : start + len(row)], strict=True) if one]
            found.append(self.tokenizer.fast.decode(kept))
            start += len(row)
        return found

    def documents(self) -> list[list[int]]:
        """Return the document of each token of each row."""
        found, start = [], 0
        for row in self.rows():
            found.append(self.tensors["documents"][start : start + len(row)].tolist())
            start += len(row)
        return found


def prepare(folder: Path, tokenizer: Path, rows: Sequence[Row | str], **options: Json) -> Prepared:
    """Prepare `rows` with the tokenizer in a folder."""
    path = write(folder / "rows.jsonl", rows)
    given = Given("tokenizer", "bpe", "a" * 64, path=tokenizer)
    out = run(folder / "step", "prepare", options, [given, source(path)])
    return Prepared(load_file(out / "rows.safetensors"), out, open_tokenizer(tokenizer))
