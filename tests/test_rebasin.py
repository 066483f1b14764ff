"""Re-basin: a permuted copy comes back bit for bit, the function stays, and what was trained apart comes closer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from ladle.executor.task import Given, Machine, StepError, Task
from ladle.executor.weights import matching, rebasin
from safetensors.torch import load_file, save_file
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config, Qwen3Config

CONTROL = [{"id": 1, "content": "<|im_start|>"}, {"id": 2, "content": "<|im_end|>"}]
VOCAB, HIDDEN, INNER, LAYERS, HEADS, GROUPS, SIZE = 40, 16, 24, 2, 4, 2, 4
CONFIGS: dict[str, type[Any]] = {"llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config}


def save(folder: Path, seed: int, kind: str = "llama", dtype: torch.dtype = torch.float32, **changes: object) -> Path:
    settings: dict[str, Any] = {
        "vocab_size": VOCAB, "hidden_size": HIDDEN, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": GROUPS, "head_dim": SIZE, "initializer_range": 0.5,
        "tie_word_embeddings": False, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
    }  # fmt: skip
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(CONFIGS[kind](**(settings | changes)))
    for name, value in model.named_parameters():
        if "norm" in name or "bias" in name:  # transformers begins with ones and zeros: nothing to tell units apart
            torch.nn.init.normal_(value, mean=1.0 if "norm" in name else 0.0, std=0.3)
    model.to(dtype).save_pretrained(folder)
    return folder


def shuffled(folder: Path, output: Path, seed: int) -> Path:
    """Copy a model with everything permuted that may be, written down here once more."""
    draw = torch.Generator().manual_seed(seed)
    residual = torch.randperm(HIDDEN, generator=draw)
    weights = load_file(folder / "model.safetensors")
    per = HEADS // GROUPS
    for layer in range(LAYERS):
        units, groups = torch.randperm(INNER, generator=draw), torch.randperm(GROUPS, generator=draw).tolist()
        query, key, value, output_ = [], [], [], []
        for group in groups:
            values = torch.randperm(SIZE, generator=draw).tolist()
            key += [group * SIZE + d for d in range(SIZE)]
            value += [group * SIZE + d for d in values]
            for head in torch.randperm(per, generator=draw).tolist():
                query += [(group * per + head) * SIZE + d for d in range(SIZE)]
                output_ += [(group * per + head) * SIZE + d for d in values]
        rows = {"q_proj": query, "k_proj": key, "v_proj": value, "gate_proj": units, "up_proj": units}
        columns = {"o_proj": output_, "down_proj": units}
        for name in [name for name in weights if f".layers.{layer}." in name]:
            module = name.split(".")[-2]
            if module in rows:
                weights[name] = weights[name][torch.as_tensor(rows[module])]
            if module in columns and name.endswith("weight"):
                weights[name] = weights[name][:, torch.as_tensor(columns[module])]
    for name, found in weights.items():
        module = name.split(".")[-2]
        if module in ("o_proj", "down_proj", "norm") or module.endswith("layernorm"):
            weights[name] = found[residual]
        elif found.dim() == 2:
            weights[name] = found[:, residual]
    output.mkdir()
    (output / "config.json").write_bytes((folder / "config.json").read_bytes())
    save_file(
        {name: value.contiguous() for name, value in weights.items()}, output / "model.safetensors", {"format": "pt"}
    )
    return output


def rebased(place: Path, moved: Path, still: Path, template: str | None = None) -> Path:
    (place / "work").mkdir(parents=True)
    (place / "output").mkdir()
    put_on = Given("0", "local", "a" * 64, path=moved, options={"template": template})
    inputs = (put_on, Given("to", "sft", "b" * 64, path=still))
    task = Task("rebasin", "x", {}, inputs, "0" * 64, place / "work", place / "output", Machine(), lambda _: None)
    rebasin.run(task)
    return place / "output"


def logits(folder: Path) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.arange(60).reshape(3, 20) % VOCAB
    with torch.no_grad():
        found: torch.Tensor = model(ids).logits
    return found


@pytest.mark.parametrize(
    ("kind", "dtype", "tied"),
    [
        ("llama", torch.float32, False),
        ("llama", torch.bfloat16, True),
        ("qwen2", torch.float32, True),
        ("qwen3", torch.bfloat16, False),
    ],
)
def test_a_permuted_copy_comes_back_bit_for_bit(tmp_path: Path, kind: str, dtype: torch.dtype, tied: bool) -> None:
    own = save(tmp_path / "own", 1, kind, dtype, tie_word_embeddings=tied)
    copy = shuffled(own, tmp_path / "copy", 2)
    torch.testing.assert_close(logits(copy), logits(own), rtol=1e-4, atol=1e-4)
    back = load_file(rebased(tmp_path / "back", copy, own) / "model.safetensors")
    wanted = load_file(own / "model.safetensors")
    assert back.keys() == wanted.keys()
    assert all(back[name].dtype == dtype and torch.equal(back[name], wanted[name]) for name in wanted)


class Largest(TorchDispatchMode):
    """Notes the bytes of the largest tensor that anything makes."""

    bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if isinstance(found, torch.Tensor):
            self.bytes = max(self.bytes, found.untyped_storage().nbytes())
        return found


def test_embeddings_are_never_whole_in_memory(tmp_path: Path) -> None:
    own = save(tmp_path / "own", 1, vocab_size=250_000)
    copy = shuffled(own, tmp_path / "copy", 2)
    with Largest() as seen:
        back = rebased(tmp_path / "back", copy, own)
    assert seen.bytes <= 8 * matching.BLOCK < 4 * 250_000 * HIDDEN
    assert (back / "model.safetensors").read_bytes() == (own / "model.safetensors").read_bytes()


def test_the_function_stays_and_the_weights_come_closer(tmp_path: Path) -> None:
    a, b = save(tmp_path / "a", 1), save(tmp_path / "b", 2)
    found = rebased(tmp_path / "found", b, a)
    torch.testing.assert_close(logits(found), logits(b), rtol=1e-4, atol=1e-4)
    told = json.loads((found / "alignment.json").read_text())
    assert told["likeness"][1] > told["likeness"][0]
    one, two = (load_file(each / "model.safetensors") for each in (a, found))
    assert sum((one[n].double() * two[n]).sum().item() for n in one) == pytest.approx(told["likeness"][1], rel=1e-4)


def test_a_template_that_the_recipe_put_on_ends_texts_in_the_result_too(tmp_path: Path) -> None:
    table = {"model": {"type": "BPE", "vocab": {"a": 0}}, "added_tokens": CONTROL}
    a, b = save(tmp_path / "a", 1), save(tmp_path / "b", 2)
    for each in (a, b):
        (each / "tokenizer.json").write_text(json.dumps(table))
        (each / "generation_config.json").write_text('{"eos_token_id": 3}')
    found = rebased(tmp_path / "found", b, a, "chatml")
    assert (found / "chat_template.jinja").is_file()
    assert json.loads((found / "generation_config.json").read_text()) == {"eos_token_id": [3, 2]}


def test_a_model_that_lies_in_order_is_given_back(tmp_path: Path) -> None:
    a = save(tmp_path / "a", 1)
    weights = load_file(a / "model.safetensors")
    generator = torch.Generator().manual_seed(3)
    near = tmp_path / "near"
    near.mkdir()
    (near / "config.json").write_bytes((a / "config.json").read_bytes())
    tuned = {name: value + 0.02 * torch.randn(value.shape, generator=generator) for name, value in weights.items()}
    save_file(tuned, near / "model.safetensors", {"format": "pt"})
    found = rebased(tmp_path / "found", near, a)
    assert (found / "model.safetensors").read_bytes() == (near / "model.safetensors").read_bytes() or all(
        torch.equal(value, tuned[name]) for name, value in load_file(found / "model.safetensors").items()
    )
    assert json.loads((found / "alignment.json").read_text())["moved"] == {"heads": 0, "residual": 0, "units": 0}


@pytest.mark.parametrize(
    ("change", "said"),
    [({"model.layers.0.mlp.router.weight": torch.ones(2, HIDDEN)}, "router"),
     ({"model.layers.0.self_attn.q_norm.weight": torch.ones(HEADS * SIZE)}, "q_norm"),
     ({"model.layers.999999999.input_layernorm.weight": torch.ones(HIDDEN)}, "numbered"),
     ({"model.norm.weight": torch.full((HIDDEN,), torch.nan)}, "not finite")],
)  # fmt: skip
def test_what_nobody_knows_how_to_permute_is_refused(
    tmp_path: Path, change: dict[str, torch.Tensor], said: str
) -> None:
    a = save(tmp_path / "a", 1)
    weights = load_file(a / "model.safetensors") | change
    save_file(weights, a / "model.safetensors", {"format": "pt"})
    with pytest.raises(StepError, match=said):
        rebased(tmp_path / "found", a, a)


# --- models trained apart -------------------------------------------------------------------------------------------


def texts(count: int, seed: int) -> torch.Tensor:
    """Draw rows of one Markov chain."""
    draw = torch.Generator().manual_seed(seed)
    chain = torch.softmax(3 * torch.randn(VOCAB, VOCAB, generator=torch.Generator().manual_seed(99)), 1)
    found = [torch.randint(0, VOCAB, (count,), generator=draw)]
    for _ in range(23):
        found.append(torch.multinomial(chain[found[-1]], 1, generator=draw)[:, 0])
    return torch.stack(found, 1)


def taught(folder: Path, seed: int) -> Path:
    """Train a model from a beginning of its own."""
    save(
        folder,
        seed,
        hidden_size=32,
        intermediate_size=128,
        head_dim=8,
        tie_word_embeddings=True,
        initializer_range=0.02,
    )
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(100):
        rows = texts(48, 1000 * seed + step)
        optimizer.zero_grad()
        model(rows, labels=rows).loss.backward()
        optimizer.step()
    model.save_pretrained(folder)
    return folder


def middle(a: Path, b: Path) -> float:
    """Return the loss of the mean of two models; of a model itself where both are one."""
    model = AutoModelForCausalLM.from_pretrained(a, dtype=torch.float32)
    one, two = (load_file(each / "model.safetensors") for each in (a, b))
    model.load_state_dict({name: (one[name] + two[name]) / 2 for name in one}, strict=False)
    model.tie_weights()
    rows = texts(100, 7)
    with torch.no_grad():
        found: float = model(rows, labels=rows).loss.item()
    return found


def test_the_mean_of_models_trained_apart_is_less_bad_after_it(tmp_path: Path) -> None:
    """Seen: most of the loss that the mean adds is gone. Not seen: all of it, as the paper has it for wide networks."""
    a, b = taught(tmp_path / "a", 1), taught(tmp_path / "b", 2)
    found = rebased(tmp_path / "found", b, a)
    own = (middle(a, a) + middle(b, b)) / 2
    assert middle(a, found) - own < 0.5 * (middle(a, b) - own)
