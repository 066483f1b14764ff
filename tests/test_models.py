"""Models that are not trained: random ones, tokenizers, hub models, and templates put on a folder."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from ladle.dsl.types import ModelType
from ladle.executor.model_folder import model_type
from ladle.executor.models import bpe, init
from ladle.executor.models.folder import model_folder, precision_of, tokenizer_folder
from ladle.executor.models.template import vocabulary
from ladle.executor.models.weights import load_model
from ladle.executor.task import Given, Machine, StepError, Task
from ladle.executor.templates import CHATML
from safetensors.torch import load_file
from trainer_inputs import digests, tokenizer, write_model
from transformers import AutoModelForCausalLM, AutoTokenizer

SIZES: dict[str, Any] = {
    "arch": "llama",
    "hidden": 16,
    "layers": 2,
    "heads": 4,
    "kv_heads": None,
    "intermediate": 32,
    "tied": True,
    "context": 64,
    "template": "chatml",
    "precision": "fp32",
    "seed": 42,
}
TEXTS = ["the silk of spiders is strong", "the shell of nacre is tough", "bone is made of collagen and mineral"]


def made(place: Path, program: Any, options: dict[str, Any], *inputs: Given) -> Path:
    for name in ("work", "output"):
        (place / name).mkdir(parents=True, exist_ok=True)
    program.run(
        Task("x", "x", options, inputs, "f", place / "work", place / "output", Machine(), lambda progress: None)
    )
    return place / "output"


def corpus(file: Path, rows: list[dict[str, Any]]) -> Given:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Given("corpora", "jsonl", "c", None, (file,), {"path": file.name, "columns": None})


@pytest.fixture
def texts(tmp_path: Path) -> Given:
    return corpus(tmp_path / "texts.jsonl", [{"text": text} for text in TEXTS * 4])


@pytest.fixture
def made_tokenizer(tmp_path: Path, texts: Given) -> Given:
    return Given("tokenizer", "bpe", "t", made(tmp_path / "bpe", bpe, {"vocab": 280, "template": "chatml"}, texts))


# --- tokenizers ---------------------------------------------------------------------------------------------------


def test_a_vocabulary_has_its_size_and_reserves_control_tokens_first(made_tokenizer: Given) -> None:
    assert made_tokenizer.path is not None
    words = vocabulary(made_tokenizer.path)
    assert sorted(words.values()) == list(range(280))
    assert [words[token] for token in ("<|endoftext|>", "<|pad|>", "<|im_start|>", "<|im_end|>")] == [0, 1, 2, 3]
    loaded = AutoTokenizer.from_pretrained(made_tokenizer.path)
    assert (loaded.eos_token, loaded.pad_token, loaded.bos_token) == ("<|endoftext|>", "<|pad|>", None)
    assert loaded.chat_template == CHATML.text
    assert (made_tokenizer.path / "chat_template.jinja").read_text() == CHATML.text


@pytest.mark.parametrize("text", [*TEXTS, "naïve — 丝\n\t<|x|>", "  two  spaces "])
def test_every_text_comes_back(made_tokenizer: Given, text: str) -> None:
    loaded = AutoTokenizer.from_pretrained(made_tokenizer.path)
    assert loaded.decode(loaded(text)["input_ids"]) == text


def test_control_tokens_are_read_as_one_token_each(made_tokenizer: Given) -> None:
    loaded = AutoTokenizer.from_pretrained(made_tokenizer.path)
    rendered = loaded.apply_chat_template([{"role": "user", "content": "silk"}], tokenize=False)
    assert loaded(rendered)["input_ids"].count(3) == 1


def test_a_tokenizer_does_not_depend_on_the_threads_that_count(
    tmp_path: Path, made_tokenizer: Given, texts: Given
) -> None:
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import test_models as t;"
        "t.made(Path(sys.argv[2]), t.bpe, {'vocab': 280, 'template': 'chatml'},"
        "t.Given('corpora', 'jsonl', 'c', None, (Path(sys.argv[3]),), {}))"
    )
    arguments = [str(Path(__file__).parent), str(tmp_path / "other"), str(texts.files[0])]
    environment = {**os.environ, "RAYON_NUM_THREADS": "4", "TOKENIZERS_PARALLELISM": "true", "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, env=environment)
    assert made_tokenizer.path is not None
    assert digests(tmp_path / "other" / "output") == digests(made_tokenizer.path)


def test_chats_and_answers_are_texts_too(tmp_path: Path) -> None:
    chats = corpus(
        tmp_path / "chats.jsonl",
        [{"messages": [{"role": "user", "content": "zqzqzq"}, {"role": "assistant", "content": "wvwvwv"}]}] * 4,
    )
    pairs = corpus(tmp_path / "pairs.jsonl", [{"prompt": "jkjkjk", "chosen": "xbxbxb", "rejected": "pfpfpf"}] * 4)
    words = vocabulary(made(tmp_path / "bpe", bpe, {"vocab": 268, "template": None}, chats, pairs))
    assert {"zq", "wv", "jk", "xb", "pf"} <= set(words)
    assert not {"us", "as", "user"} & set(words)


def test_without_a_template_there_is_none(tmp_path: Path, texts: Given) -> None:
    folder = made(tmp_path / "bpe", bpe, {"vocab": 270, "template": None}, texts)
    assert not (folder / "chat_template.jinja").exists()
    assert "<|im_end|>" not in vocabulary(folder)


def test_corpora_too_small_for_the_vocabulary_are_refused(tmp_path: Path, texts: Given) -> None:
    with pytest.raises(StepError, match=r"vocabulary of \d+ tokens, fewer than `vocab = 4000`"):
        made(tmp_path / "bpe", bpe, {"vocab": 4000, "template": None}, texts)


# --- random models --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arch", ["llama", "mistral", "qwen2"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_random_model_loads_and_has_the_shape_asked_for(
    tmp_path: Path, made_tokenizer: Given, arch: str, tied: bool
) -> None:
    folder = made(tmp_path / "m", init, SIZES | {"arch": arch, "tied": tied, "kv_heads": 2}, made_tokenizer)
    assert isinstance(model_type(folder, "m", ()), ModelType)
    model = AutoModelForCausalLM.from_pretrained(folder)
    config = model.config
    assert (config.model_type, config.vocab_size, config.num_key_value_heads) == (arch, 280, 2)
    assert (config.pad_token_id, config.eos_token_id, config.bos_token_id) == (1, 0, None)
    assert model.generation_config.eos_token_id == [0, 3]
    assert ("lm_head.weight" in load_file(folder / "model.safetensors")) is not tied
    assert model.model.norm.weight.tolist() == [1.0] * 16
    assert model.model.embed_tokens.weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert AutoTokenizer.from_pretrained(folder).chat_template == CHATML.text
    assert torch.isfinite(model(torch.tensor([[5, 6, 7]])).logits).all()


@pytest.mark.parametrize(("hidden", "heads", "kv"), [(33, 2, None), (33, 3, None), (16, 4, 3)])
def test_sizes_that_do_not_fit_are_refused(
    tmp_path: Path, made_tokenizer: Given, hidden: int, heads: int, kv: int | None
) -> None:
    with pytest.raises(StepError, match="heads"):
        made(tmp_path / "m", init, SIZES | {"hidden": hidden, "heads": heads, "kv_heads": kv}, made_tokenizer)


@pytest.mark.parametrize(
    "changes", [{"hidden_act": "evil"}, {"num_attention_heads": 0}, {"hidden_size": "x"}, {"vocab_size": 99999}]
)
def test_a_configuration_that_transformers_stumbles_over_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = write_model(tmp_path / "odd")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    with pytest.raises(StepError, match=r"the model `odd` cannot be loaded: .+"):
        load_model(folder, torch.float32, "eager")


def test_a_random_model_is_a_function_of_its_options(tmp_path: Path, made_tokenizer: Given) -> None:
    first = digests(made(tmp_path / "a", init, SIZES, made_tokenizer))
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert digests(made(tmp_path / "b", init, SIZES, made_tokenizer)) == first
    finally:
        torch.set_num_threads(threads)
    assert digests(made(tmp_path / "c", init, SIZES | {"seed": 43}, made_tokenizer)) != first


def test_a_tensor_keeps_its_values_when_layers_are_added(tmp_path: Path, made_tokenizer: Given) -> None:
    small = load_file(made(tmp_path / "a", init, SIZES, made_tokenizer) / "model.safetensors")
    large = load_file(made(tmp_path / "b", init, SIZES | {"layers": 3}, made_tokenizer) / "model.safetensors")
    assert all(torch.equal(weight, large[name]) for name, weight in small.items())


# --- templates put on a folder --------------------------------------------------------------------------------------


def local(folder: Path, template: str | None = None, *inputs: Given) -> Given:
    return Given("model", "local", "0" * 64, folder, (), {"folder": "m", "template": template}, inputs)


def test_a_folder_is_used_as_it_is(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "m")
    assert model_folder(local(folder)) == folder
    assert tokenizer_folder(local(folder), tmp_path / "work") == folder
    assert precision_of(folder) == "fp32"


def test_a_template_put_on_stands_in_what_is_trained(tmp_path: Path, made_tokenizer: Given) -> None:
    plain = made_tokenizer.path
    assert plain is not None
    model = made(tmp_path / "m", init, SIZES, made_tokenizer)
    (model / "chat_template.jinja").unlink()
    put = tokenizer_folder(local(model, "chatml"), tmp_path / "work")
    assert AutoTokenizer.from_pretrained(put).chat_template == CHATML.text
    assert not (model / "chat_template.jinja").exists()
    assert vocabulary(put) == vocabulary(model)
    (model / "generation_config.json").write_text('{"eos_token_id": 0, "temperature": 0.5}')
    put = tokenizer_folder(local(model, "chatml"), tmp_path / "work")
    assert json.loads((put / "generation_config.json").read_text()) == {"eos_token_id": [0, 3], "temperature": 0.5}


def test_a_template_of_another_model_brings_its_ends(tmp_path: Path) -> None:
    model, donor = write_model(tmp_path / "m"), write_model(tmp_path / "donor")
    given = tokenizer()
    given.chat_template = "{{ messages[0].content }}<end>"
    given.eos_token = "B"
    given.save_pretrained(donor)
    (donor / "generation_config.json").write_text('{"eos_token_id": [1, 3]}')
    put = tokenizer_folder(local(model, None, Given("template", "local", "d", donor)), tmp_path / "work")
    loaded = AutoTokenizer.from_pretrained(put)
    assert (put / "generation_config.json").read_text() == '{"eos_token_id": [1, 3]}'
    assert (loaded.chat_template, loaded.eos_token) == ("{{ messages[0].content }}<end>", "B")


def test_a_template_whose_control_tokens_are_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"control token `<\|im_start\|>` of the template `chatml` is no added"):
        tokenizer_folder(local(write_model(tmp_path / "m"), "chatml"), tmp_path / "work")


def test_a_template_of_another_vocabulary_is_refused(tmp_path: Path, made_tokenizer: Given) -> None:
    donor = Given("template", "bpe", "d", made_tokenizer.path)
    with pytest.raises(StepError, match="another vocabulary"):
        tokenizer_folder(local(write_model(tmp_path / "m"), None, donor), tmp_path / "work")


# --- hub models -----------------------------------------------------------------------------------------------------

COMMIT = "a" * 40
EXCLUDED = {"pytorch_model.bin", "modeling.py", "onnx/model.safetensors", "README.md"}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download of one repository asks for."""

    files: dict[str, bytes]
    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = self.path.split("?")[0]
        self.asked.append(path)
        if path in ("/api/models/owner/name/revision/main", "/api/models/owner/name"):
            self.reply(json.dumps({"id": "owner/name", "sha": COMMIT, "siblings": []}).encode(), body)
        elif path.startswith("/api/models/owner/name/tree/"):
            entries = [
                {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for name, data in self.files.items()
            ]
            self.reply(json.dumps(entries).encode(), body)
        elif (name := path.removeprefix(f"/owner/name/resolve/{COMMIT}/")) in self.files:
            self.reply(self.files[name], body)
        else:
            self.reply(b"{}", body, 404)

    def reply(self, data: bytes, body: bool, status: int = 200) -> None:
        self.send_response(status)
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""


@contextmanager
def hub(files: dict[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve one repository on a loopback port: yield its address and the paths asked for so far."""
    handler = type("OneRepository", (Hub,), {"files": files, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", handler.asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


FETCH = """
import json, sys
from pathlib import Path
from ladle.executor.models import hub
from ladle.executor.models.folder import model_folder, tokenizer_folder
from ladle.executor.task import Given, Machine, StepError, Task
place = Path(sys.argv[1])
options = json.loads(sys.argv[2])
(place / "output").mkdir(parents=True, exist_ok=True)
try:
    if options:
        task = Task("hub", "hub", options, (), "f", place / "work", place / "output", Machine(), lambda progress: None)
        hub.run(task)
    given = Given("model", "hub", "f", place / "output")
    print(json.dumps([str(model_folder(given)), str(tokenizer_folder(given, place / "work"))]))
except StepError as error:
    print(json.dumps([error.message, error.help]))
"""


def fetch(place: Path, address: str, **options: Any) -> list[str]:
    """Run a hub step, if options are given, and resolve its artifact, in a process that knows one address."""
    environment = {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(place / "cache"), "HF_HUB_DISABLE_XET": "1"}
    environment |= {"HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.1"}
    arguments = [str(place), json.dumps(options)]
    command = [sys.executable, "-c", FETCH, *arguments]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    answer: list[str] = json.loads(found)
    return answer


@pytest.fixture
def repository(tmp_path: Path) -> dict[str, bytes]:
    folder = write_model(tmp_path / "published")
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    return files | {
        "pytorch_model.bin": b"pickle",
        "modeling.py": b"code",
        "onnx/model.safetensors": b"x",
        "README.md": b"",
    }


def test_a_hub_model_is_named_by_its_commit_and_stays_in_the_cache(
    tmp_path: Path, repository: dict[str, bytes]
) -> None:
    place = tmp_path / "hub"
    with hub(repository) as (address, asked):
        snapshot, tokens = fetch(place, address, name="owner/name", revision="main", template=None)
    assert not [path for path in asked if path.endswith((".bin", ".py")) or "onnx" in path]
    assert Path(snapshot).name == COMMIT
    assert Path(snapshot).is_relative_to(place / "cache")
    assert AutoModelForCausalLM.from_pretrained(snapshot).config.hidden_size == 16
    assert AutoTokenizer.from_pretrained(tokens).pad_token == "<pad>"
    output = place / "output"
    assert not list(output.glob("*.safetensors"))
    manifest = json.loads((output / "source.json").read_text())
    assert (manifest["repository"], manifest["commit"]) == ("owner/name", COMMIT)
    assert set(manifest["files"]) == {name for name in repository if name not in EXCLUDED}
    weights = manifest["files"]["model.safetensors"]
    assert weights["sha256"] == hashlib.sha256(repository["model.safetensors"]).hexdigest()
    assert str(tmp_path).encode() not in b"".join(file.read_bytes() for file in output.iterdir())
    # Later steps find it again without the hub, and say so when the cache has lost a file.
    assert fetch(place, "http://127.0.0.1:9") == [snapshot, tokens]
    (Path(snapshot) / "model.safetensors").unlink()
    assert "no longer complete in the hub cache" in fetch(place, "http://127.0.0.1:9")[0]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("owner/other", "the hub has no model `owner/other`"),
        ("no such name", "`no such name` is no name of a repository"),
    ],
)
def test_a_model_that_is_not_there_is_said(
    tmp_path: Path, repository: dict[str, bytes], name: str, message: str
) -> None:
    with hub(repository) as (address, _):
        assert fetch(tmp_path / "hub", address, name=name, revision="main", template=None)[0] == message


def test_a_model_in_pickles_is_refused(tmp_path: Path, repository: dict[str, bytes]) -> None:
    del repository["model.safetensors"]
    with hub(repository) as (address, _):
        found = fetch(tmp_path / "hub", address, name="owner/name", revision="main", template=None)
    assert found[0] == "`owner/name` holds no safetensors"


def test_an_adapter_of_the_hub_is_refused(tmp_path: Path, repository: dict[str, bytes]) -> None:
    repository["adapter_model.safetensors"] = repository.pop("model.safetensors")
    del repository["config.json"]
    with hub(repository) as (address, _):
        found = fetch(tmp_path / "hub", address, name="owner/name", revision="main", template=None)
    assert found[0] == "`owner/name` is an adapter, which is no model without another"


def test_a_hub_that_cannot_be_reached_is_said(tmp_path: Path) -> None:
    found = fetch(tmp_path / "hub", "http://127.0.0.1:9", name="owner/name", revision="main", template=None)
    assert found[0].startswith("`owner/name` cannot be fetched: ")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_files_of_a_folder_that_are_nested_too_deep_are_refused(tmp_path: Path, name: str) -> None:
    folder = write_model(tmp_path / "m")
    (folder / name).write_text("[" * 100_000)
    with pytest.raises(StepError):
        load_model(folder, torch.float32, "eager") if name == "config.json" else vocabulary(folder)
