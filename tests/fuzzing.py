"""A million recipes that nobody wrote. In: a seed and a count. Out: whatever the language did that it must not.

    python tests/fuzzing.py --count 1000000 --seed 1 --log fuzz.jsonl

Half of the inputs are made from the grammar, with names that mean something; the others are shipped recipes with
bytes flipped, dropped, doubled, spliced and put in. Of each: it parses, is checked and linted without an exception and
within a second; problems lie within the text; what is sound makes a graph; what parses is formatted, parses again to
the same tree, and is formatted to the same text. A stretch of inputs that is done is one line of the log; what the log
holds is not done again. Exit status 1 where anything was found.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from checking import LLAMA, MODELS, PRELUDE, FakeFacts
from ladle.dsl.check import check
from ladle.dsl.format import format_source
from ladle.dsl.lint import lint
from ladle.dsl.lower import lower
from ladle.dsl.parse import parse
from ladle.dsl.signature import CorpusFacts, Fault
from ladle.dsl.source import Source
from ladle.dsl.types import CorpusKind, ModelType
from ladle.dsl.verify import verify
from ladle.executor.catalog import vocabulary
from ladle.executor.rulebook import rules
from trees import keeps

STRETCH = 2000
"""Inputs of one line of the log."""
SLOW_S = 1.0
"""CPU seconds within which every input must be done."""
HANG_S = 20
"""CPU seconds after which an input is given up; the clock would count a machine's other work too."""
RECIPES = tuple(path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parents[1].rglob("*.recipe")))
"""What the mutations begin with."""


@dataclass
class Found:
    """What a stretch of inputs came to."""

    seed: int
    inputs: int = 0
    parsed: int = 0
    sound: int = 0
    slowest_s: float = 0.0
    failures: list[dict[str, str]] = field(default_factory=list)


class AnyFacts(FakeFacts):
    """A project in which every path is there; a file's kind is what its folder or its name says."""

    def corpus(self, pattern: str, columns: Mapping[str, str]) -> CorpusFacts | tuple[Fault, ...]:
        words = re.findall("[a-z]+", pattern)
        kinds = [kind for kind in CorpusKind if kind.value in words or NAMED.get(kind.value, "") in words]
        return CorpusFacts((), kinds[0] if kinds else CorpusKind.TEXT)

    def model(self, folder: str) -> ModelType | tuple[Fault, ...]:
        return MODELS.get(folder, LLAMA)


NAMED = {"labelled": "bench", "chat": "sft", "preference": "preferences"}
"""What the files of a kind are called in the shipped recipes, where not after it."""


class Hang(Exception):
    """An input took too long."""


# --- inputs ---------------------------------------------------------------------------------------------------------


def inputs(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Yield `count` recipes and what they stand beside; equal seeds give equal recipes."""
    draw = random.Random(seed)
    for number in range(count):
        yield Grammar(draw).recipe() if number % 2 else (mutated(draw), "")


SENSE = (
    "base | cpt", "instruct | cpt | sft(epochs = 2)", "slerp(base, instruct, t = 0.5)", "[base, instruct]",
    "soup([base, instruct])", "ties(base: 0.5, instruct: 0.5, base = llama)", "papers | take(rows = 3)",
    "base + 0.5 * (instruct - base)",
    "mix(papers: 2, papers | every(3): 1)", "papers | filter(min_words = 3) | shuffle", "[cpt, cpt | sft]", "1..3",
    "slerp(base, base | sft, t = {mlp: [0, 1], else: 0.5})", "lessons | as_text", "trained[i = base]",
)  # fmt: skip
"""Expressions that often mean something with the prelude."""


class Grammar:
    """Recipes from the grammar."""

    MODELS = ("base", "instruct", "llama", "wide", "fam", "m", "n", 'local("models/a")', "trained", 'hub("a/b")')
    OTHERS = ("cpt", "sft", "dpo", "orpo", "paths", "papers", "lessons", "pairs", "silk", "k", "wrapped", "x")
    VALUES = ("0", "1", "0.5", "2", "5%", "2GB", "8k", "4Ki", "1.5pp", "2h", "1e300", '"text/a.jsonl"', "none", "true",
              "1..3", "0.1..0.3 by 0.1", '""', "1e-9", "-1")  # fmt: skip
    KINDS = ("text", "chat", "preference", "labelled", "choice", "exact", "loss", "cpt", "sft", "dpo", "orpo", "x")

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        words = vocabulary()
        self.calls = (*words, "full", "m", "unknown")
        self.options = ("on", "models", "baseline", "seed", *(o.name for w in words.values() for o in w.options))

    def recipe(self) -> tuple[str, str]:
        """Return up to six declarations, and mostly the prelude that their names come from."""
        made = [self.declaration() for _ in range(self.draw.choice((1, 1, 1, 2, 6)))]
        return "\n".join([*made, ""]), PRELUDE if self.draw.random() < 0.9 else ""

    def name(self) -> str:
        """Return a name, most often a new one."""
        return self.pick(("a", "b", "c", "d", "e", "f", "m", "n", "x", "y", "sft", "slerp", "base", "gate"))

    def pick(self, items: tuple[str, ...]) -> str:
        """Return one of `items`."""
        return self.draw.choice(items)

    def declaration(self) -> str:
        """Return one declaration."""
        forms: tuple[Callable[[], str], ...] = (
            lambda: f"let {self.name()} = {self.value(3)}",
            lambda: f"model {self.name()} = {self.value(4)}",
            lambda: f"model {self.name()}[{self.axes()}] = {self.value(3)} with {self.block(owned=True)}",
            lambda: f"corpus {self.name()}: {self.pick(self.KINDS)} = {self.value(3)}",
            lambda: f"stage {self.name()}: {self.pick(self.KINDS)} {self.block()}",
            lambda: f"stage {self.name()} = {self.value(2)}",
            lambda: f"benchmark {self.name()}: {self.pick(self.KINDS)} {self.block()}",
            lambda: f"evaluate {self.name()} {self.block()}",
            lambda: f'use "{self.pick(("a.recipe", "recipes/t.recipe", "../x"))}": a, b as {self.name()}',
            lambda: f"variant {self.name()} {self.block(owned=True)}",
            lambda: f"publish {self.name()} {self.block()}",
            lambda: f"gate {self.name()} {{ require {self.value(2)} {self.pick(('>=', '<', '=='))} {self.value(2)} }}",
        )
        return f"{self.comment()}{self.draw.choice(forms)()}{self.comment()}"

    def comment(self) -> str:
        """Return a comment now and then."""
        return self.pick(("", "", "", "", " # why\n", "## what\n"))

    def axes(self) -> str:
        """Return one or two axes."""
        return ", ".join(
            f"{name} in {self.value(2)}" for name in self.draw.sample(("i", "j", "k2"), self.draw.randrange(1, 3))
        )

    def block(self, owned: bool = False) -> str:
        """Return settings in braces."""
        owners = ("cpt.", "sft.", "stage.", "full.", "")
        made = (
            f"{self.pick(owners) if owned else ''}{self.pick(self.options)} = {self.value(2)}"
            for _ in range(self.draw.randrange(4))
        )
        return "{ " + self.pick(("  ", ", ", "\n  ")).join(made) + " }"

    def value(self, depth: int) -> str:
        """Return an expression."""
        if depth == 0 or self.draw.random() < 0.3:
            return self.pick(self.draw.choice((self.MODELS, self.OTHERS, self.VALUES)))
        if self.draw.random() < 0.4:
            return self.draw.choice(SENSE)
        inner = [self.value(depth - 1) for _ in range(3)]
        forms = (
            "{0} | {1}", "{0} {3} {1}", "{4}({0}, {1}, {5} = {2})", "{4}({0}: 0.5, {1}: {2})", "[{0}, {1}]", "fam[{0}]",
            "{{mlp: {0}, else: {1}}}", "-{0}", "({0})", "{4}({0})", "trained[i = {0}]", "{0} | {4}({5} = {1})",
        )  # fmt: skip
        return self.pick(forms).format(*inner, self.pick("+-*/"), self.pick(self.calls), self.pick(self.options))  # type: ignore[arg-type]


PIECES = (
    "(", ")", "[", "]", "{", "}", "=", ":", ",", "|", '"', "#", "##", "\n", " ", "\t", "\r\n", "1..", "8kb", ">=", "..",
    "stage", "model ", "\nmodel m = ", "with {", "else", "\u202e", "\x00", "\x1b[31m", "\ufeff", "é", "𝔪", "9" * 70,
    "[" * 120, "use ", "gate g {", "allow W501: x", "e" * 200, "0x1", "1e999", "%", "-", "*",
)  # fmt: skip


def mutated(draw: random.Random) -> str:
    """Return a shipped recipe, or parts of two, with its bytes changed here and there."""
    text = draw.choice(RECIPES).encode()
    if draw.random() < 0.2:
        other = draw.choice(RECIPES).encode()
        text = text[: draw.randrange(len(text) + 1)] + other[draw.randrange(len(other) + 1) :]
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        place = draw.randrange(len(text) + 1)
        end = min(len(text), place + draw.choice((0, 1, 1, 2, 5, 40)))
        kept = draw.choice(
            (
                b"",
                text[place:end] * 2,
                text[place:end][::-1],
                draw.choice(PIECES).encode(),
                _flipped(draw, text[place:end]),
            )
        )
        text = text[:place] + kept + text[end:]
    return text.decode("utf-8", errors="replace").replace("\r\n", "\n")


def _flipped(draw: random.Random, data: bytes) -> bytes:
    return bytes(byte ^ (1 << draw.randrange(8)) for byte in data)


# --- what must hold -------------------------------------------------------------------------------------------------


def judge(made: str, beside: str, found: Found) -> None:
    """Do with a recipe what the commands do; `beside`, which is sound, is not formatted each time anew.

    Raises whatever they must not raise.
    """
    text = made + beside
    recipe, unread = parse(Source("recipes/t.recipe", text))
    program, problems = check(recipe, vocabulary(), AnyFacts())
    for problem in (*unread, *problems):
        assert 0 <= problem.span.start <= problem.span.end <= len(problem.source.text), (problem.code, problem.span)
        assert problem.message, problem.code
    found.parsed += not unread
    if unread:
        assert format_source(Source("recipes/t.recipe", made))[0] == made
    else:
        keeps(made)
    known = rules()
    for finding in lint(program, known.values(), known, sound=not unread and not problems):
        assert 0 <= finding.span.start <= finding.span.end <= len(text), (finding.code, finding.span)
    if not unread and not problems:
        found.sound += 1
        verify(lower(program, vocabulary(), AnyFacts()))


def stretch(seed: int, count: int = STRETCH) -> Found:
    """Judge the inputs of one seed."""
    signal.signal(signal.SIGPROF, _give_up)
    found = Found(seed)
    gc.freeze()
    for made, beside in inputs(seed, count):
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, HANG_S)
        try:
            judge(made, beside, found)
        except Exception:
            found.failures.append({"text": made + beside, "what": traceback.format_exc(limit=-4)})
        signal.setitimer(signal.ITIMER_PROF, 0)
        took = time.process_time() - began
        if took > SLOW_S:
            found.failures.append({"text": made + beside, "what": f"took {took:.2f} s"})
        found.slowest_s = round(max(found.slowest_s, took), 3)
        found.inputs += 1
    return found


def _give_up(_signal: int, _frame: FrameType | None) -> None:
    raise Hang(f"more than {HANG_S} s")


def main() -> int:
    """Judge what the log does not hold yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--log", type=Path, default=Path("fuzz.jsonl"))
    given = parser.parse_args()
    lines = given.log.read_text().splitlines() if given.log.exists() else []
    rows = [json.loads(line) for line in lines]
    done = {row["seed"] for row in rows}
    seeds = [given.seed * 1_000_000 + number for number in range(-(-given.count // STRETCH))]
    with ProcessPoolExecutor(given.workers) as pool, given.log.open("a") as log:
        for found in pool.map(stretch, [seed for seed in seeds if seed not in done]):
            rows.append(vars(found))
            log.write(json.dumps(vars(found)) + "\n")
            log.flush()
            for failure in found.failures:
                print(failure["what"], failure["text"][:2000], sep="\n", flush=True)
    total = {name: sum(row[name] for row in rows) for name in ("inputs", "parsed", "sound")}
    failures = sum(len(row["failures"]) for row in rows)
    print(json.dumps({**total, "slowest_s": max(row["slowest_s"] for row in rows), "failures": failures}))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
