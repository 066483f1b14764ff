from pathlib import Path

import pytest
from checking import PRELUDE, FakeFacts, ShippedFacts, checked, graph, program
from ladle.dsl.check import check
from ladle.dsl.diagnostics import RecipeError
from ladle.dsl.frozen import replace
from ladle.dsl.graph import Graph, Node
from ladle.dsl.lower import lower
from ladle.dsl.parse import parse
from ladle.dsl.signature import Fault, File, Number, Option, Vocabulary
from ladle.dsl.source import Source
from ladle.dsl.verify import GraphError, verify
from ladle.executor.catalog import vocabulary

ROOT = Path(__file__).parent.parent
TRAININGS = ("cpt", "sft", "orpo", "dpo")
MERGES = ("slerp", "lerp", "linear", "soup", "ties", "dare_ties", "task_arithmetic", "affine")


def node(found: Graph, name: str) -> Node:
    return found.nodes[found.aliases[name]]


def options(found: Node) -> dict[str, object]:
    return dict(found.options)


def same(*texts: str) -> bool:
    """Say whether the first model of each text, `m`, has one fingerprint."""
    return len({graph(text).aliases["m"] for text in texts}) == 1


# --- each computation once ------------------------------------------------------------------------------------------


def test_sixteen_models_are_eight_trainings_and_eight_merges() -> None:
    found = graph(
        """
let paths = [cpt, cpt | sft, cpt | sft | orpo, cpt | sft | dpo]
model started = init(hidden = 64, layers = 4, heads = 4, intermediate = 128, tied = true, seed = 1,
                     tokenizer = bpe([papers, lessons], vocab = 512), template = chatml)
model trained[start in [llama, started], path in paths] = start | path
model blended[m in trained] = slerp(started, m, t = {self_attn: [0, 0.5, 0.3, 0.7, 1], else: 0.5})
evaluate figure4 { models = [started, trained, blended]  on = [silk, bio]  baseline = started }
"""
    )
    asked = list(found.walk(found.targets))
    assert sum(each.operator in TRAININGS for each in asked) == 8
    assert sum(each.operator in MERGES for each in asked) == 8
    assert len(found.tables[0].models) == 17
    assert sum(each.group == "scores" for each in asked) == 34


def test_the_sentence() -> None:
    found = graph("model x = slerp(orpo(sft(cpt(llama))), instruct, t=0.5)")
    x = node(found, "x")
    assert x.operator == "slerp"
    chain = []
    here = found.nodes[x.inputs[0].node]
    while here.operator in TRAININGS:
        chain.append(here.operator)
        here = found.nodes[here.inputs[0].node]
    assert chain == ["orpo", "sft", "cpt"]
    assert here.name == "llama"


@pytest.mark.parametrize(
    "texts",
    [
        ("model m = sft(cpt(base))", "model m = base | cpt | sft", "let p = cpt | sft\nmodel m = base | p"),
        ("model m = base | sft(epochs = 1)", "let e = 1.0\nmodel m = base | sft(epochs = e)"),
        ("model m = base | sft(warmup = 5%)", "model m = base | sft"),
        ("model m = slerp(base, instruct, t = 1)", "model m = slerp(base, instruct, t = 0.5 + 0.5)"),
        (
            "model m = slerp(base, instruct, t = {mlp: 0, norm: 1, else: 0.5})",
            "model m = slerp(base, instruct, t = {norm: 1.0, mlp: 0.0, else: 0.5})",
        ),
        (
            "corpus c: chat = mix(lessons: 1, lessons | shuffle: 2)\nmodel m = base | sft(on = c)",
            "corpus c: chat = mix(lessons | shuffle: 2, lessons: 1)\nmodel m = base | sft(on = c)",
        ),
        ("model m = 2 * base - base + (instruct - base)", "model m = instruct"),
        ("model m = base | sft with { sft.lr = 1e-5 }", "model m = base | sft(lr = 1e-5)"),
        ("model m = base | sft with { stage.lr = 1e-4  sft.lr = 1e-5 }", "model m = base | sft(lr = 1e-5)"),
        ("model m = base | sft(lr = 1e-5) with { sft.lr = 1 }", "model m = base | sft(lr = 1e-5)"),
        ("model m = base | sft(epochs = 2)", "model m = base | sft with { stage.tokens = 5  sft.epochs = 2 }"),
        ("model r[k in 1..3] = base | sft(steps = k)\nmodel m = r[2]", "model m = base | sft(steps = 2)"),
        ("model m = soup([base, instruct, base])", "model m = soup([base, instruct])"),
        ("stage full = cpt | sft\nmodel m = full(base)", "model m = base | cpt | sft"),
        ("model m = base | dpo", "stage p: dpo { on = pairs steps = 10 lr = 1e-4 context = 128 }\nmodel m = base | p"),
    ],
)  # fmt: skip
def test_what_means_the_same_is_the_same_node(texts: tuple[str, ...]) -> None:
    assert same(*texts)


@pytest.mark.parametrize(
    "texts",
    [
        ("model m = base | sft(steps = 9)", "model m = base | sft"),
        ("model m = slerp(base, instruct, t = 0.5)", "model m = slerp(instruct, base, t = 0.5)"),
        ("model m = linear(base: 1, instruct: 2)", "model m = linear(base: 2, instruct: 1)"),
        ("model m = base | cpt | sft", "model m = base | sft | cpt"),
        ("model m = base | sft(seed = 1)", "model m = base | sft(seed = 2)"),
        ("model m = base | sft(warmup = 5%)", "model m = base | sft(warmup = 5)"),
        ("model m = base | dpo", "model m = base | dpo(reference = llama)"),
        ("model m = base + 0.5 * (instruct - base)", "model m = base + 0.5 * (llama - base)"),
        ("model m = base | sft(context = 64)", "model m = base | sft"),
    ],
)
def test_what_means_something_else_is_another_node(texts: tuple[str, ...]) -> None:
    assert not same(*texts)


# --- what identity is made of ---------------------------------------------------------------------------------------


def fingerprints(text: str, facts: FakeFacts | None = None) -> set[str]:
    """Every node but the report, which shows names."""
    found = graph(text, facts, prelude=False)
    return {each.fingerprint for each in found.nodes.values() if each.operator != "report"}


SHIPPED = (ROOT / "recipes/quickstart.recipe").read_text(encoding="utf-8")


def test_formatting_and_comments_change_nothing() -> None:
    loose = (
        SHIPPED.replace(" | ", "\n    |   ")
        .replace("stage ", "# why\n## what\nstage ")
        .replace("  steps", ",\n  steps")
    )
    assert loose != SHIPPED
    assert fingerprints(loose, ShippedFacts()) == fingerprints(SHIPPED, ShippedFacts())


def test_order_of_declarations_changes_nothing() -> None:
    starts = ("corpus", "benchmark", "stage", "model", "let", "evaluate", "edition")
    declarations: list[str] = []
    for line in SHIPPED.split("\n"):
        if line.startswith(starts):
            declarations.append(line)
        elif line and not line.startswith("#"):
            declarations[-1] += "\n" + line
    turned = "\n".join(reversed(declarations))
    assert fingerprints(turned, ShippedFacts()) == fingerprints(SHIPPED, ShippedFacts())
    assert (
        graph(turned, ShippedFacts(), prelude=False).targets[-1]
        == graph(SHIPPED, ShippedFacts(), prelude=False).targets[-1]
    )


def test_names_change_nothing() -> None:
    renamed = SHIPPED
    for name in ("web", "lessons", "pretrain", "blank", "base ", "trained", "paths", "manners"):
        renamed = renamed.replace(name, f"other_{name}")
    renamed = renamed.replace("other_base ", "base ")
    assert renamed != SHIPPED
    assert fingerprints(renamed, ShippedFacts()) == fingerprints(SHIPPED, ShippedFacts())


class Moved(FakeFacts):
    """Two files of a pattern under other names, their order kept."""

    def __init__(self, names: tuple[str, str]) -> None:
        super().__init__()
        self.names = names

    def files(self, pattern: str) -> tuple[File, ...] | tuple[Fault, ...]:
        if "papers" not in pattern:
            return super().files(pattern)
        return tuple(File(name, 1, f"{place:064}") for place, name in enumerate(self.names))


def test_files_are_known_by_content_in_the_order_of_their_paths() -> None:
    text = "model m = base | cpt"
    kept = graph(text, Moved(("text/a", "text/b"))).aliases["m"]
    assert graph(text, Moved(("text/x", "text/y"))).aliases["m"] == kept
    assert graph(text, FakeFacts({"text/papers.jsonl": "other"})).aliases["m"] != kept


def test_a_change_of_content_reaches_everything_made_from_it_and_nothing_else() -> None:
    before = graph("model m = slerp(base | cpt, instruct, t = 0.5)")
    after = graph("model m = slerp(base | cpt, instruct, t = 0.5)", FakeFacts({"chat/lessons.jsonl": "new"}))
    assert before.aliases["m"] != after.aliases["m"]
    assert before.aliases["papers"] == after.aliases["papers"]
    assert before.aliases["lessons"] != after.aliases["lessons"]


def test_engine_versions_are_part_of_identity() -> None:
    assert (
        graph("model m = base | cpt").aliases["m"]
        != graph("model m = base | cpt", FakeFacts(engines="2.0")).aliases["m"]
    )


def with_option(late: bool) -> Vocabulary:
    operators = dict(vocabulary())
    extra = Option("extra", Number(), 1.0, "an option that came later", late=late)
    operators["sft"] = replace(operators["sft"], options=(*operators["sft"].options, extra))
    return operators


def made_with(words: Vocabulary, text: str) -> str:
    recipe, _ = parse(Source("t.recipe", f"{text}\n{PRELUDE}"))
    found, wrong = check(recipe, words, FakeFacts())
    assert not wrong
    return verify(lower(found, words, FakeFacts())).aliases["m"]


def test_an_option_added_later_changes_no_fingerprint_while_it_has_its_default() -> None:
    before = made_with(vocabulary(), "model m = base | sft")
    assert made_with(with_option(late=True), "model m = base | sft") == before
    assert made_with(with_option(late=True), "model m = base | sft(extra = 1)") == before
    assert made_with(with_option(late=True), "model m = base | sft(extra = 2)") != before
    assert made_with(with_option(late=False), "model m = base | sft") != before


# --- the shape of the graph -----------------------------------------------------------------------------------------


def test_a_stage_is_a_preparation_and_a_training() -> None:
    found = graph("model m = base | dpo(reference = llama, beta = 0.2, context = 64)")
    training = node(found, "m")
    roles = {used.role: found.nodes[used.node] for used in training.inputs}
    assert list(roles) == ["model", "rows", "reference"]
    assert roles["reference"].name == "llama"
    assert options(training)["beta"] == 0.2
    assert "context" not in options(training)
    rows = roles["rows"]
    assert rows.operator == "prepare"
    assert options(rows)["context"] == 64
    assert [(used.role, found.nodes[used.node].name) for used in rows.inputs][1] == ("corpus", "pairs")
    assert found.nodes[rows.inputs[0].node].operator == "bpe"


def test_two_stages_that_read_the_same_rows_share_their_preparation() -> None:
    found = graph("model a = base | dpo\nmodel m = base | orpo")
    rows = {next(used.node for used in node(found, name).inputs if used.role == "rows") for name in ("a", "m")}
    assert len(rows) == 1


def test_rows_need_the_tokenizer_of_the_source_not_the_training_before() -> None:
    found = graph("model m = base | cpt(steps = 3) | sft(steps = 3)\nmodel n = slerp(m, instruct, t = 0.1) | sft")
    for name in ("m", "n"):
        rows = found.nodes[next(used.node for used in node(found, name).inputs if used.role == "rows")]
        assert not any(
            found.nodes[used.node].operator in TRAININGS
            for used in found.walk((rows.fingerprint,))
            for used in used.inputs
        )


def test_a_folder_is_its_own_tokenizer() -> None:
    found = graph('model a = local("models/a")\nmodel m = a | cpt')
    rows = found.nodes[node(found, "m").inputs[1].node]
    assert found.nodes[rows.inputs[0].node].name == "a"
    assert rows.name == "rows-papers-a-context-128"
    assert not node(found, "a").produces
    assert node(found, "a").files == ("models/a",)
    assert "folder" not in options(node(found, "a"))


@pytest.mark.parametrize(("whose", "reads"), [("first", "a"), ("b", "b"), ("union", "m")])
def test_rows_after_a_merge_have_the_tokenizer_that_it_names(whose: str, reads: str) -> None:
    models = 'model a = local("models/a")\nmodel b = local("models/words")\n'
    found = graph(f"{models}model m = slerp(a, b, t = 0.5, tokenizer = {whose})\nmodel n = m | cpt | cpt(epochs = 3)")
    rows = found.nodes[next(used.node for used in node(found, "n").inputs if used.role == "rows")]
    assert [found.nodes[used.node].name for used in rows.inputs if used.role == "tokenizer"] == [reads]


def test_whose_tokenizer_a_merge_has_is_part_of_what_it_is_and_its_absence_is_not() -> None:
    found = graph(
        "model plain = slerp(base, instruct, t = 0.5)\n"
        "model first = slerp(base, instruct, t = 0.5, tokenizer = first)\n"
        "model theirs = slerp(base, instruct, t = 0.5, tokenizer = instruct)"
    )
    assert len({node(found, name).fingerprint for name in ("plain", "first", "theirs")}) == 3
    assert "tokenizer" not in options(node(found, "plain"))
    assert options(node(found, "first"))["tokenizer"] == "first"
    assert [used.role for used in node(found, "theirs").inputs] == ["0", "1", "tokenizer"]


def test_a_union_is_not_what_the_first_has() -> None:
    models = 'model a = local("models/a")\nmodel b = local("models/words")\nmodel c = local("models/b")\n'
    found = graph(f"{models}model u = soup([a, b], tokenizer = union)\nmodel e = soup([a, c], tokenizer = union)")
    union, equal, first = (node(found, name).type for name in "uea")
    assert union is not None
    assert first is not None
    assert union.vocabulary != first.vocabulary
    assert (union.architecture, union.template) == (first.architecture, first.template)
    assert equal == first


def test_the_template_is_handed_to_the_tokenizer() -> None:
    found = graph("")
    tokenizer = found.nodes[node(found, "llama").inputs[0].node]
    assert options(tokenizer) == {"template": "chatml", "vocab": 512}
    assert [used.role for used in tokenizer.inputs] == ["corpora", "corpora"]


def test_operands_of_a_merge_have_places_and_the_base_its_name() -> None:
    found = graph("model m = ties(base: 0.5, instruct: 1, base = llama)")
    merged = node(found, "m")
    assert [(used.role, found.nodes[used.node].name) for used in merged.inputs] == [
        ("0", "base"),
        ("1", "instruct"),
        ("base", "llama"),
    ]
    assert options(merged)["weights"] == [0.5, 1.0]


def test_arithmetic_is_one_node_of_exact_coefficients() -> None:
    found = graph("model m = 0.1 * base + 0.2 * instruct + 0.7 * llama + {embed: 0, else: 1} * (instruct - base)")
    merged = node(found, "m")
    schedule = {"schedule": {"embed": 0.0}, "else": 1.0}
    assert merged.operator == "affine"
    assert [found.nodes[used.node].name for used in merged.inputs] == ["base", "instruct", "llama"]
    assert options(merged)["coefficients"] == [
        [[0.1, None], [-1.0, schedule]],
        [[0.2, None], [1.0, schedule]],
        [[0.7, None]],
    ]


def test_scores_and_the_report_of_a_table() -> None:
    found = graph(
        "model m = slerp(instruct, base, t = 0.5)\n"
        "evaluate t { models = [base, instruct, m]  on = [silk, bio]  baseline = base }"
    )
    (table,) = found.tables
    assert [label for label, _ in table.models] == ["base", "instruct", "m"]
    assert table.parents == (("m", ("instruct", "base")),)
    scores = [each for each in found.nodes.values() if each.group == "scores"]
    assert {each.name for each in scores} == {f"{m}/{b}" for m in ("base", "instruct", "m") for b in ("silk", "bio")}
    assert [used.role for used in scores[0].inputs] == ["model", "on"]
    report = found.nodes[found.targets[-1]]
    assert (report.operator, report.group, report.name) == ("report", "reports", "report")
    roles = [used.role for used in report.inputs]
    assert roles[0] == "score:t/base/silk"
    assert roles[-2:] == ["model:base", "model:instruct"]
    assert all(key not in str(report.options) for key in found.nodes)


def test_without_a_table_every_declared_model_is_asked_for() -> None:
    found = graph("model r[k in 1..2] = base | cpt(steps = k)")
    assert {found.nodes[key].name for key in found.targets} == {"llama", "wide", "base", "instruct", "r-1", "r-2"}


def test_data_that_cannot_be_read_is_reported_at_its_place() -> None:
    class Lost(FakeFacts):
        def files(self, pattern: str) -> tuple[File, ...] | tuple[Fault, ...]:
            return (Fault("E402", f"no file matches `{pattern}`", "check the path"),)

    found, _ = checked(PRELUDE)
    with pytest.raises(RecipeError) as caught:
        lower(found, vocabulary(), Lost())
    assert [each.code for each in caught.value.diagnostics] == ["E402"] * 5


def test_nodes_stand_after_their_inputs_and_keep_their_parts() -> None:
    found = graph("model m = base | cpt")
    m = node(found, "m")
    broken = {**found.nodes, m.fingerprint: replace(m, options=(("steps", 1),))}
    with pytest.raises(GraphError, match="fingerprint"):
        verify(replace(found, nodes=broken))
    with pytest.raises(GraphError, match="before"):
        verify(replace(found, nodes=dict(reversed(found.nodes.items()))))
    with pytest.raises(GraphError, match="safe name"):
        verify(replace(found, nodes={**found.nodes, m.fingerprint: replace(m, name="../m")}))


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("model m = base | cpt | sft", {"m", "base-cpt"}),
        ("model m = base | cpt(lr = 1e-5, steps = 2) | sft", {"base-cpt-steps-2-lr-1e-05"}),
        ("model m = slerp(base | cpt | sft, instruct, t = 0.25) | cpt", {"slerp-base-cpt-sft-instruct-t-0_25"}),
        ("model m = linear(base: 0.5, instruct: 2) | cpt", {"linear-base-0_5-instruct-2"}),
        ("model m = (2 * base - instruct) | cpt", {"2-base-minus-instruct"}),
        ("corpus c: text = papers | filter(min_words = 3) | every(5)", {"papers-filter-min_words-3", "c"}),
        ("model m = base | cpt(on = papers | every(9))", {"papers-every-n-9"}),
        ("model r[s in [base, instruct], p in [cpt, cpt | sft]] = s | p", {"r-base-cpt-sft", "r-instruct-cpt"}),
        ("model r[t in 0.5..1.0 by 0.5] = lerp(base, instruct, t = t)", {"r-0_5", "r-1"}),
        ("model r[w in [5%, 7]] = base | cpt(warmup = w)", {"r-5pct", "r-7"}),
        ("model r[p in [cpt(steps = 3)]] = base | p", {"r-cpt-steps-3"}),
        ("model m = base | cpt(context = 64, overlong = truncate)", {"rows-papers-llama-context-64-overlong-truncate"}),
        ("model m = base | cpt | sft with { stage.seed = 3 }", {"m", "base-cpt-seed-3"}),
    ],
)  # fmt: skip
def test_names_say_what_was_written(text: str, names: set[str]) -> None:
    found = {each.name for each in graph(text).nodes.values()}
    assert names <= found


def test_names_do_not_depend_on_who_else_uses_the_node() -> None:
    alone = {each.name for each in graph("model m = base | cpt | sft").nodes.values()}
    beside = {each.name for each in graph("model m = base | cpt | sft\nmodel n = base | cpt | dpo").nodes.values()}
    assert alone <= beside


def test_a_long_name_ends_in_a_digest_and_stays_its_own() -> None:
    steps = " | ".join(f"cpt(steps = {n})" for n in range(1, 40))
    found = graph(f"model m = base | {steps}")
    names = [each.name for each in found.nodes.values() if each.operator == "cpt"]
    assert len(names) == len(set(names)) == 40
    assert max(map(len, names)) <= 120


def test_two_computations_of_one_name_ask_for_another() -> None:
    text = "model r[a in [cpt | sft, cpt], b in [dpo, sft | dpo]] = lerp(base | a, base | b, t = 0.5)"
    _, wrong = checked(f"{text}\n{PRELUDE}")
    assert [each.code for each in wrong] == ["E304"]
    assert "r-cpt-sft-dpo" in wrong[0].message


def test_a_program_is_read_by_name() -> None:
    found = program("model r[k in 1..2] = base | cpt(steps = k)\nevaluate t { models = [r]  on = [silk] }")
    assert set(found.models) == {"llama", "wide", "base", "instruct", "r-1", "r-2"}
    assert set(found.corpora) == {"papers", "lessons", "pairs"}
    assert set(found.stages) == {"cpt", "sft", "orpo", "dpo"}
    assert set(found.benchmarks) == {"silk", "bio"}
    assert [model.label for model in found.evaluations[0].models] == ["r-1", "r-2"]
    assert [found.names[term] for term in found.targets] == ["r-1", "r-2"]
    walked = list(found.walk())
    assert all(used in walked[:place] for place, term in enumerate(walked) for _, used in term.inputs())


def test_a_second_name_is_not_the_artifacts() -> None:
    for text in ("model p = instruct\nmodel q = p", "model q = p\nmodel p = instruct"):
        found = graph(f"{text}\nevaluate t {{ models = [base, p, instruct]  on = [silk] }}")
        assert found.aliases["p"] == found.aliases["q"] == found.aliases["instruct"]
        assert node(found, "p").name == "instruct"
        assert [label for label, _ in found.tables[0].models] == ["base", "p"]
    corpora = graph("corpus c: text = papers | every(2)\ncorpus b: text = c\nmodel m = base | cpt(on = b)")
    made = {each.name for each in corpora.nodes.values()}
    assert "c" in made
    assert "b" not in made


def test_of_names_for_one_computation_the_shortest_is_the_artifacts() -> None:
    written = "model longer = base | sft\nmodel zz = base | sft\nmodel aa = base | sft"
    assert node(graph(written), "longer").name == "aa"


# --- golden fingerprints --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["quickstart", "figure"])
def test_golden_fingerprints(name: str, update_golden: bool) -> None:
    """A change here runs everything of every user again: it is meant, or it is a mistake."""
    text = (ROOT / f"recipes/{name}.recipe").read_text(encoding="utf-8")
    found = graph(text, ShippedFacts(), prelude=False)
    lines = "".join(f"{each.fingerprint}  {each.operator}  {each.name}\n" for each in found.nodes.values())
    golden = Path(__file__).parent / f"golden/{name}.txt"
    if update_golden:
        golden.write_text(lines, encoding="utf-8")
    assert lines == golden.read_text(encoding="utf-8")


def test_training_on_a_copy_of_a_benchmark_is_refused_by_its_bytes() -> None:
    text = """
benchmark rest: loss { on = jsonl("text/copy.jsonl") }
evaluate t { models = [instruct]  on = [rest] }
"""
    found, wrong = checked(f"{text}\n{PRELUDE}")
    assert not wrong
    with pytest.raises(RecipeError) as caught:
        lower(found, vocabulary(), FakeFacts({"text/copy.jsonl": "the same", "text/papers.jsonl": "the same"}))
    (problem,) = caught.value.diagnostics
    assert problem.code == "E303"
    assert "`papers` holds the same bytes" in problem.message


def test_a_soup_of_one_model_under_two_names_is_that_model() -> None:
    found = graph("model m = soup([base, base])\nmodel n = best([base, base], on = silk)\n")
    assert found.aliases["m"] == found.aliases["n"] == found.aliases["base"]
