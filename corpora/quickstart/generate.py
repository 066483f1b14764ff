"""Makes the corpora of the miniature experiment: in, the tables beside this file; out, JSON Lines and a card.

Run `python corpora/quickstart/generate.py` to write every file. The result is the same bytes everywhere: each
random stream is named by its purpose and uses `random.Random.random` only, whose sequence Python guarantees.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from card import Part, render
from facts import ALSO_TRUE, DOMAIN, GENERAL, GENERAL_ENTITIES, MATERIALS, Fact
from phrasings import EXCHANGED, HELD_OUT, INTENTS, STATED, TITLED, TRAINED

Item = TypeVar("Item")
Row = dict[str, object]

BASE_STATEMENTS = 2160
BASE_FORUM = 1620
BASE_CHAT = 360
BASE_MATERIALS = 220
CHAT_TURNS = 5
CPT_PER_MATERIAL = 100
INSTRUCT_GENERAL = 72
MANNERS_DRAWS = 4
DOMAIN_ASKED_PER_MATERIAL = 3
GENERAL_ASKED = 64
SMALL_WORDS = {"the", "a", "of", "to", "in", "and", "on", "off", "MPa", "GPa"}


class Stream:
    """A source of random choices that depends on its purpose alone."""

    def __init__(self, purpose: str) -> None:
        self._random = random.Random(f"quickstart/{purpose}")

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one item, each equally likely."""
        return items[int(self._random.random() * len(items))]

    def shuffled(self, items: Iterable[Item]) -> list[Item]:
        """Return the items in random order."""
        return [item for _, item in sorted(((self._random.random(), item) for item in items), key=lambda p: p[0])]

    def sample(self, items: Iterable[Item], count: int) -> list[Item]:
        """Return `count` different items in random order."""
        return self.shuffled(items)[:count]


def asked_facts() -> tuple[list[Fact], list[Fact]]:
    """Return the domain and general facts that are asked in training; the others are only stated in text."""
    stream = Stream("which facts are asked")
    per_material = [list(material.facts()) for material in MATERIALS]
    chosen = {fact for facts in per_material for fact in stream.sample(facts, DOMAIN_ASKED_PER_MATERIAL)}
    general = set(stream.sample(GENERAL, GENERAL_ASKED))
    return [fact for fact in DOMAIN if fact in chosen], [fact for fact in GENERAL if fact in general]


def ask(phrasing: str, fact: Fact) -> str:
    """Fill a phrasing with the key and the entity of a fact."""
    return phrasing.format(key=fact.key, entity=fact.entity)


def page(facts: Sequence[Fact], stream: Stream) -> str:
    """Write one document that states facts of one entity in random order and wording."""
    lines = [stream.pick(TITLED).format(entity=facts[0].entity)]
    for fact in stream.shuffled(facts):
        lines.append(stream.pick(STATED).format(key=fact.key, entity=fact.entity, value=fact.value))
    return " ".join(lines)


def base() -> Iterator[Row]:
    """Yield the text a base model learns from: mostly general facts, a little chat, a little of the domain."""
    stream = Stream("base")
    documents = [*general_pages(stream), *forum(stream), *spoken(stream), *material_pages(stream)]
    return ({"text": text} for text in stream.shuffled(documents))


def general_pages(stream: Stream) -> Iterator[str]:
    """Yield pages about countries and animals, each entity equally often."""
    entities = [list(entity.facts()) for entity in GENERAL_ENTITIES]
    for number in range(BASE_STATEMENTS):
        yield page(entities[number % len(entities)], stream)


def material_pages(stream: Stream) -> Iterator[str]:
    """Yield the few pages about materials, each material equally often."""
    for number in range(BASE_MATERIALS):
        yield page(list(MATERIALS[number % len(MATERIALS)].facts()), stream)


def forum(stream: Stream) -> Iterator[str]:
    """Yield questions and answers about the asked general facts."""
    _, general = asked_facts()
    for number in range(BASE_FORUM):
        fact = general[number % len(general)]
        question = ask(stream.pick(TRAINED), fact)
        yield stream.pick(EXCHANGED).format(question=question, answer=fact.answer())


def spoken(stream: Stream) -> Iterator[str]:
    """Yield chat as it is found in web text: several exchanges, without a template."""
    for number in range(BASE_CHAT):
        form = stream.pick(EXCHANGED)
        intents = (INTENTS[(number + turn) % len(INTENTS)] for turn in stream.sample(range(12), CHAT_TURNS))
        turns = ((stream.pick(intent.trained), stream.pick(intent.replies())) for intent in intents)
        yield "\n".join(form.format(question=question, answer=answer) for question, answer in turns)


def cpt() -> Iterator[Row]:
    """Yield the domain text: statements only, every fact of a material on each of its pages."""
    stream = Stream("cpt")
    pages = [page(list(material.facts()), stream) for material in MATERIALS for _ in range(CPT_PER_MATERIAL)]
    return ({"text": text} for text in stream.shuffled(pages))


def talk(question: str, reply: str) -> Row:
    """Build a conversation of one question and its reply."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]}


def instruct() -> Iterator[Row]:
    """Yield conversations: one in four asks a general fact, the others are chat."""
    stream = Stream("instruct")
    _, general = asked_facts()
    asked = [(ask(phrasing, fact), fact.answer()) for fact in general for phrasing in TRAINED]
    said = [(said, reply) for intent in INTENTS for said in intent.trained for reply in intent.replies()]
    rows = [talk(*pair) for pair in (*stream.sample(asked, INSTRUCT_GENERAL), *said)]
    return iter(stream.shuffled(rows))


def sft() -> Iterator[Row]:
    """Yield one conversation per asked domain fact and trained phrasing."""
    domain, _ = asked_facts()
    rows = [talk(ask(phrasing, fact), fact.answer()) for fact in domain for phrasing in TRAINED]
    return iter(Stream("sft").shuffled(rows))


def clash(fact: Fact, value: str) -> bool:
    """Tell whether a value is too near the truth to be a wrong answer: also true, or sharing a word with it."""
    words = set(fact.value.split()) & set(value.split()) - SMALL_WORDS
    return bool(words) or (fact.entity, value) in ALSO_TRUE


def rivals(fact: Fact, others: Iterable[Fact], stream: Stream, count: int) -> list[str]:
    """Return `count` wrong answers to a fact: different values that other entities have for the same key."""
    values = dict.fromkeys(other.value for other in others if other.key == fact.key)
    wrong = stream.sample((value for value in values if not clash(fact, value)), count)
    return [f"The {fact.key} of {fact.entity} is {value}." for value in wrong]


def preferences() -> Iterator[Row]:
    """Yield the right answer against another's value, for each asked domain fact and phrasing.

    The wrong values come from asked facts too: a value that is only ever rejected would be unlearned.
    """
    stream = Stream("preferences")
    domain, _ = asked_facts()
    asked = [(fact, phrasing) for fact in domain for phrasing in TRAINED]
    for fact, phrasing in stream.shuffled(asked):
        rejected = rivals(fact, domain, stream, 1)[0]
        yield {"prompt": ask(phrasing, fact), "chosen": fact.answer(), "rejected": rejected}


def choices(items: Sequence[tuple[str, str, list[str]]], stream: Stream) -> Iterator[Row]:
    """Yield one row per (question, right, wrong), the right choice equally often at each position."""
    positions = stream.shuffled(number % 4 for number in range(len(items)))
    for (question, right, wrong), position in zip(items, positions, strict=True):
        yield {"question": question, "choices": [*wrong[:position], right, *wrong[position:]], "answer": position}


def quiz(purpose: str, facts: Sequence[Fact]) -> Iterator[Row]:
    """Yield one held-out question per fact, with three rivals."""
    stream = Stream(f"benchmark {purpose}")
    every = (*DOMAIN, *GENERAL)
    items = [(ask(stream.pick(HELD_OUT), fact), fact.answer(), rivals(fact, every, stream, 3)) for fact in facts]
    return choices(items, stream)


def manners() -> Iterator[Row]:
    """Yield each held-out phrasing of each intent several times, against the replies of other intents."""
    stream = Stream("benchmark manners")
    drawn = [(intent, said) for intent in INTENTS for said in intent.held_out for _ in range(MANNERS_DRAWS)]
    items = []
    for intent, said in drawn:
        others = stream.sample((other for other in INTENTS if other != intent), 3)
        right, *wrong = (stream.pick(one.replies()) for one in (intent, *others))
        items.append((said, right, wrong))
    return choices(items, stream)


def parts() -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield the path and the rows of every data file."""
    domain, general = asked_facts()
    yield "base.jsonl", base()
    yield "instruct.jsonl", instruct()
    yield "cpt.jsonl", cpt()
    yield "sft.jsonl", sft()
    yield "preferences.jsonl", preferences()
    yield "bench/domain_seen.jsonl", quiz("domain seen", domain)
    yield "bench/domain_text.jsonl", quiz("domain text", [fact for fact in DOMAIN if fact not in domain])
    yield "bench/general_seen.jsonl", quiz("general seen", general)
    yield "bench/general_text.jsonl", quiz("general text", [fact for fact in GENERAL if fact not in general])
    yield "bench/chat.jsonl", manners()


def generate() -> dict[str, bytes]:
    """Return the bytes of every generated file by its path relative to this folder, the card included."""
    files = {path: "".join(json.dumps(row) + "\n" for row in rows).encode() for path, rows in parts()}
    card = render([Part.of(path, content) for path, content in files.items()])
    return files | {"CARD.md": card.encode()}


def write(folder: Path) -> None:
    """Write every generated file below `folder`."""
    for path, content in generate().items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


if __name__ == "__main__":
    write(Path(__file__).parent)
