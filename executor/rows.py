"""What a row of a corpus is. In: lines, and what their columns are called. Out: canonical rows, each validated."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from typing import BinaryIO

from ladle.dsl.graph import Json
from ladle.dsl.types import CorpusKind

Row = dict[str, Json]

MAX_LINE = 16 * 2**20
"""Bytes of the longest line; a longer one is a file of another format."""

ROLES = ("system", "user", "assistant", "tool", "developer")


class RowError(Exception):
    """What is wrong with a row: `message` says it, `code` is its code in the catalogue of errors."""

    def __init__(self, message: str, code: str = "E407") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def bounded_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of `file` without their ends; blank lines at its end are none.

    Raises RowError for a line over `MAX_LINE` bytes.
    """
    return without_last_blanks(iter(lambda: file.readline(MAX_LINE + 1), b""))


def without_last_blanks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines without their ends; a blank one is a line where another follows. Raises RowError for a long one."""
    blank = 0
    for line in lines:
        if len(line) > MAX_LINE:
            raise RowError(f"a line is longer than {MAX_LINE} bytes: this is not a file of JSON lines")
        if not line.strip():
            blank += 1
            continue
        yield from repeat(b"", blank)
        blank = 0
        yield line.removesuffix(b"\n").removesuffix(b"\r")


def parse_row(line: bytes) -> Row:
    """Return the object on one line. Raises RowError for what is not one object of JSON in UTF-8."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RowError(f"not UTF-8 at byte {error.start}", "E404") from None
    if not text.strip():
        raise RowError("an empty line where a JSON object was wanted", "E405")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise RowError(f"not JSON: {error.msg.lower()} at column {error.colno}", "E405") from None
    except (RecursionError, ValueError) as error:
        raise RowError(f"not JSON: {_reason(error)}", "E405") from None
    if not isinstance(value, dict):
        raise RowError(f"a JSON object was wanted, not {_named(value)}", "E405")
    return value


def whole_file(line: bytes, number: int, code: str) -> str:
    """Return what to do where not one row but the whole file is wrong, as its first line shows; "" for a single row."""
    start = line.lstrip()
    if number != 1 or code not in ("E404", "E405"):
        return ""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "the file is UTF-16: save it as UTF-8"
    if start.startswith(b"["):
        return "the file is one JSON array: write one object a line, without brackets and commas around them"
    return "the file is one JSON object over several lines: write one object a line" if start == b"{" else ""


def canonical_row(row: Row, columns: Mapping[str, str]) -> Row:
    """Return `row` with the columns of its kind and no other, named canonically, each of the right type.

    `columns` maps canonical names to those of the file. Raises RowError.
    """
    named = _renamed(row, columns)
    _whole_pair(named)
    fitting = [(names, make) for names, make in _SHAPES if _has(named, names)]
    if not fitting:
        raise RowError(f"no column of a known kind among {_listed(named)}", "E406")
    asked = [make for names, make in fitting if _asked(names, columns)]
    return asked[0](named) if asked else fitting[0][1](named)


def _asked(names: tuple[str, ...], columns: Mapping[str, str]) -> bool:
    """Say whether `columns` names a column of the kind that `names` tell."""
    return any(name in columns for name in (*names, *_BESIDE.get(names, ())))


def _has(row: Row, names: Iterable[str]) -> bool:
    for name in names:  # noqa: SIM110 - half the time of `all`, several times a row
        if name not in row:
            return False
    return True


def _whole_pair(row: Row) -> None:
    """Half a preference is none, though it has a prompt."""
    told = any(_has(row, names) for names, _ in _SHAPES if names != ("prompt",))
    if not told and ("chosen" in row) != ("rejected" in row):
        have, lack = ("chosen", "rejected") if "chosen" in row else ("rejected", "chosen")
        raise RowError(f"no column `{lack}` beside `{have}`", "E406")


def kind_of_columns(columns: Iterable[str], named: Mapping[str, str]) -> tuple[tuple[str, ...], CorpusKind]:
    """Return the canonical columns and the kind that rows with these columns have. Raises RowError as rows would.

    `named` maps canonical names to those of the file, as in `canonical_row`.
    """
    there = _renamed(dict.fromkeys(columns), named)
    _whole_pair(there)
    fitting = [names for names, _ in _SHAPES if _has(there, names)]
    if not fitting:
        raise RowError(f"no column of a known kind among {_listed(there)}", "E406")
    asked = [names for names in fitting if _asked(names, named)]
    return _CANONICAL[(asked or fitting)[0]](there)


def kind_of(row: Row) -> CorpusKind:
    """Return the kind of a canonical row."""
    if "text" in row:
        return CorpusKind.TEXT
    if "messages" in row:
        return CorpusKind.CHAT
    if "chosen" in row:
        return CorpusKind.PREFERENCE
    return CorpusKind.LABELLED if "question" in row else CorpusKind.PROMPT


def answered(row: Row) -> bool:
    """Say whether a canonical row is no chat, or one in which the assistant answers."""
    turns = row.get("messages")
    return not isinstance(turns, list) or any(isinstance(turn, dict) and turn["role"] == "assistant" for turn in turns)


def same_shape(shape: str, row: Row) -> str:
    """Return the shape of `row`. Raises RowError where an earlier row had another: one kind, one shape in a corpus."""
    own = ", ".join(
        f"{key}: {'text' if isinstance(value, str) else 'list'}" for key, value in row.items() if key != "answer"
    )
    if shape and own != shape:
        raise RowError(f"the columns are ({own}), those of the rows before were ({shape})", "E409")
    return own


def messages(value: Json, column: str) -> list[Json]:
    """Return the message list in `value`. Raises RowError for what is not a list of `{"role", "content"}`."""
    if value == []:
        raise RowError(f"`{column}` is empty: a list of messages has one at least")
    if not isinstance(value, list):
        raise RowError(f"`{column}` was wanted as a list of messages, not {_named(value)}")
    return [_message(item, f"{column}[{index}]") for index, item in enumerate(value)]


def _message(item: Json, place: str) -> Json:
    if not isinstance(item, dict):
        raise RowError(f"`{place}` was wanted as a message, not {_named(item)}")
    role = item.get("role")
    if role not in ROLES:
        shown = f"`{role[:60]}`" if isinstance(role, str) else _named(role)
        raise RowError(f"the role of `{place}` is {shown}; roles are {', '.join(ROLES)}")
    if extra := sorted(set(item) - {"role", "content"}):
        raise RowError(f"`{place}` has `{extra[0][:60]}`; a message has `role` and `content` alone")
    return {"role": role, "content": _string(item, "content", place + ".")}


def _preference(row: Row) -> Row:
    if "prompt" not in row:
        raise RowError("no column `prompt` beside `chosen` and `rejected`", "E406")
    found: Row = {key: _side(row, key) for key in ("prompt", "chosen", "rejected")}
    if len({type(value) for value in found.values()}) > 1:
        raise RowError("`prompt`, `chosen` and `rejected` are to be all strings or all message lists")
    if found["chosen"] == found["rejected"]:
        raise RowError("`chosen` and `rejected` are the same: there is nothing to prefer")
    return found


def _side(row: Row, key: str) -> Json:
    return row[key] if isinstance(row[key], str) else messages(row[key], key)


def _labelled(row: Row) -> Row:
    question = _string(row, "question")
    if "choices" not in row:
        if "answer" not in row:
            raise RowError("no column `answer` beside `question`", "E406")
        return {"question": question, "answer": _string(row, "answer")}
    choices, answer = row["choices"], row.get("answer")
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(c, str) for c in choices):
        raise RowError("`choices` was wanted as a list of at least two strings")
    if not isinstance(answer, int) or isinstance(answer, bool):
        raise RowError(f"`answer` was wanted as an index into `choices`, from 0, not {_named(answer)}")
    if not 0 <= answer < len(choices):
        raise RowError(f"`answer` is {answer}, but the {len(choices)} choices are 0 to {len(choices) - 1}", "E408")
    return {"question": question, "choices": choices, "answer": answer}


def _pair(row: Row) -> Row:
    turns = ("system", "user", "assistant") if "system" in row else ("user", "assistant")
    return {"messages": [{"role": role, "content": _string(row, role)} for role in turns]}


_SHAPES: tuple[tuple[tuple[str, ...], Callable[[Row], Row]], ...] = (
    (("chosen", "rejected"), _preference),
    (("messages",), lambda row: {"messages": messages(row["messages"], "messages")}),
    (("question",), _labelled),
    (("user", "assistant"), _pair),
    (("text",), lambda row: {"text": _string(row, "text")}),
    (("prompt",), lambda row: {"prompt": _side(row, "prompt")}),
)
"""Columns that make a kind, most telling first, and what makes the canonical row of them."""

_BESIDE: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("chosen", "rejected"): ("prompt",),
    ("question",): ("choices", "answer"),
    ("user", "assistant"): ("system",),
}
"""Columns that a kind has beside those that tell it."""


def _pair_columns(row: Row) -> tuple[tuple[str, ...], CorpusKind]:
    if "prompt" not in row:
        raise RowError("no column `prompt` beside `chosen` and `rejected`", "E406")
    return ("prompt", "chosen", "rejected"), CorpusKind.PREFERENCE


def _question_columns(row: Row) -> tuple[tuple[str, ...], CorpusKind]:
    if "choices" not in row and "answer" not in row:
        raise RowError("no column `answer` beside `question`", "E406")
    return ("question", *(("choices",) if "choices" in row else ()), "answer"), CorpusKind.LABELLED


_CANONICAL: Mapping[tuple[str, ...], Callable[[Row], tuple[tuple[str, ...], CorpusKind]]] = {
    ("chosen", "rejected"): _pair_columns,
    ("messages",): lambda row: (("messages",), CorpusKind.CHAT),
    ("question",): _question_columns,
    ("user", "assistant"): lambda row: (("messages",), CorpusKind.CHAT),
    ("text",): lambda row: (("text",), CorpusKind.TEXT),
    ("prompt",): lambda row: (("prompt",), CorpusKind.PROMPT),
}
"""What the rows of each of these shapes are called and are."""


def _renamed(row: Row, columns: Mapping[str, str]) -> Row:
    for name, given in columns.items():
        if given not in row:
            raise RowError(f"no column `{given}` for `{name}`; the row has {_listed(row)}", "E406")
    taken = {*columns, *columns.values()}
    renamed = {name: row[given] for name, given in columns.items()}
    return renamed | {key: value for key, value in row.items() if key not in taken}


def _string(row: Row, key: str, place: str = "") -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise RowError(f"`{place}{key}` was wanted as a string, not {_named(value)}")
    if not value.strip():
        raise RowError(f"`{place}{key}` is empty")
    if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
        raise RowError(f"`{place}{key}` holds half of a surrogate pair, which is no text")
    return value


def _unique(pairs: list[tuple[str, Json]]) -> Row:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"`{next(k for k in keys if keys.count(k) > 1)[:60]}` stands twice")
    return found


def _constant(name: str) -> Json:
    raise ValueError(f"{name} is no number of JSON")


def _reason(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else str(error)


def _listed(row: Row) -> str:
    return ", ".join(f"`{key[:40]}`" for key in list(row)[:8]) or "none"


def _named(value: Json) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
