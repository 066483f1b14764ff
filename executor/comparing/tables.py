"""What was found, as tables. In: a result. Out: text for a terminal, or Markdown; every name is escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ladle.executor.comparing.grouped import grouped
from ladle.executor.comparing.hints import hints
from ladle.executor.comparing.program import from_shown
from ladle.executor.comparing.result import Result
from ladle.executor.comparing.sums import View
from ladle.executor.report.markdown import columns, escaped, pipes

MOST_PAIRS: Final = 3
"""Pairs that are told module by module; of more each has one line, and `--format json` has all."""
MOST_LEFT_OUT: Final = 6

Grid = list[list[str]]
Write = Callable[[Sequence[Sequence[str]]], str]


def text(result: Result) -> str:
    """Return the tables as plain columns."""
    return "\n\n".join(_parts(result, columns, lambda name: name, "{}", "{}: {}")) + "\n"


def markdown(result: Result) -> str:
    """Return the tables in Markdown."""
    return "\n\n".join(_parts(result, pipes, escaped, "### {}", "* **{}**: {}")) + "\n"


def _parts(result: Result, table: Write, quote: Callable[[str], str], heading: str, item: str) -> Iterator[str]:
    names = [quote(each.name) for each in result.models]
    yield "\n".join(item.format(*line) for line in _head(result, quote))
    if len(result.pairs) > 1:
        yield heading.format("every two models")
        yield table(_pairs(result))
    for a, b in result.pairs if len(result.pairs) <= MOST_PAIRS else ():
        yield heading.format(f"{names[a]} and {names[b]}, by module")
        rows = [*result.modules().items(), ("total", result.total)]
        yield table(_between(result, "module", rows, a, b))
        if depths := result.depths():
            yield heading.format(f"{names[a]} and {names[b]}, by depth")
            yield table(_between(result, "layers", [(_band(*band), view) for band, view in depths.items()], a, b))
    if result.base is not None and result.changed:
        yield heading.format(f"changes from {names[result.base]}")
        yield table(_changes(result))
    said = [*_kinship(result), *(("hint", each.line(quote)) for each in grouped(hints(result)))]
    if said:
        yield "\n".join(item.format(*line) for line in said)


def _head(result: Result, quote: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    for place, each in enumerate(result.models):
        known = ", the nearest common ancestor" if result.descent else ""
        base = f" (the base{known})" if place == result.base else ""
        yield quote(each.name), f"{quote(from_shown(str(each.folder)))}, {result.types[place]}{base}"
    count = result.total.sums.elements
    yield "compared", f"{count:,} weights in {result.total.sums.tensors} tensors"
    for place, (name, why) in enumerate(result.left_out.items()):
        if place == MOST_LEFT_OUT and len(result.left_out) > MOST_LEFT_OUT + 1:
            yield "left out", f"{len(result.left_out) - place} more"
            break
        yield "left out", f"{quote(name)}: {quote(why)}"
    yield from (("note", quote(each)) for each in result.notes)


def _pairs(result: Result) -> Grid:
    rows = [(f"{result.models[a].name}, {result.models[b].name}", a, b) for a, b in result.pairs]
    head, _ = _between(result, "models", [("", result.total)], 0, 1)
    return [head, *([name, *_row(result, result.total, a, b)] for name, a, b in rows)]


def _between(result: Result, what: str, rows: Sequence[tuple[str, View]], a: int, b: int) -> Grid:
    head = [what, "angle", "|B|/|A|", "|B-A|/|A|", "differ", "collinear"]
    head += ["cosine", "signs"] if result.kin else []
    return [head, *([name, *_row(result, view, a, b)] for name, view in rows)]


def _row(result: Result, view: View, a: int, b: int) -> list[str]:
    cells = [
        degrees(view.angle(a, b)),
        _number(view.relative(view.norm(b), a), ".4f"),
        percent(view.relative(view.distance(a, b), a)),
        percent(view.differing(a, b)),
        f"{view.collinear(a, b)} of {view.sums.tensors}",
    ]
    kin = (a, b) in result.kin
    more = [_number(view.cosine(a, b) if kin else None, ".3f"), percent(view.agreement(a, b) if kin else None)]
    return [*cells, *(more if result.kin else [])]


def _changes(result: Result) -> Grid:
    base, total = result.base, result.total
    assert base is not None
    rows = [["model", "norm", "of the base", "changed", "rounding"]]
    for each in result.changed:
        length = total.distance(base, each)
        lost = total.rounding(base, each)
        rounded = "< 0.01 %" if lost is not None and lost < 1e-4 else percent(lost)
        cells = (_number(length, ".4g"), percent(total.relative(length, base)), percent(total.differing(base, each)))
        rows.append([result.models[each].name, *cells, rounded])
    return rows


def _kinship(result: Result) -> Iterator[tuple[str, str]]:
    found = result.kinship(), result.kinship(pearson=True)
    if found[0] is not None:
        several = f"mean of {len(result.kin)} pairs, " if len(result.kin) > 1 else ""
        said = f"cosine {_number(found[0], '.3f')}, Pearson {_number(found[1], '.3f')}"
        yield "kinship", f"{said} ({several}arXiv 2410.12613)"


def _band(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def degrees(value: float | None) -> str:
    """Return an angle for people."""
    return "" if value is None else f"{value:.2f}\u00b0" if value >= 0.01 or not value else f"{value:.1g}\u00b0"


def percent(share: float | None) -> str:
    """Return a share for people; a small one keeps two digits."""
    if share is None:
        return ""
    value = 100 * share
    return f"{value:.1f} %" if value >= 1 or not value else f"{value:.2g} %"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
