"""The bytes of every corpus operator and of preparation on a tiny input (contract 8).

A digest that changes without a new version is a mistake. After a wanted change raise the operator's `version` and write
its digest anew. Those of `prepare` hold for one version of the tokenizers library, which also trains the tokenizer.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import tokenizers
from ladle.dsl.graph import Json
from ladle.executor.catalog import vocabulary
from ladle.executor.rows import Row
from ladle.executor.templates import BUILT_IN, reserved
from prepared import prepare, tokenizer_folder

from corpora import chat, run, source, texts, write

TEXT = texts(*(f"the fox number {n} says hello" for n in range(30)))
CHATS = [chat("hello", f"fox {n}", "again", f"dog {n} and é") for n in range(12)]
COUNTED = " ".join(f"word{n}" for n in range(40))
MESSY = texts("The fox number 3 says: HELLO!", "spi-\nder  silk\u200b\n\n\n\nend", COUNTED, f"{COUNTED} more", "\u200b")
"""Text that `clean` mends and `dedup` finds alike."""
PAIRS: list[Row] = [{"prompt": "hello", "chosen": f"fox {n}", "rejected": f"dog {n}"} for n in range(6)]

OPERATORS: dict[str, dict[str, Json]] = {
    "as_text": {},
    "chunk": {"words": 4},
    "clean": {},
    "dedup": {"threshold": 0.5},
    "every": {"n": 4},
    "except": {},
    "filter": {"min_chars": 28},
    "mix": {"weights": [1.5, 0.25]},
    "sample": {"rows": 7},
    "shuffle": {},
    "take": {"rows": 7},
}
DIGESTS = {
    ("as_text", 1): "b5cba6221b66ff38",
    ("chunk", 1): "7b8baa860a2a22ef",
    ("clean", 1): "80b4711ccc3c398f",
    ("dedup", 1): "fb2493e93fbfe059",
    ("every", 1): "e853d54758a7c824",
    ("except", 1): "0001ea3453ddfec7",
    ("filter", 1): "abc1c362e0b48385",
    ("mix", 1): "c02ad7848a2fe5b5",
    ("sample", 1): "4a6af98dec7c6f3b",
    ("shuffle", 1): "f256b74cb4d0a83c",
    ("take", 1): "bb1b62f14e80a5cd",
}
"""By operator and version."""


@pytest.mark.parametrize("name", OPERATORS)
def test_a_corpus_operator_writes_the_bytes_of_its_version(tmp_path: Path, name: str) -> None:
    given = {"as_text": CHATS, "clean": [*TEXT, *MESSY], "dedup": [*TEXT, *MESSY]}
    first = source(write(tmp_path / "a.jsonl", given.get(name, TEXT)), "0", key="a")
    second = source(write(tmp_path / "b.jsonl", TEXT[:5]), "1" if name == "mix" else "rows", key="b")
    inputs = [first, second] if name in ("mix", "except") else [first]
    out = run(tmp_path / "step", name, OPERATORS[name], inputs)
    found = hashlib.sha256((out / "rows.jsonl").read_bytes()).hexdigest()[:16]
    assert found == DIGESTS[name, vocabulary()[name].version]


PREPARED = {
    ("text", 1): "a34e0694edb665cd",
    ("wrapped", 1): "4d68ba45a82eced5",
    ("isolated", 1): "f7d4146552f6c445",
    ("chat", 1): "79d3c0a1670a0e76",
    ("preference", 1): "70507bb9ca4ffda4",
}
"""By what is prepared and version."""


@pytest.mark.skipif(tokenizers.__version__ != "0.23.3", reason="digests are of tokenizers 0.23.3")
@pytest.mark.parametrize(
    ("name", "rows", "options"),
    [
        ("text", TEXT, {"packing": "none"}),
        ("wrapped", TEXT, {"packing": "wrapped"}),
        ("isolated", TEXT, {"packing": "isolated"}),
        ("chat", CHATS, {"supervise": "answers", "packing": "isolated"}),
        ("preference", PAIRS, {}),
    ],
)
def test_preparation_writes_the_bytes_of_its_version(
    tmp_path: Path, name: str, rows: list[Row], options: dict[str, Json]
) -> None:
    folder = tokenizer_folder(tmp_path / "tokenizer", BUILT_IN["chatml"].text, reserved("chatml"))
    out = prepare(tmp_path, folder, rows, context=80, **options).folder
    found = hashlib.sha256((out / "rows.safetensors").read_bytes()).hexdigest()[:16]
    assert found == PREPARED[name, vocabulary()["prepare"].version]
