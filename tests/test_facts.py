"""Facts about a project's files: what checking learns, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from math import prod
from pathlib import Path
from shutil import copytree

import pytest
from ladle.dsl.signature import CorpusFacts, Fault, File
from ladle.dsl.types import UNKNOWN, CorpusKind, ModelType, Unknown
from ladle.executor import facts as module
from ladle.executor.constraints import pinned
from ladle.executor.facts import ProjectFacts
from ladle.executor.headers import INDEX, SINGLE
from ladle.executor.templates import BUILT_IN, template_identity

from corpora import chat, texts, write

ROOT = Path(__file__).parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    write(root / "corpora" / "a.jsonl", texts("one", "two"))
    write(root / "corpora" / "b.jsonl", texts("three"))
    return root


def codes(found: object) -> list[str]:
    assert isinstance(found, tuple)
    return [fault.code for fault in found if isinstance(fault, Fault)]


def test_the_kind_of_a_corpus_follows_from_its_columns(project: Path) -> None:
    assert ProjectFacts(project).corpus("corpora/*.jsonl", {}) == CorpusFacts(("text",), CorpusKind.TEXT)
    write(project / "qa.jsonl", [{"q": "a", "a": "b"}])
    found = ProjectFacts(project).corpus("qa.jsonl", {"user": "q", "assistant": "a"})
    assert isinstance(found, CorpusFacts)
    assert found.kind is CorpusKind.CHAT


def test_only_the_first_rows_are_read(project: Path) -> None:
    write(project / "long.jsonl", [*texts(*"abcdefgh" * 10), "{"])
    assert isinstance(ProjectFacts(project).corpus("long.jsonl", {}), CorpusFacts)


def test_no_more_than_the_bound_is_read_of_a_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_BYTES", 100)
    write(project / "wide.jsonl", [*texts("a" * 200), "{"])
    assert isinstance(ProjectFacts(project).corpus("wide.jsonl", {}), CorpusFacts)


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ([], "E403", "`x.jsonl` is empty"),
        (["{"], "E405", "`x.jsonl:1`: not JSON"),
        (['{"text": "a"}', '{"text": "b'], "E405", "`x.jsonl:2`"),
        ([{"body": "a"}], "E406", "no column of a known kind among `body`"),
        ([{"text": 3}], "E407", "`x.jsonl:1`: `text` was wanted as a string"),
        ([{"question": "q", "choices": ["a", "b"], "answer": 4}], "E408", "`x.jsonl:1`: `answer` is 4"),
        ([*texts("a"), chat("a", "b")], "E409", "`x.jsonl:2`"),
    ],
)
def test_what_is_wrong_with_a_corpus_is_said_with_file_and_row(
    project: Path, lines: list[object], code: str, said: str
) -> None:
    write(project / "x.jsonl", lines)
    found = ProjectFacts(project).corpus("x.jsonl", {})
    assert codes(found) == [code]
    assert isinstance(found, tuple)
    assert said in found[0].message
    assert found[0].help


def test_blank_lines_at_the_end_are_no_rows_and_one_in_the_middle_is_an_error(project: Path) -> None:
    question = '{"question": "q", "choices": ["a", "b"], "answer": 1}\n'
    for row, wanted in (('{"text": "a"}\n', ("text",)), (question, ("question", "choices", "answer"))):
        path = project / "x.jsonl"
        path.write_text(f"{row}\n \n\n")
        assert isinstance(ProjectFacts(project).corpus("x.jsonl", {}), CorpusFacts)
        assert ProjectFacts(project).benchmark("x.jsonl", {}, wanted) == ()
        path.write_text(f"{row}\n{row}")
        found = ProjectFacts(project).corpus("x.jsonl", {})
        assert codes(found) == ["E405"]
        assert isinstance(found, tuple)
        assert "`x.jsonl:2`" in found[0].message
        path.write_text("\n\n")
        assert codes(ProjectFacts(project).corpus("x.jsonl", {})) == ["E403"]


def test_the_first_chat_without_an_answer_is_known(project: Path) -> None:
    silent = {"messages": [{"role": "user", "content": "why?"}]}
    write(project / "chats" / "a.jsonl", [chat("a", "b")])
    write(project / "chats" / "b.jsonl", [chat("a", "b"), silent, silent])
    found = ProjectFacts(project).corpus("chats/*.jsonl", {})
    assert isinstance(found, CorpusFacts)
    assert found.unanswered == "chats/b.jsonl:2"
    answered = ProjectFacts(project).corpus("chats/a.jsonl", {})
    assert isinstance(answered, CorpusFacts)
    assert answered.unanswered == ""


def test_columns_are_spoken_of_only_where_they_are_the_problem(project: Path) -> None:
    for row, spoken in (({"body": "a"}, True), ({"text": 3}, False), ({"messages": []}, False)):
        write(project / "x.jsonl", [row])
        found = ProjectFacts(project).corpus("x.jsonl", {})
        assert isinstance(found, tuple)
        assert ("columns" in found[0].help) is spoken


def test_a_folder_for_a_corpus_is_told_to_be_one(project: Path) -> None:
    for pattern in ("corpora", "corpora/"):
        found = ProjectFacts(project).corpus(pattern, {})
        assert codes(found) == ["E402"]
        assert isinstance(found, tuple)
        assert "is a folder" in found[0].message
        assert "`corpora/*.jsonl`" in found[0].help


def test_a_name_too_long_for_the_disk_is_a_fault_and_shown_short(project: Path) -> None:
    for pattern in (f"corpora/{'a' * 300}.jsonl", f"{'b' * 300}/*.jsonl", "c/" * 3000):
        for found in (ProjectFacts(project).corpus(pattern, {}), ProjectFacts(project).model(pattern)):
            assert codes(found) == ["E402"]
            assert isinstance(found, tuple)
            assert len(found[0].message) < 150


def test_bytes_that_are_no_text(project: Path) -> None:
    (project / "x.jsonl").write_bytes(b'{"text": "\xff"}\n')
    assert codes(ProjectFacts(project).corpus("x.jsonl", {})) == ["E404"]


def test_files_of_two_kinds_are_a_fault(project: Path) -> None:
    write(project / "corpora" / "c.jsonl", [chat("a", "b")])
    assert codes(ProjectFacts(project).corpus("corpora/*.jsonl", {})) == ["E409"]


def test_every_bad_file_is_named(project: Path) -> None:
    write(project / "corpora" / "c.jsonl", ["{"])
    write(project / "corpora" / "d.jsonl", [])
    assert codes(ProjectFacts(project).corpus("corpora/*.jsonl", {})) == ["E405", "E403"]


@pytest.mark.parametrize("pattern", ["../x.jsonl", "/etc/passwd", "corpora/../../x", "~/x.jsonl", "a\\..\\x"])
def test_a_path_out_of_the_project_is_refused(project: Path, pattern: str) -> None:
    write(project.parent / "x.jsonl", texts("a"))
    assert codes(ProjectFacts(project).corpus(pattern, {})) == ["E401"]
    assert codes(ProjectFacts(project).files(pattern)) == ["E401"]
    assert codes(ProjectFacts(project).model(pattern)) == ["E401"]


def test_a_link_out_of_the_project_is_refused(project: Path) -> None:
    secret = write(project.parent / "secret.jsonl", texts("a"))
    (project / "corpora" / "link.jsonl").symlink_to(secret)
    (project / "folder").symlink_to(project.parent)
    for pattern in ("corpora/link.jsonl", "corpora/*.jsonl", "folder/secret.jsonl", "folder/*.jsonl"):
        assert codes(ProjectFacts(project).corpus(pattern, {})) == ["E401"]
        assert codes(ProjectFacts(project).files(pattern)) == ["E401"]


def test_a_link_within_the_project_is_fine(project: Path) -> None:
    (project / "link.jsonl").symlink_to(project / "corpora" / "a.jsonl")
    assert isinstance(ProjectFacts(project).corpus("link.jsonl", {}), CorpusFacts)


@pytest.mark.parametrize("pattern", ["none.jsonl", "corpora/*.json", "", "corpora", "a\0b", "**x/y"])
def test_a_pattern_without_a_file_is_a_fault(project: Path, pattern: str) -> None:
    assert codes(ProjectFacts(project).corpus(pattern, {})) == ["E402"]


def test_links_to_nothing_and_rings_are_faults(project: Path) -> None:
    (project / "nothing.jsonl").symlink_to(project / "gone.jsonl")
    (project / "ring.jsonl").symlink_to(project / "ring.jsonl")
    assert codes(ProjectFacts(project).corpus("nothing.jsonl", {})) == ["E402"]
    assert codes(ProjectFacts(project).corpus("ring.jsonl", {})) in (["E401"], ["E402"])


def test_a_pipe_is_not_waited_for(project: Path) -> None:
    os.mkfifo(project / "pipe.jsonl")
    assert codes(ProjectFacts(project).corpus("pipe.jsonl", {})) == ["E402"]


def test_a_misspelt_file_is_suggested(project: Path) -> None:
    write(project / "corpora" / "papers.jsonl", texts("a"))
    found = ProjectFacts(project).corpus("corpora/paper.jsonl", {})
    assert isinstance(found, tuple)
    assert "`corpora/papers.jsonl`" in found[0].help


def test_an_ending_alone_makes_no_name_alike(project: Path) -> None:
    write(project / "new" / "chat.jsonl", [chat("a", "b")])
    found = ProjectFacts(project).corpus("new/text.jsonl", {})
    assert isinstance(found, tuple)
    assert found[0].help == "check the path"
    for written in ("new/chats.jsonl", "new/chat.json"):
        found = ProjectFacts(project).corpus(written, {})
        assert isinstance(found, tuple)
        assert "`new/chat.jsonl`" in found[0].help


@pytest.mark.parametrize(
    ("content", "help"),
    [
        ('{"text": "a"}\n'.encode("utf-16"), "the file is UTF-16: save it as UTF-8"),
        (b'[{"text": "a"},\n{"text": "b"}]\n', "the file is one JSON array: write one object a line"),
        (b'{\n  "text": "a"\n}\n', "one JSON object over several lines"),
        (b'{"text": "a"}\n[1]\n', "mend the row"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_told_as_one(project: Path, content: bytes, help: str) -> None:
    (project / "x.jsonl").write_bytes(content)
    found = ProjectFacts(project).corpus("x.jsonl", {})
    assert isinstance(found, tuple)
    assert help in found[0].help


def test_globs_do_not_reach_into_hidden_folders(project: Path) -> None:
    write(project / ".ladle" / "work" / "x.jsonl", ["{"])
    found = ProjectFacts(project).files("**/*.jsonl")
    assert [file.path for file in found if isinstance(file, File)] == ["corpora/a.jsonl", "corpora/b.jsonl"]


def test_files_have_their_hashes_and_follow_the_bytes(project: Path) -> None:
    facts = ProjectFacts(project)
    for content in (b'{"text": "x"}\n', b'{"text": "y"}\n'):
        (project / "corpora" / "a.jsonl").write_bytes(content)
        found = facts.files("corpora/a.jsonl")
        assert found == (File("corpora/a.jsonl", len(content), hashlib.sha256(content).hexdigest()),)
        assert ProjectFacts(project).files("corpora/a.jsonl") == found


def test_a_spoiled_memory_of_hashes_is_not_trusted(project: Path) -> None:
    wanted = ProjectFacts(project).files("corpora/*.jsonl")
    memory = project / ".ladle" / "digests.json"
    memory.parent.mkdir(exist_ok=True)
    for spoiled in (b"{", b"[]", b'{"a": 3}', b"\xff"):
        memory.write_bytes(spoiled)
        assert ProjectFacts(project).files("corpora/*.jsonl") == wanted


def test_benchmarks_are_read_as_questions(project: Path) -> None:
    good = [{"question": "q", "choices": ["a", "b"], "answer": 1}]
    write(project / "good.jsonl", good)
    write(project / "bad.jsonl", [*good, {"question": "q", "choices": ["a", "b"], "answer": 2}])
    write(project / "chats.jsonl", [chat("a", "b")])
    facts = ProjectFacts(project)
    choice, exact = ("question", "choices", "answer"), ("question", "answer")
    assert facts.benchmark("good.jsonl", {}, choice) == ()
    assert codes(facts.benchmark("good.jsonl", {}, exact)) == ["E406"]
    assert facts.benchmark("corpora/a.jsonl", {}, ("text",)) == ()
    assert codes(facts.benchmark("bad.jsonl", {}, choice)) == ["E408"]
    assert codes(facts.benchmark("chats.jsonl", {}, choice)) == ["E406"]


def test_engines_come_from_the_constraints() -> None:
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines())
    facts = ProjectFacts(ROOT)
    assert facts.engine("torch") == pins["torch"]
    assert facts.engine("huggingface-hub") == pins["huggingface_hub"]
    assert facts.engine("Jinja2") == pinned()["jinja2"]


# --- model folders --------------------------------------------------------------------------------------------------


SHAPES: dict[str, tuple[int, ...]] = {
    "model.embed_tokens.weight": (3, 4), "model.norm.weight": (4,),
    "model.layers.0.input_layernorm.weight": (4,), "model.layers.0.post_attention_layernorm.weight": (4,),
    **{f"model.layers.0.self_attn.{name}_proj.weight": (4, 4) for name in "qkvo"},
    "model.layers.0.mlp.gate_proj.weight": (8, 4), "model.layers.0.mlp.up_proj.weight": (8, 4),
    "model.layers.0.mlp.down_proj.weight": (4, 8),
}  # fmt: skip


def weigh(folder: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Write weights of zeros."""
    header, at = {}, 0
    for name, shape in shapes.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * prod(shape)]}
        at += 4 * prod(shape)
    text = json.dumps(header).encode()
    (folder / SINGLE).write_bytes(len(text).to_bytes(8, "little") + text + bytes(at))


def model(root: Path, **changes: object) -> Path:
    """Write a model folder by hand, as transformers would."""
    folder = root / "models" / "m"
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "llama", "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 8, "vocab_size": 3, "tie_word_embeddings": True, **changes,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    weigh(folder, SHAPES)
    tokenizer = {"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"id": 2, "content": "<|end|>"}]}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    return folder


def test_the_type_of_a_model_folder(project: Path) -> None:
    folder = model(project)
    (folder / "chat_template.jinja").write_text(BUILT_IN["chatml"].text)
    found = ProjectFacts(project).model("models/m")
    assert isinstance(found, ModelType)
    assert found.architecture == "llama"
    assert found.shape == (
        ("heads", 2), ("hidden", 4), ("intermediate", 8), ("kv_heads", 2), ("layers", 1), ("tied", 1), ("vocab", 3),
    )  # fmt: skip
    assert found.template == template_identity(BUILT_IN["chatml"].text)
    assert found.parameters == 184
    assert found.tensors == tuple((name, "F32", SHAPES[name]) for name in sorted(SHAPES))


def test_a_template_whose_name_is_no_string_is_refused(project: Path) -> None:
    folder = model(project)
    (folder / "tokenizer_config.json").write_text('{"chat_template": [{"name": ["x"], "template": "y"}]}')
    found = ProjectFacts(project).model("models/m")
    assert codes(found) == ["E410"]
    assert isinstance(found, tuple)
    assert "no names and templates" in found[0].message


def test_vocabularies_are_told_apart_by_tokens_and_ids(project: Path) -> None:
    folder = model(project)
    first = ProjectFacts(project).model("models/m")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"] = {"b": 1, "a": 0}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert ProjectFacts(project).model("models/m") == first
    tokenizer["model"]["vocab"] = {"b": 0, "a": 1}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    other = ProjectFacts(project).model("models/m")
    assert isinstance(first, ModelType)
    assert isinstance(other, ModelType)
    assert first.vocabulary != other.vocabulary


def test_the_first_token_that_differs_is_known_of_folders(project: Path) -> None:
    folder = model(project)
    other = project / "models" / "n"
    copytree(folder, other)
    table = {"model": {"vocab": {"b": 0, "a": 1}}, "added_tokens": [{"id": 2, "content": "<|\x1b[2Jend|>"}]}
    (other / "tokenizer.json").write_text(json.dumps(table))
    facts = ProjectFacts(project)
    a, b = (facts.model(f"models/{name}") for name in "mn")
    assert isinstance(a, ModelType)
    assert isinstance(b, ModelType)
    assert facts.differing_token(str(a.vocabulary), str(b.vocabulary)) == ("`a`", "token 0", "token 1")
    assert facts.differing_token(str(a.vocabulary), "another") is None
    table["model"] = {"vocab": {"a": 0, "b": 1}}
    (other / "tokenizer.json").write_text(json.dumps(table))
    facts = ProjectFacts(project)
    b = (facts.model("models/m"), facts.model("models/n"))[1]
    assert isinstance(b, ModelType)
    assert facts.differing_token(str(b.vocabulary), str(a.vocabulary)) == (
        r"`'<|\x1b[2Jend|>'`",
        "token 2",
        "no token",
    )
    assert facts.differing_token(str(b.vocabulary), str(b.vocabulary)) is None
    assert facts.lacking_token(str(a.vocabulary), str(b.vocabulary)) == r"`'<|\x1b[2Jend|>'`"
    assert facts.lacking_token(str(b.vocabulary), str(a.vocabulary)) == "`<|end|>`"
    assert facts.lacking_token(str(b.vocabulary), str(b.vocabulary)) == ""
    assert facts.lacking_token(str(a.vocabulary), "another") == ""


def test_what_a_folder_does_not_say_is_unknown(project: Path) -> None:
    folder = model(project, hidden_size=None)
    (folder / "tokenizer.json").unlink()
    found = ProjectFacts(project).model("models/m")
    assert isinstance(found, ModelType)
    assert found.shape is UNKNOWN
    assert found.vocabulary is UNKNOWN
    assert found.template is None


@pytest.mark.parametrize(
    ("spoil", "code", "said"),
    [
        (lambda f: (f / "config.json").write_text('{"auto_map": {}, "model_type": "x"}'), "E412", "code of its own"),
        (lambda f: (f / "tokenizer_config.json").write_text('{"auto_map": {}}'), "E412", "code of its own"),
        (lambda f: (f / SINGLE).rename(f / "pytorch_model.bin"), "E413", "pickles"),
        (lambda f: (f / SINGLE).unlink(), "E410", "no weights"),
        (lambda f: (f / "config.json").unlink(), "E410", "no `config.json`"),
        (lambda f: (f / "config.json").write_text("{"), "E410", "no JSON"),
        (lambda f: (f / "config.json").write_text("[" * 100_000), "E410", "nested too deep"),
        (lambda f: (f / "config.json").write_text("{}"), "E410", "no `model_type`"),
        (lambda f: (f / "generation_config.json").write_text("{"), "E410", "generation_config.json` holds no"),
        (lambda f: (f / "generation_config.json").write_text("[]"), "E410", "no JSON object"),
        (lambda f: (f / "tokenizer.json").write_bytes(b"\xff"), "E410", "not UTF-8"),
        (lambda f: (f / SINGLE).write_bytes(b"\xff" * 100), "E411", "refused"),
        (lambda f: (f / "config.json").write_text('{"model_type": "\\ud800"}'), "E410", "no `model_type`"),
        (lambda f: (f / "tokenizer.json").write_text('{"model": {"vocab": {"a": 1e999}}}'), "E410", "vocabulary"),
        (lambda f: (f / "tokenizer.json").write_text('{"model": {"vocab": {"\\ud800": 1}}}'), "E410", "vocabulary"),
        (lambda f: (f / "tokenizer_config.json").write_text('{"chat_template": "\\ud800"}'), "E410", "chat template"),
        (
            lambda f: (f / "tokenizer_config.json").write_text(
                '{"chat_template": [{"name": "default", "template": "\\ud800"}]}'
            ),
            "E410",
            "chat template",
        ),
    ],
)
def test_a_bad_model_folder_is_refused_with_words(project: Path, spoil, code: str, said: str) -> None:  # type: ignore[no-untyped-def]
    spoil(model(project))
    found = ProjectFacts(project).model("models/m")
    assert codes(found) == [code]
    assert isinstance(found, tuple)
    assert said in found[0].message


def without(name: str) -> dict[str, tuple[int, ...]]:
    return {key: shape for key, shape in SHAPES.items() if key != name}


@pytest.mark.parametrize(
    ("changes", "shapes", "said"),
    [
        ({}, without("model.norm.weight"), "lack `model.norm.weight`"),
        ({}, without("model.layers.0.mlp.up_proj.weight"), "lack `model.layers.0.mlp.up_proj.weight`"),
        ({}, SHAPES | {"model.norm.weight": (5,)}, "have `model.norm.weight` as 5, and by `config.json` it is 4"),
        ({}, SHAPES | {"extra": (1,)}, "hold `extra`"),
        ({"tie_word_embeddings": False}, SHAPES, "lack `lm_head.weight`"),
        ({"num_hidden_layers": 2}, SHAPES, "lack layer 1, and `config.json` says 2 layers"),
        ({"num_hidden_layers": 0}, SHAPES, "hold `model.layers.0.input_layernorm.weight`"),
        ({"num_hidden_layers": 10**12}, SHAPES, "lack layer 1,"),
        ({"model_type": "other", "num_hidden_layers": 2}, SHAPES, "lack layer 1,"),
        ({"num_key_value_heads": 1}, SHAPES, "k_proj.weight` as 4 x 4, and by `config.json` it is 2 x 4"),
        ({"model_type": "qwen2", "num_key_value_heads": 2}, SHAPES, "lack `model.layers.0.self_attn.q_proj.bias`"),
    ],
)
def test_weights_that_are_not_those_of_the_configuration(
    project: Path, changes: dict[str, object], shapes: dict[str, tuple[int, ...]], said: str
) -> None:
    weigh(model(project, **changes), shapes)
    found = ProjectFacts(project).model("models/m")
    assert codes(found) == ["E410"]
    assert isinstance(found, tuple)
    assert said in found[0].message


def test_weights_that_may_hold_more_than_the_configuration_asks_for(project: Path) -> None:
    weigh(model(project), SHAPES | {"lm_head.weight": (3, 4), "model.layers.0.self_attn.rotary_emb.inv_freq": (1,)})
    assert isinstance(ProjectFacts(project).model("models/m"), ModelType)
    weigh(model(project, model_type="other", hidden_size=99), {"model.layers.0.odd": (1,)})
    assert isinstance(ProjectFacts(project).model("models/m"), ModelType)


def test_an_index_that_points_outside_is_refused(project: Path) -> None:
    folder = model(project)
    (folder / SINGLE).rename(folder.parent / "other.safetensors")
    (folder / INDEX).write_text(json.dumps({"weight_map": {"model.embed_tokens.weight": "../other.safetensors"}}))
    assert codes(ProjectFacts(project).model("models/m")) == ["E411"]


def test_weights_linked_from_outside_are_refused(project: Path) -> None:
    folder = model(project)
    (folder / SINGLE).rename(project.parent / "stolen.safetensors")
    (folder / SINGLE).symlink_to(project.parent / "stolen.safetensors")
    assert codes(ProjectFacts(project).model("models/m")) == ["E401"]
    assert codes(ProjectFacts(project).files("models/m")) == ["E401"]


def test_the_files_of_a_model_are_those_that_make_it(project: Path) -> None:
    folder = model(project)
    for name in ("README.md", "pytorch_model.bin", "lineage.json", "training_args.bin", ".cache"):
        (folder / name).write_text("x")
    found = ProjectFacts(project).files("models/m")
    assert [Path(file.path).name for file in found if isinstance(file, File)] == [
        "config.json", SINGLE, "tokenizer.json",
    ]  # fmt: skip


def test_a_missing_folder_is_a_fault(project: Path) -> None:
    found = ProjectFacts(project).model("models/none")
    assert isinstance(found, tuple)
    assert [(fault.code, fault.message) for fault in found] == [("E402", "there is no folder `models/none`")]
    (project / "models" / "empty").mkdir(parents=True)
    assert codes(ProjectFacts(project).model("models/empty")) == ["E402"]


@pytest.mark.parametrize(
    ("pad", "end", "same"),
    [
        ('"<|end|>"', '"<|end|>"', True),
        ('"<|pad|>"', '"<|end|>"', False),
        ('{"content": "<|end|>", "special": true}', '"<|end|>"', True),
        ("null", '"<|end|>"', UNKNOWN),
        ("[1]", '{"content": 3}', UNKNOWN),
    ],
)
def test_whether_a_model_pads_with_its_end_token_is_known(
    project: Path, pad: str, end: str, same: bool | Unknown
) -> None:
    folder = model(project)
    (folder / "tokenizer_config.json").write_text(f'{{"pad_token": {pad}, "eos_token": {end}}}')
    found = ProjectFacts(project).model("models/m")
    assert isinstance(found, ModelType)
    assert found.pad_is_end is same


def test_a_model_that_lies_elsewhere_stands_in_the_project_as_hard_links_and_not_as_a_link(project: Path) -> None:
    elsewhere = project.parent / "base"
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    elsewhere.mkdir()
    (elsewhere / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    (elsewhere / "config.json").write_text('{"architectures": ["LlamaForCausalLM"], "model_type": "llama"}')
    (project / "linked").symlink_to(elsewhere)
    assert set(codes(ProjectFacts(project).model("linked"))) == {"E401"}
    copytree(elsewhere, project / "hard", copy_function=os.link)
    assert isinstance(ProjectFacts(project).model("hard"), ModelType)


@pytest.mark.parametrize("named", ["outside", "../base", "link", "links", "a link"])
def test_what_a_path_out_of_the_project_is_told_to_type_brings_the_files_in(project: Path, named: str) -> None:
    elsewhere = model(project).rename(project.parent / "base")
    (project / "models/a link").symlink_to(elsewhere)
    (project / "models/link").symlink_to(elsewhere)
    (project / "models/links").mkdir()
    for file in elsewhere.iterdir():
        (project / "models/links" / file.name).symlink_to(file)
    written = {"outside": str(elsewhere), "../base": "../base"}.get(named, f"models/{named}")
    [fault] = faults_of(ProjectFacts(project).model(written))
    assert fault.code == "E401"
    [command] = re.findall(r"`([^`]* && [^`]*|cp [^`]*)`", fault.help)
    subprocess.run(command, shell=True, cwd=project, check=True)
    made = {"link": "models/link", "links": "models/links-files", "a link": "models/a link"}.get(named, "models/base")
    assert isinstance(ProjectFacts(project).model(made), ModelType)
    assert not any(path.is_symlink() for path in (project / made).iterdir())
    assert (project / made / SINGLE).samefile(elsewhere / SINGLE)


def faults_of(found: object) -> tuple[Fault, ...]:
    assert isinstance(found, tuple)
    return found
