"""What corpus operators share. In: nothing. Out: the operand of one corpus, and the option `seed`."""

from __future__ import annotations

from ladle.dsl.signature import Number, Operands, Option, Sort

ONE = Operands((Sort.CORPUS,), minimum=1)
"""One corpus of any kind."""

SEED = Option("seed", Number(low=0, high=2**32 - 1, integer=True), 42, "what is random is drawn from this")
