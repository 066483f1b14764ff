"""Facts of model folders of the project. In: a folder. Out: an entry of the lock, from its files; no weight is read.

Its files are known by their content, which is part of what is made from them.
"""

from __future__ import annotations

from pathlib import Path

from ladle.dsl.types import UNKNOWN, ModelType
from ladle.executor.lock.entries import LOCAL, LockedModel, template
from ladle.executor.lock.local import files
from ladle.executor.lock.tokens import vocabulary
from ladle.executor.model_folder import BadFolder, model_type, template_text
from ladle.executor.places import located
from ladle.executor.task import StepError


def local_folder(root: Path, folder: str) -> LockedModel | None:
    """Return the facts of a model folder, None where it is not here. Raises StepError for one that is no model."""
    paths, _ = located(root, folder)
    if not paths:
        return None
    found = model_type(root / folder, folder, paths)
    if not isinstance(found, ModelType):
        raise StepError(found[0].message, found[0].help)
    try:
        text = template_text(root / folder, folder)
        words = vocabulary(root / folder, folder)
    except BadFolder as bad:
        raise StepError(bad.fault.message, bad.fault.help) from bad
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
    )
