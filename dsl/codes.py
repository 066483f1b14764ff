"""Every error code of the language and its kebab name. A code is never reused; a retired one stays out of the table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # E0xx: the text of a recipe (dsl/lex.py, dsl/cut.py, dsl/parse.py)
        "E001": "unexpected-text",
        "E002": "bad-number",
        "E003": "unclosed-string",
        "E004": "unknown-character",
        "E005": "hidden-character",
        "E006": "unknown-declaration",
        "E007": "later-declaration",
        "E008": "reserved-word",
        "E009": "detached-bracket",
        "E010": "duplicate-key",
        "E011": "nested-too-deep",
        "E012": "unclosed-bracket",
        "E013": "bad-name",
        "E014": "misplaced-declaration",
        "E015": "bad-range",
        "E016": "unreadable-file",
        "E017": "file-too-large",
        "E018": "not-utf8",
        "E019": "too-many-problems",
        "E020": "bad-file-name",
        # E1xx: names (dsl/check.py and what it calls)
        "E101": "unknown-name",
        "E102": "duplicate-name",
        "E103": "hidden-name",
        "E104": "unknown-kind",
        "E105": "unknown-word",
        "E106": "repeated-option",
        "E107": "unknown-edition",
        # E2xx: types and ranges
        "E201": "wrong-type",
        "E202": "wrong-unit",
        "E203": "unknown-option",
        "E204": "out-of-range",
        "E205": "missing-option",
        "E206": "conflicting-options",
        "E207": "wrong-corpus-kind",
        "E208": "no-template",
        "E209": "wrong-operands",
        "E210": "merge-mismatch",
        "E211": "coefficient-sum",
        "E212": "missing-weights",
        "E213": "bad-schedule",
        "E214": "bad-arithmetic",
        "E215": "no-such-member",
        "E216": "setting-reaches-nothing",
        "E217": "number-too-large",
        "E218": "uneven-range",
        # E3xx: the graph
        "E301": "cycle",
        "E302": "too-many-nodes",
        "E303": "evaluated-on-training-data",
        "E304": "name-clash",
        "E305": "merge-too-large",
        # E28x: rules of single operators (executor/sources, merges, transforms)
        "E280": "bad-architecture",
        "E281": "nothing-asked",
        "E282": "bad-shares",
        "E283": "other-vocabulary",
        "E284": "bad-weights",
        "E285": "bad-repository",
        # E4xx: facts about files (executor/facts.py)
        "E401": "outside-project",
        "E402": "missing-file",
        "E403": "empty-file",
        "E404": "file-not-utf8",
        "E405": "bad-json",
        "E406": "unknown-columns",
        "E407": "bad-row",
        "E408": "answer-out-of-range",
        "E409": "mixed-kinds",
        "E410": "bad-model-folder",
        "E411": "hostile-weights",
        "E412": "remote-code",
        "E413": "pickled-weights",
        # W5xx: findings of lint; each stands in its rule, and `executor/rulebook.py` has them all
    }
)
