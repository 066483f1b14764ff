"""What `ladle.lock` holds. In: nothing. Out: frozen data: facts of models and data, of the hub and of the project.

Facts in a lock are claims: a check believes them, a run derives each again from the bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ladle.dsl.frozen import frozen, replace
from ladle.dsl.types import UNKNOWN, AdapterType, CorpusKind, ModelType, Settings, Unknown
from ladle.executor.model_settings import parted

SCHEMA: Final = 1
LOCK: Final = "ladle.lock"
READ: Final = "read from the hub"
"""The basis of facts that `ladle lock` read itself."""
LOCAL: Final = "read from the files"
"""The basis of facts about files of the project."""


@frozen
class LockedFile:
    """One file: its bytes and the SHA-256 of its content, as far as they are known."""

    bytes: int | Unknown
    sha256: str | Unknown


Files = tuple[tuple[str, LockedFile], ...]
"""Files by path, sorted."""


@frozen
class LockedTemplate:
    """A chat template: the SHA-256 of its text, and the text where it is known."""

    sha256: str
    text: str | Unknown

    @property
    def identity(self) -> str:
        """By which types compare templates; `templates.template_identity` of the text."""
        return f"sha256:{self.sha256[:16]}"


@frozen
class Vocabulary:
    """The token-to-id table: its identity, how many tokens it has, and those added to it (special ones among them)."""

    identity: str | Unknown
    size: int | Unknown
    added: tuple[str, ...] | Unknown


@frozen
class LockedModel:
    """Facts of one hub model at one revision, or of a model folder of the project: that has no commit, no licence."""

    basis: str
    commit: str | Unknown
    architecture: str | Unknown
    shape: tuple[tuple[str, int], ...] | Unknown
    """Sorted sizes, layers and `tied` (embeddings) among them."""
    vocabulary: Vocabulary
    template: LockedTemplate | Unknown | None
    """None: the model has none."""
    licence: str | Unknown
    parameters: int | Unknown
    files: Files | Unknown
    pad_is_end: bool | Unknown = UNKNOWN
    """Whether the tokenizer pads with the token that ends a text."""
    settings: Settings | Unknown = UNKNOWN
    """What its configuration says of how weights are used, of both kinds (`model_settings`)."""

    def agrees(self, other: LockedModel) -> bool:
        """Say whether another entry says the same; a setting that one of them leaves out is no claim."""
        mine, theirs = (dict(() if isinstance(each, Unknown) else each) for each in (self.settings, other.settings))
        alike = all(mine[name] == theirs[name] for name in mine.keys() & theirs.keys())
        return alike and replace(self, settings=UNKNOWN) == replace(other, settings=UNKNOWN)

    def type(self) -> ModelType:
        """Return what the checker takes from it."""
        template = self.template
        function, settings = parted(self.settings)
        return ModelType(
            architecture=self.architecture,
            shape=self.shape,
            vocabulary=self.vocabulary.identity,
            template=template.identity if isinstance(template, LockedTemplate) else template,
            pad_is_end=self.pad_is_end,
            parameters=self.parameters,
            licence=self.licence,
            function=function,
            settings=settings,
        )


@frozen
class LockedAdapter:
    """Facts of an adapter in a folder of the project. Which tensors it changes is proved where its files are."""

    basis: str
    based_on: str
    """The model that it says it was trained on."""
    vocabulary: str | Unknown | None
    """Of its own tokenizer; None where the model's is used."""
    template: str | Unknown | None
    """Identity of the template of its own tokenizer."""
    pad_is_end: bool | Unknown
    files: Files | Unknown

    def type(self) -> AdapterType:
        """Return what the checker takes from it."""
        return AdapterType((), (), self.based_on, self.vocabulary, self.template, self.pad_is_end)


LockedFolder = LockedModel | LockedAdapter


@frozen
class LockedRows:
    """Facts of the rows of one split of a data set, or of the files of one path of the project.

    `columns` are named as in the files; `kind` is what these names make of the rows, without `columns = {...}`.
    """

    columns: tuple[str, ...] | Unknown
    kind: CorpusKind | Unknown
    rows: int | Unknown
    files: Files | Unknown


@frozen
class LockedData:
    """Facts of one hub data set at one revision. `present` False: no run may fetch it (it is not on the hub)."""

    basis: str
    commit: str | Unknown
    licence: str | Unknown
    present: bool
    splits: tuple[tuple[tuple[str, str], LockedRows], ...]
    """By (subset, split); the subset is "" where there is only one."""


@frozen
class LockedCorpus:
    """Facts of files of the project; `elsewhere`: who entered them says so. What is here is seen, never locked."""

    basis: str
    elsewhere: bool
    rows: LockedRows


Pinned = tuple[str, str]
"""A repository and the revision that recipes ask for."""


@frozen
class Lock:
    """The whole lock."""

    models: Mapping[Pinned, LockedModel] = MappingProxyType({})
    data: Mapping[Pinned, LockedData] = MappingProxyType({})
    corpora: Mapping[str, LockedCorpus] = MappingProxyType({})
    """By path or glob as recipes write it."""
    folders: Mapping[str, LockedFolder] = MappingProxyType({})
    """Folders of models and adapters of the project, as recipes write them."""


EMPTY: Final = Lock()


def template(text: str) -> LockedTemplate:
    """Return a template of known text. Raises UnicodeEncodeError for half of a surrogate pair."""
    return LockedTemplate(hashlib.sha256(text.encode()).hexdigest(), text)


def written(pinned: Pinned) -> str:
    """Return a repository and revision as the key of an entry."""
    return f"{pinned[0]}@{pinned[1]}"
