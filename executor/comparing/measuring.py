"""Reads models side by side and sums. In: folders, headers, tensors. Out: sums for each tensor.

A tensor is read in runs of elements, so memory does not depend on the models. Sums are in float64, of float32 values.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Final

import torch
from ladle.executor.adapter import Adapter
from ladle.executor.comparing.meter import Meter
from ladle.executor.comparing.sums import Sums, collinear, pairs
from ladle.executor.headers import Tensor
from ladle.executor.weights.adapted import Adapted
from ladle.executor.weights.one_thread import one_thread
from ladle.executor.weights.reading import Files, Leaf, Stored, matrix

RUN: Final = 1 << 17
"""Elements read at once of each model and thread: a MiB in float64."""
THREADS: Final = 2

_STEPS: Final = {"F16": (10, -14), "BF16": (7, -126), "F32": (23, -126), "F64": (52, -126)}
"""Bits of the fraction, and the least exponent of a normal number, by element type."""


@dataclass(frozen=True, slots=True)
class Bad:
    """Values of a model's tensor that are not finite numbers."""

    model: int
    tensor: str
    count: int


Models = Sequence[tuple[Path, Mapping[str, Tensor], Sequence[Adapter]]]
"""Folder and headers of each model, and the adapters that are folded in."""


def measure(models: Models, tensors: Sequence[str], base: int | None, meter: Meter) -> Mapping[str, Sums | list[Bad]]:
    """Return the sums over each tensor by name, or where it holds values that are not finite.

    `base` is the place of the model that changes are taken from. Raises StepError for files that change meanwhile.
    """
    stop = threading.Event()
    with one_thread(), Files() as files, ThreadPoolExecutor(THREADS) as pool:
        work = _Work(models, base, files, meter, stop)
        try:
            found = dict(zip(tensors, pool.map(work.tensor, tensors), strict=True))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
        files.unchanged()
    return found


class _Work:
    """What the threads share."""

    def __init__(self, models: Models, base: int | None, files: Files, meter: Meter, stop: threading.Event) -> None:
        self._headers = [headers for _, headers, _ in models]
        self._stored = [_leaf(folder, headers, adapters, files) for folder, headers, adapters in models]
        self._base, self._meter, self._stop = base, meter, stop

    def tensor(self, name: str) -> Sums | list[Bad]:
        """Return what one tensor adds."""
        count, types = self._headers[0][name].elements, [headers[name].dtype for headers in self._headers]
        size = sum(headers[name].size for headers in self._headers)
        total = torch.zeros(_width(len(types)), dtype=torch.float64)
        bad = [0] * len(types)
        for start in range(0, count, RUN):
            if self._stop.is_set():
                break
            part = min(RUN, count - start)
            values = [stored.read(name, start, part).reshape(-1) for stored in self._stored]
            here = facts(values, types, self._base)
            if not here.isfinite().all():
                bad = [held + int((~value.isfinite()).sum()) for held, value in zip(bad, values, strict=True)]
            total += here
            self._meter.add(size * (start + part) // count - size * start // count)
        if any(bad):
            return [Bad(model, name, held) for model, held in enumerate(bad) if held]
        return _sums(total.tolist(), count, len(types))


class _Folded:
    """A model with adapters in it, each element a row; folding needs whole rows, so those of a run are read."""

    def __init__(self, model: Leaf, headers: Mapping[str, Tensor]) -> None:
        self._model, self._headers = model, headers

    def read(self, tensor: str, row: int, rows: int) -> torch.Tensor:
        columns = matrix(self._headers[tensor].shape)[1]
        first, last = row // columns, -(-(row + rows) // columns)
        found = self._model.read(tensor, first, last - first).reshape(-1)
        return found[row - first * columns :][:rows]


def _leaf(folder: Path, headers: Mapping[str, Tensor], adapters: Sequence[Adapter], files: Files) -> Leaf:
    """Return what reads a model by elements."""
    if not adapters:
        return Stored(folder, _flat(headers), files)
    stored: Leaf = Stored(folder, headers, files)
    return _Folded(reduce(lambda below, adapter: Adapted(below, adapter, files), adapters, stored), headers)


def facts(values: Sequence[torch.Tensor], types: Sequence[str], base: int | None) -> torch.Tensor:
    """Return what a run of elements adds, in the order of `Sums`: for each model, then for each pair."""
    wide = [value.double() for value in values]
    found = [each.dot(each) for each in wide] + [each.sum() for each in wide]
    found += [_noise(value, dtype) for value, dtype in zip(values, types, strict=True)]
    changes = [] if base is None else [each - wide[base] for each in wide]
    apart, differing, agreeing, opposing = [], [], [], []
    for a, b in pairs(len(wide)):
        between = wide[b] - wide[a]
        apart.append(between.dot(between))
        differing.append(between.count_nonzero())
        both = changes[a] * changes[b] if changes and base not in (a, b) else between.new_zeros(1)
        agreeing.append((both > 0).sum())
        opposing.append((both < 0).sum())
    return torch.stack([each.double() for each in (*found, *apart, *differing, *agreeing, *opposing)])


def _noise(values: torch.Tensor, dtype: str) -> torch.Tensor:
    """Return the expected square of what rounding to `dtype` takes away: steps squared, over twelve."""
    bits, least = _STEPS[dtype]
    powers = (values.contiguous().view(torch.int32) & 0x7F800000).view(torch.float32).clamp_min(2.0**least).double()
    return powers.dot(powers) * (2.0 ** (-2 * bits) / 12)


def _width(models: int) -> int:
    return 3 * models + 4 * len(pairs(models))


def _sums(total: list[float], count: int, models: int) -> Sums:
    each, two = models, len(pairs(models))
    squares, totals, noise = (tuple(total[i * each : (i + 1) * each]) for i in range(3))
    rest = total[3 * each :]
    apart, differing, agreeing, opposing = (tuple(rest[i * two : (i + 1) * two]) for i in range(4))
    near = tuple(
        float(collinear(squares[a], squares[b], square)) for (a, b), square in zip(pairs(models), apart, strict=True)
    )
    return Sums(1, count, squares, totals, noise, apart, differing, agreeing, opposing, near)


def _flat(headers: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return headers in which each element is a row, so that any run of elements can be read."""
    return {
        name: Tensor(header.dtype, (header.elements, 1), header.file, header.start, header.end)
        for name, header in headers.items()
    }
