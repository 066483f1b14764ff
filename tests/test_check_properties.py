"""Whatever parses is judged in words: never a traceback, spans in the text, and what has no problem makes a graph."""

import time

import pytest
from checking import PRELUDE, FakeFacts, checked
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ladle.dsl.check import check
from ladle.dsl.codes import CODES
from ladle.dsl.lower import lower
from ladle.dsl.parse import parse
from ladle.dsl.source import Source
from ladle.dsl.verify import verify
from ladle.executor.catalog import vocabulary
from strategies import SHIPPED, mutated, recipes

_MODELS = ["base", "instruct", "llama", "wide", "fam", "m", "n", 'local("models/a")', 'local("models/vague")', "x"]
_OTHERS = [
    "cpt",
    "sft",
    "dpo",
    "paths",
    "papers",
    "lessons",
    "pairs",
    "silk",
    "k",
    "wrapped",
    "cosine",
    "full",
    "delta",
]
_VALUES = [
    "0",
    "1",
    "0.5",
    "2",
    "5%",
    "2GB",
    "1..3",
    "0.1..0.3 by 0.1",
    '"text/a.jsonl"',
    "none",
    "true",
    "1e300",
    "9e99",
]
_OPTIONS = ["t", "on", "steps", "epochs", "lr", "seed", "base", "density", "packing", "vocab", "reference", "rows", "n"]
_CALLS = [
    "slerp",
    "lerp",
    "linear",
    "soup",
    "ties",
    "mix",
    "every",
    "take",
    "except",
    "cpt",
    "sft",
    "dpo",
    "jsonl",
    "full",
]

models = st.sampled_from(_MODELS)
atoms = models | st.sampled_from(_OTHERS) | st.sampled_from(_VALUES)


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    settings_ = st.dictionaries(st.sampled_from(_OPTIONS), inner, max_size=2)
    named = settings_.map(lambda found: "".join(f", {key} = {value}" for key, value in found.items()))
    weighted = st.builds("{}: {}".format, inner, inner)
    listed = st.lists(inner | weighted, min_size=1, max_size=3).map(", ".join)
    return st.one_of(
        st.builds("({} | {})".format, inner, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("{}({}{})".format, st.sampled_from(_CALLS), listed, named),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{mlp: {}, else: {}}}".format, inner, inner),
        st.builds("fam[{}]".format, inner),
        st.builds("fam[k = {}]".format, inner),
        st.builds("-({})".format, inner),
    )


sense = st.recursive(atoms, _grown, max_leaves=6)
overrides = st.sampled_from(
    ["", " with { cpt.steps = k }", " with { stage.seed = 3  sft.lr = 1e-4 }", " with { dpo.on = x }"]
)
sensible = st.builds(
    """model m = {}{}
model n = {}
let x = {}
let delta = {}
let paths = [cpt, {}, cpt | sft]
stage full = {}
corpus c: {} = {}
model fam[k in {}] = {}{}
evaluate t {{ models = [m, n, fam, {}]  on = [silk, bio]  baseline = {} }}
""".format,
    sense,
    overrides,
    sense,
    sense,
    sense,
    sense,
    sense,
    st.sampled_from(["text", "chat", "preference"]),
    sense,
    sense | st.sampled_from(["1..2", "paths", "[base, instruct]"]),
    sense,
    overrides,
    sense,
    models,
)
"""Recipes over the prelude's names: many parts of them make sense."""


def judge(text: str) -> None:
    source = Source("recipes/t.recipe", text)
    recipe, unread = parse(source)
    program, found = check(recipe, vocabulary(), FakeFacts())
    assert check(recipe, vocabulary(), FakeFacts())[1] == found
    for problem in found:
        assert problem.code in CODES
        assert 0 <= problem.span.start <= problem.span.end <= len(text)
        assert problem.message
        assert not problem.message.startswith("`None`")
    assert list(found) == sorted(found, key=lambda problem: problem.span.start)
    if not unread and not found:
        verify(lower(program, vocabulary(), FakeFacts()))


@given(recipes)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_anything_that_parses_is_judged(text: str) -> None:
    judge(text)


@given(sensible)
@example("model m = soup([base, fam])\nmodel fam[k in [m]] = k")
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_recipes_that_nearly_make_sense_are_judged(text: str) -> None:
    judge(f"{text}\n{PRELUDE}")


@given(mutated(st.sampled_from(SHIPPED)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_broken_recipes_are_judged(text: str) -> None:
    judge(text)


# --- recipes that make sense -----------------------------------------------------------------------------------------

_STAGES = st.sampled_from(
    ["cpt", "sft", "dpo", "orpo", "cpt | sft", "sft(steps = 3)", "cpt(lr = 1e-5, context = 64)", "full"]
)
_T = st.sampled_from(["0", "0.5", "1", "0.1 + 0.2", "{mlp: [0, 1], else: 0.5}", "1 / 3"])
_WEIGHT = st.sampled_from(["1", "0.5", "2", "1e-3"])


def _trained(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("({} | {})".format, inner, _STAGES),
        st.builds("slerp({}, {}, t = {})".format, inner, inner, _T),
        st.builds("linear({}: {}, {}: {})".format, inner, _WEIGHT, inner, _WEIGHT),
        st.builds("soup([{}, {}, fam])".format, inner, inner),
        st.builds("ties({}, {}, base = {}, density = 0.5)".format, inner, inner, inner),
        st.builds("({} + {} * ({} - {}))".format, inner, _WEIGHT, inner, inner),
        st.builds("(0.25 * {} + 0.75 * {})".format, inner, inner),
    )


sound_model = st.recursive(st.sampled_from(["base", "instruct", "llama", "fam[1]", "fam[2]"]), _trained, max_leaves=6)
sound_text = st.recursive(
    st.just("papers"),
    lambda inner: st.one_of(
        st.builds("({} | every({}))".format, inner, st.integers(2, 5)),
        st.builds("({} | except(papers | every(7)))".format, inner),
        st.builds("mix({}: 1, {} | shuffle: 0.5)".format, inner, inner),
    ),
    max_leaves=3,
)
sound = st.builds(
    """model m = {}
model n = {}
stage full = cpt | sft
stage other: cpt {{ on = {}  epochs = 1 }}
model fam[k in 1..2] = base | cpt with {{ cpt.steps = k }}
model all[x in [m, fam], s in [other, sft]] = x | s
evaluate t {{ models = [base, m, all, n]  on = [silk, bio]  baseline = base }}
""".format,
    sound_model,
    sound_model,
    sound_text,
)


@given(sound)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_sound_recipes_make_one_graph_in_any_order(text: str) -> None:
    found, wrong = checked(f"{text}\n{PRELUDE}")
    assert {each.code for each in wrong} <= {"E304"}, [(each.code, each.message) for each in wrong]
    if wrong:
        return
    graph = verify(lower(found, vocabulary(), FakeFacts()))
    turned, _ = checked(f"{PRELUDE}\n" + "\n".join(reversed(text.rstrip().split("\n"))))
    other = verify(lower(turned, vocabulary(), FakeFacts()))
    assert {node.fingerprint: node.name for node in other.nodes.values()} == {
        node.fingerprint: node.name for node in graph.nodes.values()
    }
    assert other.targets == graph.targets


# --- limits ---------------------------------------------------------------------------------------------------------


def _chain(n: int) -> str:
    models = "\n".join(f"model m{i} = m{i - 1} | sft" for i in range(1, n))
    return f"model m0 = llama\n{models}\n"


def _indexed(axes: int) -> str:
    """A family of 2 ** axes members, and another that picks each of them by its index."""
    names = [f"a{i}" for i in range(axes)]
    axis = ", ".join(f"{name} in [1, 2]" for name in names)
    seed = " + ".join(f"{2**i} * {name}" for i, name in enumerate(names))
    return f"model r[{axis}] = base | cpt(seed = {seed})\nmodel q[{axis}] = r[{', '.join(names)}] | sft(seed = a0)"


def _doubling(i: int) -> str:
    """A merge that takes the one before twice: written out, it grows as the powers of two."""
    return f"model d{i} = slerp(d{i - 1}, lerp(d{i - 1}, base, t = 0.5), t = 0.5)"


def _ring(n: int) -> str:
    return "\n".join(f"model m{i} = m{(i + 1) % n} | sft" for i in range(n))


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (_chain(2000), []),
        ("\n".join(reversed(_chain(2000).split("\n"))), []),
        (_ring(2000), ["E301"]),
        ("let a = 1..1000000000", ["E302"]),
        ("let a = 0..1 by 1e-300", ["E302"]),
        ("let a = [" + "1, " * 400_000 + "1]", ["E302"]),
        ("let a = [" + "1, " * 10_000 + "1]", ["E302"]),
        ("model r[a in 1..200, b in 1..200, c in 1..200] = base | cpt(seed = a)", ["E302"]),
        ("let a0 = [1, 2]\n" + "\n".join(f"let a{i} = [a{i - 1}, a{i - 1}]" for i in range(1, 60)), ["E302"]),
        ("stage a0 = cpt | cpt\n" + "\n".join(f"stage a{i} = a{i - 1} | a{i - 1}" for i in range(1, 60)), ["E302"]),
        ("let a0 = 9e99\n" + "\n".join(f"let a{i} = a{i - 1} * a{i - 1}" for i in range(1, 60)), ["E217"]),
        (
            "model d0 = base + 1e30 * (instruct - base)\n"
            + "\n".join(f"model d{i} = d{i - 1} + 1e30 * (d{i - 1} - base)" for i in range(1, 20)),
            [],
        ),
        ("let v0 = instruct - base\n" + "\n".join(f"let v{i} = 1e300 * v{i - 1}" for i in range(1, 9)), ["E217"]),
        ("model m = " + " | ".join(["base", *["cpt"] * 95]), []),
        ("model m = " + "cpt(" * 90 + "base" + ")" * 90, []),
        ("model m = " + "slerp(base, " * 24 + "base" + ", t = 0.5)" * 24, []),
        ("model m = " + "slerp(base, " * 90 + "base" + ", t = 0.5)" * 90, ["E305"]),
        ("model d0 = base | sft\n" + "\n".join(_doubling(i) for i in range(1, 60)), ["E305"]),
        ("model r[s in 1..600] = base | sft(seed = s)\nmodel m = soup(r)", []),
        ("model m = " + "base | dpo(reference = " * 45 + "base" + ")" * 45, []),
        ("let a = " + "[" * 90 + "1" + "]" * 90, []),
        ("let a0 = [1]\n" + "\n".join(f"let a{i} = [a{i - 1}]" for i in range(1, 3000)), ["E302"]),
        (_indexed(12), []),
        ("\n".join(f"model r{i}[a in 1..100, b in 1..50] = base" for i in range(50)), ["E302"]),
        ("\n".join(f"model m{i} = x{i} | sft" for i in range(3000)), ["E101"] * 3000),
        ("let a = [" + ", ".join(["nothing"] * 5000) + "]", ["E101"]),
        (f"corpus {'c' * 300}: text = papers | every(2)\nmodel m = base | cpt(on = {'c' * 300})", []),
    ],
    ids=range(27),
)  # fmt: skip
def test_large_recipes_are_judged_in_time(text: str, codes: list[str]) -> None:
    began = time.process_time()
    program, found = checked(f"{text}\n{PRELUDE}")
    assert [problem.code for problem in found] == codes
    if not found:
        verify(lower(program, vocabulary(), FakeFacts()))
    assert time.process_time() - began < 5


def _declarations(count: int) -> str:
    parts = ["corpus c0: text = papers", "model m0 = llama"]
    for i in range(1, count // 5 + 1):
        parts += [
            f'corpus c{i}: text = jsonl("text/c{i}.jsonl") | filter(min_words = {i})',
            f"stage s{i}: cpt {{ on = c{i}  steps = {i}  lr = 1e-{i % 5 + 1}  context = 128 }}",
            f"model m{i} = m{i - 1} | s{i}",
            f"model x{i} = slerp(m{i}, m{i - 1}, t = 0.{i % 9 + 1})",
            f"model y{i} = m{i} + 0.5 * (m{i - 1} - m0)",
        ]
    return "\n".join(parts) + "\n" + PRELUDE


def test_a_thousand_declarations_take_less_than_a_second() -> None:
    recipe, _ = parse(Source("r.recipe", _declarations(1000)))
    facts = FakeFacts()
    began = time.process_time()
    program, found = check(recipe, vocabulary(), facts)
    assert not found
    found_graph = lower(program, vocabulary(), facts)
    assert time.process_time() - began < 1
    assert len(found_graph.nodes) > 1000
