"""Writes what stands beside a merge's weights. In: its models, its tokens. Out: configurations, tokenizer, template.

`config.json` is the first model's, with the tokens that the merge has; tokenizer, template and generation configuration
are those of the model whose tokens it has. Where that one has no generation configuration, the first model that has
gives its own: none is lost. Tokens that configurations name (the end, the pad) are matched by what they say.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from ladle.dsl.graph import Json
from ladle.executor.model_folder import as_step_error, json_object
from ladle.executor.models.folder import copy_generation, copy_tokenizer
from ladle.executor.models.template import GENERATION
from ladle.executor.task import StepError
from ladle.executor.token_table import FILE
from ladle.executor.weights.alignment import Aligned
from ladle.executor.weights.parents import Parent
from tokenizers import Tokenizer

_NAMES_TOKENS: Final = re.compile(r"(?:.*_)?(?:token_ids?|token_index|suppress_tokens)")
"""Keys of a configuration whose values are numbers of tokens."""


def write_beside(output: Path, aligned: Aligned) -> None:
    """Write everything but the weights into `output`.

    Raises StepError where the tokenizers library reads a tokenizer otherwise than its file says.
    """
    models, arranged = aligned.models, aligned.arranged
    first, donor = models[0], models[arranged.donor]
    copy_beside(output, first, donor)
    tables = _Tables(models) if aligned.touched or donor is not first else None
    if tables:
        config = dict(_renumbered(first.configuration, tables[first], arranged.ids))
        named = {key: value for key, value in donor.configuration.items() if _NAMES_TOKENS.fullmatch(key)}
        _write(output / "config.json", {**config, **named, "vocab_size": arranged.rows})
    if not (output / GENERATION).is_file():
        _generation(output, models, tables, arranged.ids)
    if arranged.added:
        _add(output, arranged.added)
    if tables:
        _confirm(output, arranged.ids, "the result")
    if arranged.added:
        _confirm_loaded(output, arranged.ids)


def copy_beside(output: Path, model: Parent, donor: Parent | None = None) -> None:
    """Copy the configuration of `model`; tokenizer, template and generation configuration are those of `donor`."""
    spoken = donor or model
    shutil.copyfile(model.folder / "config.json", output / "config.json")
    copy_generation(spoken.folder, output)
    copy_tokenizer(spoken.tokenizer, output)


def configure(folder: Path, change: Callable[[dict[str, Json]], None]) -> None:
    """Change `config.json` of a folder in place."""
    path = folder / "config.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    change(said)
    path.write_text(json.dumps(said, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def state_dtype(folder: Path, name: str) -> None:
    """Say in `config.json` of a folder which element type its weights have."""

    def change(said: dict[str, Json]) -> None:
        said["torch_dtype" if "torch_dtype" in said else "dtype"] = name

    configure(folder, change)


class _Tables:
    """Token tables of the models, each confirmed once by the library that will read them."""

    def __init__(self, models: Sequence[Parent]) -> None:
        self._known = {model.tokenizer: model.vocabulary for model in models}
        for model in models:
            _confirm(model.tokenizer, self._known[model.tokenizer], f"`{model.name}`")

    def __getitem__(self, model: Parent) -> Mapping[str, int]:
        return self._known[model.tokenizer]


def _generation(output: Path, models: Sequence[Parent], tables: _Tables | None, ids: Mapping[str, int]) -> None:
    for model in models:
        for folder in (model.tokenizer, model.folder):
            if not (folder / GENERATION).is_file():
                continue
            if tables is None:
                copy_generation(folder, output)
            else:
                found = _json(folder / GENERATION, model.name)
                _write(output / GENERATION, dict(_renumbered(found, tables[model], ids)))
            return


def _renumbered(
    settings: Mapping[str, Json], before: Mapping[str, int], after: Mapping[str, int]
) -> Iterator[tuple[str, Json]]:
    """Yield settings with the numbers of tokens as they are after; one that names a token that is gone is left out."""
    names = {number: token for token, number in before.items()}
    for key, value in settings.items():
        if not _NAMES_TOKENS.fullmatch(key) or value is None:
            yield key, value
            continue
        listed = value if isinstance(value, list) else [value]
        found = [after[names[each]] for each in listed if isinstance(each, int) and names.get(each) in after]
        if found:
            yield key, [*found] if isinstance(value, list) else found[0]


def _add(output: Path, added: Sequence[Mapping[str, Json]]) -> None:
    """Add tokens to the tokenizer in `output`, in each of its files that lists added ones."""
    table = _json(output / FILE, "the tokenizer")
    listed = table.get("added_tokens")
    table["added_tokens"] = [*(listed if isinstance(listed, list) else []), *(dict(each) for each in added)]
    _write(output / FILE, table)
    if (output / "added_tokens.json").is_file():
        older = _json(output / "added_tokens.json", "the tokenizer")
        _write(output / "added_tokens.json", {**older, **{str(each["content"]): each["id"] for each in added}})
    settings = _json(output / "tokenizer_config.json", "the tokenizer")
    decoder = settings.get("added_tokens_decoder")
    if isinstance(decoder, dict):
        more = {str(each["id"]): {key: value for key, value in each.items() if key != "id"} for each in added}
        settings["added_tokens_decoder"] = {**decoder, **more}
        _write(output / "tokenizer_config.json", settings)


def _confirm(folder: Path, ids: Mapping[str, int], name: str) -> None:
    """Raise StepError unless the tokenizers library gives each token the number that its file states."""
    try:
        found = Tokenizer.from_file(str(folder / FILE)).get_vocab(with_added_tokens=True)
    except Exception as error:  # the library raises bare exceptions for files it cannot read
        first = (str(error).strip().split("\n")[0] or type(error).__name__)[:300]
        raise StepError(f"the tokenizer of {name} cannot be loaded: {first}", "get the folder again") from None
    wrong = next((token for token, number in ids.items() if found.get(token) != number), None)
    if wrong is not None:
        message = f"`{FILE}` of {name} gives {ascii(wrong)[:60]} the number {ids[wrong]}, and loaded it has another"
        raise StepError(message, "save the tokenizer again with transformers")


def _confirm_loaded(output: Path, ids: Mapping[str, int]) -> None:
    """Raise StepError unless transformers, whose classes may see to their own tokens, gives the same numbers."""
    # It takes seconds to load, and most merges add no token.
    loaded: Mapping[str, int] = import_module("ladle.executor.tokenizer").open_tokenizer(output).fast.get_vocab()
    wrong = next((token for token, number in ids.items() if loaded.get(token) != number), None)
    if wrong is not None:
        message = (
            f"transformers would read {ascii(wrong)[:60]} of the union as token {loaded.get(wrong)}, not {ids[wrong]}"
        )
        raise StepError(message, "name a model instead: `tokenizer = first`, or one of the others")


def _json(path: Path, name: str) -> dict[str, Json]:
    with as_step_error():
        return json_object(path, name) if path.is_file() else {}


def _write(path: Path, content: Mapping[str, Json]) -> None:
    try:
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf-8")
    except (RecursionError, UnicodeEncodeError):
        message = f"`{path.name}` of a model is nested too deep, or holds half of a surrogate pair"
        raise StepError(message, "get the file again") from None
