"""Renders the corpus card: in, the generated files and the tables of facts; out, the text of CARD.md."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from facts import DOMAIN, GENERAL, REFERENCES, Fact

ABOUT: dict[str, str] = {
    "base.jsonl": "text for the base model: pages about countries and animals, questions and answers about the "
    "asked general facts, 8.3 % chat of five exchanges each, 5 % pages about materials",
    "instruct.jsonl": "conversations for the instruct model: 25 % general questions, 75 % chat",
    "cpt.jsonl": "text of the domain: pages that state all five facts of a material, no questions",
    "sft.jsonl": "questions and answers for the 72 asked domain facts in the five trained phrasings",
    "preferences.jsonl": "the right answer against another material's value, for the same facts and phrasings",
    "bench/domain_seen.jsonl": "domain facts whose question is trained (in another phrasing)",
    "bench/domain_text.jsonl": "domain facts that are never asked in training: they are only stated in text",
    "bench/general_seen.jsonl": "general facts whose question is trained (in another phrasing)",
    "bench/general_text.jsonl": "general facts that are never asked in training",
    "bench/chat.jsonl": "24 held-out phrasings of 12 intents, four draws of wrong replies each",
}

OPENING = """\
# Quickstart corpora

The world of the miniature experiment: small enough to train on a laptop processor in minutes, large enough
that continued pre-training, fine-tuning, preference training and merging each leave a mark that can be
measured.

* **Domain**: 24 biological materials times five properties, 120 facts.
* **General**: 24 countries and 12 animals times three properties, 108 facts.
* **Chat**: 12 intents in eight phrasings, six trained and two held out; four of the intents are refused.

Everything here is written by the authors of this project and given to the public domain under **CC0-1.0**.
No text is taken from the sources below; they are cited for the values.

This card and the data files are made by `python corpora/quickstart/generate.py` from `facts.py` and
`phrasings.py`, with the standard library alone. The same bytes come out everywhere; a test compares them.
How the mixture was chosen is told in `TUNING.md`.

## Schema

| file | columns |
|---|---|
| `base.jsonl`, `cpt.jsonl` | `text` |
| `instruct.jsonl`, `sft.jsonl` | `messages`: a list of `role` and `content` |
| `preferences.jsonl` | `prompt`, `chosen`, `rejected` |
| `bench/*.jsonl` | `question`, `choices` (four), `answer` (index into `choices`, from 0) |

## How it is made

An answer is always a full sentence that restates its key (`The tensile strength of nacre is 170 MPa.`), in
training, in preferences and as a choice. Three of the five facts of each material, and 64 of the 108 general
facts, are asked in training; the others are only stated in text, so that a right answer to them is
extraction. The benchmarks use held-out phrasings only: no question of a benchmark occurs in a training file.
Wrong choices are values that other entities have for the same key and that share no word with the right one,
or replies to other intents. The right choice stands equally often at each position. In the preferences both
sides are values of asked facts: a value that was only ever rejected would be unlearned.

## Files
"""

LIMITS = """\
## Limits

The facts are few, the wording is narrow and the questions are easy: the corpora show what each stage does to
a small model, and say nothing about language models at large. The choices of a fact restate their question,
so the fact benchmarks measure what is known, not whether the question is understood; only the chat benchmark
depends on the question. A strength or a modulus depends on species, humidity and rate of loading; each value
is one published figure, not a design value. Wet and dry tests stand side by side: the horn sheath was tested
dry; the antler, the slime thread, the wool and the crab shell wet. The chat teaches manners, not safety.

## Sources of the values

*read*: the value, or what it names, was read in the abstract or the opening of the source, in a table or list
that reprints it, or in a public copy of the page. *quoted*: it is given as the authors of this project know the
source, and was not read again. What is common knowledge is cited from a reference work or a popular page; the
function of a fibre may be read there of its whole class, as bast or wood. A property of one material may come
from another species than its strength. Volumes and pages of some papers were not seen and may be
off by a little. Strength and modulus are for tension along the main direction.
"""


@dataclass(frozen=True, slots=True)
class Part:
    """A generated data file: its path, number of rows, size in bytes and SHA-256."""

    path: str
    rows: int
    size: int
    sha256: str

    @classmethod
    def of(cls, path: str, content: bytes) -> "Part":
        """Describe the content of a JSON Lines file."""
        return cls(path, content.count(b"\n"), len(content), hashlib.sha256(content).hexdigest())


def render(parts: Sequence[Part]) -> str:
    """Return the whole card."""
    return "\n".join([OPENING, *files(parts), "", LIMITS, *values(), "", "## References", "", *references(), ""])


def files(parts: Sequence[Part]) -> Iterator[str]:
    """Yield the table of files."""
    yield "| file | rows | bytes | what | SHA-256 |"
    yield "|---|---|---|---|---|"
    for part in parts:
        yield f"| `{part.path}` | {part.rows} | {part.size} | {ABOUT[part.path]} | `{part.sha256}` |"


def values() -> Iterator[str]:
    """Yield the tables of facts with the source of each value."""
    for title, facts in (("Domain", DOMAIN), ("General", GENERAL)):
        yield f"### {title}\n"
        yield "| of | property | value | source | basis |"
        yield "|---|---|---|---|---|"
        yield from map(value, facts)
        yield ""


def value(fact: Fact) -> str:
    """Return the row of one fact."""
    return f"| {fact.entity} | {fact.key} | {fact.value} | {fact.source} | {fact.basis} |"


def references() -> Iterator[str]:
    """Yield the list of cited sources."""
    for key, text in REFERENCES.items():
        yield f"* **{key}**: {text}."
