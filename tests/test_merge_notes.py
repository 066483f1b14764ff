"""What merges say of their models without refusing them: settings that differ, a slerp that is a lerp."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ladle.dsl.graph import Json
from ladle.dsl.types import differing
from ladle.executor.cli import run
from ladle.executor.model_settings import degrees, function, listed
from test_merge import folder, weights

RECIPE = """edition 1

model a = local("a")
model b = local("b")
model m = {merge}
"""


def project(root: Path, merge: str, b: dict[str, torch.Tensor], **changes: Json) -> Path:
    for name, tensors in (("a", weights(1)), ("b", b)):
        usual: dict[str, Json] = {"rope_theta": 10000.0, "hidden_act": "silu"}
        place = folder(root / name, tensors, **(usual | changes if name == "b" else usual))
        (place / "chat_template.jinja").unlink()
    (root / "recipes").mkdir()
    (root / "recipes/s.recipe").write_text(RECIPE.format(merge=merge))
    return root


def near(seed: int) -> dict[str, torch.Tensor]:
    return {name: tensor + 1e-3 * torch.randn_like(tensor) for name, tensor in weights(seed).items()}


def test_settings_that_deserve_a_look_are_a_warning_and_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project(tmp_path, "lerp(a, b, t = 0.5)", weights(2), rope_theta=1e6, sliding_window=4096))
    assert run(["check", "recipes/s.recipe"]) == 0
    assert "rope_theta" not in capsys.readouterr().out
    assert run(["check", "--lint", "recipes/s.recipe"]) == 0
    assert "W546" in capsys.readouterr().out
    run(["lint", "recipes/s.recipe"])
    said = capsys.readouterr()
    assert "W546" in said.out + said.err
    assert "`b` has rope_theta 1000000, not 10000 as `a`" in said.out + said.err
    assert run(["run", "recipes/s.recipe"]) == 0
    assert "note: m: `b` has rope_theta 1000000, not 10000 as `a`" in capsys.readouterr().out


def test_settings_that_agree_are_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project(tmp_path, "slerp(a, b, t = 0.5)", weights(2), rope_theta=10000, rope_scaling=None))
    assert run(["lint", "recipes/s.recipe", "--select", "W546"]) == 0
    assert run(["run", "recipes/s.recipe"]) == 0
    assert "note: m" not in capsys.readouterr().out


def test_another_activation_is_an_error_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project(tmp_path, "lerp(a, b, t = 0.5)", weights(2), hidden_act="gelu"))
    assert run(["check", "recipes/s.recipe"]) == 1
    said = capsys.readouterr()
    assert "E210" in said.out + said.err
    assert "hidden_act gelu, not silu" in said.out + said.err


def test_a_slerp_that_is_a_lerp_is_told_and_the_bytes_are_those_of_the_lerp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    monkeypatch.chdir(project(tmp_path, "slerp(a, b, t = 0.25)\nmodel n = lerp(a, b, t = 0.25)", near(1)))
    assert run(["run", "recipes/s.recipe"]) == 0
    said = capsys.readouterr().out
    assert "note: m: `slerp` is a linear interpolation, as `lerp` is, since their |cos| is above 0.9995" in said
    assert "so it is for all tensors" in said
    made = tmp_path / "artifacts/s"
    assert (made / "m/model.safetensors").read_bytes() == (made / "n/model.safetensors").read_bytes()
    assert run(["compile", "recipes/s.recipe"]) == 0
    (made / "m/model.safetensors").unlink()
    assert run(["step", "pipelines/s/nodes/m.json"]) == 0
    assert "note: `slerp` is a linear interpolation" in capsys.readouterr().out


def test_float64_is_said_to_be_merged_in_float32(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = {name: tensor.double() for name, tensor in weights(2).items()}
    monkeypatch.chdir(project(tmp_path, "lerp(a, b, t = 0.5)", wide))
    assert run(["run", "recipes/s.recipe"]) == 0
    said = capsys.readouterr().out
    assert "note: m: `b` holds float64 (`model.embed_tokens.weight` and perhaps others), and merges compute in" in said


def test_what_two_generations_of_transformers_write_is_one_setting() -> None:
    old: dict[str, Json] = {"rope_theta": 500000.0, "rope_scaling": {"type": "llama3", "factor": 8.0}}
    new: dict[str, Json] = {"rope_parameters": {"rope_theta": 500000, "rope_type": "llama3", "factor": 8}}
    assert degrees(old) == degrees(new)
    plain: dict[str, Json] = {"rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}}
    assert degrees(plain) == degrees({"rope_theta": 10000, "rope_scaling": None})
    assert listed(differing(degrees(plain), degrees(old))).startswith("rope_scaling {")
    part: dict[str, Json] = {"rope_parameters": {"rope_theta": 10000.0, "partial_rotary_factor": 0.5}}
    assert degrees(part) == degrees(plain)
    assert function(part) == function({"partial_rotary_factor": 0.5})
    assert differing(function(part), function({"partial_rotary_factor": 0.25})) != ()


def test_what_a_configuration_leaves_out_says_nothing() -> None:
    one: dict[str, Json] = {"hidden_act": "silu", "sliding_window": 4096, "use_sliding_window": False}
    assert differing(function(one), function({})) == ()
    assert differing(degrees(one), degrees({"sliding_window": None})) == ()
    assert differing(degrees(one), degrees({"sliding_window": 4096})) == (("sliding_window", "none", "4096"),)
    inner: dict[str, Json] = {"text_config": {"hidden_act": "gelu"}, "hidden_act": None}
    assert differing(function(one), function(inner)) == (("hidden_act", "silu", "gelu"),)


def test_long_values_are_shown_short_and_compared_whole() -> None:
    layers: list[Json] = ["full_attention"] * 40
    a, b = (degrees({"layer_types": [*layers, last]}) for last in ("full_attention", "sliding_attention"))
    [(_, one, other)] = differing(a, b)
    assert one != other
    assert max(len(one), len(other)) <= 60
