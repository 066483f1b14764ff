"""YAML of strangers: bounded, never executed, every mistake with its line, and nothing half-written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from importing import FILES, problems
from ladle.executor.cli import run

GOOD = "base_model: acme/a\nsequence_len: 64\ndatasets:\n  - path: acme/b\n    type: completion\n"


def test_the_good_file_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (GOOD + "sequence_len: 128\n", "E605", 6),
        (GOOD + "x: !!python/object/apply:os.system [echo]\n", "E604", 6),
        (GOOD + "x: !Own 3\n", "E604", 6),
        (GOOD + "\tx: 1\n", "E603", 6),
        (GOOD + "x:\t- 1\n   - 2\n", "E603", 6),
        (GOOD + "x: [1, 2\n", "E603", 7),
        (GOOD + "x: *nothing\n", "E603", 6),
        (GOOD + "x: &self [1, *self]\n", "E603", 6),
        (GOOD + BOMB, "E606", 10),
        (GOOD + "x: " + "[" * 40 + "]" * 40 + "\n", "E606", 6),
        (GOOD + "x: \x01\n", "E603", 6),
        (GOOD.encode() + b"x: \xff\n", "E602", 1),
        (b"#" * (300 * 1024), "E601", 1),
        (GOOD + "---\n" + GOOD, "E610", 7),
        ("", "E610", 1),
        ("- 1\n- 2\n", "E607", 1),
        ("what: ever\n", "E607", 1),
        (GOOD + "? [a, b]\n: 1\n", "E603", 6),
        (GOOD + "<<: 3\n", "E603", 6),
    ],
)
def test_hostile_files_are_refused_on_their_line(tmp_path: Path, text: str | bytes, code: str, line: int) -> None:
    assert problems(tmp_path, text) == [(code, line)]


def test_wrong_types_are_all_reported_at_once(tmp_path: Path) -> None:
    text = GOOD + "micro_batch_size: many\nlearning_rate: [1]\nnum_epochs: {a: 1}\ngradient_accumulation_steps: 1.5\n"
    found = problems(tmp_path, text)
    assert sorted(found) == [("E608", 6), ("E608", 7), ("E608", 8), ("E608", 9)]


def test_merge_keys_and_aliases_mean_what_they_mean(tmp_path: Path) -> None:
    text = "base_model: acme/a\nsequence_len: &n 64\nmicro_batch_size: *n\n" + GOOD.partition("64\n")[2]
    assert problems(tmp_path, text) == []
    assert problems(tmp_path, "x: &d {num_epochs: 2}\n<<: *d\n" + GOOD) == []


@pytest.mark.parametrize("name", ['acme/a"b', "acme/a\\nb", "acme/a\u202eb"])
def test_what_no_string_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    written = name.replace('"', '\\"')
    codes = {code for code, _ in problems(tmp_path, GOOD.replace("acme/a\n", f'"{written}"\n'))}
    assert codes & {"E612", "E603"}


def test_nothing_is_written_where_there_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text(GOOD + "learning_rate: fast\n")
    target = tmp_path / "recipes" / "a.recipe"
    assert run(["import", str(tmp_path / "a.yml"), "-o", str(target)]) == 1
    assert "a.yml:6:" in capsys.readouterr().err
    assert not target.parent.exists()


def test_an_existing_recipe_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD)
    target = tmp_path / "a.recipe"
    assert run(["import", str(tmp_path / "a.yml"), "-o", str(target)]) == 0
    before = target.read_bytes()
    assert run(["import", str(tmp_path / "a.yml"), "-o", str(target)]) == 1
    assert target.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.recipe", "a.yml"]


def test_terminal_escapes_of_a_file_are_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yml").write_text(GOOD + 'odd: "\\e[31mred\\u202e"\n')
    assert run(["import", str(tmp_path / "a.yml"), "-o", str(tmp_path / "a.recipe")]) == 0
    shown = capsys.readouterr().out + (tmp_path / "a.recipe").read_text()
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "odd" in shown


WORDS = (
    "{}", "[]", "null", "-1", "1e309", "0", "[1, [2]]", "{a: {b: 1}}", "*x", "&x 1", "!!int 3", ".inf", "|\n  x", "'",
    "\t", "9" * 80, "? x", "a: b: c", "../../etc", "~", "/abs/path.jsonl", "x@y@z", "a+b", "<<: [1]", '"a\\"b"',
)  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
def test_mutated_files_are_imported_or_refused_and_nothing_else(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    for _ in range(30):
        lines = draw.choice(FILES).read_text().split("\n")
        for _ in range(draw.randint(1, 4)):
            place, word = draw.randrange(len(lines)), draw.choice(WORDS)
            key, colon, _ = lines[place].partition(":")
            lines[place] = f"{key}: {word}" if colon and draw.random() < 0.7 else word
        codes = {code for code, _ in problems(tmp_path, "\n".join(lines))}
        assert all(code.startswith(("E2", "E6")) for code in codes)
