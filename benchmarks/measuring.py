"""What every benchmark shares. In: a command. Out: its cost; and the JSON that a published figure stands in."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command and its children cost: seconds of wall and CPU."""

    wall_s: float
    cpu_s: float


def cost(command: Sequence[str], folder: Path, quiet: bool = True, cache: str = "") -> Cost:
    """Run a command to its end. Raises CalledProcessError where it fails.

    `cache` is another folder for the user's caches than his own; where it can be none, nothing is remembered.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **({"XDG_CACHE_HOME": cache} if cache else {})}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    output = subprocess.DEVNULL if quiet else None
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=output)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(round(wall, 3), round(cpu, 3))


def publish(name: str, load_before: float, figures: Mapping[str, object]) -> Path:
    """Write a result with script, commit, load and machine (contract 24); return its path."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    result = {
        "script": f"benchmarks/{name}.py",
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "load_before": load_before,
        "load_after": round(os.getloadavg()[0], 2),
        **figures,
    }
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return path
