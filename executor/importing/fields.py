"""A table of which every key is accounted for. In: a table of YAML. Out: its values by type; the rest becomes notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ladle.dsl.source import Span
from ladle.dsl.suggest import did_you_mean, nearest
from ladle.executor.importing.ledger import Ledger, Sort, shown
from ladle.executor.importing.scalars import number
from ladle.executor.importing.tree import Document, Entry, Listing, Scalar, Table, Tree
from ladle.executor.quoting import short

NOTHING = "no recipe says this in this version"


class Fields:
    """The keys of a table. What is asked for counts as used; `rest` names all others."""

    def __init__(self, document: Document, table: Table, ledger: Ledger, before: str = "") -> None:
        self.document = document
        self.table = table
        self.ledger = ledger
        self._before = before
        self._used: set[str] = set()
        self._known: set[str] = set()
        """Keys that somebody asked for, whether they are there or not."""

    def __contains__(self, key: str) -> bool:
        self._known.add(key)
        return self._entry(key) is not None

    def span(self, key: str) -> Span:
        """Return the place of a key; of the table where it is not there."""
        entry = self.table.get(key)
        start = self.table.span.start
        return entry.at if entry else Span(start, start)

    def tree(self, key: str) -> Tree | None:
        """Return any value; None where the key is absent or empty."""
        self._used.add(key)
        self._known.add(key)
        entry = self._entry(key)
        return entry.value if entry else None

    def text(self, key: str) -> str | None:
        """Return a text; a number or a truth as it is written."""
        found = self.tree(key)
        if found is None:
            return None
        if isinstance(found, Scalar):
            return found.text
        self._wrong(key, "a text", found)
        return None

    def flag(self, key: str) -> bool | None:
        """Return `true` or `false`."""
        found = self.tree(key)
        if found is None:
            return None
        if isinstance(found, Scalar) and isinstance(found.value, bool):
            return found.value
        words = {"true": True, "false": False}
        if isinstance(found, Scalar) and found.text.lower() in words:
            return words[found.text.lower()]
        self._wrong(key, "`true` or `false`", found)
        return None

    def number(self, key: str) -> int | float | None:
        """Return a number, also one in quotes: `"2e-5"`."""
        found = self.tree(key)
        if found is None:
            return None
        value = scalar_number(found)
        if value is None:
            self._wrong(key, "a number", found)
        return value

    def whole(self, key: str) -> int | None:
        """Return a whole number, also one written `8.0`."""
        value = self.number(key)
        if value is None or isinstance(value, int):
            return value
        if value.is_integer():
            return int(value)
        if (found := self.tree(key)) is not None:
            self._wrong(key, "a whole number", found)
        return None

    def items(self, key: str) -> tuple[Tree, ...]:
        """Return the items of a list; a value alone is a list of one."""
        found = self.tree(key)
        if found is None:
            return ()
        return found.items if isinstance(found, Listing) else (found,)

    def fields(self, key: str) -> Fields | None:
        """Return a table within the table."""
        found = self.tree(key)
        if found is None:
            return None
        if isinstance(found, Table):
            return Fields(self.document, found, self.ledger, f"{self._before}{key}.")
        self._wrong(key, "a table", found)
        return None

    def tables(self, key: str) -> Iterator[Fields]:
        """Yield the tables of a list."""
        for place, item in enumerate(self.items(key)):
            if isinstance(item, Table):
                yield Fields(self.document, item, self.ledger, f"{self._before}{key}[{place}].")
            else:
                self._wrong(key, "a list of tables", item)

    def lost(self, key: str, reason: str) -> None:
        """Note that a key cannot be carried, or not wholly."""
        self._note(Sort.LOST, key, reason)

    def assumed(self, key: str, reason: str) -> None:
        """Note what was assumed to carry a key."""
        self._note(Sort.ASSUMED, key, reason)

    def agrees(self, key: str, reason: str) -> None:
        """Note that a key says what is so anyway."""
        self._note(Sort.SAME, key, reason)

    def missing(self, key: str, reason: str) -> None:
        """Note what the project lacks."""
        self._note(Sort.MISSING, key, reason)

    def machine(self, key: str, reason: str) -> None:
        """Note that a key is the machine's."""
        self._note(Sort.MACHINE, key, reason)

    def problem(self, code: str, key: str, message: str, help: str = "") -> None:
        """Report a mistake at a key; of one that is not there, at a key that is likely meant for it."""
        odd = (each.key for each in self.table.entries if each.key not in self._known)
        if self.table.get(key) is None and (near := nearest(key, odd)):
            key, message, help = near[0], f"{message}: `{short(near[0])}` is no key", did_you_mean((key,))
        self.ledger.problem(code, self.document, self.span(key), message, help)

    def rest(self, reasons: Mapping[str, tuple[Sort, str]]) -> None:
        """Note every key that nobody asked for; `reasons` knows some, by key or, ending in `*`, by its beginning."""
        for entry in self.table.entries:
            if entry.key not in self._used and not _empty(entry):
                sort, reason = _reason(entry.key, reasons)
                if sort is Sort.LOST and reason != NOTHING and _off(entry):
                    sort, reason = Sort.SAME, "off, as it always is here"
                if hint := did_you_mean(self._meant(entry.key, reasons)) if reason == NOTHING else "":
                    reason = f"{NOTHING}: {hint}"
                self._note(sort, entry.key, reason)

    def _meant(self, key: str, reasons: Mapping[str, tuple[Sort, str]]) -> tuple[str, ...]:
        """Return the known keys that an unknown one is likely meant for: those that are nearest and not there."""
        return nearest(key, (name for name in self._known | reasons.keys() if self.table.get(name) is None))

    def _entry(self, key: str) -> Entry | None:
        entry = self.table.get(key)
        return None if entry is None or _empty(entry) else entry

    def _note(self, sort: Sort, key: str, reason: str) -> None:
        self._used.add(key)
        entry = self.table.get(key)
        name = f"{self._before}{short(key)}" + (f" = {shown(entry.value)}" if entry else "")
        self.ledger.note(sort, self.document, self.span(key), name, reason)

    def _wrong(self, key: str, wanted: str, found: Tree) -> None:
        message = f"`{self._before}{short(key)}` is {_called(found)}, and {wanted} is wanted"
        self.ledger.problem("E608", self.document, found.span, message, "see the tool's own documentation of the key")


def scalar_number(tree: Tree) -> int | float | None:
    """Return the number that a scalar is, in quotes or not."""
    if not isinstance(tree, Scalar) or isinstance(tree.value, bool):
        return None
    return tree.value if isinstance(tree.value, int | float) else number(tree.text)


def _empty(entry: Entry) -> bool:
    """An empty value is what the tools take for a key that is not there."""
    return isinstance(entry.value, Scalar) and entry.value.value is None


def _off(entry: Entry) -> bool:
    return isinstance(entry.value, Scalar) and entry.value.value in (False, 0, "no")


def _called(tree: Tree) -> str:
    match tree:
        case Scalar():
            return f"`{shown(tree)}`"
        case Listing():
            return "a list"
        case Table():
            return "a table"


def _reason(key: str, reasons: Mapping[str, tuple[Sort, str]]) -> tuple[Sort, str]:
    if key in reasons:
        return reasons[key]
    begins = [name for name in reasons if name.endswith("*") and key.startswith(name[:-1])]
    return reasons[max(begins, key=len)] if begins else (Sort.LOST, NOTHING)
