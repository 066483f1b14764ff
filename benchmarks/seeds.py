"""The miniature under seeds that nobody tuned on: mean and range of each variant over the seeds.

    python benchmarks/seeds.py PROJECT

PROJECT is a checkout in which `ladle run recipes/seeds.recipe` has run. Writes `benchmarks/results/seeds.json`.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from measuring import publish

LADLE = str(Path(sys.executable).parent / "ladle")
GROUPS = {
    "domain": ("domain_seen", "domain_text"),
    "general": ("general_seen", "general_text"),
    "chat": ("manners",),
}


def main() -> None:
    """Read the report and publish."""
    project = Path(sys.argv[1])
    command = [LADLE, "report", "recipes/seeds.recipe", "--format", "json"]
    answer = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
    scores: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in json.loads(answer)["rows"]:
        family, seed, path = re.fullmatch(r"([a-z]+)-(\d+)-?(.*)", row["model"]).groups()
        scores["-".join(part for part in (family, path) if part)][seed][row["benchmark"]] = row["accuracy"]
    figures = {variant: summary(list(by_seed.values())) for variant, by_seed in scores.items()}
    seeds = sorted({seed for by_seed in scores.values() for seed in by_seed})
    print(publish("seeds", round(os.getloadavg()[0], 2), {"seeds": seeds, "variants": figures}))


def summary(runs: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return mean, lowest and highest over seeds of each group and of the mean of the groups."""
    groups = [
        {name: statistics.mean(run[bench] for bench in benches) for name, benches in GROUPS.items()} for run in runs
    ]
    whole = [{**group, "overall": statistics.mean(group.values())} for group in groups]
    return {
        name: {
            "mean": round(statistics.mean(run[name] for run in whole), 4),
            "low": round(min(run[name] for run in whole), 4),
            "high": round(max(run[name] for run in whole), 4),
        }
        for name in (*GROUPS, "overall")
    }


if __name__ == "__main__":
    main()
