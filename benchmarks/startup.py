"""How soon Ladle answers: `check` cold, `check` of 1,000 declarations, `run` with nothing to do.

    python benchmarks/startup.py [--repeats 11] [--project FOLDER]

FOLDER is a project whose `recipes/first.recipe` has run (`ladle new`, `ladle run`); without it that line is left out.
Median and spread of CPU and wall seconds of whole processes. Writes `benchmarks/results/startup.json`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from measuring import ROOT, Cost, cost, publish

LADLE = str(Path(sys.executable).parent / "ladle")
BEGINNING = """edition 1
corpus reading: text = jsonl("corpora/quickstart/cpt.jsonl")
model m0 = init(arch = llama, hidden = 64, layers = 2, heads = 4, intermediate = 128,
                tokenizer = bpe([reading], vocab = 512), template = chatml)
"""


def main() -> None:
    """Measure, print and publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--project", type=Path)
    arguments = parser.parse_args()
    load = round(os.getloadavg()[0], 2)
    figures = {
        "python": measured([sys.executable, "-c", "pass"], ROOT, arguments.repeats),
        "check_quickstart": measured([LADLE, "check", "recipes/quickstart.recipe"], ROOT, arguments.repeats),
        "check_1000_declarations": thousand(arguments.repeats),
    }
    if arguments.project:
        command = [LADLE, "run", "recipes/first.recipe"]
        figures["run_nothing_to_do"] = measured(command, arguments.project, arguments.repeats)
    for name, row in figures.items():
        print(f"{name:26} cpu {row['cpu_s']:.3f} s  wall {row['wall_s']:.3f} s")
    print(publish("startup", load, {"repeats": arguments.repeats, "figures": figures}))


def thousand(repeats: int) -> dict[str, float]:
    """Check a chain of 1,000 declarations, in a folder beside the quickstart's corpora."""
    lines = [f"model m{n} = m{n - 1} | cpt(on = reading, steps = {n})" for n in range(1, 998)]
    with tempfile.TemporaryDirectory(dir=ROOT / "recipes") as folder:
        recipe = Path(folder) / "thousand.recipe"
        recipe.write_text(BEGINNING + "\n".join(lines) + "\n")
        return measured([LADLE, "check", str(recipe)], ROOT, repeats)


def measured(command: Sequence[str], folder: Path, repeats: int) -> dict[str, float]:
    """Return the median cost of a command and its spread; one run before warms the disk."""
    cost(command, folder)
    costs = [cost(command, folder) for _ in range(repeats)]
    return {**spread("cpu_s", costs), **spread("wall_s", costs)}


def spread(name: str, costs: Sequence[Cost]) -> dict[str, float]:
    """Return median, smallest and largest of one figure."""
    values = [getattr(each, name) for each in costs]
    return {name: statistics.median(values), f"{name}_min": min(values), f"{name}_max": max(values)}


if __name__ == "__main__":
    main()
