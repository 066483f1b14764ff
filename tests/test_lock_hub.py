"""`ladle lock` against a hub: what is resolved, what is refused, and that no weight is fetched for it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ladle.dsl.types import UNKNOWN, CorpusKind
from ladle.executor.endpoint import HubEndpoint
from ladle.executor.lock.entries import LockedFile, LockedTemplate
from ladle.executor.lock.remote_rows import DataHub
from ladle.executor.lock.splits import split_files
from ladle.executor.task import StepError
from loopback_hub import TEMPLATE, Repository, Served, lines, model, serve

CHATS = [{"question": f"q{i}", "answer": f"a{i}"} for i in range(5)]
RECIPE = """\
edition 1
model base = hub("owner/base")
model chat = hub("owner/chat")
corpus talk: chat = hub("owner/talk", split = "train_sft", columns = {user: "question", assistant: "answer"})
corpus own: text = jsonl("corpora/own.jsonl")
stage sft { on = talk }
model tuned = chat | sft
model merged = slerp(chat, tuned, t = 0.5)
"""


def parquet(rows: list[dict[str, object]]) -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), made)
    return made.getvalue()


CARD = b"""\
---
license: mit
configs:
- config_name: default
  data_files:
  - {split: train_sft, path: data/train_sft-*}
  - {split: test, path: data/test-*}
---
"""


def repositories() -> dict[str, Repository]:
    talk = {
        "README.md": CARD,
        "data/train_sft-00000-of-00002.parquet": parquet(CHATS[:2]),
        "data/train_sft-00001-of-00002.parquet": parquet(CHATS[2:]),
        "data/test-00000-of-00001.parquet": parquet(CHATS[:1]),
        "loading.py": b"raise SystemExit",
    }
    texts = {"train.jsonl": lines({"text": "a"}, {"text": "b"}), "test.jsonl": lines({"text": "c"})}
    return {
        "models/owner/base": model(template=None),
        "models/owner/chat": model(),
        "datasets/owner/talk": Repository(talk),
        "datasets/owner/lines": Repository(texts),
    }


def hub(served: Served, cache: Path, key: str | bool = False) -> DataHub:
    return DataHub(HubEndpoint(served.address, key), cache)


def refused(served: Served, cache: Path, name: str = "owner/chat", revision: str = "main") -> str:
    with pytest.raises(StepError) as found:
        hub(served, cache).model(name, revision)
    return found.value.message


# --- what is resolved -------------------------------------------------------------------------------------------------


def test_a_model_is_resolved_to_its_commit_and_its_facts_without_its_weights(tmp_path: Path) -> None:
    with serve(repositories()) as served:
        found = hub(served, tmp_path).model("owner/chat", "main")
        commit = served.repositories["models/owner/chat"].commit
    weights = served.repositories["models/owner/chat"].files["model.safetensors"]
    assert (found.commit, found.architecture, found.licence, found.parameters) == (commit, "llama", "apache-2.0", 128)
    assert dict(found.shape) == {  # type: ignore[arg-type]
        "heads": 2, "hidden": 8, "intermediate": 16, "kv_heads": 2, "layers": 1, "tied": False, "vocab": 8,
    }  # fmt: skip
    assert (found.vocabulary.size, found.vocabulary.added) == (8, ("<|a|>", "<|b|>"))
    assert isinstance(found.template, LockedTemplate)
    assert found.template.text == TEMPLATE
    files = dict(found.files)  # type: ignore[arg-type]
    assert isinstance(files["model.safetensors"], LockedFile)
    assert files["model.safetensors"].bytes == len(weights)
    assert "pytorch_model.bin" not in served.sent
    assert not list(tmp_path.rglob("*.safetensors"))


def test_only_the_header_of_large_weights_is_read(tmp_path: Path) -> None:
    repository = model(hidden=20_000)
    with serve({"models/owner/chat": repository}) as served:
        hub(served, tmp_path).model("owner/chat", "main")
    assert len(repository.files["model.safetensors"]) > 1_000_000
    assert served.sent["model.safetensors"] <= 100_001


def test_a_model_without_card_or_tokenizer_has_unknown_facts_and_none_invented(tmp_path: Path) -> None:
    repository = model()
    for file in ("README.md", "tokenizer.json"):
        del repository.files[file]
    with serve({"models/owner/chat": repository}) as served:
        found = hub(served, tmp_path).model("owner/chat", "main")
    assert found.licence is UNKNOWN
    assert found.vocabulary.identity is UNKNOWN


def test_the_rows_of_a_split_are_counted_from_footers(tmp_path: Path) -> None:
    with serve(repositories()) as served:
        found = hub(served, tmp_path).data("owner/talk", "main", [("", "train_sft")])
        repository = served.repositories["datasets/owner/talk"]
    ((part, rows),) = found.splits
    assert part == ("", "train_sft")
    assert (found.commit, found.licence, rows.rows, rows.columns) == (
        repository.commit,
        "mit",
        5,
        ("question", "answer"),
    )
    assert rows.kind is CorpusKind.LABELLED
    assert [name for name, _ in rows.files] == [  # type: ignore[union-attr]
        "data/train_sft-00000-of-00002.parquet",
        "data/train_sft-00001-of-00002.parquet",
    ]
    assert "loading.py" not in served.sent


def test_json_lines_are_counted_and_hashed(tmp_path: Path) -> None:
    with serve(repositories()) as served:
        found = hub(served, tmp_path).data("owner/lines", "main", [("", "train"), ("", "test")])
    rows = dict(found.splits)
    assert rows["", "train"].rows == 2
    assert rows["", "test"].kind is CorpusKind.TEXT
    assert all(len(str(file.sha256)) == 64 for _, file in rows["", "train"].files)  # type: ignore[union-attr]


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_missing_repository_and_a_missing_revision_are_told_apart(tmp_path: Path) -> None:
    with serve(repositories()) as served:
        assert refused(served, tmp_path, "owner/nothing") == "the hub has no `owner/nothing`"
        assert refused(served, tmp_path, revision="v9") == "`owner/chat` has no revision `v9`"


def test_a_gated_repository_asks_for_consent(tmp_path: Path) -> None:
    with serve({"models/owner/chat": model()}) as served:
        served.repositories["models/owner/chat"].gated = True
        assert "asks for consent first" in refused(served, tmp_path)


def test_a_busy_hub_is_asked_again_a_few_times(tmp_path: Path) -> None:
    with serve({"models/owner/chat": model()}) as served:
        served.repositories["models/owner/chat"].busy = 2
        assert hub(served, tmp_path).model("owner/chat", "main").architecture == "llama"
        served.repositories["models/owner/chat"].busy = 1000
        assert "the hub is busy" in refused(served, tmp_path)
        served.repositories["models/owner/chat"].retry_after = "86400"
        assert "asks to wait 86400 s" in refused(served, tmp_path)


@pytest.mark.parametrize(
    "answer", [b"", b"{", b"[]", b"null", b'{"id": "owner/chat"}', b'{"id": "owner/chat", "sha": "x"}']
)
def test_an_answer_that_makes_no_sense_is_said(tmp_path: Path, answer: bytes) -> None:
    with serve({"models/owner/chat": model()}) as served:
        served.repositories["models/owner/chat"].answer = answer
        assert "owner/chat" in refused(served, tmp_path)


def test_an_answer_of_another_commit_is_refused(tmp_path: Path) -> None:
    with serve({"models/owner/chat": model()}) as served:
        served.repositories["models/owner/chat"].stated = "b" * 40
        assert "of two commits" in refused(served, tmp_path)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", b"{", "holds no JSON"),
        ("config.json", b'{"model_type": "llama", "auto_map": {"AutoModel": "x.Y"}}', "code of its own"),
        ("config.json", b"[" * 100_000, "nested too deep"),
        ("tokenizer.json", b'{"model": {"vocab": {"\\ud800": 0}}}', "no token"),
        ("model.safetensors", b"\xff" * 100, "no header that can be read"),
    ],
)
def test_a_hostile_repository_is_refused(tmp_path: Path, file: str, content: bytes, message: str) -> None:
    repository = model()
    repository.files[file] = content
    with serve({"models/owner/chat": repository}) as served:
        assert message in refused(served, tmp_path)


def test_pickles_are_no_model(tmp_path: Path) -> None:
    repository = model()
    del repository.files["model.safetensors"]
    with serve({"models/owner/chat": repository}) as served:
        assert refused(served, tmp_path) == "`owner/chat` holds no safetensors"


def test_an_adapter_is_no_model(tmp_path: Path) -> None:
    repository = model()
    repository.files["adapter_config.json"] = b"{}"
    del repository.files["config.json"]
    with serve({"models/owner/chat": repository}) as served:
        assert refused(served, tmp_path) == "`owner/chat` is an adapter, which is no model without another"


def test_a_truncated_parquet_answer_is_said(tmp_path: Path) -> None:
    with serve(repositories()) as served:
        served.repositories["datasets/owner/talk"].cut = "data/train_sft-00000-of-00002.parquet"
        with pytest.raises(StepError, match="owner/talk"):
            hub(served, tmp_path).data("owner/talk", "main", [("", "train_sft")])


def test_a_hub_that_is_not_there_is_said(tmp_path: Path) -> None:
    said = r"`owner/chat` cannot be read from `127\.0\.0\.1:9`: Connection refused"
    with pytest.raises(StepError, match=said) as found:
        DataHub(HubEndpoint("http://127.0.0.1:9", False), tmp_path).model("owner/chat", "main")
    assert found.value.help == "check the connection and run again"


def test_an_unknown_split_is_named_with_those_that_exist(tmp_path: Path) -> None:
    with serve(repositories()) as served, pytest.raises(StepError, match="it has `test` and `train_sft`"):
        hub(served, tmp_path).data("owner/talk", "main", [("", "train")])


ONE, ALL = {"config_name": "default", "data_files": "*.jsonl"}, {"config_name": "default", "data_files": "**/*.jsonl"}
FIRST = {"config_name": "one", "data_files": "a.jsonl"}
SECOND = {"config_name": "two", "data_files": [{"split": "x", "path": ["b.*"]}]}


@pytest.mark.parametrize(
    ("files", "configs", "part", "expected"),
    [
        ("d/train-00000-of-00001.parquet d/train_sft-0.parquet", [], ("", "train"), "d/train-00000-of-00001.parquet"),
        ("rows.jsonl", [], ("", "train"), "rows.jsonl"),
        ("rows.jsonl test.jsonl", [], ("", "train"), "rows.jsonl"),
        ("en/train.jsonl de/train.jsonl", [], ("de", "train"), "de/train.jsonl"),
        ("a/x.jsonl b.jsonl", [ONE], ("", "train"), "b.jsonl"),
        ("a/x.jsonl b.jsonl", [ALL], ("", "train"), "a/x.jsonl b.jsonl"),
        ("a.jsonl b.jsonl", [FIRST, SECOND], ("two", "x"), "b.jsonl"),
    ],
)
def test_the_files_of_a_split(files: str, configs: object, part: tuple[str, str], expected: str) -> None:
    assert list(split_files("o/n", files.split(), configs, *part)) == expected.split()


@pytest.mark.parametrize(
    ("files", "configs", "part", "message"),
    [
        ("a.csv load.py", [], ("", "train"), "no parquet and no JSON lines"),
        ("train.jsonl train.parquet", [], ("", "train"), "at once"),
        ("a.parquet", [], ("", "validation"), "named after the split"),
        ("a.jsonl b.jsonl", [FIRST, SECOND], ("", "train"), "none is the default"),
        ("a.jsonl", [FIRST], ("z", "train"), "no subset `z`"),
        ("c.jsonl", [FIRST], ("", "train"), "no parquet or JSON lines file"),
    ],
)
def test_a_split_that_cannot_be_told_is_refused(
    files: str, configs: object, part: tuple[str, str], message: str
) -> None:
    with pytest.raises(StepError, match=message):
        split_files("o/n", files.split(), configs, *part)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "recipes").mkdir(parents=True)
    (root / "corpora").mkdir()
    (root / "recipes/my.recipe").write_text(RECIPE)
    (root / "corpora/own.jsonl").write_bytes(lines({"text": "one"}, {"text": "two"}))
    return root


def ladle(project: Path, address: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "HF_ENDPOINT": address,
        "HF_HOME": str(project.parent / "cache"),
        "NO_PROXY": "127.0.0.1",
    }
    environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **more}
    environment.pop("HF_TOKEN", None) if "HF_TOKEN" not in more else None
    command = [str(Path(sys.executable).parent / "ladle"), *arguments]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


NOWHERE = "http://127.0.0.1:9"


def test_a_project_is_locked_checked_offline_and_updated(project: Path) -> None:
    assert ladle(project, NOWHERE, "lock", "--check").returncode == 1
    with serve(repositories()) as served:
        first = ladle(project, served.address, "lock")
        assert first.returncode == 0, first.stderr
        content = (project / "ladle.lock").read_bytes()
        again = ladle(project, served.address, "lock")
        assert "unchanged" in again.stdout
        assert (project / "ladle.lock").read_bytes() == content
        served.repositories["models/owner/chat"] = model(template="\x1b[31m" + TEMPLATE, licence="cc-by-nc-4.0")
        updated = ladle(project, served.address, "lock", "--update", "owner/chat")
    assert "licence: apache-2.0 -> cc-by-nc-4.0" in updated.stdout
    assert "+\\u{1b}[31m{% for m" in updated.stdout
    assert "\x1b" not in updated.stdout
    assert "owner/base" not in updated.stdout
    assert ladle(project, NOWHERE, "lock", "--check").returncode == 0
    checked = ladle(project, NOWHERE, "check", "recipes/my.recipe")
    assert checked.stdout == "recipes/my.recipe: ok\n", checked.stdout
    plan = json.loads(ladle(project, NOWHERE, "plan", "recipes/my.recipe", "--format", "json").stdout)
    assert {node["action"] for node in plan["nodes"] if node["operator"] == "hub"} == {"run"}


def test_what_one_repository_refuses_does_not_lose_the_others(project: Path) -> None:
    held = repositories()
    held["models/owner/base"].gated = True
    with serve(held) as served:
        found = ladle(project, served.address, "lock", "--format", "json")
    told = json.loads(found.stdout)
    assert found.returncode == 1
    assert [failure["name"] for failure in told["failures"]] == ["owner/base@main"]
    locked = json.loads((project / "ladle.lock").read_text())
    assert list(locked["models"]) == ["owner/chat@main"]
    assert "not in `ladle.lock`" in ladle(project, NOWHERE, "lock", "--check").stdout


def test_a_key_goes_to_its_host_alone(project: Path) -> None:
    (project / "profiles").mkdir()
    with serve(repositories()) as served, serve({}) as other:
        text = f'hub = "{served.address}"\nhub_key = "MY_KEY"\n'
        (project / "profiles/mine.toml").write_text(text)
        done = ladle(project, other.address, "lock", "--profile", "mine", MY_KEY="secret")
        assert done.returncode == 0, done.stderr
        assert served.keys == {"Bearer secret"}
        assert not other.asked
        assert "which is not set" in ladle(project, other.address, "lock", "--profile", "mine").stderr
        (project / "profiles/mine.toml").write_text(f'hub = "{served.address}"\n')
        served.keys.clear()
        ladle(project, other.address, "lock", "--profile", "mine", "--update", "owner/chat", HF_TOKEN="secret")
        assert served.keys == {""}


def test_whether_a_model_pads_with_its_end_is_locked(project: Path) -> None:
    with serve(repositories()) as served:
        tokens = b'{"pad_token": "<|a|>", "eos_token": {"content": "<|a|>"}}'
        served.repositories["models/owner/base"].files["tokenizer_config.json"] = tokens
        assert ladle(project, served.address, "lock").returncode == 0
    models = json.loads((project / "ladle.lock").read_text())["models"]
    assert models["owner/base@main"]["pad_is_end"] is True
    assert "pad_is_end" not in models["owner/chat@main"]


def test_an_entry_that_no_recipe_asks_for_is_updated_by_name(project: Path) -> None:
    with serve(repositories()) as served:
        assert ladle(project, served.address, "lock").returncode == 0
        (project / "recipes/my.recipe").write_text("edition 1\n")
        served.repositories["models/owner/base"].files["tokenizer_config.json"] = b'{"x": 1}'
        alone = ladle(project, served.address, "lock", "--update", "owner/base")
    assert "files.tokenizer_config.json.bytes: 2 -> 8" in alone.stdout
    assert "owner/chat" not in alone.stdout
    assert "entries that no recipe asks for" in ladle(project, NOWHERE, "lock", "--check").stdout


def test_a_lock_of_local_corpora_needs_no_hub_and_tells_what_is_stale(project: Path) -> None:
    (project / "recipes/my.recipe").write_text('edition 1\ncorpus own: text = jsonl("corpora/own.jsonl")\n')
    assert ladle(project, NOWHERE, "lock").returncode == 0
    entry = json.loads((project / "ladle.lock").read_text())["corpora"]["corpora/own.jsonl"]
    assert (entry["columns"], entry["kind"], entry["rows"]) == (["text"], "text", 2)
    assert "present" not in entry
    (project / "corpora/own.jsonl").write_bytes(lines({"text": "three"}))
    stale = ladle(project, NOWHERE, "lock", "--check")
    assert stale.returncode == 1
    assert "error[E419]: the files of `corpora/own.jsonl` are not those of `ladle.lock`" in stale.stdout
    assert "rows: 2 -> 1" in ladle(project, NOWHERE, "lock").stdout
    (project / "corpora/own.jsonl").unlink()
    content = (project / "ladle.lock").read_bytes()
    assert "ladle.lock: unchanged" in ladle(project, NOWHERE, "lock").stdout
    assert (project / "ladle.lock").read_bytes() == content
    assert ladle(project, NOWHERE, "lock", "--check").returncode == 0
    assert ladle(project, NOWHERE, "check", "recipes/my.recipe").returncode == 0


def test_what_cannot_be_locked_is_said_and_changes_nothing(project: Path) -> None:
    nowhere = ladle(project, NOWHERE, "lock")
    assert nowhere.returncode == 1
    assert "check the connection" in nowhere.stderr
    assert "Traceback" not in nowhere.stderr
    before = (project / "ladle.lock").read_bytes()
    unknown = ladle(project, NOWHERE, "lock", "--update", "owner/else")
    assert "no recipe and no entry of `ladle.lock` names `owner/else`" in unknown.stderr
    assert ladle(project, NOWHERE, "lock", "--check", "--update", "all").returncode == 2
    (project / "ladle.lock").write_text('{"schema": 9}')
    newer = ladle(project, NOWHERE, "lock")
    assert newer.returncode == 1
    assert "error[E415]" in newer.stderr
    assert (project / "ladle.lock").read_text() == '{"schema": 9}'
    (project / "ladle.lock").write_bytes(before)
    (project / "recipes/bad.recipe").write_text("edition 1\nmodel m = hubb(1)\n")
    assert "E101" in ladle(project, NOWHERE, "lock").stderr


def test_two_at_once_wait_for_each_other_and_lose_nothing(project: Path) -> None:
    for name, text in (("a", 'model m = hub("owner/base")'), ("b", 'model m = hub("owner/chat")')):
        (project / f"recipes/{name}.recipe").write_text(f"edition 1\n{text}\n")
    with serve(repositories()) as served, ThreadPoolExecutor() as pool:
        both = [pool.submit(ladle, project, served.address, "lock", f"recipes/{name}.recipe") for name in "ab"]
        assert [each.result().returncode for each in both] == [0, 0]
    assert list(json.loads((project / "ladle.lock").read_text())["models"]) == ["owner/base@main", "owner/chat@main"]
    assert sorted(path.name for path in project.iterdir() if "lock" in path.name) == ["ladle.lock"]


# --- the run proves the lock ------------------------------------------------------------------------------------------

RUN = """\
edition 1
model chat = hub("owner/chat")
corpus talk: chat = hub("owner/talk", split = "train_sft", columns = {user: "question", assistant: "answer"})
stage sft { on = talk }
model tuned = chat | sft
"""


@pytest.fixture
def running(project: Path) -> Path:
    (project / "recipes/my.recipe").write_text(RUN)
    return project


def lie(project: Path, section: str, **claims: object) -> None:
    path = project / "ladle.lock"
    lock = json.loads(path.read_text())
    for entry in lock[section].values():
        entry.update(claims)
    path.write_text(json.dumps(lock))


def test_a_locked_model_and_data_set_are_fetched_at_their_commit(running: Path) -> None:
    with serve(repositories()) as served:
        assert ladle(running, served.address, "lock").returncode == 0
        ran = ladle(running, served.address, "run", "recipes/my.recipe", "chat", "talk")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        commit = served.repositories["models/owner/chat"].commit
    rows = [json.loads(line) for line in (running / "artifacts/my/talk/rows.jsonl").read_text().splitlines()]
    assert rows[0] == {"messages": [{"role": "user", "content": "q0"}, {"role": "assistant", "content": "a0"}]}
    assert len(rows) == 5
    assert json.loads((running / "artifacts/my/chat/source.json").read_text())["commit"] == commit
    assert json.loads((running / "pipelines/my/nodes/chat.json").read_text())["node"]["options"]["revision"] == commit
    assert "loading.py" not in served.sent


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"licence": "mit"}, "its licence is apache-2.0, not mit"),
        ({"template": {"sha256": "0" * 64, "lines": "unknown"}}, "its template is"),
        ({"parameters": 7}, "its parameters is 128, not 7"),
        ({"pad_is_end": False}, "its padding with the end is unknown, not False"),
    ],
)
def test_a_lie_about_a_model_stops_the_run(running: Path, claims: dict[str, object], said: str) -> None:
    with serve(repositories()) as served:
        assert ladle(running, served.address, "lock").returncode == 0
        lie(running, "models", **claims)
        ran = ladle(running, served.address, "run", "recipes/my.recipe", "chat")
    assert ran.returncode == 1
    assert said in ran.stderr
    assert not (running / "artifacts/my/chat").exists()


def test_a_lie_about_the_shape_or_commit_stops_the_run(running: Path) -> None:
    with serve(repositories()) as served:
        assert ladle(running, served.address, "lock").returncode == 0
        shape = json.loads((running / "ladle.lock").read_text())["models"]["owner/chat@main"]["shape"]
        lie(running, "models", shape={**shape, "layers": 2})
        assert "its shape is" in ladle(running, served.address, "run", "recipes/my.recipe", "chat").stderr
        lie(running, "models", shape=shape, commit="a" * 40)
        assert "has no revision" in ladle(running, served.address, "run", "recipes/my.recipe", "chat").stderr


def test_a_lie_about_a_data_set_stops_the_run(running: Path) -> None:
    with serve(repositories()) as served:
        assert ladle(running, served.address, "lock").returncode == 0
        lie(running, "data", licence="cc-by-nc-4.0")
        ran = ladle(running, served.address, "run", "recipes/my.recipe", "talk")
        assert "its licence is mit, not cc-by-nc-4.0" in ran.stderr
        lock = (running / "ladle.lock").read_text().replace('"cc-by-nc-4.0"', '"mit"')
        digest = json.loads(lock)["data"]["owner/talk@main"]["splits"]["train_sft"]["files"]
        (running / "ladle.lock").write_text(lock.replace(next(iter(digest.values()))["sha256"], "0" * 64))
        ran = ladle(running, served.address, "run", "recipes/my.recipe", "talk")
    assert "train_sft-00000-of-00002.parquet" in ran.stderr
    assert not (running / "artifacts/my/talk").exists()
