"""mergekit's own programs, each call in a process of its own. In: which, its arguments. Out: files, or a StepError.

A process for each call: mergekit keeps what it loads by path, so a parent that is rewritten in place would be read as
it was. It dies with its parent, has one thread, no network, no code of models, and a folder that is empty.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from ladle.executor.console import one_line
from ladle.executor.disk import need_space
from ladle.executor.task import Progress, StepError, Task
from ladle.executor.workspace import Workspace

YAML: Final = "run_yaml"
MOE: Final = "moe"
LORA: Final = "extract_lora"
SURGEON: Final = "tokensurgeon"

SHARD: Final = "500M"
"""Bytes of a file of weights, whatever mergekit's own help says they are."""
_LISTEN_SECONDS: Final = 0.25
_END_SECONDS: Final = 10.0
_TOLD_LINES: Final = 3
_TOLD_CHARACTERS: Final = 300
_READ_BYTES: Final = 1 << 16
_SECRETS: Final = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACEHUB_API_TOKEN")
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")

SETTINGS: Final = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    **dict.fromkeys(("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"), "1"),
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONHASHSEED": "0",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""The environment of such a process: one thread and one order of sets decide its bytes, and nothing is fetched."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the module below `mergekit.scripts`, its own arguments, the seed, and the folder that it fills."""

    program: str
    arguments: Sequence[str]
    output: Path
    seed: int = 0


def run(call: Call, task: Task, size: int, before: int = 0, total: int = 0) -> None:
    """Run one of mergekit's programs to its end; `size` bytes are expected.

    Progress counts those that calls `before` it wrote, of `total` bytes in all (0: this call's). Raises StepError with
    the last lines it wrote where it fails, and Interrupted where the step was asked to end.
    """
    call.output.mkdir(parents=True, exist_ok=True)
    if any(call.output.iterdir()):
        raise RuntimeError(f"{call.output} is not empty: mergekit would mix what lies there into its result")
    need_space(call.output, size, "mergekit")
    log = _log(task)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        process = _start(call, task, file)
        try:
            status = _wait(process, lambda: task.report(_progress(call, size, before, total or size)))
        finally:
            _end(process)
    if status:
        raise StepError(f"mergekit's `{call.program}` {_ended(status)}: {_last(log)}", f"all it said is in `{log}`")


def _start(call: Call, task: Task, log: IO[bytes]) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in _SECRETS} | SETTINGS
    if task.machine.device == "cpu":
        environment["CUDA_VISIBLE_DEVICES"] = ""
    command = [sys.executable, "-P", "-m", "ladle.executor.mergekit.launch", str(os.getpid())]
    command += [f"mergekit.scripts.{call.program}", *call.arguments, *_shared(call, task)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd=task.work)


def _shared(call: Call, task: Task) -> tuple[str, ...]:
    """What all of mergekit's programs are told alike."""
    device = "cuda" if task.machine.device != "cpu" else "cpu"
    return (
        *("--device", device, "--num-threads", "1", "--random-seed", str(call.seed)),
        *("--out-shard-size", SHARD, "--async-write", "--safe-serialization", "--no-trust-remote-code"),
        *("--no-write-model-card", "--no-copy-tokenizer", "--no-allow-crimes", "--quiet"),
    )


def _wait(process: subprocess.Popen[bytes], tell: Callable[[], None]) -> int:
    while True:
        try:
            return process.wait(_LISTEN_SECONDS)
        except subprocess.TimeoutExpired:
            tell()


def _progress(call: Call, size: int, before: int, total: int) -> Progress:
    return Progress(before + min(_written(call.output), size), total, "bytes")


def _written(folder: Path) -> int:
    """Return the bytes of weights that lie there; files are renamed while they are counted."""
    found = 0
    for path in folder.glob("*.safetensors"):
        try:
            found += path.stat().st_size
        except FileNotFoundError:
            continue
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no process behind, whatever happened."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _log(task: Task) -> Path:
    """Return where the output of mergekit is kept; the last of a step replaces what was there."""
    return Workspace(task.root).log(f"mergekit-{task.name}") if task.root else task.work / "mergekit.log"


def _ended(status: int) -> str:
    if status < 0:
        name = signal.Signals(-status).name
        more = ", as the kernel does where memory runs out" if -status == signal.SIGKILL else ""
        return f"was killed by {name}{more}"
    return f"ended with status {status}"


def _last(log: Path) -> str:
    """Return the last lines of a log in one, without the escapes and bars that are meant for a terminal."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _READ_BYTES))
        text = file.read().decode("utf-8", "replace")
    lines = [line.rpartition("\r")[2].strip() for line in _ESCAPES.sub("", text).splitlines()]
    told = " / ".join([line for line in lines if line][-_TOLD_LINES:]) or "it said nothing"
    return one_line(told if len(told) <= _TOLD_CHARACTERS else f"...{told[-_TOLD_CHARACTERS:]}")
