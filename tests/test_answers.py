"""What check and lint said last time is said again only where nothing that it depends on changed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ladle.executor import answers, start

RECIPE = """edition 1
use "recipes/other.recipe": rate
corpus papers: text = jsonl("corpora/*.jsonl")
model base = init(arch = llama, hidden = 64, layers = 2, heads = 4, intermediate = 128,
                  tokenizer = bpe([papers], vocab = 512), template = chatml)
model theirs = hub("org/model")
model domain = base | cpt(on = papers, lr = rate)
"""
LOCK = '{"schema": 1, "models": {}, "data": {}, "corpora": {}}\n'
REMEMBERED = "as I said before\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which everything is settled, and a user with an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    for name, text in {
        "recipes/m.recipe": RECIPE,
        "recipes/other.recipe": "edition 1\nlet rate = 2e-5\n",
        "corpora/a.jsonl": '{"text": "silk"}\n',
        "ladle.lock": LOCK,
        "pyproject.toml": "[tool.ladle.lint]\n",
    }.items():
        write(root / name, text)
    monkeypatch.chdir(root)
    return root


def write(path: Path, text: str) -> None:
    """Write a file, long ago: each time another second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    write.time += 1  # type: ignore[attr-defined]
    os.utime(path, (write.time, write.time))  # type: ignore[attr-defined]


write.time = 1_000_000_000  # type: ignore[attr-defined]


def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run the command as a user does; return exit status and output."""
    monkeypatch.setattr(sys, "argv", ["ladle", *arguments])
    with pytest.raises(SystemExit) as ended:
        start.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().out


def mark(project: Path) -> int:
    """Put another text into every answer that is remembered, so that one that is given again shows; return how many."""
    found = list((project.parent / "cache/ladle/answers").glob("*.json"))
    for path in found:
        path.write_text(json.dumps({**json.loads(path.read_text()), "text": REMEMBERED}))
    return len(found)


def text(name: str, new: str) -> Callable[[Path], None]:
    """Return a change of one file."""
    return lambda root: write(root / name, new)


CHANGES: dict[str, Callable[[Path], None]] = {
    "the recipe": text("recipes/m.recipe", RECIPE + "model m = base | stf\n"),
    "a used recipe": text("recipes/other.recipe", "edition 1\nlet rate = 2\n"),
    "the lock": text("ladle.lock", LOCK.replace("1", "9")),
    "a corpus": text("corpora/a.jsonl", '{"txt": "silk"}\n'),
    "a file that the glob finds": text("corpora/b.jsonl", "no JSON\n"),
    "no corpus any more": lambda root: (root / "corpora/a.jsonl").unlink(),
    "the settings of lint": text("pyproject.toml", "[tool.ladle.lint]\nselect = ['W501']\n"),
    "the root of the project": lambda root: (root / "recipes/.git").mkdir(),
}


@pytest.mark.parametrize("command", ["check", "lint"])
def test_an_answer_is_given_again(
    project: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cold = ask(monkeypatch, capsys, command, "recipes/m.recipe")
    assert ask(monkeypatch, capsys, command, "recipes/m.recipe") == cold
    assert mark(project) == 1
    assert ask(monkeypatch, capsys, command, "recipes/m.recipe") == (cold[0], REMEMBERED)
    assert ask(monkeypatch, capsys, command, "recipes/m.recipe", "--format", "json")[1] != REMEMBERED


@pytest.mark.parametrize("what", CHANGES)
def test_after_a_change_it_is_asked_anew(
    project: Path, what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ask(monkeypatch, capsys, "lint", "recipes/m.recipe")
    assert mark(project) == 1
    CHANGES[what](project)
    after = ask(monkeypatch, capsys, "lint", "recipes/m.recipe")
    assert REMEMBERED not in after[1]
    assert after != before


def test_another_version_of_the_program_is_asked_anew(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ask(monkeypatch, capsys, "check", "recipes/m.recipe")
    assert mark(project) == 1
    module = Path(start.__file__)
    kept = module.stat()
    try:
        os.utime(module, (kept.st_atime, kept.st_mtime + 1))
        answers._program.cache_clear()  # another process
        assert ask(monkeypatch, capsys, "check", "recipes/m.recipe") == before
    finally:
        os.utime(module, ns=(kept.st_atime_ns, kept.st_mtime_ns))
        answers._program.cache_clear()


def test_what_changed_a_moment_ago_is_not_remembered(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "recipes/m.recipe").touch()
    os.utime(project / "recipes/m.recipe", (2**31, 2**31))  # whatever the clock says, it is no time ago
    ask(monkeypatch, capsys, "check", "recipes/m.recipe")
    assert mark(project) == 0


@pytest.mark.parametrize("content", ["", "[" * 5000, "{}", '{"said": [["x", 1]], "status": "a", "text": 1}', "null"])
def test_a_damaged_memory_is_none(
    project: Path, content: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ask(monkeypatch, capsys, "check", "recipes/m.recipe")
    (found,) = (project.parent / "cache/ladle/answers").glob("*.json")
    found.write_text(content)
    assert ask(monkeypatch, capsys, "check", "recipes/m.recipe") == before


def test_fixes_are_never_remembered(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ask(monkeypatch, capsys, "lint", "--fix", "recipes/m.recipe")
    assert mark(project) == 0
