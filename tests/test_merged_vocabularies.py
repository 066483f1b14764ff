"""Merges of models with other tokens, the whole way: transformers loads what comes of them, and it generates."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import torch
from ladle.dsl.graph import Json
from ladle.executor.cli import run
from ladle.executor.task import Given, Machine, StepError, Task
from ladle.executor.weights import merge
from safetensors.torch import load_file, save_file
from test_merge import reference
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"
WORDS = ("<unk>", "red", "green", "blue", "is", "the", "sky", "grass", "sea", "deep")
CONTROL = ("<|end|>", "<|pad|>")
PARTS = (("A", (2, 16)), ("B", (32, 2)))


def model(
    path: Path,
    words: Sequence[str] = WORDS,
    control: Sequence[str] = CONTROL,
    *,
    rows: int = 0,
    seed: int = 1,
    tied: bool = False,
    template: str = "one",
) -> Path:
    """A tiny model: `words` of its tokenizer's model, then `control` as added special tokens; `rows` pads."""
    ids = {word: number for number, word in enumerate(words)}
    inner = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    inner.add_special_tokens([AddedToken(each, normalized=False, special=True) for each in control])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=CONTROL[0], pad_token=CONTROL[1], unk_token="<unk>"
    )
    fast.chat_template = template
    fast.save_pretrained(path)
    size = rows or len(words) + len(control)
    end, pad = fast.convert_tokens_to_ids(list(CONTROL))
    config = LlamaConfig(
        vocab_size=size, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=tied, eos_token_id=end, pad_token_id=pad,
        bos_token_id=None, dtype="bfloat16",
    )  # fmt: skip
    torch.manual_seed(seed)
    made = LlamaForCausalLM(config).to(torch.bfloat16)
    made.generation_config = GenerationConfig(eos_token_id=[end], pad_token_id=pad, bos_token_id=None, max_new_tokens=5)
    made.save_pretrained(path)
    return path


def permuted(path: Path, source: Path, *, rows: int = 0, seed: int = 7, tied: bool = False) -> Path:
    """The model at `source`, its words in another order and its embeddings along."""
    words = [WORDS[0], *random.Random(seed).sample(WORDS[1:], len(WORDS) - 1)]
    model(path, words, tuple(reversed(CONTROL)), rows=rows, tied=tied)
    old, new = (AutoTokenizer.from_pretrained(each).get_vocab() for each in (source, path))
    tensors = load_file(source / "model.safetensors")
    order = list(range(len(tensors[EMBED])))
    for token, number in old.items():
        order[new[token]] = number
    made = LlamaForCausalLM.from_pretrained(path)
    for name in (EMBED, HEAD):
        if name in tensors:
            tensors[name] = tensors[name][order]
    made.load_state_dict(tensors, strict=False)
    made.save_pretrained(path)
    return path


def given(role: str, path: Path, *inputs: Given, operator: str = "local", **options: Json) -> Given:
    if inputs:
        return Given(role, operator, f"{operator} {path}", options=options, inputs=inputs)
    return Given(role, operator, f"fingerprint of {path}", path=path, options=options)


def merged(path: Path, operator: str, options: dict[str, Json], *inputs: Given) -> Path:
    (path / "output").mkdir(parents=True)
    (path / "work").mkdir()
    made = Task(
        operator, "merged", options, inputs, "0" * 64, path / "work", path / "output", Machine(), lambda _: None
    )
    merge.run(made)
    return made.output


def tensors(path: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = load_file(path / "model.safetensors")
    return found


def same(one: Path, other: Path) -> bool:
    a, b = tensors(one), tensors(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def settings(path: Path, file: str = "config.json") -> dict[str, Json]:
    found: dict[str, Json] = json.loads((path / file).read_text())
    return found


def says(path: Path, text: str = "the sky is") -> str:
    """What transformers generates with a merged model, which must give each token it knows a row."""
    tokenizer = AutoTokenizer.from_pretrained(path)
    loaded, info = AutoModelForCausalLM.from_pretrained(path, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert len(tokenizer) <= loaded.get_input_embeddings().weight.shape[0] == loaded.config.vocab_size
    inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    found = loaded.generate(**inputs, do_sample=False)
    return str(tokenizer.decode(found[0]))


POLICIES: Mapping[str, dict[str, Json]] = {"none": {}, "first": {"tokenizer": "first"}, "union": {"tokenizer": "union"}}


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("policy", [*POLICIES, "of"])
@pytest.mark.parametrize("rows", [0, 32], ids=["exact", "padded"])
def test_a_model_merged_with_itself_is_itself(tmp_path: Path, policy: str, tied: bool, rows: int) -> None:
    a = model(tmp_path / "a", tied=tied, rows=rows)
    b = model(tmp_path / "b", tied=tied, rows=rows)
    named = [given("tokenizer", b)] if policy == "of" else []
    options: dict[str, Json] = {"t": 0.3, **POLICIES.get(policy, {})}
    out = merged(tmp_path / "m", "slerp", options, given("0", a), given("1", b), *named)
    assert same(out, a)
    assert {file.name: file.read_bytes() for file in out.iterdir() if "safetensors" not in file.name} == {
        file.name: file.read_bytes() for file in a.iterdir() if "safetensors" not in file.name
    }


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("rows", [0, 32], ids=["exact", "padded"])
@pytest.mark.parametrize("policy", ["first", "union"])
def test_a_permuted_copy_gives_the_model_back(tmp_path: Path, policy: str, tied: bool, rows: int) -> None:
    a = model(tmp_path / "a", tied=tied, rows=rows)
    b = permuted(tmp_path / "b", a, tied=tied, rows=rows)
    assert not same(a, b)
    assert says(a) == says(b)
    out = merged(tmp_path / "m", "slerp", {"t": 0.4, "tokenizer": policy}, given("0", a), given("1", b))
    assert same(out, a)
    assert (HEAD in tensors(out)) is not tied
    assert says(out) == says(a)
    assert (out / "tokenizer.json").read_bytes() == (a / "tokenizer.json").read_bytes()


def test_the_named_models_tokens_settings_and_template_are_the_results(tmp_path: Path) -> None:
    a = model(tmp_path / "a", rows=32)
    b = permuted(tmp_path / "b", model(tmp_path / "c", template="two"))
    (b / "chat_template.jinja").write_text("two")
    out = merged(tmp_path / "m", "lerp", {"t": 1}, given("0", a), given("1", b), given("tokenizer", b))
    assert same(out, b)
    assert (out / "chat_template.jinja").read_text() == "two"
    assert settings(out, "generation_config.json") == settings(b, "generation_config.json")
    told = {key: settings(out)[key] for key in ("vocab_size", "eos_token_id", "pad_token_id")}
    assert told == {key: settings(b)[key] for key in told}
    assert told["eos_token_id"] != settings(a)["eos_token_id"]
    assert says(out) == says(b)


def test_a_union_has_the_tokens_of_both_and_generates(tmp_path: Path) -> None:
    a = model(tmp_path / "a", seed=1)
    b = model(tmp_path / "b", (*WORDS, "cloud"), (*CONTROL, "<|tool|>"), seed=2)
    out = merged(tmp_path / "m", "linear", {"weights": [0.5, 0.5], "normalize": True, "tokenizer": "union"},
                 given("0", a), given("1", b))  # fmt: skip
    before, after = (AutoTokenizer.from_pretrained(each) for each in (a, out))
    added = {token: number for token, number in after.get_vocab().items() if token not in before.get_vocab()}
    assert added == {"cloud": 12, "<|tool|>": 13}
    assert {token: after.get_vocab()[token] for token in before.get_vocab()} == before.get_vocab()
    assert after("the cloud <|tool|>")["input_ids"] == [5, 12, 13]
    assert after("clouds")["input_ids"] == [0]
    assert after.decode([12, 13, 1], skip_special_tokens=True).split() == ["cloud", "red"]
    theirs, ours = tensors(b), tensors(out)
    for name in (EMBED, HEAD):
        assert torch.equal(ours[name][12], theirs[name][10])
        assert torch.equal(ours[name][13], theirs[name][13])
        mean = (tensors(a)[name][:10].float() + theirs[name][:10].float()) / 2
        assert torch.equal(ours[name][:10], mean.bfloat16())
    assert settings(out)["vocab_size"] == 14
    says(out, "the cloud is")


@pytest.mark.parametrize("base", ["", "c"], ids=["mean", "base"])
@pytest.mark.parametrize("source", ["union", "first", "b"])
def test_rows_of_tokens_are_mergekits(tmp_path: Path, source: str, base: str) -> None:
    """What `linear` with `tokenizer_source` makes of models that share some tokens, row by row of each token."""
    a = model(tmp_path / "a", WORDS[:7])
    b = model(tmp_path / "b", (*WORDS[:1], *WORDS[:3:-1], "cloud"), (*CONTROL, "<|tool|>"), seed=2)
    c = model(tmp_path / "c", (*WORDS, "cloud", "rain"), (*CONTROL, "<|else|>"), seed=3)
    weights: list[Json] = [0.5, 0.25, 0.25]
    said = {"first": str(a), "b": str(b)}.get(source, source)
    theirs = by_mergekit(tmp_path / "theirs", said, base and str(tmp_path / base), weights, a, b, c)
    named = [given("tokenizer", b)] if source == "b" else []
    options: dict[str, Json] = {"normalize": False} | ({} if named else {"tokenizer": source})
    if base:  # mergekit's `linear` has a base only as a model among the others; a merge over differences has one here
        ours = merged(tmp_path / "m", "linear", {**options, "weights": weights}, given("0", a), given("1", b),
                      given("2", c), given("base", c), *named)  # fmt: skip
    else:
        ours = merged(tmp_path / "m", "linear", {**options, "weights": weights}, given("0", a), given("1", b),
                      given("2", c), *named)  # fmt: skip
    before, after = (AutoTokenizer.from_pretrained(place).get_vocab() for place in (theirs, ours))
    assert before.keys() == after.keys()
    for name in (EMBED, HEAD):
        rows, own = tensors(theirs)[name], tensors(ours)[name]
        assert [token for token in after if not torch.equal(own[after[token]], rows[before[token]])] == []


def by_mergekit(path: Path, source: str, base: str, weights: Sequence[Json], *models: Path) -> Path:
    said: dict[str, Json] = {
        "merge_method": "linear",
        "models": [
            {"model": str(model), "parameters": {"weight": weight}}
            for model, weight in zip(models, weights, strict=True)
        ],
        "parameters": {"normalize": False},
        "dtype": "float32",
        "out_dtype": "bfloat16",
        "tokenizer_source": source,
        **({"base_model": base} if base else {}),
    }
    reference.LoaderCache.loaders.clear()
    options = reference.MergeOptions(quiet=True, write_model_card=False)
    reference.run_merge(reference.MergeConfiguration.model_validate(said), str(path), options)
    reference.LoaderCache.loaders.clear()
    return path


def test_a_union_fills_padding_first(tmp_path: Path) -> None:
    a, b = model(tmp_path / "a", rows=16), model(tmp_path / "b", (*WORDS, "cloud"), tied=False, seed=2)
    out = merged(tmp_path / "m", "lerp", {"t": 0, "tokenizer": "union"}, given("0", a), given("1", b))
    ours, first = tensors(out)[EMBED], tensors(a)[EMBED]
    assert ours.shape == (16, 16)
    assert torch.equal(ours[[*range(12), 13, 14, 15]], first[[*range(12), 13, 14, 15]])
    assert torch.equal(ours[12], tensors(b)[EMBED][10])
    says(out)


def test_the_result_is_of_a_nested_expression(tmp_path: Path) -> None:
    a, c = model(tmp_path / "a"), model(tmp_path / "c", (*WORDS, "cloud"), seed=3)
    b = permuted(tmp_path / "b", a)
    inner = given("1", tmp_path / "inner", given("0", a), given("1", b), operator="lerp", t=0.5, tokenizer="first")
    out = merged(tmp_path / "m", "lerp", {"t": 1, "tokenizer": "union"}, given("0", c), inner)
    assert torch.equal(tensors(out)[EMBED][: len(WORDS)], tensors(a)[EMBED][: len(WORDS)])
    assert torch.equal(tensors(out)[EMBED][10], tensors(c)[EMBED][10])
    says(out)


def test_one_model_may_stand_in_two_orders(tmp_path: Path) -> None:
    """`a` alone, and within a merge that has the tokens of another."""
    a = model(tmp_path / "a")
    b = permuted(tmp_path / "b", a)
    inner = given("1", tmp_path / "inner", given("0", a), given("1", b), given("tokenizer", b), operator="lerp", t=0.25)
    out = merged(tmp_path / "m", "lerp", {"t": 0.5, "tokenizer": "first"}, given("0", a), inner)
    assert same(out, a)


def test_an_adapter_is_folded_in_before_rows_are_moved(tmp_path: Path) -> None:
    a = model(tmp_path / "a")
    b = permuted(tmp_path / "b", a)
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "modules_to_save": ["embed_tokens"]}
    (tmp_path / "x").mkdir()
    (tmp_path / "x/adapter_config.json").write_text(json.dumps(config))
    place = "base_model.model.model"
    changes = {f"{place}.embed_tokens.weight": torch.randn(12, 16)}
    changes |= {f"{place}.layers.0.mlp.up_proj.lora_{part}.weight": torch.randn(shape) for part, shape in PARTS}
    save_file(changes, tmp_path / "x/adapter_model.safetensors")
    x = Given("0", "local", "x", path=tmp_path / "x", inputs=(given("from", a),))
    written = merged(tmp_path / "w", "round", {"precision": "bf16"}, x)
    assert not same(written, a)
    moved = merged(tmp_path / "m", "lerp", {"t": 0}, x, given("1", b), given("tokenizer", b))
    assert same(
        moved, merged(tmp_path / "n", "lerp", {"t": 0}, given("0", written), given("1", b), given("tokenizer", b))
    )
    assert not same(moved, written)


def test_a_base_in_another_order_is_the_same_base(tmp_path: Path) -> None:
    base = model(tmp_path / "base")
    a, turned = model(tmp_path / "a", seed=2), permuted(tmp_path / "turned", base)
    options: dict[str, Json] = {"share": 0.3}
    plain = merged(tmp_path / "plain", "graft", options, given("0", a), given("base", base))
    other = merged(tmp_path / "m", "graft", {**options, "tokenizer": "first"}, given("0", a), given("base", turned))
    assert not same(plain, a)
    assert same(other, plain)


def test_results_of_several_sizes_are_made_together(tmp_path: Path) -> None:
    a, b = model(tmp_path / "a"), model(tmp_path / "b", (*WORDS, "cloud"), seed=2)
    tasks = []
    for place, whose in enumerate(("first", "union", "first")):
        path = tmp_path / f"m{place}"
        (path / "output").mkdir(parents=True)
        options: dict[str, Json] = {"t": 0.1 * place, "tokenizer": whose}
        tasks.append(Task("lerp", "m", options, (given("0", a), given("1", b)), "0" * 64, path, path / "output",
                          Machine(), lambda _: None))  # fmt: skip
    merge.run_together(tasks)
    for place, task in enumerate(tasks):
        alone = merged(tmp_path / f"alone{place}", "lerp", dict(task.options), *task.inputs)
        assert same(task.output, alone)
    assert [len(tensors(task.output)[EMBED]) for task in tasks] == [12, 13, 12]


def test_a_generation_configuration_is_not_lost(tmp_path: Path) -> None:
    a = model(tmp_path / "a")
    b = permuted(tmp_path / "b", a)
    (a / "generation_config.json").unlink()
    out = merged(tmp_path / "m", "lerp", {"t": 0.5, "tokenizer": "first"}, given("0", a), given("1", b))
    found = settings(out, "generation_config.json")
    assert found["max_new_tokens"] == 5
    assert (found["eos_token_id"], found["pad_token_id"]) == ([10], 11)
    assert settings(b, "generation_config.json")["eos_token_id"] == [11]


RECIPE = """edition 1
model a = local("models/a")
model b = local("models/b")
model c = local("models/c")
model back   = slerp(a, b, t = 0.3, tokenizer = first)
model joined = slerp(a, c, t = 0.5, tokenizer = union)
model within = linear(b: 1, lerp(a, c, t = 0.5, tokenizer = c): 1, tokenizer = first)
"""


def test_a_recipe_over_models_with_other_tokens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "p"
    (root / ".git").mkdir(parents=True)
    a = model(root / "models" / "a")
    permuted(root / "models" / "b", a)
    c = model(root / "models" / "c", (*WORDS, "cloud"), seed=2, template="two")
    told = settings(c, "generation_config.json")
    (c / "generation_config.json").write_text(json.dumps({**told, "max_new_tokens": 7}))
    (root / "my.recipe").write_text(RECIPE)
    monkeypatch.chdir(root)
    assert run(["check", "my.recipe"]) == 0
    capsys.readouterr()
    assert run(["plan", "my.recipe"]) == 0
    notes = capsys.readouterr().err.splitlines()
    assert "note: `joined` takes the chat template of `a`, and not that of `c`" in notes
    assert "note: `joined` takes the generation configuration of `a`, and not that of `c`" in notes
    assert not any("`back`" in note for note in notes)
    assert run(["run", "my.recipe"]) == 0
    made = {name: root / "artifacts" / "my" / name for name in ("back", "joined", "within")}
    assert same(made["back"], a)
    assert len(tensors(made["joined"])[EMBED]) == 13
    for place in made.values():
        says(place)
    capsys.readouterr()
    assert run(["plan", "my.recipe"]) == 0
    assert capsys.readouterr().err == ""


# --- what is refused -------------------------------------------------------------------------------------------------


def refused(path: Path, options: dict[str, Json], *inputs: Given) -> StepError:
    with pytest.raises(StepError) as error:
        merged(path / "m", "slerp", {"t": 0.5, **options}, *inputs)
    return error.value


def test_shifted_numbers_in_tables_of_one_size_are_an_error(tmp_path: Path) -> None:
    a = model(tmp_path / "a")
    found = refused(tmp_path, {}, given("0", a), given("1", permuted(tmp_path / "b", a)))
    assert "`a` and `b` have different vocabularies: `" in found.message
    assert "tokenizer = first" in found.help


def test_a_tied_and_an_untied_model_are_refused(tmp_path: Path) -> None:
    a, b = model(tmp_path / "a", tied=True), model(tmp_path / "b", tied=False)
    found = refused(tmp_path, {"tokenizer": "union"}, given("0", a), given("1", b))
    assert "`tie_word_embeddings`" in found.message


def changed(path: Path, **tensors: torch.Tensor) -> Path:
    held = load_file(path / "model.safetensors") | tensors
    save_file(held, path / "model.safetensors", metadata={"format": "pt"})
    return path


def test_a_head_for_other_tokens_than_the_embeddings_is_refused(tmp_path: Path) -> None:
    head = {HEAD: torch.zeros((24, 16), dtype=torch.bfloat16)}
    a, b = changed(model(tmp_path / "a"), **head), changed(model(tmp_path / "b", (*WORDS[::-1],)), **head)
    found = refused(tmp_path, {"tokenizer": "first"}, given("0", a), given("1", b))
    assert found.message == "`lm_head.weight` of `a` has not a row for each of its 12 tokens"


def test_a_row_that_is_no_number_is_told_of_who_gives_it(tmp_path: Path) -> None:
    bad = tensors(model(tmp_path / "b", (*WORDS, "cloud")))[EMBED].clone()
    bad[10] = torch.nan
    a, b = model(tmp_path / "a"), changed(tmp_path / "b", **{EMBED: bad})
    found = refused(tmp_path, {"tokenizer": "union"}, given("0", a), given("1", b))
    assert "`a`, or of `b` that gives it rows, holds 16 values that are not finite" in found.message


@pytest.mark.parametrize("value", [10**15, -1, 0, "12", True, None])
def test_a_number_of_tokens_that_the_weights_deny_is_refused(tmp_path: Path, value: Json) -> None:
    a, b = model(tmp_path / "a"), model(tmp_path / "b", (*WORDS[::-1],))
    (b / "config.json").write_text(json.dumps({**settings(b), "vocab_size": value}))
    found = refused(tmp_path, {"tokenizer": "union"}, given("0", a), given("1", b))
    assert "no tensor of `b` is known here to have a row for each of `vocab_size` tokens" in found.message


@pytest.mark.parametrize("nested", ['"\\ud800"', "[" * 50_000 + "]" * 50_000])
def test_a_hostile_configuration_is_refused(tmp_path: Path, nested: str) -> None:
    a = model(tmp_path / "a")
    b = permuted(tmp_path / "b", a)
    (a / "generation_config.json").unlink()
    (b / "generation_config.json").write_text(f'{{"x": {nested}}}')
    found = refused(tmp_path, {"tokenizer": "first"}, given("0", a), given("1", b))
    assert "generation_config.json" in found.message


def test_a_tokenizer_of_no_operand_is_refused(tmp_path: Path) -> None:
    a, b, c = (model(tmp_path / name) for name in "abc")
    assert "no operand" in refused(tmp_path, {}, given("0", a), given("1", b), given("tokenizer", c)).message


@pytest.mark.parametrize(
    "spoil",
    [
        lambda table: table["added_tokens"].__setitem__(0, {"content": "x"}),
        lambda table: table["added_tokens"][0].__setitem__("id", 10**12),
        lambda table: table["added_tokens"][0].__setitem__("id", -1),
        lambda table: table["added_tokens"][0].__setitem__("id", True),
        lambda table: table["added_tokens"][0].__setitem__("content", "\ud800"),
        lambda table: table["added_tokens"][0].__setitem__("content", ["x"]),
        lambda table: table.__setitem__("added_tokens", {"x": 1}),
        lambda table: table.__setitem__("model", None),
        lambda table: table["model"].__setitem__("vocab", [["a"], [], 3]),
        lambda table: table["model"].__setitem__("vocab", {"a": "0"}),
        lambda table: table["model"].__setitem__("type", "Unheard"),
        lambda table: table.__setitem__("truncation", "\ud800"),
        # The library numbers added tokens itself, whatever the file says.
        lambda table: table["added_tokens"][1].__setitem__("id", 20),
    ],
)
def test_a_hostile_tokenizer_is_refused(tmp_path: Path, spoil: object) -> None:
    a, b = model(tmp_path / "a"), model(tmp_path / "b", (*WORDS, "cloud"), rows=64)
    table = settings(b, "tokenizer.json")
    assert callable(spoil)
    spoil(table)
    (b / "tokenizer.json").write_text(json.dumps(table))
    found = refused(tmp_path, {"tokenizer": "union"}, given("0", a), given("1", b))
    assert "tokenizer" in found.message
