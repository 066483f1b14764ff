"""Every option of every stage kind, `init` and `bpe` is consumed: changed, it changes rows, steps or weights.

The options are those of the catalogue: one that is added without a way to change it here fails.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ladle.dsl.graph import canonical
from ladle.dsl.signature import Option, Required
from ladle.executor.catalog import vocabulary
from ladle.executor.models import bpe, init
from ladle.executor.prepare import program as prepare
from ladle.executor.task import Given, Machine, StepError, Task
from trainer_inputs import digests

KINDS = ("cpt", "sft", "dpo", "orpo")

# One layer, sixteen channels, three steps.
MODEL: dict[str, Any] = {
    "arch": "llama",
    "hidden": 16,
    "layers": 1,
    "heads": 2,
    "kv_heads": None,
    "intermediate": 32,
    "tied": True,
    "context": 256,
    "template": "chatml",
    "precision": "fp32",
    "seed": 42,
}
TOKENIZER: dict[str, Any] = {"vocab": 270, "template": "chatml"}
RUN: dict[str, Any] = {"epochs": None, "steps": 3, "warmup": 0, "lr": 1e-2, "global_batch": 3, "context": 96}

FLIPS: dict[str, dict[str, Any]] = {
    "epochs": {"steps": None, "epochs": 2},
    "steps": {"steps": 2},
    "tokens": {"steps": None, "tokens": 1},
    "lr": {"lr": 1e-3},
    "schedule": {"schedule": "linear"},
    "warmup": {"warmup": {"share": 0.5}},
    "betas": {"betas": [0.9, 0.99]},
    "weight_decay": {"weight_decay": 0.3},
    "clip": {"clip": 0.1},
    "global_batch": {"global_batch": 2},
    "precision": {"precision": "bf16"},
    "seed": {"seed": 43},
    "beta": {"beta": 0.5},
    "loss": {"loss": "ipo"},
}
"""How to change an option that the training takes."""

OTHER_WORDS: dict[str, list[dict[str, Any]]] = {
    "schedule": [{"schedule": "cosine"}, {"schedule": "linear"}, {"schedule": "constant"}],
    "loss": [{"loss": "sigmoid"}, {"loss": "hinge"}, {"loss": "ipo"}],
    "warmup": [{"warmup": 0}, {"warmup": 1}, {"warmup": 2}],
    "betas": [{"betas": [0.9, 0.95]}, {"betas": [0.8, 0.95]}, {"betas": [0.9, 0.99]}],
    "clip": [{"clip": 0}, {"clip": 0.5}, {"clip": 0.1}],
}
"""Options each of whose words must differ from each other."""

ROWS_FLIPS: dict[str, dict[str, Any]] = {
    "context": {"context": 0, "overlong": "truncate"},
    "overlong": {"context": 0, "overlong": "drop"},
    "packing": {"packing": "wrapped"},
    "supervise": {"supervise": "final"},
}
"""How to change an option that the preparation of rows takes; a context of 0 is one that the longest row exceeds."""

INIT_FLIPS: dict[str, dict[str, Any]] = {
    "arch": {"arch": "qwen2"},
    "hidden": {"hidden": 32},
    "layers": {"layers": 2},
    "heads": {"heads": 1},
    "kv_heads": {"kv_heads": 1},
    "intermediate": {"intermediate": 48},
    "tied": {"tied": False},
    "context": {"context": 128},
    "template": {"template": None},
    "precision": {"precision": "bf16"},
    "seed": {"seed": 43},
}
BPE_FLIPS: dict[str, dict[str, Any]] = {"vocab": {"vocab": 280}, "template": {"template": None}}

WORDS = ["silk", "bone", "nacre", "chitin", "keratin", "collagen", "mineral", "fibre"]


def text(count: int, start: int) -> str:
    return " ".join(WORDS[(start + k) % len(WORDS)] for k in range(count))


def chat(k: int) -> list[dict[str, str]]:
    turns = [("user", text(1, k)), ("assistant", text(2, k)), ("user", text(1, k + 1)), ("assistant", text(1, k + 3))]
    return [{"role": role, "content": content} for role, content in turns]


ROWS: dict[str, list[dict[str, Any]]] = {
    "cpt": [{"text": text(1 + k % 6, k)} for k in range(12)],
    "sft": [{"messages": chat(k)} for k in range(12)],
    "dpo": [{"prompt": text(1, k), "chosen": text(2, k), "rejected": text(1 + k % 3, k + 1)} for k in range(12)],
}
ROWS["orpo"] = ROWS["dpo"]


@dataclass(frozen=True)
class Base:
    """The undisturbed run of a kind: its options, rows and the digests of what it gives."""

    options: Mapping[str, Any]
    rows: Path
    result: Mapping[str, str]


@dataclass(frozen=True)
class Laboratory:
    """A tiny model, corpora of each kind, and their undisturbed runs."""

    place: Path
    model: Path
    corpora: Mapping[str, Given]
    bases: dict[str, Base]

    def rows(self, name: str, kind: str, options: Mapping[str, Any], corpus: Given | None = None) -> Path:
        """Prepare rows with those of `options` that a preparation takes."""
        taken = {option.name for option in vocabulary()["prepare"].options}
        asked = {key: value for key, value in options.items() if key in taken}
        tokenizer = Given("tokenizer", "init", "t", self.model)
        return made(self.place / name, prepare, asked, tokenizer, corpus or self.corpora[kind])

    def trained(self, name: str, kind: str, options: Mapping[str, Any], rows: Path, *more: Given) -> dict[str, str]:
        """Train on `rows` with those of `options` that a training takes."""
        program = importlib.import_module(vocabulary()[kind].program)
        asked = {key: value for key, value in options.items() if key not in prepared(kind)}
        inputs = (Given("model", "init", "m", self.model), Given("rows", "prepare", "r", rows), *more)
        return digests(made(self.place / name, program, asked, *inputs))

    def base(self, kind: str) -> Base:
        """Return the undisturbed run of `kind`."""
        if kind not in self.bases:
            options = {option.name: default(option) for option in vocabulary()[kind].options} | RUN
            rows = self.rows(f"{kind}-rows", kind, options)
            self.bases[kind] = Base(options, rows, self.trained(f"{kind}-base", kind, options, rows))
        return self.bases[kind]


def default(option: Option) -> Any:
    return None if isinstance(option.default, Required) else canonical(option.default)


def prepared(kind: str) -> set[str]:
    return {option.name for option in vocabulary()[kind].options if option.prepare}


def made(place: Path, program: Any, options: Mapping[str, Any], *inputs: Given) -> Path:
    for name in ("work", "output"):
        (place / name).mkdir(parents=True, exist_ok=True)
    where = (place / "work", place / "output")
    program.run(Task("x", "x", options, inputs, "f", *where, Machine(), lambda progress: None))
    return where[1]


def corpus(file: Path, role: str, rows: list[dict[str, Any]]) -> Given:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Given(role, "jsonl", "c", None, (file,), {"path": file.name, "columns": None})


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    place = tmp_path_factory.mktemp("options")
    texts = corpus(place / "texts.jsonl", "corpora", ROWS["cpt"])
    tokenizer = Given("tokenizer", "bpe", "t", made(place / "bpe", bpe, TOKENIZER, texts))
    model = made(place / "model", init, MODEL, tokenizer)
    corpora = {kind: corpus(place / f"{kind}.jsonl", "corpus", rows) for kind, rows in ROWS.items()}
    return Laboratory(place, model, corpora, {})


def longest(rows: Path) -> int:
    """Return the tokens of the longest prepared row."""
    return int(json.loads((rows / "prepare.json").read_text())["longest_row"])


def options_of(kinds: tuple[str, ...], *, rows: bool) -> list[Any]:
    return [
        pytest.param(kind, option.name, id=f"{kind}-{option.name}")
        for kind in kinds
        for option in vocabulary()[kind].options
        if option.prepare is rows and option.name not in ("on", "reference") and not option.checked_only
    ]


@pytest.mark.parametrize(("kind", "name"), options_of(KINDS, rows=False))
def test_an_option_of_training_changes_the_weights(laboratory: Laboratory, kind: str, name: str) -> None:
    base = laboratory.base(kind)
    flipped = laboratory.trained(f"{kind}-{name}", kind, {**base.options, **FLIPS[name]}, base.rows)
    assert flipped["model.safetensors"] != base.result["model.safetensors"]


@pytest.mark.parametrize("name", list(OTHER_WORDS))
def test_each_value_of_an_option_differs_from_the_others(laboratory: Laboratory, name: str) -> None:
    base = laboratory.base("dpo")
    found = [
        laboratory.trained(f"{name}-{k}", "dpo", {**base.options, **value}, base.rows)["model.safetensors"]
        for k, value in enumerate(OTHER_WORDS[name])
    ]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(("kind", "name"), options_of(KINDS, rows=True))
def test_an_option_of_preparation_changes_the_rows(laboratory: Laboratory, kind: str, name: str) -> None:
    base = laboratory.base(kind)
    flip = ROWS_FLIPS[name]
    context = {"context": longest(base.rows) - 2} if "context" in flip else {}
    changed = laboratory.rows(f"{kind}-{name}", kind, {**base.options, **flip, **context})
    assert digests(changed)["rows.safetensors"] != digests(base.rows)["rows.safetensors"]


@pytest.mark.parametrize("kind", KINDS)
def test_each_word_of_overlong_does_something_else(laboratory: Laboratory, kind: str) -> None:
    # Without packing: a packed text is cut into rows whatever its length.
    base = laboratory.base(kind)
    whole = laboratory.rows(f"{kind}-whole", kind, {**base.options, "packing": "none"})
    options = {**base.options, "context": longest(whole) - 2, "packing": "none"}
    cut = laboratory.rows(f"{kind}-cut", kind, {**options, "overlong": "truncate"})
    dropped = laboratory.rows(f"{kind}-dropped", kind, {**options, "overlong": "drop"})
    assert digests(cut)["rows.safetensors"] != digests(dropped)["rows.safetensors"]
    with pytest.raises(StepError, match="tokens"):
        laboratory.rows(f"{kind}-error", kind, {**options, "overlong": "error"})


@pytest.mark.parametrize("kind", ["cpt", "sft"])
def test_each_packing_trains_another_model(laboratory: Laboratory, kind: str) -> None:
    base = laboratory.base(kind)
    found = []
    for packing in ("none", "wrapped", "isolated"):
        options = {**base.options, "packing": packing, "context": 192}
        rows = laboratory.rows(f"{kind}-{packing}-rows", kind, options)
        found.append(laboratory.trained(f"{kind}-{packing}", kind, options, rows)["model.safetensors"])
    assert len(set(found)) == 3


def test_each_word_of_supervise_does_something_else(laboratory: Laboratory) -> None:
    base = laboratory.base("sft")
    rows = [
        laboratory.rows(f"supervise-{w}", "sft", {**base.options, "supervise": w}) for w in ("answers", "final", "all")
    ]
    assert len({digests(folder)["rows.safetensors"] for folder in rows}) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_corpus_changes_the_rows(laboratory: Laboratory, kind: str) -> None:
    base = laboratory.base(kind)
    fewer = corpus(laboratory.place / f"{kind}-fewer.jsonl", "corpus", ROWS[kind][:-1])
    changed = laboratory.rows(f"{kind}-fewer", kind, base.options, fewer)
    assert digests(changed)["rows.safetensors"] != digests(base.rows)["rows.safetensors"]


def test_the_reference_changes_the_weights(laboratory: Laboratory) -> None:
    base = laboratory.base("dpo")
    other = made(
        laboratory.place / "other", init, MODEL | {"seed": 9}, Given("tokenizer", "bpe", "t", laboratory.model)
    )
    given = Given("reference", "init", "o", other)
    flipped = laboratory.trained("dpo-reference", "dpo", base.options, base.rows, given)
    assert flipped["model.safetensors"] != base.result["model.safetensors"]


@pytest.mark.parametrize("name", [o.name for o in vocabulary()["init"].options if o.name != "tokenizer"])
def test_an_option_of_a_random_model_changes_its_files(laboratory: Laboratory, name: str) -> None:
    tokenizer = Given("tokenizer", "bpe", "t", laboratory.place / "bpe" / "output")
    flipped = made(laboratory.place / f"init-{name}", init, MODEL | INIT_FLIPS[name], tokenizer)
    assert digests(flipped) != digests(laboratory.model)


@pytest.mark.parametrize("name", [o.name for o in vocabulary()["bpe"].options if o.name != "corpora"])
def test_an_option_of_a_tokenizer_changes_its_files(laboratory: Laboratory, name: str) -> None:
    texts = corpus(laboratory.place / "again.jsonl", "corpora", ROWS["cpt"])
    flipped = made(laboratory.place / f"bpe-{name}", bpe, TOKENIZER | BPE_FLIPS[name], texts)
    assert digests(flipped) != digests(laboratory.place / "bpe" / "output")


def test_the_corpora_change_the_tokenizer(laboratory: Laboratory) -> None:
    others = corpus(laboratory.place / "others.jsonl", "corpora", [{"text": text(9, k)[::-1]} for k in range(9)])
    flipped = made(laboratory.place / "bpe-corpora", bpe, TOKENIZER, others)
    assert digests(flipped) != digests(laboratory.place / "bpe" / "output")
