"""What choices of models share. In: nothing. Out: the option `on`."""

from __future__ import annotations

from ladle.dsl.signature import REQUIRED, Option, Reference, Sort

ON = Option(
    "on",
    Reference(Sort.BENCHMARK),
    REQUIRED,
    "the benchmark that decides; a table that reports the choice on it must say `as = dev`",
)
