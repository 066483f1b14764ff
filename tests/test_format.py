"""Formatting: what a recipe says stays, comments stay, and a second time nothing changes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ladle.dsl.format import format_source, laid_out
from ladle.dsl.lex import lex
from ladle.dsl.parse import parse
from ladle.dsl.source import Source
from strategies import SHIPPED, mutated, recipes
from trees import formatted, keeps

ROOT = Path(__file__).parent.parent
FILES = sorted([*ROOT.glob("recipes/**/*.recipe"), *ROOT.glob("tests/fixtures/recipes/*.recipe")])


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_every_recipe_keeps_what_it_says(path: Path) -> None:
    keeps(path.read_text(encoding="utf-8"))


@given(recipes)
def test_whatever_parses_keeps_what_it_says(text: str) -> None:
    keeps(text)


_notes = st.sampled_from([" # why\n ", "\n# own\n ", "\n\n ## two\n\n ", " ## beside\n# below\n "])


@st.composite
def commented(draw: st.DrawFn) -> str:
    """A recipe with comments between any of its tokens, in the middle of expressions too."""
    text = draw(st.sampled_from(SHIPPED) | recipes)
    tokens, _ = lex(text)
    places = draw(st.lists(st.integers(0, len(tokens) - 1), min_size=1, max_size=4, unique=True))
    for index in sorted(places, reverse=True):
        token, after = tokens[index], tokens[index + 1 : index + 2]
        if after and after[0].type in ("CALL", "INDEX"):
            continue
        note = draw(_notes)
        starts = not after or text[after[0].start - 1] == "\n"
        text = text[: token.end] + (note.rstrip(" ") + "\n" if starts else note) + text[token.end :]
    return text


@given(commented())
def test_comments_anywhere_stay_in_their_order(text: str) -> None:
    if not parse(Source("a.recipe", text))[1]:
        keeps(text)


@given(mutated(st.sampled_from(SHIPPED) | recipes))
def test_what_does_not_parse_is_left_alone(text: str) -> None:
    source = Source("a.recipe", text)
    found, problems = format_source(source)
    assert problems == parse(source)[1]
    if problems:
        assert found == text
    else:
        keeps(text)


@pytest.mark.parametrize("path", sorted(ROOT.glob("recipes/**/*.recipe")), ids=lambda path: path.stem)
def test_the_shipped_recipes_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


def test_the_example_of_the_reference_is_what_formatting_gives() -> None:
    text = (ROOT / "tests/fixtures/recipes/spider_silk.recipe").read_text(encoding="utf-8")
    squeezed = "\n".join(line if line.startswith("#") else " ".join(line.split()) for line in text.splitlines())
    assert formatted(squeezed).splitlines()[:26] == text.splitlines()[:26]


LOOKS = [
    ("let a=1\nlet long_name =  2 # why\n", "let a         = 1\nlet long_name = 2  # why\n"),
    ("let a=1\n\n\n\nlet long_name=2", "let a = 1\n\nlet long_name = 2\n"),
    ("let a=1 # x\nlet b_2=2 # y", "let a   = 1  # x\nlet b_2 = 2  # y\n"),
    ("let a = 1 .. 5 by 2\n", "let a = 1..5 by 2\n"),
    ("model m = a-b+ - 0.5*c\n", "model m = a - b + -0.5 * c\n"),
    ("let a = [1,2,]\n", "let a = [1, 2]\n"),
    ("let a = {k:1,else : 2,}\n", "let a = {k: 1, else: 2}\n"),
    ("stage cpt{on=a,lr=1e-5}\nstage sft{on=long,lr=2}\n",
     "stage cpt { on = a     lr = 1e-5 }\nstage sft { on = long  lr = 2 }\n"),
    ("stage cpt {\n}\n", "stage cpt {}\n"),
    ("stage a: cpt {on=a}\nstage sft {on=a}\n", "stage a: cpt { on = a }\nstage sft    { on = a }\n"),
    ("corpus a:text=b\ncorpus ab:preference=b\n",
     "corpus a:  text       = b\ncorpus ab: preference = b\n"),
    ("stage cpt {\n# own\non=a # beside\n\n\nlr=1\n# last\n}\n",
     "stage cpt {\n  # own\n  on = a  # beside\n\n  lr = 1\n  # last\n}\n"),
    ("let a = [ # first\n1, # one\n2\n# end\n]\n",
     "let a = [  # first\n  1,  # one\n  2,\n  # end\n]\n"),
    ("let a = b # of b\n| c\n", "let a = b  # of b\n  | c\n"),
    ("model m = a with {stage.seed=7}\n", "model m = a with { stage.seed = 7 }\n"),
    ('use "x.recipe":a,b as c\n', 'use "x.recipe": a, b as c\n'),
    ("gate g {require a.b>=c.b-1pp,require d<1}\n", "gate g { require a.b >= c.b - 1pp  require d < 1 }\n"),
    ("variant v {cpt.epochs=1 papers=papers|take(rows=2)}\n",
     "variant v { cpt.epochs = 1  papers = papers | take(rows = 2) }\n"),
    ("## of a\nlet a=1 ## not of b\nlet b=1\n#end", "## of a\nlet a = 1  ## not of b\nlet b = 1\n#end\n"),
    ("# alone", "# alone\n"),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), LOOKS)
def test_how_things_look(text: str, wanted: str) -> None:
    assert formatted(text) == wanted


def test_what_is_too_long_is_broken_at_its_loosest_place() -> None:
    steps = " | ".join(f"filter(min_words = {number}0000000)" for number in range(1, 6))
    lines = formatted(f'corpus a: text = jsonl("x") | {steps}\n').splitlines()
    assert lines[0] == 'corpus a: text = jsonl("x")'
    assert lines[1:] == [f"  | filter(min_words = {number}0000000)" for number in range(1, 6)]
    numbers = ", ".join(map(str, range(100)))
    lines = formatted(f"let a = [{numbers}]\n").splitlines()
    assert (lines[0], lines[-1], max(map(len, lines)) <= 120, lines[-2][-3:]) == ("let a = [", "]", True, "99,")
    assert formatted(f"let a = [\n{numbers},\n]") == "\n".join([*lines, ""])


def test_what_fits_alone_but_not_in_columns_stands_alone() -> None:
    wide = f"corpus m: sft = {'f' * 103}\n"
    text = f"{wide}corpus papers:  text       = a\ncorpus lessons: chat       = b\n"
    keeps(text)
    assert formatted(text) == f"{wide}corpus papers:  text = a\ncorpus lessons: chat = b\n"


def test_long_recipes_take_no_longer_than_they_must() -> None:
    for text in ("let a = [" + ", ".join("b" * 20_000) + "]\n", "let a = 1\n" * 5000, "#\n" * 20_000):
        started = time.process_time()
        laid_out(text)
        assert time.process_time() - started < 5
