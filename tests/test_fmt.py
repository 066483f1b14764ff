"""`ladle fmt` as it is typed: which files it touches, what it says, and how it ends."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from ladle.executor.cli import run
from ladle.executor.commands.new import RECIPE
from ladle.executor.load import load

ROUGH = "edition 1\nlet a=1   # why\nlet bc=[1,2]\n"
FINE = "edition 1\nlet a  = 1  # why\nlet bc = [1, 2]\n"


@pytest.fixture
def rough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "recipes" / "deep" / "rough.recipe"
    path.parent.mkdir(parents=True)
    path.write_text(ROUGH)
    return path


def test_a_file_is_laid_out_and_keeps_its_mode(rough: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rough.chmod(0o640)
    assert run(["fmt", str(rough)]) == 0
    assert rough.read_text() == FINE
    assert rough.stat().st_mode & 0o777 == 0o640
    assert "changed: " in capsys.readouterr().out
    before = rough.stat().st_mtime_ns
    assert run(["fmt", str(rough)]) == 0
    assert (capsys.readouterr().out, rough.stat().st_mtime_ns) == ("", before)
    assert [path.name for path in rough.parent.iterdir()] == ["rough.recipe"]


def test_folders_are_searched_but_not_hidden_ones(rough: Path) -> None:
    hidden = rough.parent / ".old" / "x.recipe"
    hidden.parent.mkdir()
    hidden.write_text(ROUGH)
    assert run(["fmt", "."]) == 0
    assert (rough.read_text(), hidden.read_text()) == (FINE, ROUGH)


def test_check_names_what_would_change(rough: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fine = rough.with_name("fine.recipe")
    fine.write_text(FINE)
    assert run(["fmt", "--check", "recipes"]) == 1
    assert capsys.readouterr().out == "would change: recipes/deep/rough.recipe\n"
    assert rough.read_text() == ROUGH
    assert run(["fmt", "--check", str(fine)]) == 0


def test_a_difference_is_shown_without_terminal_escapes(
    rough: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = rough.with_name("e\x1b[31m.recipe")
    evil.write_text(ROUGH)
    assert run(["fmt", "--diff", str(evil)]) == 1
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "-let bc=[1,2]\n+let a  = 1  # why\n+let bc = [1, 2]\n" in said
    assert evil.read_text() == ROUGH


def test_a_recipe_with_mistakes_in_its_text_is_left_alone(rough: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = rough.with_name("broken.recipe")
    broken.write_text("edition 1\nlet a=[1,\nlet b=2\n")
    assert run(["fmt", "recipes"]) == 1
    assert "error[E012]" in capsys.readouterr().err
    assert broken.read_text() == "edition 1\nlet a=[1,\nlet b=2\n"
    assert rough.read_text() == FINE


def test_other_line_ends_become_line_feeds(rough: Path) -> None:
    rough.write_bytes(b"\xef\xbb\xbf" + FINE.replace("\n", "\r\n").encode())
    assert run(["fmt", str(rough)]) == 0
    assert rough.read_bytes() == FINE.encode()


def test_a_link_stays_a_link(rough: Path) -> None:
    link = rough.with_name("link.recipe")
    link.symlink_to(rough)
    assert run(["fmt", str(link)]) == 0
    assert link.is_symlink()
    assert rough.read_text() == FINE


def test_standard_input_comes_out_laid_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def given(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    given(ROUGH.encode())
    assert run(["fmt", "-"]) == 0
    assert capsys.readouterr().out == FINE
    given(b"let \xff")
    assert run(["fmt", "-"]) == 1
    assert "not UTF-8" in capsys.readouterr().err
    assert run(["fmt", "-", "x.recipe"]) == 2


def test_a_folder_without_recipes_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fmt", str(tmp_path)]) == 2
    assert "no recipe lies below" in capsys.readouterr().err


def test_a_new_recipe_is_formatted_and_formatting_changes_no_fingerprint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["new", "recipes/first"]) == 0
    assert run(["fmt", "--check", "."]) == 0
    path = tmp_path / "recipes/first.recipe"
    before = load(path).graph
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line if "#" in line else " ".join(line.split()).replace(" = ", "=") for line in lines))
    assert run(["fmt", "."]) == 0
    after = load(path).graph
    assert path.read_text() == RECIPE.format(path="recipes/first.recipe", folder="corpora/first")
    assert list(after.nodes) == list(before.nodes)
