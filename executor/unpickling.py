"""Has a process that can do little read pickles. In: files nobody vouches for, limits. Out: safetensors, unchecked.

The child inherits no environment, no open file and no working folder but the empty one that it writes to. What it says
is a stranger's word.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ladle.dsl.graph import Json
from ladle.executor.regular import read_regular
from ladle.executor.task import StepError

SHARD: Final = 1 << 30
"""Bytes of a file that is written, unless one tensor is larger."""
AGAIN: Final = "get the weights as safetensors from their source"
_ANSWER: Final = 1 << 24


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child may use: bytes of memory beyond what its libraries take, seconds, and bytes of one file."""

    memory: int
    seconds: int
    written: int

    @staticmethod
    def of(files: tuple[Path, ...]) -> Limits:
        """Return what reading and writing files of that size takes, several times over."""
        sizes = [path.stat().st_size for path in files]
        return Limits(2 * max(sizes) + (2 << 30), 120 + sum(sizes) // (20 << 20), 4 * max(sizes) + (64 << 20))


def unpickle(files: tuple[Path, ...], parts: Path, tied: bool, limits: Limits, whole: bool) -> Mapping[str, Json]:
    """Have a confined process write the tensors of `files` to the empty folder `parts`, and return what it told.

    `tied` says that the model ties its head to its embeddings; `whole` that one file is to hold all. Raises StepError
    for what it refuses, and for a limit that it met.
    """
    order = {"files": [str(path.resolve()) for path in files], "tied": tied, "shard": 1 << 62 if whole else SHARD}
    text = json.dumps({
        "program": "ladle.executor.weights.pickles", "parent": os.getpid(), "memory": limits.memory,
        "seconds": limits.seconds, "written": limits.written, "order": order,
    })  # fmt: skip
    command = [sys.executable, "-I", "-B", "-m", "ladle.executor.confined", text]
    status, answer, said = _ran(command, parts, 2 * limits.seconds)
    if status == -signal.SIGXCPU or status is None:
        raise StepError(f"reading the pickle took more than {limits.seconds} s, more than its size explains", AGAIN)
    try:
        told = json.loads(answer)
    except ValueError:
        told = None
    if status or not isinstance(told, dict):
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise StepError(f"the process that read the pickle failed ({status}): {last[:200]}", AGAIN)
    if "refused" in told:
        raise StepError(str(told["refused"])[:400], str(told.get("help", ""))[:200])
    return told


def _ran(command: list[str], parts: Path, seconds: int) -> tuple[int | None, bytes, bytes]:
    """Return exit status (None: it was killed when its time was over), output and errors of the child."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    here = {"HOME": str(parts), "TMPDIR": str(parts), "PATH": os.defpath, "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1"}
    out, err = parts.with_name("out"), parts.with_name("err")
    with out.open("wb") as output, err.open("wb") as errors:
        child = subprocess.Popen(
            command, cwd=parts, env=kept | here, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
            start_new_session=True,
        )  # fmt: skip
        status: int | None = None
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        finally:
            if status is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
    return status, read_regular(out, _ANSWER), read_regular(err, _ANSWER)
