import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ladle.dsl.diagnostics import Diagnostic, Severity
from ladle.dsl.lex import HIDDEN
from ladle.dsl.render import WIDEST, render_github, render_json, render_text
from ladle.dsl.source import Source, Span


def problem(
    text: str = "edition 1\nstage sft { on = qa  beta = 0.1 }\n",
    word: str = "beta",
    path: str = "recipes/silk.recipe",
    message: str = "`sft` has no option `beta`",
    label: str = "not an option of `sft`",
    help: str = "`beta` belongs to `dpo`",
    severity: Severity = Severity.ERROR,
) -> Diagnostic:
    start = text.index(word)
    span = Span(start, start + len(word))
    return Diagnostic("E203", "unknown-option", message, Source(path, text), span, label, help, severity)


def caret(diagnostic: Diagnostic) -> tuple[str, str]:
    """The source line as shown, and the line of the caret."""
    lines = render_text([diagnostic], color=False).split("\n")
    return lines[3], lines[4]


def test_an_error_a_person_can_act_on() -> None:
    assert render_text([problem()], color=False) == (
        "error[E203]: `sft` has no option `beta`\n"
        " --> recipes/silk.recipe:2:22\n"
        "  |\n"
        "2 | stage sft { on = qa  beta = 0.1 }\n"
        "  |                      ^^^^ not an option of `sft`\n"
        "  = help: `beta` belongs to `dpo`\n"
    )


def test_the_gutter_is_as_wide_as_the_line_number() -> None:
    shown = render_text([problem(text="\n" * 99 + "beta\n", label="", help="")], color=False)
    assert shown.split("\n")[1:] == ["   --> recipes/silk.recipe:100:1", "    |", "100 | beta", "    | ^^^^", ""]


def test_diagnostics_stand_apart_and_none_is_nothing() -> None:
    assert render_text([], color=True) == ""
    assert render_text([problem(), problem()], color=False).count("\n\n") == 1


def test_colour_only_when_asked() -> None:
    shown = render_text([problem(severity=Severity.WARNING)], color=True)
    assert shown.startswith("\x1b[1;33mwarning[E203]\x1b[0m: ")
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown) == render_text([problem(severity=Severity.WARNING)], color=False)


@pytest.mark.parametrize(
    ("text", "before"),
    [
        ("abc beta", 4),
        ("蜘蛛 beta", 5),
        ("e\u0301 beta", 2),
        ("\tbeta", 4),
        ("😀 beta", 3),
        ("\u202e beta", 2),
    ],
)
def test_the_caret_stands_under_the_word(text: str, before: int) -> None:
    assert caret(problem(text=text))[1] == f"  | {' ' * before}^^^^ not an option of `sft`"


def test_a_wide_word_gets_a_wide_caret() -> None:
    assert caret(problem(text="a 蜘蛛丝", word="蜘蛛丝", label=""))[1] == "  |   ^^^^^^"


def test_a_problem_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    assert caret(problem(text="model a = f(\n  b\n)", word="f(\n  b\n)", label="")) == (
        "1 | model a = f(",
        "  |           ^^",
    )


@pytest.mark.parametrize("place", [0, 3, 50, 500, 996, 1000])
def test_a_long_line_is_cut_around_the_caret(place: int) -> None:
    text = "x" * place + "beta" + "y" * (1000 - place)
    shown, mark = caret(problem(text=text))
    assert "beta" in shown
    assert shown.index("beta") == mark.index("^")
    assert mark.count("^") == 4
    assert len(shown) <= len("1 | ") + WIDEST + 2 * len("...")


def test_a_long_caret_stays_within_the_shown_line() -> None:
    shown, mark = caret(problem(text="x" * 1000, word="x" * 900, label=""))
    assert len(mark) <= len(shown)


def test_a_source_that_could_not_be_read_has_no_line() -> None:
    unread = Diagnostic("E016", "unreadable-file", "it is not a file", Source("a", ""), Span(0, 0), "", "name a file")
    assert render_text([unread], color=False) == "error[E016]: it is not a file\n --> a:1:1\n  = help: name a file\n"


HOSTILE = "\x1b[31m\x07\u202e\r::error::x"


def test_nothing_of_a_recipe_steers_the_terminal() -> None:
    text = f"# {HOSTILE} beta\n"
    shown = render_text([problem(text=text, path=HOSTILE, message=HOSTILE, label=HOSTILE, help=HOSTILE)], color=False)
    assert not HIDDEN.search(shown)


def test_json_is_the_schema() -> None:
    text = "edition 1\nlet ä = 蜘蛛 beta\n"
    assert json.loads(render_json([problem(text=text)])) == {
        "schema": 1,
        "diagnostics": [
            {
                "code": "E203",
                "name": "unknown-option",
                "severity": "error",
                "message": "`sft` has no option `beta`",
                "help": "`beta` belongs to `dpo`",
                "file": "recipes/silk.recipe",
                "line": 2,
                "column": 12,
                "end_line": 2,
                "end_column": 16,
            }
        ],
    }
    assert json.loads(render_json([])) == {"schema": 1, "diagnostics": []}
    assert render_json([problem(message=HOSTILE)]).isascii()


def test_github_commands_are_escaped() -> None:
    shown = render_github([problem(path="a:b,c.recipe", message="100% of\nit", severity=Severity.INFO)])
    assert shown == (
        "::notice file=a%3Ab%2Cc.recipe,line=2,col=22,endLine=2,endColumn=26,title=E203 unknown-option"
        "::100%25 of it%0Ahelp: `beta` belongs to `dpo`\n"
    )


@given(st.text(), st.text(), st.text(min_size=1), st.integers(0, 50), st.integers(0, 50))
def test_anything_is_rendered_safely(path: str, words: str, text: str, start: int, length: int) -> None:
    start = min(start, len(text) - 1)
    span = Span(start, min(len(text), start + length))
    found = Diagnostic("E001", "x", words, Source(path, text), span, words, words)
    assert not HIDDEN.search(render_text([found], color=False))
    assert render_github([found]).count("\n") == 1
    assert json.loads(render_json([found]))["diagnostics"][0]["message"] == words
