"""Pipes and devices where a project has its own files. Nothing waits for them, nothing is read forever."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from ladle.executor.cli import run
from ladle.executor.regular import read_regular

LADLE = str(Path(sys.executable).parent / "ladle")
ABSENT = 'edition 1\ncorpus far: text = jsonl("corpora/far.jsonl")\nmodel a = hub("o/n")\n'
MEMORY = 2 * 2**30


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    for folder in ("recipes", "profiles", "pipelines"):
        (tmp_path / folder).mkdir()
    (tmp_path / "recipes/far.recipe").write_text(ABSENT)
    assert run(["new", "recipes/first.recipe"]) == 0
    return tmp_path


def put(kind: str, place: Path) -> None:
    """Put there what is no file: a pipe without a writer, a link to a device that never ends, a folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    {"pipe": os.mkfifo, "device": lambda path: path.symlink_to("/dev/zero"), "folder": Path.mkdir}[kind](place)


def ladle(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that may neither wait nor take much memory."""
    return subprocess.run(
        [LADLE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "XDG_CACHE_HOME": "/dev/null"},
    )


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize(
    ("place", "command", "status", "said"),
    [
        ("ladle.lock", "check recipes/far.recipe", 1, "error[E414]: `ladle.lock` cannot be read"),
        ("ladle.lock", "plan recipes/far.recipe", 1, "error[E414]: `ladle.lock` cannot be read"),
        ("ladle.lock", "lock recipes/far.recipe", 1, "error[E414]: `ladle.lock` cannot be read"),
        ("ladle.lock", "lock --check recipes/far.recipe", 1, "error[E414]: `ladle.lock` cannot be read"),
        ("pyproject.toml", "lint recipes/first.recipe", 2, "`pyproject.toml` cannot be read"),
        ("known.json", "lint recipes/first.recipe --baseline known.json", 1, "`known.json` cannot be read"),
        ("profiles/mine.toml", "lock recipes/first.recipe --profile mine", 1, "the profile `mine` cannot be read"),
        (".ladle/digests.json", "check recipes/first.recipe", 0, "ok"),
        (".ladle/digests.json", "lint recipes/first.recipe", 0, ""),
        ("artifacts/first/base/lineage.json", "plan recipes/first.recipe", 0, "lineage.json` cannot be read"),
        ("pipelines/first/dvc.yaml", "compile --check recipes/first.recipe", 1, "was never compiled"),
        ("pipelines/first/dvc.lock", "compile --check recipes/first.recipe", 1, "was never compiled"),
        ("sft.yaml", "import sft.yaml", 1, "cannot be read"),
    ],
)
def test_what_is_no_file_is_said_at_once(
    project: Path, kind: str, place: str, command: str, status: int, said: str
) -> None:
    put(kind, project / place)
    done = ladle(*command.split())
    assert done.returncode == status, done.stdout + done.stderr
    # A link may be refused before anybody looks at what it leads to.
    assert said in done.stdout + done.stderr or (kind == "device" and "leads out of the project" in done.stderr)


def test_what_is_read_is_bounded(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"12345")
    assert read_regular(place, 5) == b"12345"
    with pytest.raises(OSError, match="it is larger than 4 bytes"):
        read_regular(place, 4)
