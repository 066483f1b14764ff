"""Settings of configurations in `ladle.lock`: locked, bounded, judged by, proved; locks without them stay good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ladle.dsl.types import UNKNOWN, ModelType
from ladle.executor.cli import run
from ladle.executor.lock.entries import LOCK
from ladle.executor.lock.facts import LockedFacts
from ladle.executor.lock.read import parse_lock
from ladle.executor.lock.write import encode_lock
from loopback_hub import Repository, model, serve
from test_lock import COMMIT, MODEL, OWN, full, problems, project, recipe, taken_away, whole  # noqa: F401
from test_lock_hub import NOWHERE, ladle, lie

TWO = """\
edition 1
model base = hub("owner/base")
model chat = hub("owner/chat")
model merged = {method}(base, chat, t = 0.5)
"""
USUAL = {"hidden_act": "silu", "rope_theta": 10000.0, "rms_norm_eps": 1e-5}


def repository(**settings: object) -> Repository:
    made = model(template=None)
    made.files["config.json"] = json.dumps(json.loads(made.files["config.json"]) | USUAL | settings).encode()
    return made


def two(root: Path, method: str = "lerp") -> Path:
    (root / "recipes").mkdir()
    (root / "recipes/my.recipe").write_text(TWO.format(method=method))
    return root


def settled(**settings: object) -> dict[str, Any]:
    return whole(models={"o/n@main": {**MODEL, "settings": settings}})


# --- what is locked ---------------------------------------------------------------------------------------------------


def test_the_settings_of_a_hub_model_are_locked_and_judged_without_network(tmp_path: Path) -> None:
    root = two(tmp_path)
    held = {"models/owner/base": repository(), "models/owner/chat": repository(rope_theta=1e6)}
    with serve(held) as served:
        assert ladle(root, served.address, "lock").returncode == 0
    locked = json.loads((root / LOCK).read_text())["models"]["owner/chat@main"]["settings"]
    assert locked == {
        "hidden_act": "silu", "num_attention_heads": "2", "rms_norm_eps": "1e-05", "rope_scaling": "none",
        "rope_theta": "1000000",
    }  # fmt: skip
    assert ladle(root, NOWHERE, "lock", "--check").returncode == 0
    assert ladle(root, NOWHERE, "check", "recipes/my.recipe").returncode == 0
    told = ladle(root, NOWHERE, "lint", "recipes/my.recipe").stdout
    assert "warning[W546]: `chat` has rope_theta 1000000, not 10000 as `base`" in told


def test_another_function_of_a_hub_model_is_an_error_of_the_check(tmp_path: Path) -> None:
    root = two(tmp_path)
    with serve({"models/owner/base": repository(), "models/owner/chat": repository(hidden_act="gelu")}) as served:
        assert ladle(root, served.address, "lock").returncode == 0
    found = ladle(root, NOWHERE, "check", "recipes/my.recipe")
    assert found.returncode == 1
    assert "error[E210]" in found.stdout
    assert "hidden_act gelu, not silu" in found.stdout


def test_a_lie_about_settings_stops_the_run_and_what_is_left_out_is_no_claim(tmp_path: Path) -> None:
    root = two(tmp_path)
    with serve({"models/owner/base": repository(), "models/owner/chat": repository()}) as served:
        assert ladle(root, served.address, "lock").returncode == 0
        lie(root, "models", settings={"rope_theta": "500000"})
        ran = ladle(root, served.address, "run", "recipes/my.recipe", "chat")
        assert ran.returncode == 1
        assert "its `rope_theta` is 10000, not 500000" in ran.stderr
        lie(root, "models", settings={"hidden_act": "silu"})
        ran = ladle(root, served.address, "run", "recipes/my.recipe", "chat")
        assert ran.returncode == 0, ran.stderr


def test_a_folder_that_is_not_here_is_judged_by_its_locked_settings(
    full: Path,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    locked = json.loads((full / LOCK).read_text())
    assert locked["folders"]["models/a"]["settings"] == {"num_attention_heads": "2", "tie_word_embeddings": "true"}
    taken_away(full)
    locked["folders"]["models/a"]["settings"]["hidden_act"] = "silu"
    locked["folders"]["models/b"]["settings"]["hidden_act"] = "gelu"
    (full / LOCK).write_text(json.dumps(locked))
    assert run(["check", recipe(full, OWN.replace("slerp(a, a | cpt", "slerp(a, b"))]) == 1
    assert "hidden_act gelu, not silu" in capsys.readouterr().out


# --- locks without them -----------------------------------------------------------------------------------------------


def test_a_lock_without_settings_stays_good(full: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    locked = json.loads((full / LOCK).read_text())
    del locked["folders"]["models/a"]["settings"]
    (full / LOCK).write_text(json.dumps(locked))
    assert run(["lock", "--check"]) == 0
    capsys.readouterr()
    assert run(["lock"]) == 0
    assert "settings: not there -> 2 entries" in capsys.readouterr().out
    locked["folders"]["models/a"]["settings"] = {"tie_word_embeddings": "true"}
    (full / LOCK).write_text(json.dumps(locked))
    assert run(["lock", "--check"]) == 0
    locked["folders"]["models/a"]["settings"] = {"num_attention_heads": "4"}
    (full / LOCK).write_text(json.dumps(locked))
    assert run(["lock", "--check"]) == 1


def test_a_hub_model_locked_by_an_earlier_version_is_named_and_asked_again_by_name(tmp_path: Path) -> None:
    root = two(tmp_path)
    with serve({"models/owner/base": repository(), "models/owner/chat": repository()}) as served:
        assert ladle(root, served.address, "lock").returncode == 0
        locked = json.loads((root / LOCK).read_text())
        settings = locked["models"]["owner/chat@main"].pop("settings")
        (root / LOCK).write_text(json.dumps(locked))
        told = ladle(root, NOWHERE, "lock").stdout
        assert "note: owner/chat@main locked by an earlier version, without settings: `--update` asks again" in told
        again = ladle(root, served.address, "lock", "--update", "owner/chat").stdout
    assert "note:" not in again
    assert json.loads((root / LOCK).read_text())["models"]["owner/chat@main"]["settings"] == settings


def test_unknown_settings_are_left_out_of_types_and_bytes(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(json.dumps(whole()))
    found = LockedFacts(tmp_path).hub_model("o/n", "main")
    assert isinstance(found, ModelType)
    assert (found.function, found.settings) == (UNKNOWN, UNKNOWN)
    assert b"settings" not in encode_lock(parse_lock(json.dumps(whole()).encode()).lock)


def test_two_entries_of_one_commit_may_lack_settings_and_not_contradict_each_other() -> None:
    def both(**claims: object) -> list[str]:
        entry = {**MODEL, "settings": {"rope_theta": "10000"}}
        return problems(whole(models={"o/n@main": entry, f"o/n@{COMMIT}": {**MODEL, **claims}}))

    assert both() == []
    assert both(settings={"rope_theta": "10000"}) == []
    assert both(settings={"hidden_act": "silu"}) == []
    assert both(settings={"rope_theta": "1"}) == [f"E417 `o/n@{COMMIT}` and `o/n@main` are one commit and differ"]


# --- hostile ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ([], "E416 `settings` is a list; it is an object"),
        (None, "E416 `settings` is null; it is an object"),
        ({"rope_thetta": "1"}, "E416 `settings` has an unknown key `rope_thetta`"),
        ({"rope_theta": 10000}, "E416 `rope_theta` is 10000; it is a string"),
        ({"rope_theta": "1" * 61}, "E416 `rope_theta` is longer than 60 characters"),
        ({"rope_theta": "1\x1b[31m"}, "E416 `rope_theta` holds a control"),
        ({str(each): "1" for each in range(1000)}, "E416 `settings` holds more than"),
    ],
)
def test_hostile_settings_are_refused(settings: object, said: str) -> None:
    (found,) = problems(whole(models={"o/n@main": {**MODEL, "settings": settings}}))
    assert found.startswith(said)


def test_settings_are_read_as_they_are_written() -> None:
    lock = parse_lock(json.dumps(settled(rope_theta="1", hidden_act="silu", sliding_window="none")).encode()).lock
    assert parse_lock(encode_lock(lock)).lock == lock
    (entry,) = lock.models.values()
    assert entry.type().function == (("hidden_act", "silu"),)
    assert entry.type().settings == (("rope_theta", "1"), ("sliding_window", "none"))
