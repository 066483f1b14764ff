"""Facts of the hub, read from it. In: a repository and a revision. Out: an entry of the lock, or a StepError.

Weights are never fetched: of a safetensors file the header alone, by range; of the rest configuration, tokenizer, card.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatch
from math import prod
from pathlib import Path
from typing import Final

from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.hf_api import DatasetInfo, ModelInfo, RepoSibling
from huggingface_hub.utils.tqdm import disable_progress_bars
from ladle.dsl.types import UNKNOWN, Unknown
from ladle.executor.adapter import CONFIG, ELSEWHERE
from ladle.executor.endpoint import HubEndpoint
from ladle.executor.lock.derive import CARD, Derived, derive, licence, sha256
from ladle.executor.lock.entries import READ, Files, LockedFile, LockedModel
from ladle.executor.lock.refusals import asked
from ladle.executor.lock.values import COMMIT, HASH
from ladle.executor.quoting import short
from ladle.executor.task import StepError

WEIGHTS: Final = ("*.safetensors", "*.safetensors.index.json")
SMALL: Final = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", CARD)
OTHERS: Final = ("generation_config.json", "special_tokens_map.json", "tokenizer.model", "vocab.json", "merges.txt")
MAX_SMALL: Final = 128 * 2**20
"""Bytes of a file that is fetched whole."""


class Hub:
    """The hub at one endpoint; what is fetched stays in `cache`, by default the one that all projects share."""

    def __init__(self, endpoint: HubEndpoint, cache: Path | None = None) -> None:
        disable_progress_bars()
        self.cache = cache
        self.endpoint = endpoint
        self.api = HfApi(endpoint=endpoint.address, token=endpoint.key)

    def model(self, name: str, revision: str) -> LockedModel:
        """Return the facts of a model. Raises StepError for what the hub refuses or answers in vain."""
        return asked(name, revision, lambda: self._model(name, revision))

    def _model(self, name: str, revision: str) -> LockedModel:
        info = self.api.model_info(name, revision=revision, files_metadata=True)
        commit, siblings = told(info, name)
        if "config.json" not in siblings and CONFIG in siblings:
            raise StepError(f"`{name}` is an adapter, which is no model without another", ELSEWHERE)
        if "config.json" not in siblings:
            raise StepError(f"`{name}` has no `config.json`", "a model is what transformers saves")
        fetched = {file: self.fetch(name, file, commit, siblings) for file in SMALL if file in siblings}
        if len({path.parent.name for path in fetched.values()} | {commit}) > 1:
            raise StepError(f"the hub's answers about `{name}` are of two commits", "it is being changed: run again")
        facts = derive(fetched["config.json"].parent, name, self._tensors(name, commit))
        return _entry(facts, commit, licence(fetched.get(CARD)), _files(siblings, fetched))

    def fetch(
        self,
        name: str,
        file: str,
        commit: str,
        siblings: Mapping[str, RepoSibling],
        kind: str = "model",
        most: int | None = MAX_SMALL,
    ) -> Path:
        """Return a file of at most so many bytes, from the hub's cache where it is there. Raises StepError."""
        size = siblings[file].size
        if most is not None and size is not None and size > most:
            raise StepError(f"`{short(file)}` of `{name}` is larger than {most} bytes", "choose another repository")
        found = hf_hub_download(
            name,
            file,
            revision=commit,
            repo_type=kind,
            endpoint=self.endpoint.address,
            token=self.endpoint.key,
            cache_dir=self.cache,
        )
        return Path(found)

    def _tensors(self, name: str, commit: str) -> dict[str, int]:
        found = self.api.get_safetensors_metadata(name, revision=commit)
        tensors = {
            key: prod(each.shape) for file in found.files_metadata.values() for key, each in file.tensors.items()
        }
        if not tensors or not all(type(size) is int and size >= 0 for size in tensors.values()):
            raise StepError(f"the headers of the weights of `{name}` make no sense", "choose another revision")
        return tensors


def told(info: ModelInfo | DatasetInfo, name: str) -> tuple[str, dict[str, RepoSibling]]:
    """Return commit and files of a repository as the hub tells them. Raises StepError where they make no sense."""
    siblings = {file.rfilename: file for file in info.siblings or ()}
    if (
        not isinstance(info.sha, str)
        or not COMMIT.match(info.sha)
        or not all(isinstance(each, str) for each in siblings)
    ):
        raise StepError(f"the hub's answer about `{name}` names no commit or no files", "ask again later")
    return info.sha, siblings


def stated(sibling: RepoSibling, path: Path | None = None) -> LockedFile:
    """Return size and content hash of a file: of the bytes where they are here, else what the hub states."""
    if path is not None:
        return LockedFile(path.stat().st_size, sha256(path))
    hashed = sibling.lfs.sha256 if sibling.lfs else None
    known = hashed if isinstance(hashed, str) and HASH.match(hashed) else UNKNOWN
    return LockedFile(sibling.size if type(sibling.size) is int and sibling.size >= 0 else UNKNOWN, known)


def _files(siblings: Mapping[str, RepoSibling], fetched: Mapping[str, Path]) -> Files:
    wanted = [
        name
        for name in sorted(siblings)
        if "/" not in name and (name in (*SMALL, *OTHERS) or any(fnmatch(name, pattern) for pattern in WEIGHTS))
    ]
    return tuple((name, stated(siblings[name], fetched.get(name))) for name in wanted)


def _entry(facts: Derived, commit: str, stated: str | Unknown, files: Files) -> LockedModel:
    return LockedModel(
        basis=READ,
        commit=commit,
        architecture=facts.architecture,
        shape=facts.shape,
        vocabulary=facts.vocabulary,
        template=facts.template,
        licence=stated,
        parameters=facts.parameters,
        files=files,
        pad_is_end=facts.pad_is_end,
        settings=facts.settings,
    )
