"""Pickled weights as safetensors. In: a model folder. Out: the same with safetensors beside it, or a new folder.

No pickle is read in this process. A confined child writes the tensors to an empty folder; what it wrote is checked as a
stranger's, and published in one rename. At every moment the folder is the old one or the new one, whole.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ladle.dsl.graph import Json
from ladle.executor.adapter import PICKLE, WEIGHTS, is_adapter, read_adapter
from ladle.executor.disk import in_words, link_tree, need_space, publish, remove, sync_tree
from ladle.executor.expected_tensors import misfit
from ladle.executor.headers import INDEX, SINGLE, HostileHeader, file_tensors, folder_tensors
from ladle.executor.model_folder import PICKLES, BadFolder, as_step_error, json_object
from ladle.executor.places import ADAPTER
from ladle.executor.quoting import short
from ladle.executor.task import StepError
from ladle.executor.unpickling import AGAIN, Limits, unpickle

PICKLE_SINGLE: Final = "pytorch_model.bin"
PICKLE_INDEX: Final = "pytorch_model.bin.index.json"
_OTHERS: Final = ("training_args", "optimizer", "scheduler", "scaler", "rng_state")
"""Beginnings of the names of pickles that trainers leave beside the weights."""
_COPIED: Final = (".json", ".jinja", ".txt", ".model")


@dataclass(frozen=True, slots=True)
class Converted:
    """What came of it."""

    folder: Path
    files: int
    tensors: int
    isolated: bool
    """Whether the child had no network at all."""


def convert(folder: Path, to: Path | None, limits: Limits | None = None) -> Converted:
    """Write the weights of `folder` as safetensors, into it or into a new folder. Raises StepError."""
    folder = folder.resolve()
    target = to.absolute() if to else folder
    files = _pickles(folder)
    _refuse(folder, target, files)
    with in_words(f"converting `{folder.name}`"), _work(target) as work:
        parts, new = work / "parts", work / "new"
        parts.mkdir()
        told = unpickle(files, parts, _tied(folder), limits or Limits.of(files), is_adapter(folder))
        _copy(folder, new, target == folder)
        tensors = _place(parts, new, folder)
        _prove(new, folder, told)
        sync_tree(new)
        count = len(list(new.glob("*.safetensors")))
        publish(new, target, work / "old")
    return Converted(target, count, tensors, told.get("isolated") is True)


def _pickles(folder: Path) -> tuple[Path, ...]:
    """Return the files that hold the weights. Raises StepError where there are none, or nobody can say which."""
    if not folder.is_dir():
        raise StepError(f"`{folder}` is not a folder")
    done = WEIGHTS if is_adapter(folder) else SINGLE
    if (folder / done).exists() or (folder / INDEX).exists():
        raise StepError(f"`{folder.name}` has safetensors already", "there is nothing to convert")
    if is_adapter(folder) and (folder / PICKLE).is_file():
        return (folder / PICKLE,)
    if _sharded(folder):
        return tuple(folder / name for name in sorted(set(_index(folder).values())))
    found = [path for path in sorted(folder.iterdir()) if path.suffix in PICKLES and path.is_file()]
    weights = [path for path in found if not path.name.startswith(_OTHERS)]
    if PICKLE_SINGLE in (path.name for path in weights):
        return (folder / PICKLE_SINGLE,)
    if len(weights) != 1:
        listed = ", ".join(f"`{path.name}`" for path in weights[:4]) or "none"
        help = f"call the one that holds the weights `{PICKLE_SINGLE}`" if weights else "nothing can be converted"
        raise StepError(f"`{folder.name}` has not one file of pickled weights: {listed}", help)
    return tuple(weights)


def _sharded(folder: Path) -> bool:
    return (folder / PICKLE_INDEX).is_file() and not (folder / PICKLE_SINGLE).is_file()


def _index(folder: Path) -> dict[str, str]:
    with as_step_error():
        wanted = json_object(folder / PICKLE_INDEX, folder.name).get("weight_map")
    found = {name: str(file) for name, file in wanted.items()} if isinstance(wanted, dict) else {}
    odd = [name for name in found.values() if name != Path(name).name or not name.endswith(PICKLES) or "\0" in name]
    lost = [name for name in found.values() if not odd and not (folder / name).is_file()]
    if not found or odd or lost:
        what = f"names `{short((odd or lost)[0])}`, which is no file of weights here" if odd or lost else "is empty"
        raise StepError(f"`{PICKLE_INDEX}` of `{folder.name}` {what}", "get the files again")
    return found


def _refuse(folder: Path, target: Path, files: tuple[Path, ...]) -> None:
    if not (folder / "config.json").is_file() and not is_adapter(folder):
        raise StepError(f"`{folder.name}` has no `config.json`", "a model folder is what transformers saves")
    if target != folder and os.path.lexists(target):
        raise StepError(f"`{target}` exists already", "name a folder that is not there yet")
    if target == folder and Path.cwd().is_relative_to(folder):
        raise StepError(f"`{folder.name}` is the working folder, and is replaced in one rename", "call it from above")
    if target == folder and os.path.ismount(folder):
        raise StepError(f"`{folder}` is a disk of its own, which cannot be replaced in one rename", "write `--to NEW`")
    need_space(_existing(target), sum(path.stat().st_size for path in files))


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())


@contextmanager
def _work(target: Path) -> Iterator[Path]:
    """Hold a folder beside the target, emptied of what a killed conversion left, and remove it after."""
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.with_name(f".{target.name}.converting")
    work.mkdir(mode=0o700, exist_ok=True)
    number = os.open(work, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(number)
        raise StepError(f"another `ladle convert` is writing `{target.name}`", "wait until it is done") from None
    try:
        for left in work.iterdir():
            remove(left)
        yield work
    finally:
        remove(work)
        os.close(number)


def _tied(folder: Path) -> bool:
    config = folder / "config.json"
    with as_step_error():
        return config.is_file() and json_object(config, folder.name).get("tie_word_embeddings") is True


def _copy(folder: Path, new: Path, in_place: bool) -> None:
    """Fill the new folder: with second names of all there is, or with copies of configuration and tokenizer."""
    new.mkdir()
    shutil.copymode(folder, new)
    if in_place:
        link_tree(folder, new)
        for path in folder.rglob("*"):
            if path.is_symlink() and path.is_dir():
                (new / path.relative_to(folder)).symlink_to(path.readlink())
        return
    for path in folder.iterdir():
        if path.is_file() and path.suffix in _COPIED and path.name != PICKLE_INDEX:
            shutil.copyfile(path, new / path.name)


def _place(parts: Path, new: Path, folder: Path) -> int:
    """Check what the child wrote and move it to the new folder, called as transformers expects it; count tensors."""
    files = sorted(parts.iterdir())
    if any(path.is_symlink() or not path.is_file() or path.suffix != ".safetensors" for path in files) or not files:
        raise StepError("the process that read the pickle left something else than weights", AGAIN)
    single = WEIGHTS if is_adapter(folder) else SINGLE
    placed: dict[str, str] = {}
    total = 0
    for number, path in enumerate(files, start=1):
        name = single if len(files) == 1 else f"model-{number:05d}-of-{len(files):05d}.safetensors"
        try:
            tensors = file_tensors(path)
        except HostileHeader as error:
            raise StepError(f"what came of the pickle is refused: {error}", AGAIN) from None
        placed |= dict.fromkeys(tensors, name)
        total += sum(tensor.size for tensor in tensors.values())
        path.replace(new / name)
        shutil.copymode(next(each for each in (new / ADAPTER, new / "config.json") if each.exists()), new / name)
    if len(files) > 1:
        index: Json = {"metadata": {"total_size": total}, "weight_map": dict(sorted(placed.items()))}
        (new / INDEX).write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return len(placed)


def _prove(new: Path, folder: Path, told: Mapping[str, Json]) -> None:
    """Raise StepError unless the new folder holds what its configuration, and the index of the pickles, ask for."""
    try:
        if is_adapter(folder):
            read_adapter(new, folder.name)
            return
        tensors = folder_tensors(new)
        wrong = misfit(json_object(new / "config.json", folder.name), tensors)
    except BadFolder as bad:
        raise StepError(bad.fault.message, bad.fault.help) from None
    except HostileHeader as error:
        raise StepError(f"what came of the pickle is refused: {error}", AGAIN) from None
    dropped = told.get("dropped")
    left = {str(name) for name in dropped} if isinstance(dropped, list) else set()
    wanted = (
        set(_index(folder)) if (folder / PICKLE_INDEX).is_file() and not (folder / PICKLE_SINGLE).is_file() else set()
    )
    if lost := sorted(wanted - set(tensors) - left):
        wrong = f"lack `{short(lost[0])}`, which `{PICKLE_INDEX}` names"
    if wrong:
        raise StepError(f"the weights of `{folder.name}` {wrong}", "they and `config.json` belong to different models")
