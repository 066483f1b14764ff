"""What the columns of rows are called. Out: every canonical name that `columns = {...}` may give another name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ladle.dsl.types import CorpusKind

COLUMNS = (
    "text",
    "messages",
    "system",
    "user",
    "assistant",
    "prompt",
    "chosen",
    "rejected",
    "question",
    "choices",
    "answer",
)

OF_KIND: Final[Mapping[CorpusKind, str]] = MappingProxyType(
    {
        CorpusKind.TEXT: "`text`",
        CorpusKind.CHAT: "`messages`, a list of `role` and `content`; or `user` and `assistant`, beside them `system`",
        CorpusKind.PREFERENCE: "`prompt`, `chosen` and `rejected`, strings or lists of messages",
        CorpusKind.LABELLED: "`question`, `choices` and `answer`, its place from 0; or `question` and `answer`",
        CorpusKind.PROMPT: "`prompt`, a string or a list of messages, and no answer",
    }
)
"""The columns that rows of each kind have."""
