"""A profile is strict: a misspelt key would silently run on other settings."""

from __future__ import annotations

import errno
import re
import tomllib
from pathlib import Path

import pytest
from ladle.executor.disk import in_words
from ladle.executor.environment import variables
from ladle.executor.profile import KEYS, Profile, read_profile
from ladle.executor.task import Machine, StepError

SHIPPED = sorted((Path(__file__).parent.parent / "profiles").glob("*.toml"))


def written(root: Path, text: str, name: str = "mine") -> Path:
    (root / "profiles").mkdir()
    (root / f"profiles/{name}.toml").write_text(text)
    return root


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_profiles_are_read(path: Path) -> None:
    assert read_profile(path.parent.parent, path.stem).name == path.stem


def test_every_key_has_an_effect(tmp_path: Path) -> None:
    text = (
        'device = "cuda"\nmicro_batch = 4\nattention = "eager"\nsave_seconds = 5\nsave_steps = 7\nmetrics = true\n'
        'workers = 3\nthreads = 2\nkeep = "last"\n'
    )
    found = read_profile(written(tmp_path, text), "mine")
    assert found == Profile("mine", Machine("cuda", 4, "eager", 5.0, 7, True), 3, 2, "last")
    assert variables(found)["OMP_NUM_THREADS"] == "2"


def test_without_one_a_step_has_one_thread_and_the_machine_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LADLE_PROFILE", raising=False)
    found = read_profile(tmp_path)
    assert (found.name, found.keep, found.workers) == ("", "all", 0)
    assert variables(found)["OMP_NUM_THREADS"] == "1"


def test_the_variable_names_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LADLE_PROFILE", "mine")
    assert read_profile(written(tmp_path, "save_steps = 3\n")).machine.save_steps == 3


@pytest.mark.parametrize(
    ("text", "words", "help"),
    [
        ("micro_bach = 1", "micro_bach", "micro_batch"),
        ("micro_batch = 1.5", "micro_batch", "number of rows"),
        ("micro_batch = true", "micro_batch", "number of rows"),
        ('device = "tpu"', "device", "cuda"),
        ("keep = 3", "keep", "last"),
        ("threads = 0", "threads", "1 or more"),
        ("save_seconds = 0", "save_seconds", "seconds"),
        ("= 1", "cannot be read", ""),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, text: str, words: str, help: str) -> None:
    with pytest.raises(StepError, match=words) as caught:
        read_profile(written(tmp_path, text), "mine")
    assert help in caught.value.help


@pytest.mark.parametrize(("name", "help"), [("mina", "did you mean `mine`"), ("../etc", "letters"), ("x\n", "letters")])
def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path, name: str, help: str) -> None:
    with pytest.raises(StepError) as caught:
        read_profile(written(tmp_path, ""), name)
    assert help in caught.value.help


def test_without_profiles_the_folder_and_the_page_are_named(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="no profile `cpu`") as caught:
        read_profile(tmp_path, "cpu")
    assert f"there are none (looked in `{tmp_path / 'profiles'}`)" in caught.value.help
    assert "docs/profiles.md" in caught.value.help


def test_the_page_lists_every_key_and_its_examples_are_those_shipped() -> None:
    page = (Path(__file__).parent.parent / "docs/profiles.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(KEYS)
    examples = [tomllib.loads(text) for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)]
    assert examples == [tomllib.loads(path.read_text()) for path in SHIPPED]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full while writing x (`y`)"),
        (errno.EROFS, "no permission while writing x (`y`)"),
        (errno.EXDEV, "on different disks"),
        (errno.EIO, "input/output error while writing x (`y`)"),
    ],
)
def test_what_the_system_refuses_is_said_in_words(number: int, words: str) -> None:
    def fail() -> None:
        raise OSError(number, "Input/output error", "y")

    with pytest.raises(StepError) as caught, in_words("writing x"):
        fail()
    assert words in caught.value.message


def test_a_profile_that_is_nested_too_deep(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "deep.toml").write_text("a = " + "[" * 100_000)
    with pytest.raises(StepError, match="nested too deep"):
        read_profile(tmp_path, "deep")


def test_what_a_profile_says_is_quoted_in_part(tmp_path: Path) -> None:
    for text in (f"{'k' * 5000} = 1", f'device = "{"d" * 5000}"'):
        (tmp_path / "profiles").mkdir(exist_ok=True)
        (tmp_path / "profiles" / "long.toml").write_text(text)
        with pytest.raises(StepError) as found:
            read_profile(tmp_path, "long")
        assert len(found.value.message) < 150
    with pytest.raises(StepError) as found:
        read_profile(tmp_path, "x" * 5000)
    assert len(found.value.message) < 150
