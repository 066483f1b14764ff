"""A node file says what a step does, and is read as something a stranger wrote."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from ladle.dsl.signature import (
    REQUIRED,
    Flag,
    Names,
    Number,
    Numbers,
    OneOf,
    Operands,
    Operator,
    Option,
    Role,
    Scheduled,
    Sort,
    Text,
    Word,
)
from ladle.dsl.types import Dimension, Share
from ladle.executor.catalog import vocabulary as catalogue
from ladle.executor.layout import layout
from ladle.executor.node_reader import read_node_file
from ladle.executor.nodefile import Inline, Made, NodeFile, encode, node_file
from ladle.executor.option_model import problems
from ladle.executor.task import StepError
from ladle.executor.workspace import Workspace

Body = dict[str, Any]


def files(root: Path) -> dict[str, bytes]:
    graph = tiny.small(root)
    steps = layout(graph, tiny.vocabulary())
    return {steps.spots[n.fingerprint].name: node_file(steps, n) for n in steps.steps(graph.targets)}


def read(root: Path, content: bytes) -> NodeFile:
    path = root / "node.json"
    path.write_bytes(content)
    return read_node_file(path, tiny.vocabulary(), Workspace(root))


def test_it_holds_what_the_step_needs_and_no_fingerprint_of_data(tmp_path: Path) -> None:
    found = files(tmp_path)
    node = read(tmp_path, found["one"])
    assert node.output == "artifacts/small/one"
    assert node.computation.inputs == (Made("model", "artifacts/small/base"), Made("rows", "artifacts/small/one-rows"))
    rows = read(tmp_path, found["one-rows"]).computation.inputs[0]
    assert isinstance(rows, Inline)
    assert rows.computation.files == ("corpora/a.jsonl", "corpora/b.jsonl")
    before = files(tmp_path)
    (tmp_path / "corpora/a.jsonl").write_text("other\n")
    assert files(tmp_path) == before


def test_steps_are_called_so_that_dvc_can_compare_them(tmp_path: Path) -> None:
    names = {"base", "one-rows", "one", "two", "merged", "report"}
    scores = {"score-one-quiz", "score-two-quiz", "score-merged-quiz"}
    assert set(files(tmp_path)) == names | scores


def test_a_model_folder_of_the_project_is_named_whole(tmp_path: Path) -> None:
    (tmp_path / "models/m/sub").mkdir(parents=True)
    for name in ("models/m/config.json", "models/m/sub/x.bin"):
        (tmp_path / name).write_text("x")
    b = tiny.Builder(tmp_path)
    local = b.data("folder", "models/m/config.json", "models/m/sub/x.bin")
    graph = b.graph(b.add("train", "t", model=local))
    steps = layout(graph, tiny.vocabulary())
    inline = read(tmp_path, node_file(steps, graph.nodes[graph.targets[0]])).computation.inputs[0]
    assert isinstance(inline, Inline)
    assert inline.path == "models/m"


def set_to(*keys: str, value: object) -> Callable[[Body], None]:
    def change(body: Body) -> None:
        for key in keys[:-1]:
            body = body[int(key)] if key.isdigit() else body[key]
        body[keys[-1]] = value

    return change


BAD = {
    "unknown key": (set_to("surprise", value=1), "unknown key"),
    "size": (set_to("node", "size", value=1), "unknown key 'size'"),
    "schema": (set_to("schema", value=2), "schema"),
    "schema true": (set_to("schema", value=True), "schema"),
    "operator": (set_to("node", "operator", value="rm -rf"), "no operator"),
    "operator type": (set_to("node", "operator", value=["train"]), "not a string"),
    "data operator": (set_to("node", "operator", value="notes"), "."),
    "version": (set_to("node", "version", value=9), "version"),
    "unknown option": (set_to("node", "options", "stepps", value=1), "stepps"),
    "option type": (set_to("node", "options", "steps", value="4"), "steps"),
    "option range": (set_to("node", "options", "steps", value=0), "steps"),
    "option true": (set_to("node", "options", "steps", value=True), "steps"),
    "option word": (set_to("node", "options", "mood", value="x"), "mood"),
    "engine": (set_to("node", "engines", "torch", value="1"), "engines"),
    "engine text": (set_to("node", "engines", "rich", value="1; rm"), "characters"),
    "absolute output": (set_to("node", "output", value="/etc/passwd"), "not a place"),
    "output up": (set_to("node", "output", value="artifacts/../x"), "not a place"),
    "output dots": (set_to("node", "output", value="artifacts/../../x"), "not a place"),
    "output git": (set_to("node", "output", value=".git/a/b"), "not a place"),
    "output deep": (set_to("node", "output", value="artifacts/a/b/c"), "not a place"),
    "name": (set_to("node", "name", value="a b"), "not a name"),
    "name long": (set_to("node", "name", value="a b" * 9999), "not a name"),
    "output long": (set_to("node", "output", value="a" * 9999), "not a place"),
    "operator long": (set_to("node", "operator", value="a" * 9999), "no operator"),
    "key long": (set_to("a" * 9999, value=1), "unknown key"),
    "option long": (set_to("node", "options", "a" * 9999, value=1), "options of"),
    "name line": (set_to("node", "name", value="a\n"), "not a name"),
    "input up": (set_to("node", "inputs", "0", "path", value="artifacts/../.."), "not a place"),
    "input key": (set_to("node", "inputs", "0", "sha", value="x"), "unknown key"),
    "role": (set_to("node", "inputs", "0", "role", value="a b"), "role"),
    "inputs": (set_to("node", "inputs", value={}), "not a list"),
    "file up": (set_to("node", "files", value=["../../etc/passwd"]), "inside the project"),
    "file absolute": (set_to("node", "files", value=["/etc/passwd"]), "inside the project"),
    "file dvc": (set_to("node", "files", value=[".dvc/config"]), "inside the project"),
    "file nul": (set_to("node", "files", value=["a\0b"]), "inside the project"),
    "file surrogate": (set_to("node", "files", value=["\ud800"]), "surrogate"),
    "own output": (set_to("node", "inputs", "0", "path", value="artifacts/small/one"), "input of its own"),
    "role twice": (set_to("node", "inputs", "1", "role", value="model"), "two inputs have the role `model`"),
    "role long": (set_to("node", "inputs", "0", "role", value="1" * 5000), "is not a role"),
    "number": (set_to("node", "options", "mood", value=float("inf")), "JSON"),
    "file twice": (set_to("node", "files", value=["a", "a"]), "twice"),
}


@pytest.mark.parametrize("case", BAD)
def test_whatever_does_not_belong_is_refused(tmp_path: Path, case: str) -> None:
    change, words = BAD[case]
    raw = json.loads(files(tmp_path)["one"])
    change(raw)
    with pytest.raises(StepError, match=words) as found:
        read(tmp_path, json.dumps(raw).encode())
    assert len(str(found.value)) < 300


MERGE = [
    ("slerp", {"t": 0.5}, [], "takes at least 2"),
    ("slerp", {"t": 0.5}, ["0", "1", "2"], "takes 2"),
    ("slerp", {"t": 0.5}, ["0", "0"], "two inputs have the role `0`"),
    ("slerp", {"t": 0.5}, ["0", "2"], "not numbered"),
    ("slerp", {"t": {"schedule": {"mlp": []}, "else": 0.5}}, ["0", "1"], "options of `slerp`: `t`"),
    ("slerp", {"t": {"schedule": {"\ud800": 1}, "else": 0.5}}, ["0", "1"], "surrogate"),
    ("linear", {"weights": [1, 2, 3], "normalize": True}, ["0", "1"], "3 weights for 2 operands"),
    ("task_arithmetic", {"weights": [1]}, ["0"], "no input `base`"),
    ("affine", {"coefficients": [[[1, None]]]}, ["0", "1"], "not one list of coefficients"),
    ("affine", {"coefficients": [[[1]], []]}, ["0", "1"], "a coefficient of `affine`"),
    ("affine", {"coefficients": [[[1, {"schedule": {"mlp": []}, "else": 1}]]]}, ["0"], "a coefficient of `affine`"),
    ("shuffle", {"seed": 1}, [], "takes at least 1"),
]


@pytest.mark.parametrize(("name", "options", "roles", "words"), MERGE)
def test_inputs_that_an_operator_cannot_have_are_refused(
    tmp_path: Path, name: str, options: dict[str, object], roles: list[str], words: str
) -> None:
    operator = catalogue()[name]
    node = {
        "operator": name, "version": operator.version, "options": options, "name": "m", "output": "artifacts/r/m",
        "engines": dict.fromkeys(operator.engines, "1"),
        "inputs": [{"role": role, "path": f"artifacts/r/x{place}"} for place, role in enumerate(roles)],
    }  # fmt: skip
    path = tmp_path / "node.json"
    path.write_text(json.dumps({"schema": 1, "node": node}))
    with pytest.raises(StepError, match=words):
        read_node_file(path, catalogue(), Workspace(tmp_path))


def test_a_model_folder_is_named_with_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "models/m").mkdir(parents=True)
    (tmp_path / "models/m/config.json").write_text("x")
    b = tiny.Builder(tmp_path)
    graph = b.graph(b.add("train", "t", model=b.data("folder", "models/m/config.json")))
    written = node_file(layout(graph, tiny.vocabulary()), graph.nodes[graph.targets[0]])
    read(tmp_path, written)
    (tmp_path / "models/m/model.safetensors").write_text("y")
    with pytest.raises(StepError, match=r"leave out 'model.safetensors'"):
        read(tmp_path, written)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"schema":1,"schema":1,"node":{}}', b'{"schema":NaN,"node":{}}'],
)
def test_what_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(StepError):
        read(tmp_path, content)


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    content = files(root)["one"]
    (root / "artifacts").symlink_to(tmp_path)
    with pytest.raises(StepError, match="leads out"):
        read(root, content)


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=4)
)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_node_file_makes_the_reader_stumble(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    root = tmp_path_factory.mktemp("hostile")
    raw: Any = copy.deepcopy(json.loads(files(root)["one-rows"]))
    where, parent, key = raw, None, ""
    while isinstance(where, dict | list) and where and (parent is None or data.draw(st.booleans())):
        keys = list(where) if isinstance(where, dict) else list(range(len(where)))
        parent, key = where, data.draw(st.sampled_from(keys))
        where = where[key]
    assert parent is not None
    parent[key] = data.draw(
        LEAVES | st.lists(LEAVES, max_size=2) | st.dictionaries(st.text(max_size=3), LEAVES, max_size=2)
    )
    with contextlib.suppress(StepError):
        read(root, encode(raw))


OPTIONS = Operator(
    "op",
    Role.MERGE,
    1,
    "every type of option",
    operands=Operands((Sort.MODEL,), variadic=True, weighted="may", weight_type=Number()),
    options=(
        Option("n", Number(low=0, high=1, open_low=True), REQUIRED, ""),
        Option("w", OneOf((Number(low=0, high=1, dimensions=(Dimension.PERCENT,)), Number(low=0, integer=True))),
               Share(0.1), ""),
        Option("betas", Numbers(Number(low=0, high=1), 2), (0.9, 0.95), ""),
        Option("t", Scheduled(0, 1), REQUIRED, ""),
        Option("on", Flag(), False, ""),
        Option("names", Names(("a", "b")), None, ""),
        Option("word", Word(("x", "y")), "x", ""),
        Option("text", Text(), "", ""),
    ),
)  # fmt: skip
GOOD: Body = {
    "n": 0.5, "w": {"share": 0.1}, "betas": [0.9, 1], "t": {"schedule": {"mlp": [0, 1], "attn": 0.5}, "else": 0.5},
    "on": True, "names": {"a": "x"}, "word": "y", "text": "z", "weights": [0.5, None],
}  # fmt: skip


def test_canonical_options_fit_their_declaration() -> None:
    assert problems(GOOD, OPTIONS) == ()
    assert problems({"n": 1, "t": 0, "w": 4, "betas": None}, OPTIONS) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 0), ("n", 2), ("n", "1"), ("n", None), ("w", {"share": 2}), ("w", {"share": 0.1, "x": 1}), ("w", 0.5),
        ("betas", [1]), ("betas", [1, 2]), ("t", {"schedule": {}}), ("t", {"schedule": {"a": 3}, "else": 0}),
        ("on", 1), ("names", {"c": "x"}), ("word", "z"), ("text", 3), ("weights", ["x"]), ("other", 1),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_named(name: str, value: object) -> None:
    found = problems({**GOOD, name: value}, OPTIONS)
    assert found
    assert name in found[0]


@pytest.mark.parametrize("operator", catalogue().values(), ids=lambda operator: operator.name)
def test_the_options_of_every_operator_can_be_read(operator: Operator) -> None:
    assert any("surely unknown" in problem for problem in problems({"surely unknown": 1}, operator))


def test_an_option_that_may_be_an_input_is_absent_or_one_of_its_words() -> None:
    assert problems({"template": "chatml"}, catalogue()["local"]) == ()
    assert problems({"template": None}, catalogue()["local"]) == ()
    assert problems({}, catalogue()["local"]) == ()
    assert problems({"template": "other"}, catalogue()["local"]) != ()
    assert problems({}, catalogue()["except"]) == ()
