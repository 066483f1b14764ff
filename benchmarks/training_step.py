"""CPU seconds of a training step: a stage of ours against the same stage in TRL directly, in alternating blocks.

    python benchmarks/training_step.py [--blocks 5] [--kinds cpt sft dpo orpo]

Each side is a process of its own that waits at every block's end for its next turn, so both meet the same machine. The
rows are the quickstart's, prepared once; TRL gets the same tokens for texts and chats, and the corpus for preferences.
Writes `benchmarks/results/training_step.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CORPORA = ROOT / "corpora" / "quickstart"
RESULT = ROOT / "benchmarks" / "results" / "training_step.json"
STEPS = 20
"""Steps of a block."""
KINDS: dict[str, dict[str, Any]] = {
    "cpt": {"corpus": "base.jsonl", "packing": "wrapped", "batch": 16, "lr": 3e-3},
    "sft": {"corpus": "instruct.jsonl", "packing": "none", "batch": 32, "lr": 7e-4},
    "dpo": {"corpus": "preferences.jsonl", "batch": 16, "lr": 1e-4, "beta": 0.1},
    "orpo": {"corpus": "preferences.jsonl", "batch": 16, "lr": 1e-4, "beta": 0.5},
}


class Turns:
    """A side's end of the conversation: waits for its turn before each block and says what the block cost."""

    def __init__(self) -> None:
        self.began = 0.0
        # TRL prints its metrics to the same place.
        self.answers = os.fdopen(os.dup(1), "w")
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def step_done(self, step: int) -> None:
        """Note that `step` steps are done, 0 before the first."""
        if step % STEPS:
            return
        if step:
            print(time.process_time() - self.began, file=self.answers, flush=True)
        sys.stdin.readline()
        self.began = time.process_time()


def main() -> None:
    """Measure, write the result and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=5, help="blocks of each side, after one that does not count")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        work_as(arguments.side, arguments.kinds[0], arguments.place, (arguments.blocks + 1) * STEPS)
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(command("prepare", arguments.kinds[0], place, 0), check=True, env=environment())
        measured = {kind: measure(kind, place, arguments.blocks) for kind in arguments.kinds}
    result = {
        "script": "benchmarks/training_step.py",
        "commit": subprocess.run(
            ["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True
        ).stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {"processor": processor(), "cores": os.cpu_count(), "system": platform.system(), "omp_threads": 1},
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
        "steps_per_block": STEPS,
        "blocks": arguments.blocks,
        "kinds": measured,
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    for kind, found in measured.items():
        print(f"{kind}: ours {found['ours_ms']} ms, TRL {found['trl_ms']} ms, ratio {found['ratio']} {found['ratios']}")


def measure(kind: str, place: str, blocks: int) -> dict[str, Any]:
    """Return CPU milliseconds of a step of each side, and the ratios of neighbouring blocks."""
    sides = {side: start(side, kind, place, blocks) for side in ("ours", "trl")}
    costs: dict[str, list[float]] = {side: [] for side in sides}
    for block in range(blocks + 1):
        order = list(sides) if block % 2 else list(reversed(sides))
        for side in order:
            cost = turn(sides[side])
            if block:
                costs[side].append(cost / STEPS * 1000)
    for process in sides.values():
        process.communicate("\n")
    ratios = [ours / trl for ours, trl in zip(costs["ours"], costs["trl"], strict=True)]
    medians = {f"{side}_ms": round(statistics.median(values), 2) for side, values in costs.items()}
    return {**medians, "ratio": round(statistics.median(ratios), 3), "ratios": [round(r, 3) for r in ratios]}


def start(side: str, kind: str, place: str, blocks: int) -> subprocess.Popen[str]:
    """Start a side; it waits before its first block."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(side, kind, place, blocks),
        stdin=pipe,
        stdout=pipe,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )


def turn(process: subprocess.Popen[str]) -> float:
    """Let a side do a block and return its CPU seconds."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def command(side: str, kind: str, place: str, blocks: int) -> list[str]:
    """Return the command line of a side."""
    return [sys.executable, __file__, "--side", side, "--kinds", kind, "--place", place, "--blocks", str(blocks)]


def environment() -> dict[str, str]:
    """Return the environment of a side: one thread, no network."""
    quiet = {"HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1", "PYTHONWARNINGS": "ignore"}
    return {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", **quiet}


def commit() -> str:
    """Return the commit of the working tree."""
    found = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def processor() -> str:
    """Return the processor's name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def work_as(side: str, kind: str, place: Path, steps: int) -> None:
    """Be one side, or prepare what both need."""
    from training_step_sides import prepare, train_directly, train_ours  # noqa: PLC0415 - heavy: only a side needs it

    turns = Turns()
    doing: dict[str, Callable[[], None]] = {
        "prepare": lambda: prepare(place, CORPORA, KINDS),
        "ours": lambda: train_ours(place, kind, KINDS[kind], steps, turns.step_done),
        "trl": lambda: train_directly(place, kind, KINDS[kind], CORPORA, steps, turns.step_done),
    }
    doing[side]()


if __name__ == "__main__":
    main()
