"""`ladle.lock` as a file: what is read, what is refused and where, and what a check and a plan take from it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from checking import FakeFacts, checked
from hypothesis import given, settings
from hypothesis import strategies as st
from ladle.dsl.check import check
from ladle.dsl.frozen import replace
from ladle.dsl.lower import lower
from ladle.dsl.parse import parse
from ladle.dsl.signature import CorpusFacts, Fault, Sort
from ladle.dsl.source import Source
from ladle.dsl.types import UNKNOWN, CorpusKind, ModelType
from ladle.executor.catalog import vocabulary
from ladle.executor.cli import run
from ladle.executor.facts import ProjectFacts
from ladle.executor.lock.entries import LOCK, Lock, template
from ladle.executor.lock.facts import LockedFacts
from ladle.executor.lock.read import MAX_BYTES, parse_lock, read_lock
from ladle.executor.lock.wanted import wanted
from ladle.executor.lock.write import encode_lock
from ladle.executor.templates import BUILT_IN
from test_facts import model as model_folder
from test_facts import weigh

ROOT = Path(__file__).parent.parent
COMMIT = "c" * 40
HASH = "d" * 64
MODEL: dict[str, Any] = {
    "basis": "read from the hub",
    "commit": COMMIT,
    "architecture": "llama",
    "shape": {"heads": 2, "hidden": 8, "intermediate": 16, "kv_heads": 2, "layers": 1, "tied": False, "vocab": 8},
    "vocabulary": {"identity": "words", "size": 8, "added": ["<|a|>", "<|im_end|>", "<|im_start|>"]},
    "template": None,
    "licence": "mit",
    "parameters": 128,
    "files": {"config.json": {"bytes": 10, "sha256": HASH}},
}
ROWS: dict[str, Any] = {"columns": ["question", "answer"], "kind": "labelled", "rows": 5, "files": "unknown"}
DATA: dict[str, Any] = {
    "basis": "x",
    "commit": COMMIT,
    "licence": "mit",
    "present": True,
    "splits": {"train": ROWS, "de/test": ROWS},
}
CORPUS: dict[str, Any] = {"basis": "x", "present": False, **ROWS, "columns": ["text"], "kind": "text"}


def whole(**sections: Any) -> dict[str, Any]:
    usual = {"models": {"o/n@main": MODEL}, "data": {"o/d@main": DATA}, "corpora": {"corpora/x.jsonl": CORPUS}}
    return {"schema": 1, **usual, **sections}


def problems(value: object) -> list[str]:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return [f"{d.code} {d.message}" for d in parse_lock(raw).problems]


# --- the file ---------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_again_and_bytes_depend_on_facts_alone() -> None:
    lock = parse_lock(json.dumps(whole()).encode()).lock
    turned = {key: whole()[key] for key in sorted(whole(), reverse=True)}
    assert encode_lock(parse_lock(encode_lock(lock)).lock) == encode_lock(lock)
    assert encode_lock(parse_lock(json.dumps(turned).encode()).lock) == encode_lock(lock)
    assert b"pad_is_end" not in encode_lock(lock)
    padded = parse_lock(json.dumps(whole(models={"o/n@main": {**MODEL, "pad_is_end": False}})).encode()).lock
    assert b'"pad_is_end": false' in encode_lock(padded)


def test_a_template_is_kept_line_by_line_and_proved_by_its_hash() -> None:
    text = "{% for m in messages %}\n\t{{ m }}\r\n{% endfor %}\n"
    entry = parse_lock(json.dumps(whole()).encode()).lock.models["o/n", "main"]
    lock = Lock(models={("o/n", "main"): replace(entry, template=template(text))})
    raw = encode_lock(lock)
    assert parse_lock(raw).lock.models == lock.models
    assert b'"{% endfor %}",\n' in raw
    assert problems(raw.replace(b"endfor", b"endif")) == [
        "E417 the template of `o/n@main` has another text than its hash says"
    ]


def test_no_lock_is_an_empty_one(tmp_path: Path) -> None:
    assert read_lock(tmp_path / LOCK).problems == ()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "E414 `ladle.lock` is no JSON"),
        (b"{", "E414 `ladle.lock` is no JSON"),
        (b"\xff\xfe", "E414 `ladle.lock` is not UTF-8 at byte 0"),
        (b"[" * 200_000, "E414 `ladle.lock` is nested too deep"),
        (b"[]", "E416 `ladle.lock` is a list; it is an object"),
        (b"null", "E416 `ladle.lock` is null; it is an object"),
        (b"{}", "E416 `ladle.lock` lacks `schema`"),
        (b'{"schema": true}', "E414 `schema` is true"),
        (b'{"schema": 1.0}', "E414 1.0 is no number that a lock holds"),
        (b'{"schema": NaN}', "E414 NaN is no number that a lock holds"),
        (b'{"schema": 1, "schema": 1}', "E414 `schema` stands twice in one object"),
        (b'{"schema": 2}', "E415 `ladle.lock` has schema 2, and this version of Ladle reads 1"),
        (b'{"schema": 1, "extra": 1}', "E416 `ladle.lock` has an unknown key `extra`"),
        (b'{"schema": ' + b"9" * 5000 + b"}", "E414 "),
    ],
)
def test_a_file_that_is_no_lock_is_said(raw: bytes, said: str) -> None:
    (found,) = problems(raw)
    assert found.startswith(said)


def test_a_lock_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / LOCK).open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert "is larger than" in read_lock(tmp_path / LOCK).problems[0].message


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"commit": "main"}, "E416 `commit` is 'main'"),
        ({"commit": None}, "E416 `commit` is null"),
        ({"licence": "mit\x1b[31m"}, "E416 `licence` holds a control"),
        ({"licence": "m\u202eit"}, "E416 `licence` holds a control"),
        ({"licence": ""}, "E416 `licence` is empty"),
        ({"licence": "x" * 2000}, "E416 `licence` is longer"),
        ({"architecture": ["llama"]}, "E416 `architecture` is a list"),
        ({"parameters": -1}, "E416 `parameters` is -1"),
        ({"parameters": 2**60}, "E416 `parameters` is"),
        ({"parameters": True}, "E416 `parameters` is true"),
        ({"pad_is_end": 1}, "E416 `pad_is_end` is 1"),
        ({"shape": {**MODEL["shape"], "layers": 0}}, "E416 `layers` is 0"),
        ({"shape": {**MODEL["shape"], "tied": 1}}, "E416 `tied` is 1"),
        ({"shape": {"layers": 1}}, "E416 `shape` lacks `heads`"),
        ({"vocabulary": {**MODEL["vocabulary"], "size": 9}}, "E417 the vocabulary of `o/n@main` has 9 tokens"),
        ({"files": {"../x": {"bytes": 1, "sha256": HASH}}}, "E416 `../x` is no path"),
        ({"files": {"/etc/x": {"bytes": 1, "sha256": HASH}}}, "E416 `/etc/x` is no path"),
        ({"files": {"x": {"bytes": 1, "sha256": "abc"}}}, "E416 `sha256` is 'abc'"),
        ({"endpoint": "http://elsewhere"}, "E416 `o/n@main` has an unknown key `endpoint`"),
    ],
)
def test_a_hostile_entry_is_refused(claims: dict[str, Any], said: str) -> None:
    (found,) = problems(whole(models={"o/n@main": {**MODEL, **claims}}))
    assert found.startswith(said)


@pytest.mark.parametrize(
    "name", ["o/n", "n@main", "../n@main", "o/n@../x", "o/n@", "o/n@a b", "o//n@main", "o/n@\u00e9"]
)
def test_a_name_that_no_repository_has_is_refused(name: str) -> None:
    assert problems(whole(models={name: MODEL}))[0].startswith("E416")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.jsonl", "~/x", "a\\b"])
def test_a_corpus_outside_the_project_is_refused(path: str) -> None:
    assert problems(whole(corpora={path: CORPUS}))[0].startswith("E416")


def test_every_wrong_entry_is_reported_at_its_place() -> None:
    wrong = whole(models={"o/a@main": {**MODEL, "licence": 1}, "o/b@main": {**MODEL, "parameters": "many"}})
    text = json.dumps(wrong, indent=1)
    found = parse_lock(text.encode()).problems
    lines = text.split("\n")
    assert ['"licence": 1' in lines[d.source.position(d.span.start)[0] - 1] for d in found] == [True, False]
    assert '"parameters": "many"' in lines[found[1].source.position(found[1].span.start)[0] - 1]
    assert parse_lock(text.encode()).lock.models == {}


def test_entries_of_one_commit_must_agree() -> None:
    same = whole(models={"o/n@main": MODEL, f"o/n@{COMMIT}": MODEL})
    other = whole(models={"o/n@main": MODEL, f"o/n@{COMMIT}": {**MODEL, "licence": "apache-2.0"}})
    assert problems(same) == []
    assert problems(other) == [f"E417 `{f'o/n@{COMMIT}'}` and `o/n@main` are one commit and differ"]
    assert problems(whole(models={f"o/n@{'e' * 40}": MODEL}))[0].startswith("E417")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_change_of_a_byte_makes_reading_fail(data: st.DataObject) -> None:
    raw = bytearray(json.dumps(whole()).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] = data.draw(st.integers(0, 255))
    found = parse_lock(bytes(raw))
    assert found.problems or encode_lock(found.lock)


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_value_in_an_entry_makes_reading_fail(value: object) -> None:
    for section in ("models", "data", "corpora"):
        parse_lock(json.dumps(whole(**{section: value})).encode())
    for key in MODEL:
        parse_lock(json.dumps(whole(models={"o/n@main": {**MODEL, key: value}})).encode())
    for key in ROWS:
        parse_lock(json.dumps(whole(data={"o/d@main": {**DATA, "splits": {"train": {**ROWS, key: value}}}})).encode())


# --- what a check takes from it ---------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "recipes").mkdir()
    (tmp_path / LOCK).write_text(json.dumps(whole()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recipe(project: Path, text: str) -> str:
    (project / "recipes/my.recipe").write_text(text)
    return "recipes/my.recipe"


def test_a_model_is_typed_by_the_lock(project: Path) -> None:
    found = ProjectFacts(project).hub_model("o/n", "main")
    assert found == ModelType("llama", tuple(sorted(MODEL["shape"].items())), "words", None, 128, UNKNOWN, "mit")
    assert ProjectFacts(project).hub_model("o/n", COMMIT) == found
    assert ProjectFacts(project).hub_model("o/n", "v2") is None


def test_rows_are_typed_by_the_lock_once_their_columns_are_named(project: Path) -> None:
    facts = LockedFacts(project)
    labelled = CorpusFacts(("question", "answer"), CorpusKind.LABELLED, licence="mit")
    assert facts.hub_corpus("o/d", "main", ("", "train"), {}) == labelled
    named = {"user": "question", "assistant": "answer"}
    chat = CorpusFacts(("messages",), CorpusKind.CHAT, licence="mit")
    assert facts.hub_corpus("o/d", "main", ("", "train"), named) == chat
    assert facts.hub_corpus("o/d", "main", ("", "test"), {}) == labelled
    wrong = facts.hub_corpus("o/d", "main", ("", "train"), {"user": "ask"})
    assert isinstance(wrong, tuple)
    assert isinstance(wrong[0], Fault)
    assert wrong[0].code == "E406"
    assert facts.hub_corpus("o/d", "main", ("", "validation"), {}) is None


def test_the_whole_graph_is_typed_without_network(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'edition 1\nmodel a = hub("o/n")\nmodel b = hub("o/n", revision = "main")\nmodel m = slerp(a, b, t = 0.5)\n'
    assert run(["check", recipe(project, text)]) == 0
    assert capsys.readouterr().out == "recipes/my.recipe: ok\n"


def test_a_mistake_that_only_the_lock_knows_of_is_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = {**MODEL, "shape": {**MODEL["shape"], "layers": 2}, "commit": "unknown"}
    (project / LOCK).write_text(json.dumps(whole(models={"o/n@main": MODEL, "o/m@main": other})))
    text = 'edition 1\nmodel a = hub("o/n")\nmodel b = hub("o/m")\nmodel m = slerp(a, b, t = 0.5)\n'
    assert run(["check", recipe(project, text)]) == 1
    assert "layers 2, not 1" in capsys.readouterr().out


@pytest.mark.parametrize(("same", "status"), [(True, 1), (False, 0), ("unknown", 0)])
def test_a_model_of_the_hub_that_pads_with_its_end_is_not_trained(
    project: Path, capsys: pytest.CaptureFixture[str], same: object, status: int
) -> None:
    (project / LOCK).write_text(json.dumps(whole(models={"o/n@main": {**MODEL, "pad_is_end": same}})))
    (project / "x.jsonl").write_text('{"text": "x"}\n')
    text = 'edition 1\ncorpus x: text = jsonl("x.jsonl")\nmodel a = hub("o/n")\nmodel m = a | cpt(on = x)\n'
    assert run(["check", recipe(project, text)]) == status
    assert ("E261" in capsys.readouterr().out) is bool(status)


def test_without_an_entry_check_says_what_would_make_it_known(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'edition 1\nmodel a = hub("o/n")\nmodel b = hub("o/far")\nmodel m = slerp(a, b, t = 0.5)\n'
    assert run(["check", recipe(project, text)]) == 0
    out = capsys.readouterr().out
    assert "skipped: " in out
    assert "`ladle lock` would make known what is said of o/far" in out


def test_a_place_to_publish_at_is_no_source_to_be_locked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / LOCK).write_text(json.dumps({"schema": 1, "models": {"o/n@main": MODEL}}))
    text = 'edition 1\nmodel a = hub("o/n")\npublish r { model = a  to = hub("me/z")  licence = "mit" }\n'
    path = recipe(project, text)
    assert run(["check", path]) == 0
    assert capsys.readouterr().out == f"{path}: ok\n"
    assert run(["lock", "--check", path]) == 0
    assert capsys.readouterr().out == f"{LOCK}: ok\n"
    assert list(wanted(project, [Path(path)]).models) == [("o/n", "main")]


def test_a_source_that_is_published_over_is_still_typed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'edition 1\nmodel a = hub("o/n")\npublish r { model = a  to = hub("o/far") }\nmodel b = hub("o/far")\n'
    assert run(["check", recipe(project, text)]) == 0
    assert "`ladle lock` would make known what is said of o/far" in capsys.readouterr().out


def test_a_bad_lock_is_one_error_at_its_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / LOCK).write_text(json.dumps(whole(models={"o/n@main": {**MODEL, "licence": 7}}), indent=1))
    text = 'edition 1\nmodel a = hub("o/n")\nmodel b = hub("o/n", revision = "v1")\n'
    for command in ("check", "plan"):
        assert run([command, recipe(project, text)]) == 1
        captured = capsys.readouterr()
        assert (captured.out + captured.err).count("error[E416]: `licence` is 7") == 1
        assert "--> ladle.lock:" in captured.out + captured.err
    (project / "recipes/other.recipe").write_text("edition 1\nlet x = 1\n")
    assert run(["check", "recipes/other.recipe"]) == 0


class Locked(FakeFacts):
    def hub_commit(self, sort: Sort, name: str, revision: str) -> str:
        return COMMIT if revision == "main" else ""


def revisions(text: str, facts: FakeFacts) -> set[tuple[str, str]]:
    found, wrong = checked(text, facts)
    assert not wrong
    nodes = lower(found, vocabulary(), facts).nodes
    return {(key, str(dict(node.options)["revision"])) for key, node in nodes.items()}


def test_identity_takes_the_locked_commit_of_a_branch() -> None:
    branch = revisions('model a = hub("o/n")', Locked())
    commit = revisions(f'model a = hub("o/n", revision = "{COMMIT}")', Locked())
    assert branch == commit
    assert {revision for _, revision in branch} == {COMMIT}
    assert {revision for _, revision in revisions('model a = hub("o/n")', FakeFacts())} == {"main"}


# --- data that is elsewhere -------------------------------------------------------------------------------------------

ABSENT = """\
edition 1
corpus here: text = jsonl("corpora/x.jsonl")
corpus chats: chat = hub("o/d", columns = {user: "question", assistant: "answer"})
model a = hub("o/n", template = chatml)
stage cpt { on = here }
stage sft { on = chats }
model b = a | cpt | sft
"""


def test_absent_data_checks_and_plans_and_does_not_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recipe(project, ABSENT)
    assert run(["check", path]) == 0
    note = f"note: {path}: not here, judged by what `ladle.lock` says: corpora/x.jsonl\n"
    assert capsys.readouterr().out == f"{note}{path}: ok\n"
    assert run(["lint", path]) == 0
    assert note in capsys.readouterr().out
    assert run(["plan", path]) == 0
    assert "a run would refuse to start: corpora/x.jsonl" in capsys.readouterr().err
    before = sorted(each.name for each in project.iterdir())
    assert run(["run", path]) == 1
    assert "`corpora/x.jsonl`" in capsys.readouterr().err
    assert sorted(each.name for each in project.iterdir()) == before


def test_a_data_set_that_is_not_on_the_hub_stops_a_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "corpora").mkdir()
    (project / "corpora/x.jsonl").write_text('{"text": "a"}\n')
    (project / LOCK).write_text(json.dumps(whole(data={"o/d@main": {**DATA, "present": False}})))
    assert run(["run", recipe(project, ABSENT)]) == 1
    assert "only `ladle.lock` knows of what is not here: `o/d`" in capsys.readouterr().err
    assert not (project / "artifacts").exists()


def test_files_that_are_here_win_over_the_lock(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = recipe(project, ABSENT)
    (project / "corpora").mkdir()
    (project / "corpora/x.jsonl").write_text('{"prompt": "a"}\n')
    assert run(["check", path]) == 1
    assert "E207" in capsys.readouterr().out


def test_absent_files_of_known_content_have_the_identity_of_their_bytes(project: Path) -> None:
    content = b'{"text": "a"}\n'
    (project / "corpora").mkdir()
    (project / "corpora/x.jsonl").write_bytes(content)
    (here,) = ProjectFacts(project).files("corpora/x.jsonl")
    known = {"corpora/x.jsonl": {"bytes": len(content), "sha256": here.sha256}}  # type: ignore[union-attr]
    (project / LOCK).write_text(json.dumps(whole(corpora={"corpora/x.jsonl": {**CORPUS, "files": known}})))
    (project / "corpora/x.jsonl").unlink()
    assert ProjectFacts(project).files("corpora/x.jsonl") == (here,)


@pytest.mark.parametrize("present", [{}, {"present": True}, {"present": False}])
def test_the_lock_speaks_for_files_that_are_not_here_whoever_locked_them(
    project: Path, capsys: pytest.CaptureFixture[str], present: dict[str, bool]
) -> None:
    entry = {key: value for key, value in CORPUS.items() if key != "present"} | present
    (project / LOCK).write_text(json.dumps(whole(corpora={"corpora/x.jsonl": entry})))
    path = recipe(project, ABSENT)
    assert run(["check", path]) == 0
    assert run(["run", path]) == 1
    assert "only `ladle.lock` knows of what is not here: `corpora/x.jsonl`" in capsys.readouterr().err
    before = (project / LOCK).read_bytes()
    assert run(["lock", path]) == 0
    assert (project / LOCK).read_bytes() == before


def test_a_file_that_no_lock_knows_is_missing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / LOCK).write_text(json.dumps(whole(corpora={})))
    assert run(["check", recipe(project, ABSENT)]) == 1
    assert "error[E402]" in capsys.readouterr().out


# --- what is not in git ---------------------------------------------------------------------------------------------

OWN = """\
edition 1
corpus here: text = jsonl("corpora/x.jsonl")
model a = local("models/a")
model b = local("models/b", template = chatml)
stage cpt { on = here  lr = 1e-4  global_batch = 1  context = 64 }
model m = slerp(a, a | cpt, t = 0.5)
"""


@pytest.fixture
def full(project: Path) -> Path:
    """A project whose corpus and models are here, and locked."""
    (project / LOCK).write_text('{"schema": 1}')
    (project / "corpora").mkdir()
    (project / "corpora/x.jsonl").write_text('{"text": "a"}\n{"text": "b"}\n')
    for name in "ab":
        model_folder(project).rename(project / "models" / name)
    control = [{"id": number, "content": text} for number, text in enumerate(BUILT_IN["chatml"].control, 1)]
    tokenizer = {"model": {"vocab": {"a": 0}}, "added_tokens": control}
    (project / "models/b/tokenizer.json").write_text(json.dumps(tokenizer))
    assert run(["lock", recipe(project, OWN)]) == 0
    return project


def taken_away(project: Path) -> Path:
    """The same project as a clone has it, in which corpora and models are not."""
    for folder in ("corpora", "models", ".ladle"):
        shutil.rmtree(project / folder, ignore_errors=True)
    return project


def test_a_clone_without_data_and_models_is_judged_as_the_project_is(
    full: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "recipes/my.recipe"
    assert run(["lock", "--check", path]) == 0
    assert run(["plan", path, "--format", "json"]) == 0
    here = json.loads(capsys.readouterr().out.partition("\n{")[2].join(["{", ""]))
    before = (full / LOCK).read_bytes()
    clone = taken_away(full)
    assert run(["check", path]) == 0
    out = capsys.readouterr().out
    assert out == (
        f"note: {path}: not here, judged by what `ladle.lock` says: corpora/x.jsonl, models/a, models/b\n{path}: ok\n"
    )
    assert run(["lint", path]) == 0
    assert run(["lock", "--check", path]) == 0
    capsys.readouterr()
    assert run(["plan", path, "--format", "json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == here
    assert "not here, so a run would refuse to start: corpora/x.jsonl, models/a, models/b" in told.err
    assert run(["run", path]) == 1
    assert "only `ladle.lock` knows of what is not here: `corpora/x.jsonl`, `models/a`" in capsys.readouterr().err
    assert run(["lock", path]) == 0
    assert (clone / LOCK).read_bytes() == before


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n"


@pytest.mark.parametrize("pointers", [False, True])
def test_a_model_whose_weights_are_not_in_the_clone_is_judged_by_the_lock(
    full: Path, capsys: pytest.CaptureFixture[str], pointers: bool
) -> None:
    path = recipe(full, OWN)
    capsys.readouterr()
    assert run(["plan", path, "--format", "json"]) == 0
    here = json.loads(capsys.readouterr().out)
    before = (full / LOCK).read_bytes()
    shutil.rmtree(full / ".ladle", ignore_errors=True)
    for name in "ab":
        weights = full / "models" / name / "model.safetensors"
        content = hashlib.sha256(weights.read_bytes()).hexdigest()
        weights.unlink()
        if pointers:
            weights.write_text(POINTER.format(content))
        assert list((full / "models" / name).iterdir())
    assert run(["check", path]) == 0
    assert "not here, judged by what `ladle.lock` says: models/a, models/b" in capsys.readouterr().out
    assert run(["lock", "--check", path]) == 0
    assert run(["lock", path]) == 0
    assert (full / LOCK).read_bytes() == before
    capsys.readouterr()
    assert run(["plan", path, "--format", "json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == here
    assert "not here, so a run would refuse to start: models/a, models/b" in told.err
    assert run(["run", path]) == 1
    assert "only `ladle.lock` knows of what is not here: `models/a`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", POINTER.format("0" * 64)),
        ("config.json", '{"model_type": "llama", "hidden_size": 8}'),
        ("generation_config.json", "{}"),
        ("pytorch_model.bin", "pickle"),
        ("model-00001-of-00002.safetensors", "cut"),
    ],
)
def test_a_model_that_is_here_otherwise_than_locked_is_judged_as_it_is(full: Path, file: str, content: str) -> None:
    path = recipe(full, OWN)
    (full / "models/a/model.safetensors").unlink()
    assert run(["check", path]) == 0
    (full / "models/a" / file).write_text(content)
    assert run(["check", path]) == 1
    assert run(["lock", "--check", path]) == 1


def test_an_absent_model_keeps_its_type(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locked = json.loads((full / LOCK).read_text())
    taken_away(full)
    locked["folders"]["models/a"]["shape"]["layers"] = 2
    (full / LOCK).write_text(json.dumps(locked))
    assert run(["check", recipe(full, OWN.replace("slerp(a, a | cpt", "slerp(a, b"))]) == 1
    assert "layers" in capsys.readouterr().out


def make_adapter(folder: Path) -> None:
    """Write an adapter by hand, as peft would."""
    folder.mkdir()
    place = "base_model.model.model.layers.0.self_attn.q_proj"
    weigh(folder, {f"{place}.lora_A.weight": (2, 4), f"{place}.lora_B.weight": (4, 2)})
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "r": 2,
        "lora_alpha": 4,
        "target_modules": ["q_proj"],
        "base_model_name_or_path": "o/n",
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))


def test_an_adapter_is_locked_with_the_models(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_adapter(full / "models" / "c")
    path = recipe(full, OWN + 'model c = local("models/c", from = a)\nmodel d = slerp(a, c, t = 0.5)\n')
    assert run(["lock", path]) == 0
    assert json.loads((full / LOCK).read_text())["folders"]["models/c"]["adapter"] == {
        "based_on": "o/n", "vocabulary": None, "template": "unknown", "pad_is_end": "unknown",
    }  # fmt: skip
    assert run(["lock", "--check", path]) == 0
    capsys.readouterr()
    assert run(["plan", path, "--format", "json"]) == 0
    here, locked = capsys.readouterr().out, (full / LOCK).read_bytes()
    taken_away(full)
    assert run(["check", path]) == 0
    capsys.readouterr()
    assert run(["plan", path, "--format", "json"]) == 0
    assert capsys.readouterr().out == here
    assert run(["lock", path]) == 0
    assert (full / LOCK).read_bytes() == locked
    (full / LOCK).write_bytes(locked.replace(b'"based_on": "o/n"', b'"based_on": 7'))
    assert run(["check", path]) == 1
    assert "E416" in capsys.readouterr().out


def test_a_model_that_is_nowhere_does_not_keep_others_from_the_lock(
    full: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = OWN + 'model c = local("models/c")\n'
    path = recipe(full, text)
    (full / LOCK).write_text('{"schema": 1}')
    assert run(["lock", path]) == 1
    assert "error: models/c: `models/c` is neither here nor in `ladle.lock`" in capsys.readouterr().err
    assert sorted(json.loads((full / LOCK).read_text())["folders"]) == ["models/a", "models/b"]
    assert run(["lock", "--check", path]) == 1
    assert "error[E418]: `models/c` is neither here nor in `ladle.lock`" in capsys.readouterr().out
    assert run(["check", path]) == 1
    assert "error[E402]: there is no folder `models/c`" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("place", "lie", "said"),
    [
        (("corpora", "corpora/x.jsonl"), {"rows": 999}, "rows: 999 -> 2"),
        (("corpora", "corpora/x.jsonl"), {"kind": "chat"}, "kind: chat -> text"),
        (("corpora", "corpora/x.jsonl"), {"columns": ["words"]}, "columns: words -> text"),
        (("corpora", "corpora/x.jsonl"), {"basis": "heard"}, "basis: heard -> read from the files"),
        (("corpora", "corpora/x.jsonl"), {"files": "unknown"}, "files: unknown -> 1 entry"),
        (("folders", "models/a"), {"parameters": 7}, "parameters: 7 -> "),
        (("folders", "models/a"), {"architecture": "gpt2"}, "architecture: gpt2 -> llama"),
        (("folders", "models/a"), {"files": {}}, "the files of `models/a` are not those of `ladle.lock`"),
    ],
)
def test_the_check_of_a_lock_fails_wherever_lock_would_change_it(
    full: Path, capsys: pytest.CaptureFixture[str], place: tuple[str, str], lie: dict[str, object], said: str
) -> None:
    locked = json.loads((full / LOCK).read_text())
    good = (full / LOCK).read_bytes()
    locked[place[0]][place[1]] |= lie
    (full / LOCK).write_text(json.dumps(locked))
    assert run(["lock", "--check"]) == 1
    told = capsys.readouterr().out
    assert "error[E419]" in told
    assert said in told
    assert run(["lock"]) == 0
    assert (full / LOCK).read_bytes() == good
    assert run(["lock", "--check"]) == 0


def test_a_stray_key_is_shown_where_it_stands(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locked = json.loads((full / LOCK).read_text())
    locked["folders"]["models/a"]["layers"] = 3
    (full / LOCK).write_text(json.dumps(locked, indent=1))
    assert run(["lock", "--check"]) == 1
    line = next(n for n, t in enumerate((full / LOCK).read_text().split("\n"), 1) if '"layers": 3' in t)
    assert f"--> ladle.lock:{line}:4" in capsys.readouterr().err


def test_entries_that_are_not_asked_for_are_counted(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (full / "recipes/other.recipe").write_text('edition 1\ncorpus here: text = jsonl("corpora/x.jsonl")\n')
    assert run(["lock", "--check", "recipes/other.recipe"]) == 0
    assert "note: 2 entries that this recipe does not ask for: models/a, models/b" in capsys.readouterr().out
    assert run(["lock", "--check"]) == 0
    assert "note" not in capsys.readouterr().out
    recipe(full, OWN.replace('model b = local("models/b", template = chatml)\n', ""))
    assert run(["lock", "--check"]) == 0
    assert "note: 1 entry that no recipe asks for: models/b" in capsys.readouterr().out


INIT = "model m = init(hidden = 8, layers = 1, heads = 2, intermediate = 8, tokenizer = bpe({}, vocab = 300))"

# --- one word in two places -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'corpus c: chat = hub("o/d")',
        'corpus c: chat = hub("o/d", split = "x") | take(rows = 2)',
        'corpus c: chat = mix(hub("o/d"): 1, hub("o/e"): 2)',
        'stage sft { on = hub("o/d") }\nmodel m = hub("o/n", template = chatml) | sft',
        'model m = sft(hub("o/n", template = chatml), on = hub("o/d"))',
        'benchmark b: choice { on = hub("o/d") }',
        INIT.format('hub("o/d")'),
        INIT.format('[hub("o/d"), hub("o/e")]'),
    ],
)
def test_where_a_corpus_stands_hub_is_a_corpus_source(text: str) -> None:
    program, wrong = checked(text)
    assert not wrong, [d.message for d in wrong]
    assert {t.operator.name for t in program.terms if t.options.get("name") in ("o/d", "o/e")} == {"hub_rows"}
    assert {t.operator.name for t in program.terms if t.options.get("name") == "o/n"} <= {"hub"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('corpus c: chat = hub_rows("o/d")', "hub_rows"),
        ('model m = hub("o/n", split = "train")', "`hub` has no option `split`"),
        ('corpus c: chat = hub("o/d", template = chatml)', "`hub` has no option `template`"),
        ('corpus c: chat = hub("d")', "`d` is no name of a repository"),
    ],
)
def test_each_meaning_of_the_word_has_its_own_options(text: str, message: str) -> None:
    assert message in checked(text)[1][0].message


# --- the project's own lock -------------------------------------------------------------------------------------------


def test_the_shipped_lock_is_sound_and_says_where_its_facts_are_from() -> None:
    read = read_lock(ROOT / LOCK)
    assert not read.problems
    assert encode_lock(read.lock) == (ROOT / LOCK).read_bytes()
    entered = {entry.basis for entry in (*read.lock.models.values(), *read.lock.data.values())}
    assert all(basis.startswith("entered from the ") for basis in entered)
    assert not any(entry.present for entry in read.lock.data.values())
    assert all(entry.elsewhere for entry in read.lock.corpora.values())
    assert {entry.commit for entry in read.lock.models.values()} == {UNKNOWN}
    sizes = {name: entry.parameters for (name, _), entry in read.lock.models.items()}
    assert sizes["meta-llama/Llama-3.1-8B"] == 8_030_261_248
    assert sizes["mistralai/Mistral-7B-v0.3"] == 7_248_023_552
    assert sizes["HuggingFaceTB/SmolLM-1.7B"] == 1_711_376_384


def test_the_papers_models_are_typed_by_the_shipped_lock() -> None:
    text = """\
model instruct = hub("meta-llama/Llama-3.1-8B-Instruct")
model base = hub("meta-llama/Llama-3.1-8B", template = instruct)
model other = hub("mistralai/Mistral-7B-v0.3")
corpus bio: text = hub("lamm-mit/raw-text-bio-marker")
corpus talk: chat = hub("HuggingFaceH4/ultrachat_200k", split = "train_sft")
corpus qa: chat = hub("lamm-mit/bio-silk-mech-mix-q-a-35K", columns = {user: "question", assistant: "answer"})
stage cpt { on = bio }
model m = slerp(instruct, base | cpt, t = 0.5)
model n = slerp(instruct, other, t = 0.5)
"""
    recipe, _ = parse(Source("recipes/t.recipe", text))
    program, found = check(recipe, vocabulary(), ProjectFacts(ROOT))
    assert [(d.code, d.source.position(d.span.start)[0]) for d in found] == [("E210", 9)]
    assert not any("architecture" in said or "shape" in said or "rows of" in said for _, said in program.skipped)


def test_models_of_the_hub_with_other_tokens_are_told_apart_by_what_was_added(project: Path) -> None:
    other = {**MODEL, "vocabulary": {"identity": "other", "size": 8, "added": ["<|tool|>"]}}
    lock = {"schema": 1, "models": {"o/a@main": MODEL, "o/b@main": other}}
    (project / LOCK).write_text(json.dumps(lock))
    text = 'model a = hub("o/a")\nmodel b = hub("o/b")\nmodel m = slerp(a, b, t = 0.5)\n'
    recipe, _ = parse(Source("recipes/t.recipe", text))
    _, found = check(recipe, vocabulary(), ProjectFacts(project))
    assert [problem.code for problem in found] == ["E262"]
    assert "`<|a|>` is no added token of `b` and an added token of `a`" in found[0].message


# --- a damaged lock, and names that are hostile -----------------------------------------------------------------------


@pytest.mark.parametrize("raw", ["<<<<<<< HEAD\n", "null", "", '{"schema": 1, "extra": 1}'])
def test_what_the_help_of_a_damaged_lock_says_works(
    project: Path, capsys: pytest.CaptureFixture[str], raw: str
) -> None:
    name = recipe(project, 'edition 1\ncorpus here: text = jsonl("corpora/x.jsonl")\n')
    (project / "corpora").mkdir(exist_ok=True)
    (project / "corpora/x.jsonl").write_text('{"text": "a"}\n')
    (project / LOCK).write_text(raw)
    assert run(["lock", name]) == 1
    assert "help: resolve its conflicts, or delete `ladle.lock` and run `ladle lock`" in capsys.readouterr().err
    (project / LOCK).unlink()
    assert run(["lock", name]) == 0
    assert run(["lock", "--check", name]) == 0


def test_what_the_help_of_a_wrong_entry_says_works(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = recipe(project, 'edition 1\ncorpus here: text = jsonl("corpora/x.jsonl")\n')
    content = whole(models={}, data={}, corpora={"corpora/x.jsonl": {**CORPUS, "kind": "poem"}})
    (project / LOCK).write_text(json.dumps(content))
    assert run(["lock", "--check", name]) == 1
    assert "help: mend the entry, or delete it and run `ladle lock`" in capsys.readouterr().err
    (project / LOCK).write_text(json.dumps({**content, "corpora": {}}))
    (project / "corpora").mkdir(exist_ok=True)
    (project / "corpora/x.jsonl").write_text('{"text": "a"}\n')
    assert run(["lock", name]) == 0


def test_the_check_of_a_lock_names_places_as_they_are_typed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe(project, 'edition 1\nmodel a = hub("o/far")\n')
    (project / LOCK).write_text('{"schema": 1}')
    assert run(["lock", "--check"]) == 1
    said = capsys.readouterr().out
    assert "--> recipes/" in said
    assert str(project) not in said


NAME = "a\n::error::b\x1b[31m.recipe"


@pytest.mark.parametrize(
    "command", [["check"], ["lint"], ["plan"], ["diff"], ["fmt", "--check"], ["fmt", "--diff"], ["compile"], ["lock"]]
)
def test_a_line_feed_in_a_name_begins_no_line(
    project: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (project / "recipes" / NAME).write_text("edition 1\nlet  x = 1\n")
    run([*command, *[f"recipes/{NAME}"] * (2 if command == ["diff"] else 1)])
    captured = capsys.readouterr()
    assert "::error::b" in captured.out + captured.err
    assert "\n::error" not in captured.out + captured.err
    assert "\x1b" not in captured.out + captured.err
