"""Flags an adapter whose rank is far from that of the adapter before it.

A new adapter starts on folded weights, so another rank is allowed. A jump by a factor of four or more is rarely meant:
the smaller one cannot carry what the larger learned to change, and comparing the two stages compares two methods.

Bad:

    model m = base | sft(lora = {r: 64, alpha: 128}) | dpo(lora = {r: 8, alpha: 16})

Good:

    model m = base | sft(lora = {r: 16, alpha: 32}) | dpo(lora = {r: 16, alpha: 32})
"""

from collections.abc import Iterator, Mapping

from ladle.dsl.diagnostics import Severity
from ladle.dsl.program import Program, Term
from ladle.dsl.rule import Finding, Rule
from ladle.executor.chains import stages

JUMP = 4


def find(program: Program) -> Iterator[Finding]:
    """Yield every adapter of another size than the one before."""
    for term in stages(program):
        now, then = _rank(term), _rank(term.operands[0])
        if now and then and max(now, then) >= JUMP * min(now, then):
            message = f"the adapter has rank {now:g}, and the one before it {then:g}"
            help = f"use one rank, `lora = {{r: {then:g}, ...}}`, or go on with the adapter: `lora = continue`"
            yield Finding(term.written.get("lora", term.span), message, help, f"rank {then:g} before")


def _rank(term: Term) -> float:
    adapter = term.options.get("lora")
    rank = adapter.get("r") if isinstance(adapter, Mapping) else None
    return rank if isinstance(rank, int | float) else 0


RULE = Rule("W525", "adapter-rank-jump", Severity.WARNING, find)
