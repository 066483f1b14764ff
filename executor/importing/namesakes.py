"""Models called as another file's result, but for the owner. In: what files make. Out: notes that name both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from ladle.executor.importing.draft import ModelRef, Read, needs
from ladle.executor.importing.ledger import Ledger, Place, Sort
from ladle.executor.importing.tree import Scalar, Table
from ladle.executor.quoting import short


def note_namesakes(read: Sequence[Read], ledger: Ledger) -> None:
    """Note each model that no file makes, where a file makes one of the same last name: they are not joined."""
    outputs = {PurePosixPath(output) for each in read for output in each.made.outputs}
    for each in read:
        for model in needs(each.made):
            if PurePosixPath(model.name) not in outputs:
                for other, output in _called_alike(read, each, model):
                    _note(ledger, each, model, other, output)
                    break


def _called_alike(read: Sequence[Read], user: Read, model: ModelRef) -> Iterator[tuple[Read, str]]:
    for each in read:
        for output in reversed(each.made.outputs):
            if each is not user and PurePosixPath(output).name == PurePosixPath(model.name).name:
                yield each, output


def _note(ledger: Ledger, user: Read, model: ModelRef, maker: Read, output: str) -> None:
    (document, span), (other, at) = ledger.named.get(model.name, _whole(user)), _said(maker, output)
    makes = f"{PurePosixPath(other.source.path).name}:{other.line(at)} makes, `{short(output)}`"
    reason = f"`{short(model.name)}` is not taken for what {makes}: where it is that, write `{short(output)}` here"
    ledger.note(Sort.ASSUMED, document, span, "", reason)


def _said(read: Read, output: str) -> Place:
    """Return where a file says what it makes."""
    root = read.document.root
    for entry in root.entries if isinstance(root, Table) else ():
        if isinstance(entry.value, Scalar) and PurePosixPath(entry.value.text) == PurePosixPath(output):
            return read.document, entry.at
    return _whole(read)


def _whole(read: Read) -> Place:
    return read.document, read.document.root.span
