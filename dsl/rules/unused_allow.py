"""Flags a comment that allows a finding which is not there.

What it excused is mended, or moved to another line. Left in place it would hide the next one of its kind.

Bad:

    # allow W521: an ablation
    model m = base | sft

Good:

    model m = base | sft
"""

from ladle.dsl.diagnostics import Severity
from ladle.dsl.rule import Rule, never

RULE = Rule("W598", "unused-allow", Severity.WARNING, never, whole=True, fix="safe")
