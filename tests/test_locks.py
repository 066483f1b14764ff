"""A lock is one process's at a time, and freed by its death alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ladle.executor.locks import SPEAKS_FOR, Holder, hold


class Held(Exception):
    """The lock is somebody else's."""


def refuse(holder: Holder) -> None:
    raise Held(str(holder))


HOLD = """
import sys, time
from pathlib import Path
from ladle.executor.locks import hold
with hold(Path(sys.argv[1]), sys.exit):
    print("held", flush=True)
    time.sleep(60)
"""


def test_it_names_who_holds_it_and_is_freed_by_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "x.lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Held, match=f"process {other.pid} "), hold(path, refuse):
            pass
        other.kill()
    with hold(path, refuse):
        assert path.exists()


def test_a_worker_names_the_run_that_it_works_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a step is told what a person started."""
    path = tmp_path / "x.lock"
    monkeypatch.setenv(SPEAKS_FOR, json.dumps([41, "ladle run recipes/first.recipe"]))
    said = r"process 41 \(`ladle run recipes/first.recipe`"
    with hold(path, refuse), pytest.raises(Held, match=said), hold(path, refuse):
        pass
    monkeypatch.setenv(SPEAKS_FOR, "[")
    with hold(path, refuse), pytest.raises(Held, match="process"), hold(path, refuse):
        pass


def test_a_child_that_inherits_it_holds_it_too(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with hold(path, refuse) as handle:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(handle,))
    with pytest.raises(Held), hold(path, refuse):
        pass
    child.communicate(b"\n")
    with hold(path, refuse):
        assert child.returncode == 0


def test_a_lock_file_that_was_removed_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with hold(path, refuse):
        path.unlink()
        with hold(path, refuse):
            assert path.exists()


def test_garbage_in_a_lock_file_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_bytes(b"\xff{")
    with hold(path, refuse), pytest.raises(Held, match="process"), hold(path, refuse):
        pass
