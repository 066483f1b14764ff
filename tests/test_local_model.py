"""Models that are not made here, the whole way: a folder of the project and a model of a (loopback) hub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import copytree

import pytest
from ladle.executor.catalog import vocabulary
from ladle.executor.commands.new import corpora
from ladle.executor.models import bpe, init
from ladle.executor.node_reader import read_node_file
from ladle.executor.task import Given, Machine, Task
from ladle.executor.workspace import Workspace
from test_models import SIZES, hub
from transformers import AutoTokenizer

HEAD = """\
edition 1
corpus lessons: chat = jsonl("corpora/chat.jsonl")
corpus told: chat = lessons | except(asked)
corpus asked: text = jsonl("corpora/asked.jsonl")
benchmark colours: choice { on = jsonl("corpora/bench.jsonl") }
stage sft { on = told  steps = 2  lr = 1e-3  global_batch = 4  context = 64 }
"""
LOCAL = """
model other = local("models/other")
model tiny = local("models/tiny")
model chatty = local("models/tiny", template = chatml)
model lent = local("models/tiny", template = other)
model t = tiny | sft
model u = chatty | sft
model v = lent | sft
model mixed = slerp(tiny, t, t = 0.5)
evaluate scores { models = [tiny, chatty, lent, t, u, v, mixed]  on = [colours] }
"""
HUB = """
model other = local("models/other")
model far = hub("owner/name")
model lent = hub("owner/name", template = other)
model t = lent | sft
evaluate scores { models = [far, t]  on = [colours] }
"""


def ladle(folder: Path, *arguments: str, status: int = 0, **more: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **more}
    command = [str(Path(sys.executable).parent / "ladle"), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr if status else done.stdout


def actions(folder: Path, **more: str) -> Mapping[str, str]:
    nodes = json.loads(ladle(folder, "plan", "my.recipe", "--format", "json", **more))["nodes"]
    return {node["name"]: node["action"] for node in nodes}


def step(place: Path, program: object, options: Mapping[str, object], *inputs: Given) -> Path:
    for name in ("work", "output"):
        (place / name).mkdir(parents=True)
    task = Task("x", "x", options, inputs, "f", place / "work", place / "output", Machine(), lambda progress: None)  # type: ignore[arg-type]
    program.run(task)  # type: ignore[attr-defined]
    return place / "output"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with corpora and two models of one tokenizer: `other` has a template that `tiny` has not."""
    root = tmp_path / "project"
    (root / "corpora").mkdir(parents=True)
    for stem, rows in corpora().items():
        (root / f"corpora/{stem}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (root / "corpora/asked.jsonl").write_text('{"text": "What colour has grass?"}\n')
    texts = Given("corpora", "jsonl", "c", None, (root / "corpora/text.jsonl",), {"path": "x", "columns": None})
    words = step(tmp_path / "bpe", bpe, {"vocab": 290, "template": "chatml"}, texts)
    model = step(tmp_path / "init", init, {**SIZES, "context": 128}, Given("tokenizer", "bpe", "t", words))
    for name in ("tiny", "other"):
        copytree(model, root / "models" / name)
    lent = root / "models/other/chat_template.jinja"
    lent.write_text(lent.read_text().replace("<|im_start|>", "<|im_start|> "))
    return root


def template(folder: Path) -> str:
    return str(AutoTokenizer.from_pretrained(folder).chat_template)


def test_a_folder_of_the_project_is_trained_merged_and_scored(project: Path) -> None:
    (project / "my.recipe").write_text(HEAD + LOCAL)
    ladle(project, "run", "my.recipe", "--workers", "1")
    made = project / "artifacts/my"
    assert {"t", "u", "v", "mixed"} <= {path.name for path in made.iterdir()}
    assert template(made / "u") == template(project / "models/tiny")
    assert template(made / "v") == template(project / "models/other") != template(made / "t")
    rows = json.loads(ladle(project, "report", "my.recipe", "--format", "json"))["rows"]
    assert {row["model"] for row in rows} == {"tiny", "chatty", "lent", "t", "u", "v", "mixed"}
    assert set(actions(project).values()) == {"reuse"}


@pytest.fixture
def address(project: Path) -> Iterator[str]:
    files = {file.name: file.read_bytes() for file in (project / "models/tiny").iterdir()}
    with hub(files) as (found, _):
        yield found


def test_a_model_of_the_hub_is_fetched_trained_and_scored(project: Path, address: str) -> None:
    (project / "my.recipe").write_text(HEAD + HUB)
    online = {"HF_ENDPOINT": address, "HF_HOME": str(project.parent / "cache"), "HF_HUB_DISABLE_XET": "1"}
    ladle(project, "run", "my.recipe", "--workers", "1", HF_HUB_DISABLE_TELEMETRY="1", NO_PROXY="127.0.0.1", **online)
    nodes = {path.name: path for path in (project / "pipelines/my/nodes").iterdir()}
    for path in nodes.values():
        read_node_file(path, vocabulary(), Workspace(project))
    lent = json.loads(nodes["lent.json"].read_text())["node"]
    assert [item["role"] for item in lent["inputs"]] == ["template"]
    assert template(project / "artifacts/my/t") == template(project / "models/other")
    assert set(actions(project).values()) == {"reuse"}
