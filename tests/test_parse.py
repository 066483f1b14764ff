import itertools
import sys
import time
import unicodedata
from collections.abc import Iterator

import pytest
from expectations import Case, cases, differences
from hypothesis import given
from hypothesis import strategies as st
from ladle.dsl.depth import children, expressions
from ladle.dsl.lex import HIDDEN, lex
from ladle.dsl.parse import DEEPEST, MOST, parse
from ladle.dsl.source import Source, Span
from ladle.dsl.syntax import (
    BenchmarkDecl,
    Binary,
    BrokenDecl,
    Call,
    ComposeDecl,
    CorpusDecl,
    EditionDecl,
    EvaluateDecl,
    Expr,
    Index,
    LetDecl,
    ListLiteral,
    MapLiteral,
    ModelDecl,
    Name,
    Negation,
    NumberLiteral,
    Pipe,
    Range,
    Recipe,
    StageDecl,
)
from strategies import SHIPPED, mutated, recipes
from strategies import expressions as written_expressions

QUICKSTART = next(text for text in SHIPPED if "miniature" in text)


def parsed(text: str) -> Recipe:
    recipe, problems = parse(Source("a.recipe", text))
    assert not problems, problems
    return recipe


def codes(text: str) -> list[str]:
    return [problem.code for problem in parse(Source("a.recipe", text))[1]]


def value(text: str) -> Expr:
    (declaration,) = parsed(f"let a = {text}").declarations
    assert isinstance(declaration, LetDecl)
    return declaration.value


def shape(expr: Expr) -> str:
    """The tree of an expression, every operation in brackets."""
    match expr:
        case Name(name=name):
            return name
        case NumberLiteral(written=written):
            return written
        case Negation(operand=operand):
            return f"(-{shape(operand)})"
        case Binary(operator=operator, left=left, right=right):
            return f"({shape(left)}{operator}{shape(right)})"
        case Pipe(left=left, right=right):
            return f"({shape(left)}|{shape(right)})"
        case _:
            inner = ",".join(shape(child) for child in children(expr))
            return f"{type(expr).__name__}({inner})"


@pytest.mark.parametrize("case", cases("syntax"), ids=lambda case: case.name)
def test_each_mistake_is_told_once_on_its_line(case: Case) -> None:
    assert differences(case, parse(case.source)[1]) == []


@pytest.mark.parametrize("text", SHIPPED, ids=lambda text: text.split("\n")[0][:30])
def test_shipped_recipes_parse(text: str) -> None:
    assert not any(isinstance(d, BrokenDecl) for d in parsed(text).declarations)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a | b + c * -d.e", "(a|(b+(c*(-Attribute(d)))))"),
        ("a - b - c", "((a-b)-c)"),
        ("a | b | c", "((a|b)|c)"),
        ("-a * b", "((-a)*b)"),
        ("(a | b) * c", "((a|b)*c)"),
        ("f(a)(b)[c].d", "Attribute(Index(Call(Call(f,a),b),c))"),
        ("0.5*a - 2/b", "((0.5*a)-(2/b))"),
    ],
)
def test_operators_bind_as_the_language_says(text: str, tree: str) -> None:
    assert shape(value(text)) == tree


def test_every_declaration_keeps_what_it_says() -> None:
    recipe = parsed(
        "edition 1\n"
        "let r = 1..5 by 2\n"
        "model m[a in xs, b in ys] = a | b with { stage.seed = 7, cpt.lr = 1 }\n"
        'corpus c: text = jsonl("x")\n'
        "stage s: sft { on = c  epochs = 2 }\n"
        "stage cpt { on = c }\n"
        "stage both = s | cpt\n"
        "benchmark k: choice { on = c }\n"
        "evaluate e { models = [m] }\n"
    )
    match recipe.declarations:
        case (
            EditionDecl(number=NumberLiteral(value=1)),
            LetDecl(value=Range(step=NumberLiteral(value=2))),
            ModelDecl(axes=(first, _), overrides=overrides),
            CorpusDecl(kind=Name(name="text")),
            StageDecl(kind=Name(name="sft")),
            StageDecl(kind=None),
            ComposeDecl(),
            BenchmarkDecl(kind=Name(name="choice")),
            EvaluateDecl(block=block),
        ):
            assert first.name.name == "a"
            assert overrides is not None
            assert [(s.owner.name if s.owner else "", s.name.name) for s in overrides.settings] == [
                ("stage", "seed"),
                ("cpt", "lr"),
            ]
            assert isinstance(block.settings[0].value, ListLiteral)
        case other:
            pytest.fail(str(other))


def test_arguments_keep_names_and_weights() -> None:
    call = value("mix(talk: 60%, qa, rows = 3)")
    assert isinstance(call, Call)
    talk, qa, rows = call.arguments
    assert isinstance(talk.weight, NumberLiteral)
    assert (talk.name, qa.weight, qa.name) == (None, None, None)
    assert rows.name is not None
    assert rows.name.name == "rows"
    index = value("trained[start = base, cpt | sft]")
    assert isinstance(index, Index)
    assert [a.name.name if a.name else "" for a in index.arguments] == ["start", ""]
    map_ = value("{mlp: [1, 0], else: 0.5}")
    assert isinstance(map_, MapLiteral)
    assert [entry.key.name for entry in map_.entries] == ["mlp", "else"]


def test_documentation_belongs_to_the_next_declaration() -> None:
    text = (
        "## of a, too\n\n##   two lines\nlet a = 1 ## not this\n# plain\nlet b = 2\n"
        "### a rule\n## of c\nlet c = [\n ## inside\n]\n"
    )
    docs = [d.doc for d in parsed(text).declarations if isinstance(d, LetDecl)]
    assert docs == ["of a, too\ntwo lines", "", "of c"]


def test_a_declaration_may_go_on_in_column_1() -> None:
    assert (
        len(parsed("model a =\nbase\n| cpt\nwith {\nstage.seed = 7\nlr = 2\n}\nlet b = [\n1,\n2\n]\n").declarations)
        == 2
    )


def test_a_failed_declaration_still_declares_its_names() -> None:
    text = 'use "x": base, chat as talk,\nmodel a = = b\nmodle c = d\nlet D = 3\nlet e = 8kb\nmodel 3 = b\nlet'
    broken = parse(Source("a.recipe", text))[0].declarations
    assert all(isinstance(d, BrokenDecl) for d in broken)
    names = [d.name.name if d.name else None for d in broken if isinstance(d, BrokenDecl)]
    assert names == ["base", "talk", "a", "c", "d", "e", None, None]


@pytest.mark.parametrize("char", ["\x00", "\x1b", "\r", "\u202e", "\u200b", "\u2066", "\ufeff", "\u00ad", "\U000e0041"])
@pytest.mark.parametrize("text", ["let a = 1 # {}\n", 'let a = "{}"\n', "let a{} = 1\n", "{}\n", "mo{}del a = b\n"])
def test_hidden_characters_are_named_wherever_they_stand(char: str, text: str) -> None:
    _, problems = parse(Source("a.recipe", text.format(char)))
    (problem,) = problems
    assert problem.code == "E005"
    assert f"U+{ord(char):04X}" in problem.message
    assert problem.span == Span(text.index("{"), text.index("{") + 1)


def test_every_control_and_format_character_counts_as_hidden() -> None:
    shown = {"\t", "\n"}
    for point in range(sys.maxunicode + 1):
        char = chr(point)
        if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in shown:
            assert HIDDEN.fullmatch(char), hex(point)
    assert not HIDDEN.search("äöü 蜘蛛丝 e\u0301 \u3000 😀 \ue000")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "a" + ")" * 10_000,
        "[" * 10_000,
        "f(" * 10_000,
        "{a: " * 10_000 + "1" + "}" * 10_000,
        "-" * 10_000 + "a",
        "a" + ".b" * 10_000,
        " | ".join(["a"] * 10_000),
        " + ".join(["a"] * 10_000),
        "f" + "(a)" * 10_000,
    ],
    ids=lambda text: text[:6],
)
def test_deep_nesting_is_one_error(text: str) -> None:
    assert codes(f"let a = {text}\nlet b = 1") == ["E011"]


def test_nesting_up_to_the_bound_is_fine() -> None:
    assert codes(f"let a = {' + '.join(['a'] * DEEPEST)}") == []
    assert codes(f"let a = {'(' * DEEPEST}a{')' * DEEPEST}") == []
    assert codes(f"let a = [{', '.join(['a'] * 20_000)}]") == []


def test_a_hopeless_file_is_given_up() -> None:
    assert codes("let\n" * (3 * MOST)) == ["E001"] * MOST + ["E019"]
    assert codes("let a = ;\n" * (3 * MOST)) == ["E004"] * MOST + ["E019"]
    assert codes("let a = [\n" + ";\n" * (3 * MOST)) == ["E004"] * MOST + ["E019"]
    assert codes("\0\n" * (3 * MOST)) == ["E005"] * MOST + ["E019"]


def test_a_thousand_declarations_parse_in_time() -> None:
    text = "\n".join(SHIPPED * 12)
    started = time.process_time()
    recipe = parse(Source("a.recipe", text))[0]
    assert len(recipe.declarations) > 1000
    assert time.process_time() - started < 1.0


def seeded(text: str) -> Iterator[str]:
    """One mistake in each token: dropped, or exchanged for another sign."""
    for token in lex(text)[0]:
        for instead in ("", *(")}=" if token.type not in ("NAME", "NUMBER", "STRING") else "")):
            yield text[: token.start] + instead + text[token.end :]


def test_each_of_a_thousand_mistakes_is_at_most_one_error() -> None:
    found = [len(codes(text)) for text in seeded(QUICKSTART)]
    assert len(found) > 1000
    assert max(found) == 1
    assert sum(found) > 800


# --- properties ---


def check_spans(source: Source) -> None:
    recipe, problems = parse(source)
    end = 0
    for declaration in recipe.declarations:
        span = declaration.span
        assert end <= span.start < span.end <= len(source.text)
        waiting = [*expressions(declaration)]
        while waiting:
            expr = waiting.pop()
            assert span.start <= expr.span.start < expr.span.end <= span.end
            waiting += children(expr)
            if isinstance(expr, Name):
                assert expr.name in source.text[expr.span.start : expr.span.end]
        end = span.end if not isinstance(declaration, BrokenDecl) else span.start
    for problem in problems:
        assert 0 <= problem.span.start < problem.span.end <= len(source.text)
        assert problem.message
        assert problem.label
        assert problem.help


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    check_spans(Source("a.recipe", text))


@given(mutated(st.sampled_from(SHIPPED)))
def test_almost_a_recipe_is_judged(text: str) -> None:
    check_spans(Source("a.recipe", text))


@given(mutated(recipes))
def test_almost_any_recipe_is_judged(text: str) -> None:
    check_spans(Source("a.recipe", text))


@given(recipes)
def test_every_recipe_parses(text: str) -> None:
    recipe = parsed(text)
    assert not any(isinstance(d, BrokenDecl) for d in recipe.declarations)
    check_spans(Source("a.recipe", text))


@given(written_expressions)
def test_the_text_of_a_node_is_the_node(text: str) -> None:
    """Each part of an expression, cut out by its span, reads as the same part again."""
    source = f"let a = {text}"
    waiting = [value(text)]
    while waiting:
        expr = waiting.pop()
        again = value(source[expr.span.start : expr.span.end])
        assert shape(again) == shape(expr)
        waiting += children(expr)


@given(st.text())
def test_tokens_are_the_text(text: str) -> None:
    tokens, _ = lex(text)
    assert [token.text for token in tokens] == [text[token.start : token.end] for token in tokens]
    assert all(a.end <= b.start for a, b in itertools.pairwise(tokens))
