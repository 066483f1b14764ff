"""Facts of folders of models and adapters. In: a folder of the project. Out: its entry of the lock; no weight is read.

Its files are known by their content, which is part of what is made from them.
"""

from __future__ import annotations

from pathlib import Path

from ladle.dsl.types import UNKNOWN, AdapterType, ModelType
from ladle.executor.adapter import adapter_type
from ladle.executor.lock.entries import LOCAL, LockedAdapter, LockedFolder, LockedModel, template
from ladle.executor.lock.local import files
from ladle.executor.lock.tokens import vocabulary
from ladle.executor.model_folder import as_step_error, model_type, template_text
from ladle.executor.model_settings import joined
from ladle.executor.places import ADAPTER, located
from ladle.executor.task import StepError


def local_folder(root: Path, folder: str) -> LockedFolder | None:
    """Return the facts of a folder of a model or adapter, None where it is not here. Raises StepError for neither."""
    paths, _ = located(root, folder)
    if not paths:
        return None
    if (root / folder / ADAPTER).is_file():
        return _adapter(root, folder, paths)
    return _model(root, folder, paths)


def _adapter(root: Path, folder: str, paths: tuple[Path, ...]) -> LockedAdapter:
    found = adapter_type(root / folder, folder)
    if not isinstance(found, AdapterType):
        raise StepError(found[0].message, found[0].help)
    own = found.vocabulary, found.template, found.pad_is_end
    return LockedAdapter(LOCAL, found.based_on, *own, files(root, paths))


def _model(root: Path, folder: str, paths: tuple[Path, ...]) -> LockedModel:
    found = model_type(root / folder, folder, paths)
    if not isinstance(found, ModelType):
        raise StepError(found[0].message, found[0].help)
    with as_step_error():
        text = template_text(root / folder, folder)
        words = vocabulary(root / folder, folder)
    return LockedModel(
        basis=LOCAL,
        commit=UNKNOWN,
        architecture=found.architecture,
        shape=found.shape,
        vocabulary=words,
        template=None if text is None else template(text),
        licence=UNKNOWN,
        parameters=found.parameters,
        files=files(root, paths),
        pad_is_end=found.pad_is_end,
        settings=joined(found.function, found.settings),
    )
