"""Facts of data sets of the hub. In: a repository, a revision, splits. Out: an entry of the lock, or a StepError.

Of a parquet file the footer is read, by range; of JSON lines the whole file where it is small, else its beginning.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq
from huggingface_hub import hf_hub_url
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.repocard import metadata_load
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils._http import get_session, hf_raise_for_status
from ladle.dsl.types import UNKNOWN, CorpusKind, Unknown
from ladle.executor.lock.derive import CARD, licence
from ladle.executor.lock.entries import READ, Files, LockedData, LockedRows
from ladle.executor.lock.refusals import asked
from ladle.executor.lock.remote import Hub, stated, told
from ladle.executor.lock.splits import split_files
from ladle.executor.rows import RowError, bounded_lines, kind_of_columns, parse_row
from ladle.executor.task import StepError

SMALL_ROWS: Final = 64 * 2**20
"""Bytes of JSON lines that are fetched to count rows; of larger files the number of rows stays unknown."""
FIRST: Final = 2**20
MAX_READ: Final = 256 * 2**20
"""Bytes that the footer of one parquet file may take."""

Part = tuple[str, str]


class DataHub(Hub):
    """The data sets of one endpoint."""

    def data(self, name: str, revision: str, parts: Iterable[Part]) -> LockedData:
        """Return the facts of the splits `parts`. Raises StepError for what the hub refuses or answers in vain."""
        return asked(name, revision, lambda: self._data(name, revision, tuple(sorted(set(parts)))))

    def located(self, name: str, revision: str, part: Part) -> tuple[str, dict[str, RepoSibling], tuple[str, ...]]:
        """Return commit, all files and those of a split."""
        commit, siblings, card = self._opened(name, revision)
        return commit, siblings, split_files(name, siblings, _configs(card), *part)

    def _opened(self, name: str, revision: str) -> tuple[str, dict[str, RepoSibling], Path | None]:
        info = self.api.dataset_info(name, revision=revision, files_metadata=True)
        commit, siblings = told(info, name)
        card = self.fetch(name, CARD, commit, siblings, "dataset") if CARD in siblings else None
        return commit, siblings, card

    def _data(self, name: str, revision: str, parts: tuple[Part, ...]) -> LockedData:
        commit, siblings, card = self._opened(name, revision)
        splits = []
        for part in parts:
            files = split_files(name, siblings, _configs(card), *part)
            splits.append((part, self._rows(name, commit, files, siblings)))
        return LockedData(READ, commit, licence(card), True, tuple(splits))

    def _rows(self, name: str, commit: str, files: tuple[str, ...], siblings: Mapping[str, RepoSibling]) -> LockedRows:
        columns: tuple[str, ...] = ()
        count: int | Unknown = 0
        described: Files = ()
        for file in files:
            sibling = siblings[file]
            whole = file.endswith(".jsonl") and (sibling.size or SMALL_ROWS + 1) <= SMALL_ROWS
            path = self.fetch(name, file, commit, siblings, "dataset") if whole else None
            found, rows = self._file(name, commit, file, path, sibling)
            if columns and sorted(found) != sorted(columns):
                raise StepError(f"the files of a split of `{name}` have different columns", "name another split")
            columns = columns or found
            count = UNKNOWN if isinstance(count, Unknown) or rows is None else count + rows
            described = (*described, (file, stated(sibling, path)))
        return LockedRows(columns, _kind(columns), count or UNKNOWN, described)

    def _file(
        self, name: str, commit: str, file: str, path: Path | None, sibling: RepoSibling
    ) -> tuple[tuple[str, ...], int | None]:
        """Return columns and the number of rows, None where only the beginning was read."""
        if path is not None:
            with path.open("rb") as lines:
                return _lines(name, file, lines, True)
        remote = Remote(self, name, commit, file, sibling.size)
        if file.endswith(".parquet"):
            footer = pq.ParquetFile(remote, pre_buffer=False)
            return tuple(footer.schema_arrow.names), int(footer.metadata.num_rows)
        return _lines(name, file, io.BytesIO(remote.read(FIRST)), False)


class Remote(io.RawIOBase):
    """A file of a data set, read by ranges: what is asked for and no more."""

    def __init__(self, hub: Hub, name: str, commit: str, file: str, size: int | None) -> None:
        super().__init__()
        if size is None:
            raise StepError(f"the hub does not say how large `{file}` of `{name}` is", "ask again later")
        endpoint = hub.endpoint
        self._url = hf_hub_url(name, file, repo_type="dataset", revision=commit, endpoint=endpoint.address)
        self._headers = build_hf_headers(token=endpoint.key)
        self._name, self._size, self._at, self._left = f"{name}/{file}", size, 0, MAX_READ

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Return the place in the file."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the file."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes. Raises StepError for an answer that is cut short or far too long."""
        end = self._size if size is None or size < 0 else min(self._size, self._at + size)
        wanted = max(0, end - self._at)
        if not wanted:
            return b""
        self._left -= wanted
        if self._left < 0:
            raise StepError(
                f"`{self._name}` asks for more than {MAX_READ} bytes to be described", "choose another file"
            )
        headers = {**self._headers, "Range": f"bytes={self._at}-{end - 1}"}
        found = bytearray()
        with get_session().stream("GET", self._url, headers=headers, follow_redirects=True) as answer:
            hf_raise_for_status(answer)
            for piece in answer.iter_bytes():
                found += piece
                if len(found) > wanted:
                    break
        if len(found) != wanted:
            raise StepError(f"the hub's answer about `{self._name}` has not the length asked for", "ask again later")
        self._at = end
        return bytes(found)


def _lines(name: str, file: str, lines: io.BufferedIOBase, whole: bool) -> tuple[tuple[str, ...], int | None]:
    columns: tuple[str, ...] = ()
    count = 0
    try:
        for line in bounded_lines(lines):  # type: ignore[arg-type]
            columns = columns or tuple(parse_row(line))
            count += 1
    except RowError as error:
        raise StepError(f"`{file}` of `{name}`, line {count + 1}: {error.message}", "choose another file") from error
    if not columns:
        raise StepError(f"`{file}` of `{name}` is empty", "name another split")
    return columns, count if whole else None


def _kind(columns: tuple[str, ...]) -> CorpusKind | Unknown:
    try:
        return kind_of_columns(columns, {})[1]
    except RowError:
        return UNKNOWN


def _configs(card: Path | None) -> object:
    """The configurations of a card; None where it has none or cannot be read."""
    try:
        found = metadata_load(card) if card else None
    except Exception:  # a stranger's YAML fails in every way there is
        return None
    return json.loads(json.dumps((found or {}).get("configs"), default=str))
