"""Which files of a data set are a split. In: names of files, the card's configurations. Out: paths, or a StepError.

What the card says counts; without it the names of files do, as the data sets of the hub are usually laid out:
`data/train-00000-of-00002.parquet`, `train/0.jsonl`, or a few files that are all `train`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ladle.dsl.suggest import listing
from ladle.executor.quoting import short
from ladle.executor.task import StepError

KINDS: Final = (".parquet", ".jsonl")
_USUAL: Final = ("train", "test", "validation", "valid", "val", "dev", "eval")
_HELP: Final = "write `split = ...`, and `subset = ...` where it has several"
Config = Mapping[str, object]


def split_files(name: str, files: Iterable[str], configs: object, subset: str, split: str) -> tuple[str, ...]:
    """Return the files of a split, sorted: all parquet or all JSON lines. Raises StepError."""
    usable = sorted(file for file in files if file.endswith(KINDS) and not file.startswith("."))
    if not usable:
        raise StepError(
            f"`{name}` holds no parquet and no JSON lines", "other formats and loading scripts are not read"
        )
    listed = [each for each in configs if isinstance(each, Mapping)] if isinstance(configs, list) else []
    described = [each for each in listed if each.get("data_files")]
    found = _described(name, usable, described, subset, split) if described else _named(name, usable, subset, split)
    if len({file.rpartition(".")[2] for file in found}) > 1:
        raise StepError(f"the split `{split}` of `{name}` is parquet and JSON lines at once", "name another split")
    return found


def _described(name: str, files: list[str], configs: list[Config], subset: str, split: str) -> tuple[str, ...]:
    config = _config(name, configs, subset)
    patterns = _patterns(config.get("data_files"))
    if split not in patterns:
        raise StepError(f"`{name}` has no split `{short(split)}`; it has {listing(sorted(patterns), 10)}", _HELP)
    folder = config.get("data_dir")
    prefix = f"{folder.strip('/')}/" if isinstance(folder, str) and folder.strip("/") else ""
    globs = [_glob(prefix + pattern.removeprefix("./")) for pattern in patterns[split]]
    found = tuple(file for file in files if any(glob.fullmatch(file) for glob in globs))
    if not found:
        raise StepError(f"no parquet or JSON lines file is the split `{short(split)}` of `{name}`", _HELP)
    return found


def _config(name: str, configs: list[Config], subset: str) -> Config:
    by_name = {str(config.get("config_name", "default")): config for config in configs}
    if subset:
        if subset not in by_name:
            message = f"`{name}` has no subset `{short(subset)}`; it has {listing(sorted(by_name), 10)}"
            raise StepError(message, _HELP)
        return by_name[subset]
    default = next((config for config in configs if config.get("default") is True), by_name.get("default"))
    if default is None and len(configs) > 1:
        raise StepError(f"`{name}` has the subsets {listing(sorted(by_name), 10)}, and none is the default", _HELP)
    return configs[0] if default is None else default


def _patterns(value: object) -> dict[str, list[str]]:
    """`data_files` of a card: one glob or several for `train`, or those of each split."""
    if isinstance(value, str):
        return {"train": [value]}
    found: dict[str, list[str]] = {}
    for item in value if isinstance(value, list) else ():
        if isinstance(item, str):
            found.setdefault("train", []).append(item)
        elif isinstance(item, Mapping):
            paths = item.get("path")
            each = [paths] if isinstance(paths, str) else paths if isinstance(paths, list) else []
            found.setdefault(str(item.get("split", "train")), []).extend(path for path in each if isinstance(path, str))
    return found


def _glob(pattern: str) -> re.Pattern[str]:
    """`*` and `?` stay within a folder, `**` does not."""
    parts = re.split(r"(\*\*/?|\*|\?)", pattern[:500])
    meant = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meant.get(part) or re.escape(part) for part in parts))


def _named(name: str, files: list[str], subset: str, split: str) -> tuple[str, ...]:
    inside = [file for file in files if not subset or file.startswith(f"{subset}/") or f"/{subset}/" in file]
    found = tuple(file for file in inside if _is_of(file, split))
    if not found and split == "train":
        found = tuple(file for file in inside if not any(_is_of(file, other) for other in _USUAL))
    if not found:
        shown = listing([f"{file}" for file in files], 6)
        raise StepError(f"no file of `{name}` is named after the split `{short(split)}`: {shown}", _HELP)
    return found


def _is_of(file: str, split: str) -> bool:
    stem = file.rpartition(".")[0]
    return (
        re.search(rf"(?:^|[/._-]){re.escape(split)}(?:-[0-9a-f]+(?:-of-\d+)?(?:-[0-9a-f]+)?)?(?:/|$)", stem) is not None
    )
