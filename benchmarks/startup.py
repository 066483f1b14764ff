"""How soon Ladle answers: `check` and `lint` cold, of 100 and of many declarations, `run` with nothing to do.

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
        "lint_quickstart": measured([LADLE, "lint", "recipes/quickstart.recipe"], ROOT, arguments.repeats),
        "check_1000_declarations": written("check", BEGINNING + chain(998), arguments.repeats),
        "lint_100_lines": written("lint", hundred(), arguments.repeats),
        "lint_100_lines_again": written("lint", hundred(), arguments.repeats, again=True),
        "lint_10000_lines": written("lint", BEGINNING + chain(9990), min(3, arguments.repeats)),
    }
    if arguments.project:
        command = [LADLE, "run", "recipes/first.recipe"]
        figures["run_nothing_to_do"] = measured(command, arguments.project, arguments.repeats)
    for name, row in figures.items():
        print(f"{name:26} cpu {row['cpu_s']:.3f} s  wall {row['wall_s']:.3f} s")
    print(publish("startup", load, {"repeats": arguments.repeats, "figures": figures}))


def chain(count: int) -> str:
    """Return declarations that each go on from the one before."""
    return "".join(f"model m{n} = m{n - 1} | cpt(on = reading, steps = {n})\n" for n in range(1, count))


def hundred() -> str:
    """Return a recipe of 100 lines: the figure's, with 29 more models and their merges."""
    text = (ROOT / "recipes" / "figure.recipe").read_text()
    models = [f"model other{n} = base | cpt(steps = {150 + n}) | sft" for n in range(29)]
    merges = [f"model blend{n} = slerp(instruct, other{n}, t = 0.5)" for n in range(29)]
    rest = text.count("\n") + len(models) + len(merges)
    more = f"[{', '.join(f'blend{n}' for n in range(29))}]"
    table = text.replace("[base, instruct, trained, merged]", f"[base, instruct, trained, merged, {more}]")
    return table + "\n".join([*models, *merges]) + "\n" + "# the end\n" * (100 - rest)


def written(command: str, text: str, repeats: int, again: bool = False) -> dict[str, float]:
    """Judge a recipe that lies in a folder beside the quickstart's corpora; `again`: the answer is remembered."""
    with tempfile.TemporaryDirectory(dir=ROOT / "recipes") as folder, tempfile.TemporaryDirectory() as cache:
        recipe = Path(folder) / "written.recipe"
        recipe.write_text(text)
        os.utime(recipe, (1e9, 1e9))  # what was written a moment ago is not remembered
        return measured([LADLE, command, str(recipe)], ROOT, repeats, cache if again else os.devnull)


def measured(command: Sequence[str], folder: Path, repeats: int, cache: str = os.devnull) -> dict[str, float]:
    """Return the median cost of a command and its spread; one run before warms the disk."""
    cost(command, folder, cache=cache)
    costs = [cost(command, folder, cache=cache) for _ in range(repeats)]
    return {**spread("cpu_s", costs), **spread("wall_s", costs)}


def spread(name: str, costs: Sequence[Cost]) -> dict[str, float]:
    """Return median, smallest and largest of one figure."""
    values = [getattr(each, name) for each in costs]
    return {name: statistics.median(values), f"{name}_min": min(values), f"{name}_max": max(values)}


if __name__ == "__main__":
    main()
