"""The quickstart by `ladle run` against the same stages as a chain of scripts, alternating.

    python benchmarks/quickstart.py [--repeats 3]

Both sides begin with nothing made and the environment installed. The chain (`benchmarks/chain`) is one process for each
stage with TRL's own trainers, one mergekit command for each merge, one process that scores all. Peak memory is the
largest sum of resident pages over a side's processes, looked at twice a second. Writes
`benchmarks/results/quickstart.json`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from measuring import ROOT, cost, publish

BIN = Path(sys.executable).parent


class Peak:
    """Watches the resident memory of all descendants of this process."""

    def __init__(self) -> None:
        self.bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.5):
            self.bytes = max(self.bytes, descendants())


def descendants() -> int:
    """Return the resident bytes of this process's descendants."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    family = {os.getpid()}
    for _ in range(8):
        family |= {pid for pid, parent, _ in rows if parent in family}
    return 1024 * sum(rss for pid, _, rss in rows if pid in family and pid != os.getpid())


def main() -> None:
    """Measure, print and publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    load = round(os.getloadavg()[0], 2)
    ours, chain = [], []
    for _ in range(repeats):
        ours.append(by_ladle())
        chain.append(by_chain())
        print(f"ladle {ours[-1]}  chain {chain[-1]}", flush=True)
    walls = [statistics.median(run["wall_s"] for run in side) for side in (ours, chain)]
    figures = {"ladle": ours, "chain": chain, "ratio_of_median_wall": round(walls[0] / walls[1], 3)}
    print(publish("quickstart", load, figures))


def by_ladle() -> dict[str, float]:
    """Run the recipe in a new project."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name)
        for part in ("recipes", "corpora"):
            shutil.copytree(ROOT / part, project / part)
        (project / ".git").mkdir()
        return side([str(BIN / "ladle"), "run", "recipes/quickstart.recipe"], project)


def by_chain() -> dict[str, float]:
    """Run the chain of scripts into a new folder."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["PYTHON"], os.environ["MERGEKIT"] = sys.executable, str(BIN / "mergekit-yaml")
        return side(["bash", str(ROOT / "benchmarks" / "chain" / "run.sh"), f"{name}/out", "2409"], ROOT)


def side(command: Sequence[str], folder: Path) -> dict[str, float]:
    """Return what one side cost."""
    with Peak() as peak:
        found = cost(command, folder)
    return {"wall_s": found.wall_s, "cpu_s": found.cpu_s, "peak_mb": round(peak.bytes / 1e6)}


if __name__ == "__main__":
    main()
