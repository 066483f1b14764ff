"""What may go, what comes from elsewhere, and what gets another name: nothing is run, nothing referred to is lost."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest
import tiny
from ladle.dsl.graph import Graph
from ladle.dsl.types import ModelType
from ladle.executor.adopt import adopt
from ladle.executor.collect import collect, kept, throw_away
from ladle.executor.layout import Layout, layout
from ladle.executor.lineage import Lineage, read_lineage
from ladle.executor.locks import Holder, hold
from ladle.executor.plan import plan
from ladle.executor.record import read_record
from ladle.executor.rename import rename
from ladle.executor.task import StepError
from ladle.executor.workspace import Workspace
from test_step import run_all, tree


def steps(graph: Graph) -> Layout:
    return layout(graph, tiny.vocabulary())


def refuse(holder: Holder) -> None:
    raise AssertionError(holder)


def test_only_what_no_recipe_has_may_go(tmp_path: Path) -> None:
    one, two = tiny.small(tmp_path), tiny.small(tmp_path, "other", steps=5)
    run_all(tmp_path, one)
    run_all(tmp_path, two)
    workspace = Workspace(tmp_path)
    (workspace.work("0" * 64) / "scratch").mkdir(parents=True)
    assert [item.path.name for item in collect(workspace, kept([steps(one), steps(two)]))] == ["0" * 64]
    unused = collect(workspace, kept([steps(one)]))
    places = {item.path.relative_to(tmp_path).as_posix() for item in unused if item.what.startswith("artifact")}
    assert places == {place for place in workspace.published() if place.split("/")[1] == "other"}
    throw_away(workspace, unused)
    assert not plan(steps(one), workspace).work
    assert {place.split("/")[1] for place in workspace.published()} == {"small"}
    assert collect(workspace, kept([steps(one)])) == ()


def test_nothing_is_thrown_away_while_a_run_goes_on(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with hold(workspace.lock("run"), refuse), pytest.raises(StepError, match="a run is going on"):
        throw_away(workspace, ())


def test_a_renamed_model_keeps_its_artifact(tmp_path: Path) -> None:
    def chain(name: str) -> Graph:
        b = tiny.Builder(tmp_path)
        return b.graph(b.add("train", "end", model=b.add("start", name)))

    before, after = steps(chain("first")), steps(chain("begin"))
    run_all(tmp_path, before.graph)
    content = tree(tmp_path / "artifacts/small/first")
    workspace = Workspace(tmp_path)
    assert rename(before, after, workspace) == (("artifacts/small/first", "artifacts/small/begin"),)
    assert tree(tmp_path / "artifacts/small/begin") == content
    assert workspace.published() == ["artifacts/small/begin", "artifacts/small/end"]
    assert not plan(after, workspace).work
    assert sorted(path.stem for path in (tmp_path / "pipelines/small/nodes").iterdir()) == ["begin", "end"]
    record = read_record(workspace.record(after.graph.aliases["begin"]))
    assert record
    assert record.place == "artifacts/small/begin"


def model(folder: Path) -> Path:
    """A model without layers: what its configuration asks for is an embedding and a norm."""
    folder.mkdir()
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 2, "num_hidden_layers": 0}
    sizes = {"num_attention_heads": 1, "intermediate_size": 2, "vocab_size": 2, "tie_word_embeddings": True}
    (folder / "config.json").write_text(json.dumps({**config, **sizes}))
    tensors = {
        "model.embed_tokens.weight": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "model.norm.weight": {"dtype": "F32", "shape": [2], "data_offsets": [16, 24]},
    }
    header = json.dumps(tensors).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(24))
    (folder / "README.md").write_text("not a part of it")
    return folder


def chain(root: Path, type: ModelType | None = None) -> Graph:
    b = tiny.Builder(root)
    one = b.add("train", "one", model=b.add("start", "base"))
    if type:
        b.nodes[one] = tiny.typed(b.nodes[one], type)
    return b.graph(b.add("train", "two", {"seed": 3}, model=one))


def test_an_adopted_model_stands_for_its_node(tmp_path: Path) -> None:
    found = steps(chain(tmp_path, ModelType(architecture="llama")))
    workspace = Workspace(tmp_path)
    place = adopt(found, workspace, model(tmp_path / "elsewhere"), "one")
    assert set(tree(tmp_path / place)) == {"config.json", "model.safetensors", "lineage.json"}
    assert json.loads((tmp_path / place / "lineage.json").read_bytes())["adopted"] is True
    assert [item.node.name for item in plan(found, workspace).work] == ["two"]
    record = read_record(workspace.record(found.graph.aliases["one"]))
    assert record
    assert record.taken_from == str(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/model.safetensors").write_bytes(b"changed later")
    assert [item.node.name for item in plan(found, workspace).work] == ["two"]


def test_what_is_made_from_an_adopted_model_says_so(tmp_path: Path) -> None:
    b = tiny.Builder(tmp_path)
    tiny.write_data(tmp_path)
    base = b.add("start", "base")
    one, own = b.add("train", "one", model=base), b.add("train", "own", {"seed": 5}, model=base)
    b.nodes[one] = tiny.typed(b.nodes[one], ModelType(architecture="llama"))
    inner = b.add("blend", "inner", {"t": 0.4}, _0=one, _1=own)
    merged = b.add("blend", "merged", {"t": 0.3}, _0=inner, _1=own)
    grade = b.grade(merged, "quiz", b.data("notes", "corpora/bench.jsonl"))
    found, workspace = steps(b.graph(grade, b.add("train", "last", model=own))), Workspace(tmp_path)
    adopt(found, workspace, model(tmp_path / "elsewhere"), "one")
    run_all(tmp_path, found.graph)
    reasons = {item.node.name: item.reason for item in plan(found, workspace).nodes}
    assert reasons["one"] == "adopted: trained elsewhere, and vouched for"
    assert reasons["merged"] == reasons["merged/quiz"] == "made already, from an adopted model"
    assert reasons["own"] == reasons["last"] == "made already"
    lineage = read_lineage(tmp_path / "scores/small/merged/quiz")
    assert isinstance(lineage, Lineage)
    assert lineage.from_adopted == (one,)


def test_another_architecture_is_not_adopted(tmp_path: Path) -> None:
    found = steps(chain(tmp_path, ModelType(architecture="mistral")))
    with pytest.raises(StepError, match="architecture") as caught:
        adopt(found, Workspace(tmp_path), model(tmp_path / "elsewhere"), "one")
    assert "mistral" in caught.value.help
    assert Workspace(tmp_path).published() == []


@pytest.mark.parametrize(("hidden", "adopted"), [(2, True), (4, False)])
def test_a_union_of_vocabularies_is_adopted_whatever_its_size(tmp_path: Path, hidden: int, adopted: bool) -> None:
    shape = (("heads", 1), ("hidden", hidden), ("intermediate", 2), ("kv_heads", 1), ("layers", 0), ("tied", 1))
    found = steps(chain(tmp_path, ModelType("llama", shape, "made:union")))
    with nullcontext() if adopted else pytest.raises(StepError, match="shape"):
        adopt(found, Workspace(tmp_path), model(tmp_path / "elsewhere"), "one")
    assert bool(Workspace(tmp_path).published()) is adopted


def test_what_is_no_model_is_not_adopted(tmp_path: Path) -> None:
    found = steps(chain(tmp_path))
    folder = model(tmp_path / "elsewhere")
    shutil.rmtree(folder)
    with pytest.raises(StepError, match="not a folder"):
        adopt(found, Workspace(tmp_path), folder, "one")
    folder.mkdir()
    with pytest.raises(StepError):
        adopt(found, Workspace(tmp_path), folder, "one")
