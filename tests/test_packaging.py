"""What is shipped: every package, the typed marker, the grammar and the very bytes of the constraints."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from ladle.executor.version import version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build the wheel from a copy of the tracked tree, so that nothing is left in the checkout."""
    copy = tmp_path_factory.mktemp("source") / "tree"
    keep = shutil.ignore_patterns(".*", "artifacts", "scores", "reports", "corpora", "build", "*.egg-info")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=keep)
    out = tmp_path_factory.mktemp("wheel")
    build = f"import setuptools.build_meta as b; b.build_wheel({str(out)!r})"
    subprocess.run([sys.executable, "-W", "ignore", "-c", build], cwd=copy, check=True, capture_output=True)
    return zipfile.ZipFile(next(out.glob("*.whl")))


def test_every_folder_with_code_is_a_listed_package() -> None:
    folders = {"ladle"}
    for top in ("dsl", "executor"):
        for path in (ROOT / top).rglob("*.py"):
            folders.add(".".join(("ladle", *path.parent.relative_to(ROOT).parts)))
    assert sorted(folders) == sorted(PROJECT["tool"]["setuptools"]["packages"])


def test_the_wheel_holds_every_module(wheel: zipfile.ZipFile) -> None:
    shipped = {name.removeprefix("ladle/") for name in wheel.namelist() if name.endswith(".py")}
    ours = {str(path.relative_to(ROOT)) for top in ("dsl", "executor") for path in (ROOT / top).rglob("*.py")}
    assert shipped - {"__init__.py"} == ours


def test_the_wheel_ships_the_same_constraints(wheel: zipfile.ZipFile) -> None:
    assert wheel.read("ladle/executor/constraints.txt") == (ROOT / "constraints.txt").read_bytes()


def test_the_wheel_is_light_and_typed(wheel: zipfile.ZipFile) -> None:
    assert "ladle/py.typed" in wheel.namelist()
    needs = PROJECT["project"]["dependencies"]
    # `compile --check` and `plan` read dvc.lock, which is YAML, where nothing of the extra `run` is installed.
    assert sorted(need.partition(">")[0] for need in needs) == ["click", "lark", "ruamel.yaml"]


def test_the_version_is_one() -> None:
    assert version() == PROJECT["project"]["version"]
