import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ladle.dsl.diagnostics import Diagnostic
from ladle.dsl.parse import parse
from ladle.dsl.read import LARGEST, read_source
from ladle.dsl.render import render_text
from ladle.dsl.source import Source


def text_of(path: Path) -> str:
    source, problems = read_source(path)
    assert not problems
    assert source is not None
    return source.text


def problem_of(path: str | Path) -> Diagnostic:
    source, (problem,) = read_source(path)
    assert source is None
    assert render_text([problem], color=False)
    return problem


def test_line_ends_and_byte_order_mark_are_normalised(tmp_path: Path) -> None:
    file = tmp_path / "a.recipe"
    file.write_bytes(b"\xef\xbb\xbfedition 1\r\nlet a = 1\r\n")
    assert text_of(file) == "edition 1\nlet a = 1\n"


def test_a_lone_carriage_return_is_a_control_character(tmp_path: Path) -> None:
    file = tmp_path / "a.recipe"
    file.write_bytes(b"let a = 1\rlet b = 2\n")
    _, (problem,) = parse(Source(str(file), text_of(file)))
    assert problem.code == "E005"


@pytest.mark.parametrize(
    ("data", "line", "column", "byte"),
    [
        (b"edition 1\nlet \xff = 1\n", 2, 5, 14),
        (b"\xef\xbb\xbfedition 1\r\nlet \xe4\xf6 = 1\r\n", 2, 5, 18),
        ("ä\n".encode() + b"\xc3", 2, 1, 3),
        (b"\xed\xa0\x80", 1, 1, 0),
    ],
)
def test_the_byte_that_is_not_utf8_is_named(tmp_path: Path, data: bytes, line: int, column: int, byte: int) -> None:
    file = tmp_path / "a.recipe"
    file.write_bytes(data)
    problem = problem_of(file)
    assert problem.code == "E018"
    assert problem.source.position(problem.span.start) == (line, column)
    assert f"byte {byte} " in problem.message


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    file = tmp_path / "a.recipe"
    with file.open("wb") as out:
        out.truncate(LARGEST + 1)
    assert problem_of(file).code == "E017"
    file.write_bytes(b"#" * LARGEST)
    assert len(text_of(file)) == LARGEST


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing.recipe", tmp_path / "pipe", "nul\0.recipe", "x" * 5000):
        problem = problem_of(path)
        assert problem.code == "E016"
        assert problem.help


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    file = Path(os.environ.get("TMPDIR", "/tmp")) / f"ladle-read-{os.getpid()}.recipe"
    file.write_bytes(data)
    try:
        source, problems = read_source(file)
        assert (source is None) == bool(problems)
    finally:
        file.unlink()


def test_a_recipe_that_is_not_there_is_looked_for_beside(tmp_path: Path) -> None:
    (tmp_path / "silk.recipe").write_text("edition 1\n")
    for written in ("silk", "sikl.recipe", "slk"):
        source, found = read_source(tmp_path / written)
        assert source is None
        assert f"did you mean `{tmp_path / 'silk.recipe'}`?" in found[0].help
    for written in ("other.recipe", "nowhere/silk.recipe"):
        assert "check its name" in read_source(tmp_path / written)[1][0].help
