"""Merges of synthetic models: Ladle beside mergekit's best flags and beside copying the same bytes.

    python benchmarks/merging.py [--parameters 1B] [--methods slerp linear ...] [--repeats 5] [--format text|json]

Three parents of the shape of Llama are made in a scratch folder: the second and third are the first plus 5 % noise.
Each side is a command of its own: `ladle run` of a recipe, as a user starts it, with hashing, syncing and publishing;
`mergekit-yaml` (`mergekit-multi` for the nested merge) with 500 MB shards, asynchronous writing and one thread; and a
loop that reads two parents and writes one file. Sides alternate. Peak memory is summed over a side's processes. With
`--publish` the figures are written to `benchmarks/results/merging.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import torch
from measuring import publish
from safetensors.torch import save_file

BIN = Path(sys.executable).parent
NOISE = 0.05
VOCABULARY = 32000
WIDTHS = ((30e6, 256), (300e6, 1024), (2e9, 2048), (float("inf"), 3072))
"""Up to how many parameters a model has which hidden size."""
COPY = """
import os, sys
a, b, out = sys.argv[1:]
block = bytearray(8 << 20)
target = os.open(out, os.O_WRONLY | os.O_CREAT)
for path in (a, b):
    source = os.open(path, os.O_RDONLY)
    while count := os.readv(source, [block]):
        if path == a:
            os.write(target, memoryview(block)[:count])
os.fsync(target)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What one side cost for one method: medians."""

    engine: str
    method: str
    wall_s: float
    cpu_s: float
    peak_mb: int


@dataclass(frozen=True, slots=True)
class Case:
    """One merge, as a recipe says it and as mergekit does; `yaml` has {a}, {b}, {c} for the parents' folders."""

    recipe: str
    yaml: str
    multi: bool = False


def _two(method: str, parameters: str, weights: Sequence[str]) -> str:
    models = "".join(
        f"  - model: {{{name}}}\n" + (f"    parameters: {{{{{weight}}}}}\n" if weight else "")
        for name, weight in zip("abc", weights, strict=False)
    )
    return f"merge_method: {method}\ndtype: bfloat16\n{parameters}models:\n{models}"


BASED = "base_model: {a}\n"
CASES: Mapping[str, Case] = {
    "slerp": Case("slerp(a, b, t = 0.4)", _two("slerp", BASED + "parameters: {{t: 0.4}}\n", ("", ""))),
    "linear": Case("linear(a: 0.3, b: 0.7)", _two("linear", "", ("weight: 0.3", "weight: 0.7"))),
    "task_arithmetic": Case(
        "task_arithmetic(b: 0.5, c: 0.5, base = a)",
        _two("task_arithmetic", BASED, ("", "weight: 0.5", "weight: 0.5")),
    ),
    "ties": Case(
        "ties(b: 0.5, c: 0.5, base = a, density = 0.5)",
        _two("ties", BASED, ("", "weight: 0.5, density: 0.5", "weight: 0.5, density: 0.5")),
    ),
    "dare_ties": Case(
        "dare_ties(b: 0.5, c: 0.5, base = a, density = 0.5)",
        _two("dare_ties", BASED, ("", "weight: 0.5, density: 0.5", "weight: 0.5, density: 0.5")),
    ),
    "nested": Case(
        "slerp(a, linear(b: 0.5, c: 0.5), t = 0.4)",
        "name: inner\nmerge_method: linear\ndtype: bfloat16\nmodels:\n"
        "  - model: {b}\n    parameters: {{weight: 0.5}}\n  - model: {c}\n    parameters: {{weight: 0.5}}\n---\n"
        "merge_method: slerp\ndtype: bfloat16\nbase_model: {a}\nparameters: {{t: 0.4}}\n"
        "models:\n  - model: {a}\n  - model: inner\n",
        multi=True,
    ),
}
USUAL = {"ties": 3, "dare_ties": 3}
"""Runs of a side, where it is not five."""
SWEEP = "sweep"
"""Nine values of `t` in one reading; only Ladle has it."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parameters", default="1B", help="of each parent, such as 200M or 1B")
    parser.add_argument("--methods", nargs="+", default=[*CASES, SWEEP], choices=[*CASES, SWEEP])
    parser.add_argument("--engines", nargs="+", default=["ladle", "mergekit", "copy"])
    parser.add_argument("--repeats", type=int, default=0, help="0: five, for ties and dare_ties three")
    parser.add_argument("--format", default="text", choices=["text", "json"])
    parser.add_argument("--folder", type=Path, help="where the models are made, and kept (default: a scratch folder)")
    parser.add_argument("--publish", action="store_true")
    asked = parser.parse_args()
    load = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        parents = [make(folder / name, count(asked.parameters), name) for name in "abc"]
        rows = [row for name in asked.methods for row in measure(folder, name, asked.engines, asked.repeats)]
        size = sum(path.stat().st_size for path in parents[0].glob("*.safetensors"))
    if asked.format == "json":
        print(json.dumps({"schema": 1, "rows": [asdict(row) for row in rows]}))
    else:
        print(table(rows))
    if asked.publish:
        runs = {name: asked.repeats or USUAL.get(name, 5) for name in asked.methods}
        listed = [{**asdict(row), "runs": runs[row.method]} for row in rows]
        figures = {"parameters": asked.parameters, "parent_bytes": size, "rows": listed}
        print(publish("merging", load, figures))


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text."""
    lines = [f"{'method':16} {'engine':10} {'wall s':>8} {'CPU s':>8} {'peak MB':>8}"]
    lines += [f"{r.method:16} {r.engine:10} {r.wall_s:8.2f} {r.cpu_s:8.2f} {r.peak_mb:8}" for r in rows]
    return "\n".join(lines)


def count(text: str) -> float:
    """Return the number that `200M` or `1B` says."""
    return float(text[:-1]) * {"M": 1e6, "B": 1e9}[text[-1].upper()]


def make(folder: Path, parameters: float, name: str) -> Path:
    """Write a parent, unless it is there; the others add noise to the first, tensor by tensor."""
    if (folder / "config.json").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    hidden = next(width for limit, width in WIDTHS if parameters < limit)
    layers = max(1, round((parameters - 2 * VOCABULARY * hidden) / per_layer(hidden)))
    tensors = {}
    for place, (key, shape) in enumerate(shapes(hidden, layers).items()):
        first = torch.randn(shape, generator=torch.Generator().manual_seed(place)).mul_(0.02)
        if name != "a":
            seed = torch.Generator().manual_seed(place + 1000 * ord(name))
            first = first.bfloat16().float() + torch.randn(shape, generator=seed).mul_(0.02 * NOISE)
        tensors[key] = first.bfloat16()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden,
        "intermediate_size": inner(hidden), "num_hidden_layers": layers, "num_attention_heads": hidden // 64,
        "num_key_value_heads": hidden // 64, "vocab_size": VOCABULARY, "tie_word_embeddings": False,
        "rms_norm_eps": 1e-5, "max_position_embeddings": 2048, "torch_dtype": "bfloat16",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def inner(hidden: int) -> int:
    """Return the width of the MLP."""
    return hidden * 11 // 4


def per_layer(hidden: int) -> int:
    """Return the parameters of a layer."""
    return 4 * hidden * hidden + 3 * hidden * inner(hidden) + 2 * hidden


def shapes(hidden: int, layers: int) -> dict[str, tuple[int, ...]]:
    """Return every tensor's shape by name."""
    found: dict[str, tuple[int, ...]] = {
        "lm_head.weight": (VOCABULARY, hidden),
        "model.embed_tokens.weight": (VOCABULARY, hidden),
        "model.norm.weight": (hidden,),
    }
    for layer in range(layers):
        at = f"model.layers.{layer}."
        found |= {f"{at}self_attn.{name}_proj.weight": (hidden, hidden) for name in "qkvo"}
        found |= {f"{at}mlp.{name}_proj.weight": (inner(hidden), hidden) for name in ("gate", "up")}
        found[f"{at}mlp.down_proj.weight"] = (hidden, inner(hidden))
        found |= {f"{at}{name}_layernorm.weight": (hidden,) for name in ("input", "post_attention")}
    return found


def measure(folder: Path, method: str, engines: Sequence[str], repeats: int) -> list[Row]:
    """Run the sides of a method in turn and return their medians."""
    sides = [engine for engine in engines if method != SWEEP or engine == "ladle"]
    seen: dict[str, list[tuple[float, float, float]]] = {engine: [] for engine in sides}
    for _ in range(repeats or USUAL.get(method, 5)):
        for engine in sides:
            seen[engine].append(side(folder, method, engine))
    return [
        Row(engine, method, *(round(statistics.median(run[i] for run in runs), 2) for i in (0, 1)),
            round(statistics.median(run[2] for run in runs)))
        for engine, runs in seen.items()
    ]  # fmt: skip


def side(folder: Path, method: str, engine: str) -> tuple[float, float, float]:
    """Run one side once into an empty place; return wall seconds, CPU seconds and peak MB."""
    if engine == "ladle":
        return ladle(folder, method)
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    a, b = (folder / name / "model.safetensors" for name in "ab")
    if engine == "copy":
        return cost([sys.executable, "-S", "-c", COPY, str(a), str(b), str(out / "copy")], folder)
    case = CASES[method]
    config = out / "merge.yml"
    config.write_text(case.yaml.format(**{name: folder / name for name in "abc"}))
    flags = ["--out-shard-size", "500M", "--async-write", "--num-threads", "1", "--quiet", "--no-copy-tokenizer"]
    if case.multi:
        places = ["--intermediate-dir", str(out / "inner"), "--out-path", str(out / "model")]
        return cost([str(BIN / "mergekit-multi"), str(config), *places, *flags], folder)
    return cost([str(BIN / "mergekit-yaml"), str(config), str(out / "model"), *flags], folder)


def ladle(folder: Path, method: str) -> tuple[float, float, float]:
    """Run a recipe in a project whose results are gone; the parents' digests are known from a run before."""
    (folder / "recipes").mkdir(exist_ok=True)
    recipe = folder / "recipes" / f"{method}.recipe"
    expression = "slerp(a, b, t = t)" if method == SWEEP else CASES[method].recipe
    axis = "[t in 0.1..0.9 by 0.1]" if method == SWEEP else ""
    models = "".join(f'model {name} = local("{name}")\n' for name in "abc" if method != SWEEP or name != "c")
    text = f"edition 1\n\n{models}\nmodel merged{axis} = {expression}\n\npublish merged {{ to = local }}\n"
    recipe.write_text(text.split("\npublish")[0])
    if not (folder / ".git").exists():
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        ladle(folder, method)
    for place in (folder / "artifacts").glob(f"{method}/merged*"):
        shutil.rmtree(place)
    shutil.rmtree(folder / "artifacts" / method, ignore_errors=True)
    return cost([str(BIN / "ladle"), "run", str(recipe)], folder)


def cost(command: Sequence[str], folder: Path) -> tuple[float, float, float]:
    """Run a command to its end; return wall seconds, CPU seconds and the peak of its processes' memory in MB."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before, began = os.times(), time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    peak = [0]
    watch = threading.Thread(target=follow, args=(process.pid, peak))
    watch.start()
    said, _ = process.communicate()
    wall = time.perf_counter() - began
    watch.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{said.decode(errors='replace')[-3000:]}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, peak[0] / 2**20


def follow(pid: int, peak: list[int]) -> None:
    """Note the largest sum of the resident memory of a process and its descendants, until it is gone."""
    try:
        root = psutil.Process(pid)
        while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
            peak[0] = max(peak[0], sum(resident(each) for each in (root, *root.children(recursive=True))))
            time.sleep(0.02)
    except psutil.Error:
        pass


def resident(process: psutil.Process) -> int:
    """Return the bytes a process has in memory, 0 once it is gone."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


if __name__ == "__main__":
    main()
