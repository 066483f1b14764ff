"""Pickled weights become safetensors: values, ties, what is refused, and that nothing of a file is ever run."""

from __future__ import annotations

import fcntl
import json
import os
import pickle
import socket
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from ladle.executor import unpickling
from ladle.executor.adapter import PICKLE, WEIGHTS
from ladle.executor.confined import Forbidden, refuse
from ladle.executor.convert import PICKLE_INDEX, PICKLE_SINGLE, convert
from ladle.executor.headers import INDEX, folder_tensors
from ladle.executor.model_folder import model_type
from ladle.executor.models.weights import load_given
from ladle.executor.task import StepError
from ladle.executor.unpickling import Limits
from ladle.executor.weights import merge, pickles
from safetensors.torch import load_file
from test_adapters import adapter, low_rank
from test_merge import folder, given, task, weights

PRIVATE = "SECRET_OF_THE_USER"


class Evil:
    """What it asks for would make a file."""

    def __init__(self, place: Path) -> None:
        self.command = f"touch {place}"

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def pickled(path: Path, tensors: Mapping[str, object], **changes: object) -> Path:
    """A model folder whose weights are one pickle."""
    folder(path, weights(1), **changes)  # type: ignore[arg-type]
    (path / "model.safetensors").unlink()
    torch.save(dict(tensors), path / PICKLE_SINGLE)
    return path


def contents(path: Path) -> dict[str, bytes]:
    return {str(each.relative_to(path)): each.read_bytes() for each in path.rglob("*") if each.is_file()}


def refused(path: Path, limits: Limits | None = None) -> str:
    before = contents(path)
    with pytest.raises(StepError) as error:
        convert(path, None, limits)
    assert contents(path) == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    return error.value.message


def test_a_pickle_becomes_safetensors_beside_it(tmp_path: Path) -> None:
    source = pickled(tmp_path / "m", weights(1, torch.bfloat16))
    (source / "sub").mkdir()
    (source / "sub/notes").write_text("x")
    (source / "link").symlink_to("sub")
    before = contents(source)
    made = convert(source, None)
    assert (made.folder, made.files, made.tensors) == (source, 1, len(weights(1)))
    after = contents(source)
    result = load_file(source / "model.safetensors")
    del after["model.safetensors"]
    assert after == before
    assert (source / "link").readlink() == Path("sub")
    assert [each.name for each in tmp_path.iterdir()] == ["m"]
    assert all(torch.equal(result[name], value) for name, value in weights(1, torch.bfloat16).items())
    with pytest.raises(StepError, match="has safetensors already"):
        convert(source, None)


def test_a_new_folder_gets_configuration_and_tokenizer(tmp_path: Path) -> None:
    source = pickled(tmp_path / "m", {"state_dict": weights(1)})
    before = contents(source)
    convert(source, tmp_path / "deep" / "new")
    new = contents(tmp_path / "deep" / "new")
    assert set(new) == {"config.json", "generation_config.json", "chat_template.jinja", "model.safetensors"}
    assert {name: new[name] for name in new if name in before} == {name: before[name] for name in new if name in before}
    assert contents(source) == before
    with pytest.raises(StepError, match="exists already"):
        convert(source, tmp_path / "deep" / "new")


@pytest.mark.parametrize("tied", [True, False])
def test_tied_tensors_are_written_once_where_the_configuration_says_so(tmp_path: Path, tied: bool) -> None:
    held = weights(1)
    held["lm_head.weight"] = held["model.embed_tokens.weight"]
    held["model.layers.1.input_layernorm.weight"] = held["model.layers.0.input_layernorm.weight"]
    held["model.layers.0.mlp.up_proj.weight"] = held["model.layers.0.mlp.down_proj.weight"].T
    convert(pickled(tmp_path / "m", held, tie_word_embeddings=tied), None)
    result = load_file(tmp_path / "m" / "model.safetensors")
    assert ("lm_head.weight" in result) is not tied
    assert all(torch.equal(value, held[name]) for name, value in result.items())
    assert set(held) - set(result) <= {"lm_head.weight"}


def test_shards_in_and_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickling, "SHARD", 2000)
    source = pickled(tmp_path / "m", {"x": torch.zeros(1)})
    (source / PICKLE_SINGLE).unlink()
    names = sorted(weights(1))
    files = {name: f"pytorch_model-{1 + (place % 2):05d}-of-00002.bin" for place, name in enumerate(names)}
    for file in set(files.values()):
        torch.save({name: weights(1)[name] for name in names if files[name] == file}, source / file)
    (source / PICKLE_INDEX).write_text(json.dumps({"weight_map": files}))
    torch.save({"lr": 1}, source / "training_args.bin")
    made = convert(source, None)
    assert made.files > 2
    assert (source / INDEX).is_file()
    assert set(folder_tensors(source)) == set(names)
    read = {name: value for path in source.glob("*.safetensors") for name, value in load_file(path).items()}
    assert all(torch.equal(read[name], value) for name, value in weights(1).items())
    (source / INDEX).unlink()
    (source / PICKLE_INDEX).write_text(json.dumps({"weight_map": files | {"lost.weight": next(iter(files.values()))}}))
    with pytest.raises(StepError, match=r"lack `lost.weight`"):
        convert(source, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_adapter_is_converted_too(tmp_path: Path) -> None:
    source = adapter(tmp_path / "x")
    (source / WEIGHTS).unlink()
    torch.save(low_rank(), source / PICKLE)
    convert(source, None)
    result = load_file(source / WEIGHTS)
    assert all(torch.equal(result[name], value) for name, value in low_rank().items())


# --- hostile files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["archive", "legacy", "bare"])
def test_a_pickle_that_runs_code_is_refused_and_nothing_is_run(tmp_path: Path, how: str) -> None:
    (tmp_path / "x").mkdir()
    source = pickled(tmp_path / "x" / "m", {})
    evil = {"model.norm.weight": torch.zeros(3), "x": Evil(tmp_path / "made")}
    if how == "bare":
        (source / PICKLE_SINGLE).write_bytes(pickle.dumps(evil["x"]))
    else:
        torch.save(evil, source / PICKLE_SINGLE, _use_new_zipfile_serialization=how == "archive")
    assert "asks for `posix.system`" in refused(source)
    assert not (tmp_path / "made").exists()
    with (source / PICKLE_SINGLE).open("rb") as file:  # the file is a weapon indeed
        if how == "bare":
            pickle.load(file)
            assert (tmp_path / "made").exists()


def test_archives_that_grow_are_refused(tmp_path: Path) -> None:
    source = pickled(tmp_path / "m", {"a": torch.zeros(1 << 20)})
    with zipfile.ZipFile(source / PICKLE_SINGLE) as stored:
        held = {name: stored.read(name) for name in stored.namelist()}
    with zipfile.ZipFile(source / PICKLE_SINGLE, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in held.items():
            packed.writestr(name, content)
    assert "grows when it is unpacked" in refused(source)


def read(path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the program that the child runs says of a file; here without the child."""
    monkeypatch.chdir(path.parent)
    told = pickles.run({"files": [str(path)], "tied": False, "shard": 1 << 30})
    return str(told.get("refused", ""))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.zeros(1).expand(1 << 40), "claims"),
        (torch.zeros(2, dtype=torch.complex64), "complex64"),
        (torch.eye(3).to_sparse(), "sparse"),
        ([1, 2], "is no tensor but of the type list"),
        (torch.zeros(2), ""),
    ],
)
def test_what_is_no_tensor_of_a_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: object, said: str
) -> None:
    torch.save({"model.norm.weight": value}, tmp_path / PICKLE_SINGLE)
    found = read(tmp_path / PICKLE_SINGLE, monkeypatch)
    assert said in found
    assert bool(said) == bool(found)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02}q\x00.", b"\x80\x04" + b"(" * 10**6])
def test_damaged_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    (tmp_path / PICKLE_SINGLE).write_bytes(content)
    assert "`pytorch_model.bin`" in read(tmp_path / PICKLE_SINGLE, monkeypatch)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    assert "lack layer 0" in refused(pickled(tmp_path / "m", {"model.norm.weight": torch.zeros(2)}))


def test_limits_of_time_and_memory(tmp_path: Path) -> None:
    source = pickled(tmp_path / "m", {"a": torch.zeros(1 << 24)})
    assert "took more than 1 s" in refused(source, Limits(1 << 32, 1, 1 << 30))
    assert "more memory than its size explains" in refused(source, Limits(1 << 20, 60, 1 << 30))
    assert "failed" in refused(source, Limits(1 << 32, 60, 1 << 20))


def test_which_file_is_meant_is_not_guessed(tmp_path: Path) -> None:
    source = pickled(tmp_path / "m", weights(1))
    (source / PICKLE_SINGLE).rename(source / "a.pt")
    torch.save(weights(2), source / "b.ckpt")
    assert "has not one file of pickled weights: `a.pt`, `b.ckpt`" in refused(source)
    (source / "b.ckpt").unlink()
    assert convert(source, None).tensors == len(weights(1))
    for path in source.iterdir():
        if path.suffix in (".pt", ".safetensors"):
            path.unlink()
    assert "pickled weights: none" in refused(source)


def test_what_a_killed_conversion_left_is_swept_and_two_at_once_are_not(tmp_path: Path) -> None:
    source = pickled(tmp_path / "m", weights(1))
    left = tmp_path / ".m.converting"
    (left / "new").mkdir(parents=True)
    (left / "new/model.safetensors").write_bytes(b"half")
    number = os.open(left, os.O_RDONLY)
    fcntl.flock(number, fcntl.LOCK_EX)
    with pytest.raises(StepError, match="another `ladle convert`"):
        convert(source, None)
    os.close(number)
    convert(source, None)
    assert [each.name for each in tmp_path.iterdir()] == ["m"]
    assert isinstance(model_type(source, "m", ()), object)


# --- the confined process -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "arguments"),
    [
        ("os.system", (b"true",)),
        ("os.fork", ()),
        ("subprocess.Popen", ("x", [], None, None)),
        ("socket.connect", (None, ("127.0.0.1", 1))),
        ("os.remove", ("x", -1)),
        ("open", ("/etc/x", "w", os.O_WRONLY)),
        ("open", ("../x", "w", os.O_CREAT)),
    ],
)
def test_what_a_reader_of_tensors_never_does_is_forbidden(event: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(Forbidden):
        refuse(event, arguments)


def test_reading_and_writing_here_is_allowed() -> None:
    refuse("open", ("/etc/hostname", "r", os.O_RDONLY))
    refuse("open", ("part-00001.safetensors", "wb", os.O_WRONLY | os.O_CREAT))
    refuse("import", ("x", None, None, None, None))


LEAVE = """
import socket, sys
from ladle.executor.confined import leave_network
left = leave_network()
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5)
    print(left, "reached")
except OSError:
    print(left, "not reached")
"""


def test_a_process_that_left_the_network_reaches_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-I", "-c", LEAVE, str(server.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("True not reached", "False reached")


OUTLIVE = """
import os, subprocess, sys
child = "import time; from ladle.executor.confined import die_with as d; d(%d); print('on', flush=True); time.sleep(60)"
subprocess.Popen([sys.executable, "-I", "-c", child % os.getpid()]).wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
def test_the_child_dies_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-I", "-c", OUTLIVE], stdout=subprocess.PIPE, text=True) as outer:
        assert outer.stdout is not None
        assert outer.stdout.readline() == "on\n"
        outer.kill()
        assert outer.stdout.read() == ""  # ends when the child, which holds the other end, is gone


def test_the_command_and_what_asks_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pickled(tmp_path / "my model", weights(1))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StepError, match="are pickles") as asked:
        merge.run(task(tmp_path / "t", "round", {"precision": "bf16"}, (given("0", source),)))
    assert asked.value.help.endswith("`ladle convert 'my model'`")
    with pytest.raises(StepError, match="are pickles"):
        load_given(given("model", source), torch.float32, "sdpa")
    command = [str(Path(sys.executable).parent / "ladle"), "convert", "my model"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"my model: {len(weights(1))} tensors in 1 file of safetensors\n"
    merge.run(task(tmp_path / "u", "round", {"precision": "bf16"}, (given("0", source),)))
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, "has safetensors already" in again.stderr) == (1, True)
    monkeypatch.chdir(source)
    (source / "model.safetensors").unlink()
    with pytest.raises(StepError, match="is the working folder"):
        convert(source, None)
