"""Merges models. In: tasks whose inputs are models, or merges of models. Out: a model folder for each.

Each tensor is read in pieces, merged in float32 whatever the expression, rounded once and written in place; threads of
one process take tensors side by side. Tasks over the same models are computed in one reading. The bytes depend on
neither. Configuration, tokenizer, template and element types are those of the first operand.
"""

from __future__ import annotations

import ctypes
import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

import torch
from ladle.dsl.frozen import replace
from ladle.executor.disk import need_space
from ladle.executor.task import Progress, StepError, Task
from ladle.executor.weights.adapted import leaf
from ladle.executor.weights.alignment import Aligned, Alignments
from ladle.executor.weights.configurations import state_dtype, write_beside
from ladle.executor.weights.expression import Expression, Moved, Step
from ladle.executor.weights.one_thread import one_thread
from ladle.executor.weights.parents import Parent, apart, fit
from ladle.executor.weights.reading import DTYPES, Files, Leaf
from ladle.executor.weights.rearranged import Rearranged
from ladle.executor.weights.remarks import Remarks
from ladle.executor.weights.stream import PIECE_ELEMENTS, Merge, Rows, stream
from ladle.executor.weights.writing import Shape, Writer

ROUNDED: Final = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
"""What `round` rounds to."""
THREADS: Final = 16
"""At most: more cores than that wait for memory and disk."""
BUFFERS: Final = 512 * 2**20
"""Bytes that the pieces of all threads take at most, unless those of one thread do."""
_PIECE_BYTES: Final = 32
"""Of an element of each part: what was read, its float32, its difference, and what a kernel makes (measured)."""
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_SAY_SECONDS: Final = 0.2


def run(task: Task) -> None:
    """Write the merged model into `task.output`. Raises StepError for parents that do not fit or hold no numbers."""
    run_together((task,))


def run_together(tasks: Sequence[Task], threads: int = 0) -> None:
    """Write the merged model of each task, reading their models once. All must fit each other."""
    expression = Expression()
    roots = [expression.add(task) for task in tasks]
    fit(expression.parents)
    for text in apart(expression.parents):
        tasks[0].note(text)
    expression.refuse_ineffective(tuple(expression.parents[0].headers))
    alignments = Alignments(expression)
    results = [_Result(task, expression, root, alignments.of(root)) for task, root in zip(tasks, roots, strict=True)]
    need_space(tasks[0].output, sum(shape.bytes for result in results for shape in result.tensors.values()))
    keep_freed_memory()
    with one_thread(), Files() as files, ExitStack() as stack:
        for result in results:
            stack.enter_context(result.writer)
        for together in _of_one_size(results):
            engine = _Engine(alignments, together, files, torch.device(tasks[0].machine.device))
            engine.run(threads or _threads(len(expression.parts)))
            for text in engine.remarks.sentences():
                tasks[0].note(text)
        files.unchanged()
        for result in results:
            result.writer.finish(result.task.hashed)
    for result in results:
        result.configure()


def _of_one_size(results: Sequence[_Result]) -> list[list[_Result]]:
    """Results that can be made in one reading: all have embeddings of one number of tokens."""
    found: dict[int, list[_Result]] = {}
    for result in results:
        found.setdefault(result.aligned.arranged.rows, []).append(result)
    return list(found.values())


def _threads(parts: int) -> int:
    fit = BUFFERS // (_PIECE_BYTES * PIECE_ELEMENTS * parts)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, THREADS, fit))


class _Result:
    """One model that is made."""

    def __init__(self, task: Task, expression: Expression, root: int, aligned: Aligned) -> None:
        self.task, self.root, self.first = task, root, expression.first(root)
        self.aligned, self.rounded = aligned, _rounds(expression, root)
        headers, rows = self.first.headers, aligned.arranged.rows
        shapes = {name: headers[name].shape for name in sorted(headers)}
        shapes |= {name: (rows, *shapes[name][1:]) for name in self.first.embeddings()}
        self.tensors = {
            name: Shape(self.rounded or DTYPES[headers[name].dtype], shape) for name, shape in shapes.items()
        }
        self.writer = Writer(task.output, self.tensors)

    def configure(self) -> None:
        """Write what a model has beside its weights."""
        write_beside(self.task.output, self.aligned)
        if self.rounded is not None:
            state_dtype(self.task.output, str(self.rounded).removeprefix("torch."))


@dataclass(slots=True)
class _Engine:
    """Merges tensor after tensor; threads share nothing but files and the count of what is done."""

    alignments: Alignments
    results: Sequence[_Result]
    files: Files
    device: torch.device
    expression: Expression = field(default_factory=Expression)
    roots: tuple[int, ...] = ()
    done: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    leaves: list[Leaf | Step] = field(default_factory=list)
    remarks: Remarks = field(default_factory=Remarks)

    def run(self, threads: int) -> None:
        """Merge every tensor. Raises StepError, or Interrupted when the step was asked to end."""
        self.roots = tuple(self.alignments.bring(result.root, self.expression) for result in self.results)
        self.leaves = [self.leaf(part) for part in self.expression.parts]
        names = self.results[0].tensors
        total = sum(shape.bytes for result in self.results for shape in result.tensors.values())
        began = time.monotonic()
        with ThreadPoolExecutor(threads) as pool:
            waiting = {pool.submit(self.merge, name) for name in names}
            try:
                while waiting:
                    ended, waiting = wait(waiting, _SAY_SECONDS, FIRST_EXCEPTION)
                    for each in ended:
                        each.result()
                    rate = self.done / (time.monotonic() - began)
                    self.results[0].task.report(Progress(self.done, total, "bytes", (("bytes_per_s", rate),)))
            except BaseException:
                self.stopped.set()
                _cancel(waiting)
                raise

    def leaf(self, part: Parent | Moved | Step) -> Leaf | Step:
        """Return what reads a model; a model that is moved reads others beside it, by readers of its own."""
        if isinstance(part, Step):
            return part
        if isinstance(part, Parent):
            return leaf(part, self.files)
        embeddings = {name: self.results[0].tensors[name].shape for name in part.model.embeddings()}
        models = [leaf(each, self.files) for each in part.models]
        return Rearranged(leaf(part.model, self.files), models, part.rows, embeddings)

    def merge(self, tensor: str) -> None:
        """Merge one tensor into every result."""
        layers = self.results[0].first.layers
        shape = self.results[0].tensors[tensor].shape
        parts = [self.part(part, tensor, shape, layers) for part in self.leaves]

        def heed() -> None:
            if self.stopped.is_set():
                raise _Stopped

        def write(rows: Rows, value: Callable[[int], torch.Tensor]) -> None:
            heed()
            for place, part in enumerate(self.expression.parts):
                if not isinstance(part, Step):
                    _prove(value(place), tensor, part)
            for result, root in zip(self.results, self.roots, strict=True):
                self.put(result, tensor, rows, value(root))

        with torch.inference_mode():
            stream(tensor, shape, parts, write, self.device, heed=heed)

    def part(self, part: Leaf | Step, tensor: str, shape: tuple[int, ...], layers: int) -> Leaf | Merge:
        """Return what merges a tensor, or the model that is read."""
        if not isinstance(part, Step):
            return part
        call = replace(part.call(tensor, shape, layers), remark=self.remarks.of(part.operator))
        try:
            return Merge(part.operands, part.base, part.kernel(call))
        except ValueError as error:
            raise StepError(str(error), "change a weight") from None

    def put(self, result: _Result, tensor: str, rows: Rows, value: torch.Tensor) -> None:
        """Round rows to the result's type and write them."""
        dtype = result.tensors[tensor].dtype
        rounded = value.to(dtype)
        low, high = value.aminmax()
        largest = torch.finfo(dtype).max
        if not -largest <= low.item() <= high.item() <= largest and not torch.isfinite(rounded).all():
            raise StepError(
                f"merging `{tensor}` gives values that {str(dtype).removeprefix('torch.')} cannot hold",
                "smaller weights, or a smaller `lambda`, would do",
            )
        result.writer.write(tensor, rows.start, rounded.cpu())
        with self.lock:
            self.done += rounded.nbytes


class _Stopped(Exception):
    """Another tensor failed, or the step was asked to end."""


def _cancel(waiting: set[Future[None]]) -> None:
    for each in waiting:
        each.cancel()


def _prove(value: torch.Tensor, tensor: str, parent: Parent | Moved) -> None:
    """Raise StepError for values that are no numbers: a merge would spread them, or hide them."""
    if math.isfinite(value.sum().item()):
        return
    if bad := torch.count_nonzero(~torch.isfinite(value)).item():
        held = "1 value that is no finite number" if bad == 1 else f"{bad} values that are not finite numbers"
        raise StepError(
            f"`{tensor}` of {parent.called} holds {held}",
            "the model is damaged, or its training diverged",
        )


def _rounds(expression: Expression, root: int) -> torch.dtype | None:
    """The element type of the result where the first operand is rounded, else that of the first parent (None)."""
    part = expression.parts[root]
    while isinstance(part, Step):
        if part.operator == "round":
            return ROUNDED[str(part.options["precision"])]
        part = expression.parts[part.operands[0]]
    return None


def keep_freed_memory() -> None:
    """Let glibc keep what pieces free for the next piece, where it would give it back and fault it in again.

    Measured: a linear merge takes half the CPU time. Where there is another C library nothing happens.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, 1 << 25)
        library.mallopt(_M_TRIM_THRESHOLD, 1 << 27)
