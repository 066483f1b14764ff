"""Files that are made from each other. In: what each file makes. Out: a problem at the line that closes a circle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from ladle.executor.importing.draft import ModelRef, Read, needs
from ladle.executor.importing.ledger import Ledger
from ladle.executor.quoting import short


def report_circles(read: Sequence[Read], ledger: Ledger) -> None:
    """Report each circle of files once, where its first file names the model that comes of the last."""
    outputs = {_path(output): place for place, each in enumerate(read) for output in each.made.outputs}
    reported: set[int] = set()
    for place in range(len(read)):
        circle = _circle(read, outputs, place)
        if circle and not reported & {at for at, _ in circle}:
            reported |= {at for at, _ in circle}
            _report(read, ledger, circle)


Step = tuple[int, ModelRef]
"""A file's place, and the model that it names of the next in the circle."""


def _circle(read: Sequence[Read], outputs: dict[str, int], start: int) -> tuple[Step, ...]:
    """Return the steps from a file back to itself, () where none lead there."""
    paths: list[tuple[Step, ...]] = [((start, model),) for model in needs(read[start].made)]
    seen: set[int] = set()
    while paths:
        path = paths.pop()
        place = outputs.get(_path(path[-1][1].name))
        if place == start and len(path) > 1:
            return path
        if place is not None and place != start and place not in seen:
            seen.add(place)
            paths += [(*path, (place, model)) for model in needs(read[place].made)]
    return ()


def _report(read: Sequence[Read], ledger: Ledger, circle: tuple[Step, ...]) -> None:
    document, span = ledger.named.get(circle[0][1].name, (read[circle[0][0]].document, read[0].document.root.span))
    others = ", which is made from ".join(f"`{short(model.name)}`" for _, model in circle)
    first = circle[-1][1].name
    message = f"the files are made from each other in a circle: `{short(first)}` is made from {others}"
    help = "one of them starts from a model that none of the files makes: name that one there"
    ledger.problem("E614", document, span, message, help)


def _path(text: str) -> str:
    return PurePosixPath(text).as_posix().rstrip("/")
