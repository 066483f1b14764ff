"""`ladle compare`: its numbers against float64, what it hints at, what it leaves out and what it refuses."""

from __future__ import annotations

import html
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from ladle.executor.cli import run
from ladle.executor.comparing import measuring, meter
from ladle.executor.comparing.grouped import grouped
from ladle.executor.comparing.hints import Hint, shared
from ladle.executor.comparing.modules import module
from ladle.executor.comparing.sums import angle, cosine
from ladle.executor.file_digests import FileDigests
from ladle.executor.lineage import LINEAGE, Lineage
from ladle.executor.manifest import manifest
from ladle.executor.models.source import Source, write_source
from ladle.executor.opened import open_recipe
from safetensors.torch import load_file, save_file
from test_adapters import adapter, folded
from test_merge import HIDDEN, LAYERS, VOCAB, folder, weights

Tensors = dict[str, torch.Tensor]
Read = Callable[..., dict[str, Any]]


def near(seed: int, share: float, dtype: torch.dtype = torch.bfloat16) -> Tensors:
    """Weights whose distance from those of seed 1 is about `share` of their norm."""
    change = weights(seed)
    return {name: (value + share * change[name]).to(dtype) for name, value in weights(1).items()}


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A base `o`, and `a` and `b` made from it; entered."""
    monkeypatch.chdir(tmp_path)
    for name, tensors in {"o": near(1, 0), "a": near(2, 0.1), "b": near(3, 0.02)}.items():
        folder(tmp_path / name, tensors)
    return tmp_path


@pytest.fixture
def found(capsys: pytest.CaptureFixture[str]) -> Read:
    def read(*arguments: str) -> dict[str, Any]:
        capsys.readouterr()
        assert run(["compare", *arguments, "--format", "json"]) == 0, capsys.readouterr().err
        value: dict[str, Any] = json.loads(capsys.readouterr().out)
        return value

    return read


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def read(*arguments: str) -> str:
        capsys.readouterr()
        assert run(["compare", *arguments]) == 1
        said = capsys.readouterr()
        assert not said.out
        assert "Traceback" not in said.err
        return said.err

    return read


def vector(path: Path, wanted: Callable[[str], bool] = lambda name: True) -> torch.Tensor:
    tensors = load_file(path / "model.safetensors")
    return torch.cat([tensors[name].double().reshape(-1) for name in sorted(tensors) if wanted(name)])


def degrees_between(x: torch.Tensor, y: torch.Tensor) -> float:
    """The angle by the sine and the cosine, each in float64: exact near 0 as near 90 degrees."""
    one, two = x / x.norm(), y / y.norm()
    return math.degrees(2 * math.atan2(float((one - two).norm()), float((one + two).norm())))


def step(value: float) -> float:
    """The distance of neighbouring bfloat16 values about `value`."""
    return math.ldexp(1.0, math.frexp(value)[1] - 1 - 7)


# --- numbers, against float64 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("chosen", ["total", "q_proj", "embed", "norm", "down_proj"])
def test_every_number_of_a_pair_in_float64(models: Path, found: Read, chosen: str) -> None:
    [pair] = found("a", "b", "--base", "o")["pairs"]
    mine = {"total": pair["total"]} | {each["module"]: each for each in pair["modules"]}

    def wanted(name: str) -> bool:
        return chosen == "total" or module(name)[0] == chosen

    a, b, o = (vector(models / name, wanted) for name in "abo")
    changes = torch.stack([a - o, b - o])
    both = (changes != 0).all(dim=0)
    expected = {
        "elements": len(a),
        "angle": degrees_between(a, b),
        "norm_ratio": float(b.norm() / a.norm()),
        "distance": float((b - a).norm() / a.norm()),
        "differing": float((a != b).double().mean()),
        "cosine": float(torch.nn.functional.cosine_similarity(changes[0], changes[1], dim=0)),
        "pearson": float(torch.corrcoef(changes)[0, 1]),
        "sign_agreement": float((changes[0].sign() == changes[1].sign())[both].double().mean()),
    }
    assert {key: mine[chosen][key] for key in expected} == pytest.approx(expected, rel=1e-7, abs=1e-9)


def test_the_changes_from_the_base_in_float64(models: Path, found: Read) -> None:
    told = found("a", "b", "--base", "o")
    o = vector(models / "o")
    for each, name in zip(told["changes"], "ab", strict=True):
        model = vector(models / name)
        length = float((model - o).norm())
        noise = math.sqrt(math.fsum(step(value) ** 2 / 12 for value in model.tolist()))
        expected = {
            "norm": length,
            "relative": length / float(o.norm()),
            "changed": float((model != o).double().mean()),
            "rounding": noise / length,
        }
        assert each["model"] == name
        assert each["total"] == pytest.approx(expected, rel=1e-7)


def test_what_rounding_takes_is_what_it_takes(tmp_path: Path, found: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """The share that is told without the exact weights is near the one that they show."""
    monkeypatch.chdir(tmp_path)
    exact = {name: value.double() + 0.004 * weights(2)[name] for name, value in near(1, 0).items()}
    stored = {name: value.bfloat16() for name, value in exact.items()}
    folder(tmp_path / "o", near(1, 0))
    folder(tmp_path / "a", stored)
    folder(tmp_path / "b", near(3, 0.1))
    lost = math.sqrt(sum(float((stored[name].double() - exact[name]).square().sum()) for name in exact))
    true = lost / math.sqrt(sum(float((0.004 * weights(2)[name]).double().square().sum()) for name in exact))
    told = found("a", "b", "--base", "o")["changes"][0]["total"]["rounding"]
    assert told == pytest.approx(true, rel=0.15)
    assert true > 0.3


def test_kinship_is_the_mean_over_pairs(models: Path, found: Read) -> None:
    folder(models / "c", near(4, 0.05))
    told = found("a", "b", "c", "--base", "o")
    assert [(each["a"], each["b"]) for each in told["pairs"]] == [("a", "b"), ("a", "c"), ("b", "c")]
    for measure in ("cosine", "pearson"):
        mean = sum(each["total"][measure] for each in told["pairs"]) / 3
        assert told["kinship"][measure] == pytest.approx(mean, rel=1e-6)
    assert found("a", "b")["kinship"] is None


def test_depths_and_cells_are_the_layers(models: Path, found: Read) -> None:
    [pair] = found("a", "b")["pairs"]
    assert [each["layers"] for each in pair["depths"]] == [[n, n] for n in range(LAYERS)]
    cells = {(each["module"], each["layer"]): each["angle"] for each in pair["cells"]}
    assert len(cells) == 9 * LAYERS + 2
    name = "model.layers.1.mlp.up_proj.weight"
    a, b = (vector(models / each, lambda tensor: tensor == name) for each in "ab")
    assert cells["up_proj", 1] == pytest.approx(degrees_between(a, b), rel=1e-7)
    assert sum(each["elements"] for each in pair["modules"]) == pair["total"]["elements"]


def test_collinear_tensors_are_counted_one_by_one(models: Path, found: Read) -> None:
    tensors = near(1, 0)
    parts = sorted(name for name in tensors if module(name)[0] == "q_proj")
    tensors |= {parts[0]: -2 * tensors[parts[0]], parts[1]: near(2, 1)[parts[1]]}
    folder(models / "b", tensors)
    [pair] = found("o", "b")["pairs"]
    q = next(each for each in pair["modules"] if each["module"] == "q_proj")
    assert (q["collinear"], q["tensors"]) == (pytest.approx(2 / 3, rel=1e-6), 3)
    flipped = next(each for each in pair["cells"] if (each["module"], each["layer"]) == ("q_proj", 0))
    assert flipped["angle"] == pytest.approx(180)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_tiny_and_huge_weights_have_their_angle(tmp_path: Path, found: Read, scale: float) -> None:
    for name in "ab":
        tensors = near(1 if name == "a" else 2, 0.1, torch.float32)
        folder(tmp_path / name, {key: value * scale for key, value in tensors.items()})
    told = found(str(tmp_path / "a"), str(tmp_path / "b"))["pairs"][0]["total"]
    a, b = vector(tmp_path / "a"), vector(tmp_path / "b")
    assert told["angle"] == pytest.approx(degrees_between(a, b), rel=1e-7)


def test_a_model_of_zeros_has_no_direction(models: Path, found: Read, capsys: pytest.CaptureFixture[str]) -> None:
    folder(models / "z", {name: torch.zeros_like(value) for name, value in near(1, 0).items()})
    total = found("a", "z", "--base", "o")["pairs"][0]["total"]
    assert (total["angle"], total["norm_ratio"], total["distance"]) == (None, 0.0, 1.0)
    assert run(["compare", "z", "a", "--figure", "f.svg"]) == 0
    assert "no direction" in Path("f.svg").read_text()


@drawn(
    st.lists(st.floats(-1, 1, width=32), min_size=2, max_size=9),
    st.lists(st.floats(-1, 1, width=32), min_size=9, max_size=9),
)
@settings(deadline=None)
def test_the_angle_of_three_sides_is_that_of_the_vectors(one: list[float], other: list[float]) -> None:
    a = torch.tensor(one, dtype=torch.float64)
    b = a + torch.tensor(other[: len(one)], dtype=torch.float64) * 1e-3
    sides = [float(each.dot(each)) for each in (a, b, b - a)]
    told = angle(*sides)
    if told is None or min(sides[:2]) < 1e-12:
        return
    assert told == pytest.approx(degrees_between(a, b), rel=1e-6, abs=1e-6)
    assert cosine(*sides) == pytest.approx(math.cos(math.radians(told)), abs=1e-12)


def test_sums_do_not_depend_on_how_a_tensor_is_cut(models: Path, found: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = found("a", "b", "--base", "o")
    monkeypatch.setattr(measuring, "RUN", 7)
    cut = found("a", "b", "--base", "o")
    one, two = ([each["pairs"][0]["total"], each["changes"][0]["total"]] for each in (whole, cut))
    for a, b in zip(one, two, strict=True):
        assert a == pytest.approx(b, rel=1e-9)


# --- hints ----------------------------------------------------------------------------------------------------------


def reasons(told: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    return [(each["reason"], each["models"]) for each in told["hints"]]


def test_a_model_and_itself(models: Path, found: Read) -> None:
    told = found("a", "a")
    assert reasons(told) == [("identical", ["a", "a (2)"])]
    total = told["pairs"][0]["total"]
    assert (total["angle"], total["distance"], total["differing"], total["collinear"]) == (0, 0, 0, 1)


def test_near_identical_parents_and_changes_below_rounding(models: Path, found: Read) -> None:
    folder(models / "p", near(2, 0.1, torch.float32))
    folder(models / "q", {name: value * (1 + 1e-4) for name, value in near(2, 0.1, torch.float32).items()})
    told = reasons(found("p", "q"))
    assert told == [("near-identical", ["p", "q"]), ("slerp-is-lerp", ["p", "q"])]
    folder(models / "r", near(2, 0.002))
    assert ("below-rounding", ["r", "o"]) in reasons(found("r", "a", "--base", "o"))


def test_parallel_changes_and_a_slerp_that_is_none(models: Path, found: Read) -> None:
    folder(models / "c", near(2, 0.2))
    assert reasons(found("a", "c", "--base", "o")) == [("parallel", ["a", "c"])]
    folder(models / "d", near(2, 0.01))
    assert reasons(found("d", "o")) == [("slerp-is-lerp", ["d", "o"])]
    assert reasons(found("a", "b", "--base", "o")) == []


def test_a_model_without_a_change(models: Path, found: Read) -> None:
    folder(models / "copy", near(1, 0))
    told = found("copy", "a", "--base", "o")
    assert ("unchanged", ["copy", "o"]) in reasons(told)
    assert told["kinship"] is None
    assert told["changes"][0]["total"] == {"norm": 0, "relative": 0, "changed": 0, "rounding": None}


def test_hints_of_a_family_are_a_few_lines_that_name_every_pair(
    models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = near(2, 0.2, torch.float32)
    names = [f"m{n}" for n in range(9)]
    for n, name in enumerate(names):
        folder(models / name, {key: value * (1 + n * 2e-4) for key, value in start.items()})
    assert run(["compare", *names, "--no-base"]) == 0
    said = [line.removeprefix("hint: ") for line in capsys.readouterr().out.splitlines() if line.startswith("hint: ")]
    assert len(said) == 2
    assert "at most 0.1 % of their norm apart" in said[0]
    assert said[1].startswith("every two of m0, m1, m2, m3, m4, m5, m6, m7 and m8: every tensor has a cosine above")
    assert run(["compare", *names, "--no-base", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)["hints"]
    for reason, line in zip(("near-identical", "slerp-is-lerp"), said, strict=True):
        pairs = {frozenset(each["models"]) for each in told if each["reason"] == reason}
        assert len(pairs) > 20
        assert meant(line) == pairs


def meant(line: str) -> set[frozenset[str]]:
    """Return the pairs that a line names."""
    who, _, but = line.partition(": ")[0].partition(", but not ")
    found: set[frozenset[str]] = set()
    for part in who.split("; "):
        listed = part.removeprefix("every two of ").replace(" and ", ", ").split(", ")
        found |= {frozenset(pair) for pair in combinations(listed, 2)}
    return found - {frozenset(part.split(" and ")) for part in but.split("; ")}


@drawn(st.sets(st.sampled_from(list(combinations("abcdefghi", 2))), min_size=1))
def test_no_pair_is_lost_and_none_is_added(pairs: set[tuple[str, str]]) -> None:
    [told] = grouped(Hint("near-identical", pair, 1e-4) for pair in sorted(pairs))
    assert meant(told.line(lambda name: name)) == {frozenset(pair) for pair in pairs}


def test_numbers_of_several_hints_hold_for_all() -> None:
    several = [Hint("parallel", ("a", "b"), 0.9957), Hint("parallel", ("a", "c"), 0.9916)]
    [told] = grouped(several)
    assert "a and b; a and c: their changes point one way (cosine at least 0.991)" in told.line(lambda name: name)
    lost = [Hint("below-rounding", (name, "o"), 0.6 + n / 10, "BF16") for n, name in enumerate("abc")]
    [told, other] = grouped([*lost, Hint("below-rounding", ("d", "o"), 0.9, "F16")])
    assert told.line(str.upper).startswith("each of A, B and C, and O: storing it as BF16 rounds away at least 60 % of")
    assert other.line(str.upper).startswith("D and O: storing it as F16 rounds away 90 % of")


# --- what is left out, what is refused ------------------------------------------------------------------------------


def tokenizer(path: Path, words: list[str]) -> None:
    text = {"model": {"vocab": {word: n for n, word in enumerate(words)}}, "added_tokens": []}
    (path / "tokenizer.json").write_text(json.dumps(text))


def test_shifted_vocabularies_leave_the_embedding_out(models: Path, found: Read) -> None:
    tokenizer(models / "a", ["x", "y", "z"])
    tokenizer(models / "b", ["x", "z", "y"])
    told = found("a", "b")
    [out] = told["left_out"]
    assert out["tensor"] == "model.embed_tokens.weight"
    assert "1 is 'y' in `a`, 'z' in `b`" in out["why"]
    assert "embed" not in [each["module"] for each in told["pairs"][0]["modules"]]
    tokenizer(models / "b", ["x", "y", "z", "more"])
    assert found("a", "b")["left_out"] == []


def test_more_rows_leave_the_embedding_out(models: Path, found: Read) -> None:
    tensors = near(3, 0.02)
    tensors["model.embed_tokens.weight"] = torch.ones(VOCAB + 4, HIDDEN).bfloat16()
    folder(models / "b", tensors, vocab_size=VOCAB + 4)
    told = found("a", "b")
    assert [each["why"] for each in told["left_out"]] == ["other vocabularies: 12 and 16 rows"]
    assert told["tensors"] == 9 * LAYERS + 1
    tensors["model.embed_tokens.weight"] = torch.ones(VOCAB + 8, HIDDEN).bfloat16()
    folder(models / "c", tensors, vocab_size=VOCAB + 8)
    assert found("a", "b", "c")["left_out"][0]["why"] == "other vocabularies: 12, 16 and 20 rows"


def test_an_untied_head_stands_beside_nothing(models: Path, found: Read) -> None:
    head = {"lm_head.weight": torch.ones(VOCAB, HIDDEN).bfloat16()}
    folder(models / "b", near(3, 0.02) | head, tie_word_embeddings=False)
    assert found("a", "b")["left_out"] == [{"tensor": "lm_head.weight", "why": "`a` has none"}]


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (
            lambda f, t: folder(f, t, num_attention_heads=4),
            "E642",
            "the size `heads` of `b` is 4, and that of `a` is 2",
        ),
        (lambda f, t: folder(f, t, model_type="mistral", num_key_value_heads=2), "E642", "the architecture of `b` is"),
        (lambda f, t: folder(f, t, model_type="odd", hidden_size=4), "E642", "architecture"),
        (lambda f, t: (f / "model.safetensors").unlink(), "E410", "has no weights"),
        (lambda f, t: (f / "config.json").unlink(), "E410", "has no `config.json`"),
        (lambda f, t: (f / "config.json").write_text("[" * 9000), "E410", "nested too deep"),
        (lambda f, t: (f / "config.json").write_text('{"auto_map": {}, "model_type": "x"}'), "E412", "code of its own"),
        (lambda f, t: (f / "model.safetensors").write_bytes(b"\xff" * 99), "E411", "cut off"),
        (lambda f, t: (f / "tokenizer.json").write_text("{"), "E410", "no JSON"),
        (lambda f, t: (f / "source.json").write_text("{}"), "E641", "cannot be read"),
        (lambda f, t: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "E413", "pickles"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused_from_its_headers(
    models: Path,
    refusal: Callable[..., str],
    change: Callable[[Path, Tensors], object],
    code: str,
    said: str,
) -> None:
    change(models / "b", near(3, 0.02))
    told = refusal("a", "b")
    assert f"error[{code}]" in told
    assert said in told
    assert "1 | ladle compare a b\n  |                 ^\n" in told


def test_other_tensors_are_named(models: Path, refusal: Callable[..., str]) -> None:
    for name in "ab":
        folder(models / name, near(1, 0) | {"odd.weight": torch.ones(2, 3)}, model_type="odd")
    tensors = near(1, 0) | {"odd.weight": torch.ones(2, 4), "new.weight": torch.ones(1)}
    del tensors["model.norm.weight"]
    folder(models / "b", tensors, model_type="odd")
    told = refusal("a", "b")
    assert "error[E643]: `b` does not fit `a`: `model.norm.weight` is missing; `new.weight` is not in the" in told
    assert "`odd.weight` is 2 x 4, not 2 x 3" in told


def test_weights_that_are_no_numbers_are_all_named(models: Path, refusal: Callable[..., str]) -> None:
    tensors = near(3, 0.02)
    tensors["model.norm.weight"][3] = math.nan
    tensors["model.layers.0.mlp.up_proj.weight"][1, :2] = math.inf
    folder(models / "b", tensors)
    told = refusal("a", "b")
    assert told.count("error[E645]") == 2
    assert f"`model.norm.weight` of `b` holds 1 of {HIDDEN} values that are not finite numbers" in told
    assert "`model.layers.0.mlp.up_proj.weight` of `b` holds 2 of 128 values" in told


def test_quantized_models_have_nothing_to_compare(models: Path, refusal: Callable[..., str]) -> None:
    for name in "ab":
        folder(models / name, {"x.weight": torch.ones(4, dtype=torch.int8)}, model_type="odd")
    told = refusal("a", "b")
    assert "error[E644]: `a` has no weights to compare: its tensors hold I8" in told


def test_every_word_that_means_nothing_is_told(models: Path, refusal: Callable[..., str]) -> None:
    told = refusal("a", "nowhere", "./gone", "--base", "lost")
    assert told.count("error[E640]") == 3
    assert "1 | ladle compare a nowhere ./gone --base lost\n" in told


def test_names_in_a_folder_steer_no_terminal(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = "\x1b[31m\u202e<script>|`x"
    for name in (odd, f"{odd}2"):
        folder(models / name, near(2, 0.1))
    tokenizer(models / odd, ["\x1b[2J", "y"])
    tokenizer(models / f"{odd}2", ["y", "\x1b[2J"])
    for form in ("text", "md", "json"):
        for file in ("f.svg", "f.html"):
            assert run(["compare", odd, f"{odd}2", "--format", form, "--figure", file]) == 0
            for text in (capsys.readouterr().out, Path(file).read_text()):
                assert "\x1b" not in text
                assert "\u202e" not in text
        assert "<script" not in Path("f.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a"], "two models or more"),
        (["a", "b", "--figure", "x.png"], ".svg"),
        (["a", "b", "--base", "o", "--no-base"], "exclude each other"),
        (["a", "b", "--variant", "v"], "--recipe"),
        ([], "Missing argument"),
    ],
)
def test_wrong_usage(models: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    assert run(["compare", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_the_same_folder_as_base_is_read_once(models: Path, found: Read) -> None:
    told = found("a", "o", "--base", "./o")
    assert told["base"] == {"name": "o", "folder": "o", "type": "BF16", "known": "given"}
    assert [each["model"] for each in told["changes"]] == ["a"]
    assert told["pairs"][0]["total"]["cosine"] is None


def test_folders_of_one_name_are_told_apart_by_their_paths(models: Path, found: Read) -> None:
    folder(models / "x/a", near(4, 0.1))
    folder(models / "y/a", near(5, 0.1))
    told = found("x/a", "b", "--base", "y/a")
    assert [each["name"] for each in (*told["models"], told["base"])] == ["x/a", "b", "y/a"]


def test_shards_are_read_as_one(models: Path, found: Read) -> None:
    whole = found("a", "b")["pairs"]
    tensors = near(3, 0.02)
    (models / "b/model.safetensors").unlink()
    place: dict[str, str] = {}
    for number, part in enumerate((sorted(tensors)[:11], sorted(tensors)[11:])):
        save_file({name: tensors[name] for name in part}, models / f"b/part-{number}.safetensors")
        place |= dict.fromkeys(part, f"part-{number}.safetensors")
    (models / "b/model.safetensors.index.json").write_text(json.dumps({"weight_map": place}))
    assert found("a", "b")["pairs"] == whole


# --- modules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        ("model.embed_tokens.weight", ("embed", -1)),
        ("model.layers.12.self_attn.q_proj.bias", ("q_proj", 12)),
        ("model.layers.3.mlp.experts.7.gate_proj.weight", ("gate_proj", 3)),
        ("model.norm.weight", ("norm", -1)),
        ("lm_head.weight", ("lm_head", -1)),
        ("transformer.h.5.attn.c_attn.weight", ("c_attn", 5)),
        (f"model.layers.{'9' * 5000}.mlp.up_proj.weight", ("up_proj", -1)),
        ("weight", ("weight", -1)),
    ],
)
def test_a_tensor_stands_in_a_module_and_a_layer(tensor: str, expected: tuple[str, int]) -> None:
    assert module(tensor) == expected


# --- models of a recipe ---------------------------------------------------------------------------------------------

RECIPE = """\
edition 1
corpus lessons: chat = jsonl("corpora/chat.jsonl")
stage sft { on = lessons  steps = 20  lr = 1e-3  global_batch = 4  context = 64 }
model base = local("models/base")
model far = local("models/far", from = base)
model a = base | sft
model b = base | sft(seed = 7)
model c = a | sft(seed = 8)
model d = a | sft(seed = 9)
model many[seed in 1..2] = base | sft(seed = seed)
model mean = lerp(b, a, t = 0.5)
model more = lerp(a, b, t = 0.3)
model told = mergekit(lerp(b, a, t = 0.5))
model short = mergekit(round(lerp(b, a, t = 0.5), bf16))
model deep = stack(a, b, layers = each([0, 1], [1]))
model fixed = rebasin(a, to = base)
model low = extract_lora(a, base = base, rank = 1)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which `a` and `b` are made from a folder `base`, and `far` claims to be."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corpora").mkdir()
    rows = [{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}]
    (tmp_path / "corpora/chat.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes/my.recipe").write_text(RECIPE)
    for name, tensors in {"base": near(1, 0), "far": near(4, 0.3)}.items():
        folder(tmp_path / "models" / name, tensors)
        (tmp_path / "models" / name / "tokenizer.json").write_text('{"model": {"vocab": {"a": 0}}}')
    for name, seed in {"a": 2, "b": 3}.items():
        artifact(name, near(seed, 0.1))
    return tmp_path


def artifact(name: str, tensors: Tensors) -> None:
    """Put a model where a run would."""
    opened = open_recipe(Path("recipes/my.recipe"))
    key = opened.layout.graph.aliases[name]
    node = opened.layout.graph.nodes[key]
    place = folder(opened.workspace.artifact(opened.layout.spots[key].place), tensors)
    files = manifest(place, FileDigests(Path("digests.json")))
    inputs = tuple((each.role, each.node) for each in node.inputs)
    lineage = Lineage(node.operator, node.version, dict(node.options), dict(node.engines), inputs, node.content, files)
    (place / LINEAGE).write_bytes(lineage.encode())


@pytest.mark.parametrize("more", [[], ["--recipe", "recipes/my.recipe"], ["-r", "recipes/my.recipe"]])
def test_names_of_a_recipe_and_the_ancestor_that_it_says(project: Path, found: Read, more: list[str]) -> None:
    told = found("a", "b", *more)
    assert [each["folder"] for each in told["models"]] == ["artifacts/my/a", "artifacts/my/b"]
    assert told["base"] == {"name": "base", "folder": "models/base", "type": "BF16", "known": "lineage"}
    assert told["kinship"]["cosine"] == pytest.approx(0, abs=0.1)
    assert found("a", "b", *more, "--no-base")["base"] is None


def test_a_claimed_ancestor_counts_and_may_be_one_of_the_models(project: Path, found: Read) -> None:
    assert found("far", "a")["base"]["name"] == "base"
    told = found("base", "a")
    assert told["base"]["name"] == "base"
    assert [each["model"] for each in told["changes"]] == ["a"]


def test_folders_of_artifacts_know_a_common_ancestor_that_is_one(project: Path, found: Read) -> None:
    assert found("artifacts/my/a", "artifacts/my/b")["base"] is None  # its folder is known to the recipe alone
    assert found("a", "artifacts/my/b")["base"]["folder"] == "models/base"


def test_an_ancestor_that_does_not_fit_is_left_aside_and_told(project: Path, found: Read) -> None:
    for name, seed in {"c": 5, "d": 6}.items():
        artifact(name, near(seed, 0.1))
    folders = "artifacts/my/c", "artifacts/my/d"
    assert found(*folders)["base"]["folder"] == "artifacts/my/a"
    assert [each["model"] for each in found(*folders, "artifacts/my/a")["changes"]] == ["c", "d"]
    (project / "artifacts/my/a/model.safetensors").write_bytes(b"")
    told = found(*folders)
    assert told["base"] is None
    assert "no changes are taken from the common ancestor `a`: the weights of `a` are refused" in told["notes"][0]
    assert run(["compare", *folders, "--base", "artifacts/my/a"]) == 1


def test_of_ancestors_that_are_as_near_the_one_named_first_counts_and_the_others_are_told(
    project: Path, found: Read
) -> None:
    for name in ("mean", "more"):
        artifact(name, near(5, 0.05))
    told = found("mean", "more")
    assert told["base"]["name"] == "b"
    assert told["notes"] == [
        "`a` is as near a common ancestor as `b`, which `mean` names first: `--base` takes another"
    ]
    told = found("more", "mean")
    assert told["base"]["name"] == "a"
    assert found("more", "mean", "--base", "b")["notes"] == []
    shutil.rmtree(project / "artifacts/my/a")
    told = found("more", "mean")
    assert (told["base"]["name"], told["notes"]) == ("b", [])


@pytest.mark.parametrize("name", ["told", "deep", "fixed"])
def test_a_model_that_is_a_step_of_its_own_is_compared_by_name(name: str, project: Path, found: Read) -> None:
    artifact(name, near(5, 0.05))
    assert [each["name"] for each in found("a", name, "-r", "recipes/my.recipe")["models"]] == ["a", name]
    assert found(name, "b")["models"][0]["folder"] == f"artifacts/my/{name}"


def test_an_extracted_adapter_is_refused_as_what_it_is(project: Path, refusal: Callable[..., str]) -> None:
    said = refusal("a", "low", "-r", "recipes/my.recipe")
    assert "`low` is an adapter, and not a model" in said
    assert "name the model that it was taken from" in said


@pytest.mark.parametrize("name", ["told", "short"])
def test_the_same_merge_by_another_engine_is_no_ancestor(name: str, project: Path, found: Read) -> None:
    for each, seed in {"mean": 5, name: 6}.items():
        artifact(each, near(seed, 0.05))
    # What `short` rounds is no artifact, so its folder knows of no ancestor.
    folders = found("artifacts/my/mean", f"artifacts/my/{name}")["base"]
    assert (folders and folders["name"]) == ("b" if name == "told" else None)
    assert found("mean", name)["base"]["name"] == "b"
    assert [each["model"] for each in found("a", name)["changes"]] == [name]


def test_an_adapter_is_compared_with_its_model(project: Path, found: Read, refusal: Callable[..., str]) -> None:
    adapter(project / "models/tuned")
    recipe = Path("recipes/my.recipe")
    recipe.write_text(recipe.read_text() + 'model tuned = local("models/tuned", from = base)\n')
    told = found("tuned", "a")
    assert told["models"][0] == {"name": "tuned", "folder": "models/tuned", "type": "BF16"}
    assert told["base"]["name"] == "base"
    assert "`tuned` is an adapter, compared as `base` with it folded in" in told["notes"]
    changed = load_file(project / "models/base/model.safetensors")
    before = {name: value.double() for name, value in changed.items()}
    after = before | {name: before[name] + folded(4.0)[name] - weights(1)[name].double() for name in before}
    length = math.sqrt(sum(float(((after[name] - before[name]) ** 2).sum()) for name in before))
    assert told["changes"][0]["total"]["norm"] == pytest.approx(length, rel=1e-5)
    assert told["changes"][0]["model"] == "tuned"
    said = refusal("models/tuned", "models/base")
    assert "`tuned` is an adapter, which is no model without another" in said
    assert "`model tuned = local(FOLDER, from = MODEL)`" in said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.51, "51 % of"),
        (1.5, "150 % of"),
        (7.9, "8 times"),
        (2e4, "more than 1000 times"),
        (1e-7, "less than 0.001 %"),
    ],
)
def test_a_share_in_a_hint_is_said_as_people_say_it(share: float, said: str) -> None:
    assert said in shared(share)


def test_what_is_not_made_is_told_with_the_command_that_makes_it(project: Path, refusal: Callable[..., str]) -> None:
    told = refusal("a", "many", "--recipe", "recipes/my.recipe")
    assert "error[E641]" in told
    assert "is not made yet" in told
    assert "ladle run recipes/my.recipe many" in told
    told = refusal("a", "lessons", "sft", "--recipe", "recipes/my.recipe")
    assert "`lessons` is not a model" in told
    assert "`sft` is no folder, and the recipe has nothing called `sft`" in told


def test_what_was_made_before_the_recipe_changed_is_compared_and_told(project: Path, found: Read) -> None:
    text = Path("recipes/my.recipe").read_text()
    Path("recipes/my.recipe").write_text(text.replace("steps = 20", "steps = 30"))
    assert found("a", "base", "-r", "recipes/my.recipe")["notes"] == [
        "`a` was made before the recipe changed: what lies there is compared"
    ]


def keys(value: object) -> object:
    """What a value consists of: keys, those of a list's first item, and no values."""
    if isinstance(value, dict):
        return {key: keys(item) for key, item in value.items()}
    return [keys(value[0])] if isinstance(value, list) and value and isinstance(value[0], dict) else None


def test_the_json_is_as_the_documents_say(models: Path, found: Read) -> None:
    text = (Path(__file__).parent.parent / "docs/commands.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"^```json\n(.*?)^```", text.split("## `ladle compare")[1].split("\n## ")[0], re.M | re.S)
    said = json.loads(shown)
    said["pairs"][0]["modules"][0] |= said["pairs"][0]["total"]
    said["pairs"][0]["depths"][0] |= said["pairs"][0]["total"]
    said["changes"][0]["modules"][0] |= said["changes"][0]["total"]
    folder(
        models / "c", near(2, 0.2) | {"lm_head.weight": torch.ones(VOCAB, HIDDEN).bfloat16()}, tie_word_embeddings=False
    )
    told = found("a", "c", "--base", "o")
    assert keys(told) == keys(said)
    assert set(told) == set(said)


# --- what people see ------------------------------------------------------------------------------------------------


def test_the_tables_of_a_terminal_and_of_markdown(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "a", "b", "--base", "o"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[:2] == ["a: a, BF16", "b: b, BF16"]
    [head] = [line for line in lines if line.startswith("module")]
    assert head.split() == ["module", "angle", "|B|/|A|", "|B-A|/|A|", "differ", "collinear", "cosine", "signs"]
    total = next(line for line in lines if line.startswith("total"))
    assert len(total) <= len(head) <= 100
    assert "changes from o" in said
    assert re.search(r"^kinship: cosine -?0\.\d{3}, Pearson -?0\.\d{3} \(arXiv 2410\.12613\)$", said, re.MULTILINE)
    assert run(["compare", "a", "b", "--base", "o", "--format", "md"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(rows) == (2 + 11 + 1) + (2 + LAYERS) + (2 + 2)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {9, 6}


def test_of_many_models_each_two_have_a_line(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "a", "b", "o", "a", "--no-base"]) == 0
    said = capsys.readouterr().out
    assert "every two models" in said
    assert "by module" not in said
    assert sum(line.startswith(("a,", "b,", "o,")) for line in said.splitlines()) == 6


def test_many_layers_are_told_in_bands_and_strange_modules_as_one(tmp_path: Path, found: Read) -> None:
    for name in "ab":
        tensors = {f"layers.{n}.part{n}.weight": torch.randn(3) for n in range(50)}
        folder(tmp_path / name, tensors, model_type="odd", num_hidden_layers=50)
    [pair] = found(str(tmp_path / "a"), str(tmp_path / "b"))["pairs"]
    bands = [each["layers"] for each in pair["depths"]]
    assert (len(bands), bands[0], bands[-1]) == (8, [0, 5], [43, 49])
    assert sum(each["tensors"] for each in pair["depths"]) == 50
    assert (len(pair["modules"]), pair["modules"][-1]["module"]) == (41, "others")
    assert pair["modules"][-1]["tensors"] == 10


def test_memory_does_not_grow_with_the_models(tmp_path: Path) -> None:
    """Two models of 72 MiB cost no more than two of 2 MiB."""
    for size in (1024, 6144):
        for name in "ab":
            header = {"x.weight": {"dtype": "BF16", "shape": [size, size], "data_offsets": [0, 2 * size * size]}}
            text = json.dumps(header).encode()
            place = tmp_path / f"{name}{size}"
            place.mkdir()
            (place / "config.json").write_text('{"model_type": "odd"}')
            with (place / "model.safetensors").open("wb") as file:
                file.write(len(text).to_bytes(8, "little") + text)
                file.truncate(8 + len(text) + 2 * size * size)
    code = (
        "import resource, sys\nfrom ladle.executor.cli import run\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "assert run(['compare', 'a1024', 'b1024']) == 0\nbefore = peak()\n"
        "assert run(['compare', 'a6144', 'b6144']) == 0\nprint('grew', peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert int(done.stdout.rpartition("grew ")[2]) < 48


def test_reading_is_told_in_bytes_with_the_time_left(
    models: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["compare", "a", "b"]) == 0
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(meter, "EVERY_SECONDS", 0.0)
    assert run(["compare", "a", "b"]) == 0
    lines = capsys.readouterr().err.splitlines()
    size = sum(value.nbytes for value in near(1, 0).values())
    assert len(lines) == 9 * LAYERS + 2
    assert re.search(rf"read [\d.]+ K?i?B of {2 * size / 1024:.1f} KiB, [\d.]+ s left$", lines[0])
    assert lines[-1].endswith(f"read {2 * size / 1024:.1f} KiB of {2 * size / 1024:.1f} KiB")


def test_a_terminal_has_a_bar(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", shown := Terminal())
    assert run(["compare", "a", "b"]) == 0
    assert "reading" in shown.getvalue()


def test_a_model_of_the_hub_is_read_in_its_cache(models: Path) -> None:
    commit = "0123456789" * 4
    snapshot = models / "cache/hub/models--owner--name/snapshots" / commit
    folder(snapshot, near(3, 0.02))
    files = tuple((path.name, path.stat().st_size, "0" * 64) for path in sorted(snapshot.iterdir()))
    (models / "far").mkdir()
    write_source(models / "far", Source("owner/name", commit, files))
    code = "import sys\nfrom ladle.executor.cli import run\nsys.exit(run(['compare', 'far', 'b', '--format', 'json']))"
    environment = {**os.environ, "HF_HOME": str(models / "cache"), "HF_HUB_OFFLINE": "1"}

    def compare() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
        )

    done = compare()
    assert done.returncode == 0, done.stderr
    assert [each["reason"] for each in json.loads(done.stdout)["hints"]] == ["identical"]
    (snapshot / "model.safetensors").unlink()
    done = compare()
    assert done.returncode == 1
    assert "error[E641]: `owner/name` at 012345678901 is no longer complete in the hub cache" in done.stderr


PROBE = """<!doctype html><meta charset="utf-8"><body>
<iframe id="page" width="WIDTH" height="2000"></iframe><pre id="out"></pre>
<script>
const frame = document.getElementById("page");
frame.onload = () => {
  const page = frame.contentDocument, style = (e) => frame.contentWindow.getComputedStyle(e);
  const svg = page.querySelector("svg.heat"), box = (e) => e.getBoundingClientRect();
  const center = (e) => box(e).x + box(e).width / 2;
  const cells = [...page.querySelectorAll("rect.cell")].filter((e) => e.querySelector("title"));
  document.getElementById("out").textContent = JSON.stringify({
    cells: cells.map((e) => [e.querySelector("title").textContent, +style(e).fillOpacity, box(e).x, box(e).y]),
    fill: style(cells[0]).fill,
    ink: style(page.querySelector("svg.heat text.head")).fill,
    outside: [...svg.querySelectorAll("text,rect")].filter((e) => box(e).right > box(svg).right + 1).length,
    axis: [...svg.querySelectorAll("text[text-anchor=middle]")].map((e) => [e.textContent, center(e)]),
    size: box(cells[0]).width,
    dots: page.querySelectorAll("circle.lerp").length,
    wide: page.documentElement.scrollWidth,
  });
};
frame.srcdoc = SOURCE;
</script>"""


@pytest.mark.parametrize("width", [1280, 420])
def test_a_browser_draws_the_figure(models: Path, found: Read, width: int) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    [pair] = found("a", "b", "--figure", "f.html")["pairs"]
    source = json.dumps(Path("f.html").read_text()).replace("</", "<\\/")
    Path("probe.html").write_text(PROBE.replace("WIDTH", str(width)).replace("SOURCE", source))
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
        "--disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=10000"
    )
    command = [browser, *flags.split(), f"--user-data-dir={models / 'profile'}", "--dump-dom"]
    done = subprocess.run(
        [*command, (models / "probe.html").as_uri()], capture_output=True, text=True, timeout=90, check=True
    )
    out = re.search(r'<pre id="out">(.+?)</pre>', done.stdout)
    assert out, done.stderr[-2000:]
    assert "CONSOLE" not in done.stderr
    seen = json.loads(html.unescape(out[1]))
    angles = {(each["module"], each["layer"]): each["angle"] for each in pair["cells"]}
    shown = {title.partition(":")[0]: [opacity, x, y] for title, opacity, x, y in seen["cells"]}
    assert len(shown) == len(angles) == len(seen["cells"])
    most = max(angles.values())
    for (module_name, layer), value in angles.items():
        where = module_name if layer < 0 else f"{module_name}, layer {layer}"
        assert shown[where][0] == pytest.approx(0.04 + 0.96 * value / most, abs=0.001)
    middle = dict(reversed(seen["axis"]))["1"]
    assert shown["q_proj, layer 1"][1] + seen["size"] / 2 == pytest.approx(middle, abs=1)
    assert shown["q_proj, layer 0"][2] == shown["q_proj, layer 2"][2] < shown["down_proj, layer 0"][2]
    assert seen["dots"] == 1 + sum(value < 1.8119 for value in angles.values())
    assert len({seen["fill"], seen["ink"], "rgb(0, 0, 0)"}) == 3
    assert (seen["outside"], seen["wide"]) == (0, width)


def test_the_svg_stands_alone_in_light_and_dark(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["compare", "a", "b", "--figure", "deep/f.svg"]) == 0
    assert "figure: deep/f.svg" in capsys.readouterr().err
    text = Path("deep/f.svg").read_text()
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "prefers-color-scheme:dark" in text
    used = set(re.findall(r"var\((--\w+)", text))
    assert used == set(re.findall(r"(--\w+):", text.partition("@media")[2]))
    assert "<script" not in text


def test_a_figure_that_cannot_be_written_is_told(models: Path, refusal: Callable[..., str]) -> None:
    Path("taken.svg").mkdir()
    assert run(["compare", "a", "b", "--figure", "taken.svg"]) == 1
