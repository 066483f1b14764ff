"""Flags a comment that allows a finding without a reason, names a code that no rule has, or only looks like one.

Whoever reads the recipe next year must know why the finding was right to ignore. An error cannot be allowed. A comment
that is not written `allow CODE: reason` (`Allow`, the name of a rule, no colon) allows nothing.

Bad:

    model m = base | dpo(lr = 1e-4) | sft   # allow W521

Good:

    model m = base | dpo(lr = 1e-4) | sft   # allow W521, W520, W533: shows what the order costs
"""

from ladle.dsl.diagnostics import Severity
from ladle.dsl.rule import Rule, never

RULE = Rule("W599", "bad-allow", Severity.WARNING, never)
