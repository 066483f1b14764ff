"""Putting a chat template on a tokenizer. In: its folder, a built-in name or a model that gives its own. Out: files.

A template brings its control tokens, which must exist in the vocabulary already: nothing is ever added to one.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ladle.dsl.graph import Json
from ladle.executor.model_folder import BadFolder, as_step_error, json_object
from ladle.executor.task import StepError
from ladle.executor.templates import BUILT_IN
from ladle.executor.token_table import read_tokens

TEMPLATE = "chat_template.jinja"
GENERATION = "generation_config.json"


def put_on(folder: Path, name: Json, donor: Path | None) -> None:
    """Write the template `name`, or else the one of the tokenizer in `donor`, into the tokenizer of `folder`.

    Raises StepError where the vocabulary lacks a control token, or the two vocabularies differ.
    """
    if donor is not None:
        _from_donor(folder, donor)
    elif isinstance(name, str):
        template = BUILT_IN[name]
        missing = [token for token in template.control if token not in _added(folder)]
        if missing:
            raise StepError(
                f"the control token `{missing[0]}` of the template `{name}` is no added token of the vocabulary",
                "take the template of a model with this vocabulary: `template = that_model`",
            )
        (folder / TEMPLATE).write_text(template.text, encoding="utf-8")
        _end_turns(folder, vocabulary(folder)[template.turn_end])


def vocabulary(folder: Path) -> dict[str, int]:
    """Return tokens and their ids, added ones included, of the fast tokenizer in `folder`."""
    with as_step_error():
        return dict(read_tokens(folder, folder.name).ids)


def _added(folder: Path) -> frozenset[str]:
    """Return the added tokens of the fast tokenizer in `folder`: it takes any other token of its vocabulary apart."""
    with as_step_error():
        return read_tokens(folder, folder.name).contents


def _from_donor(folder: Path, donor: Path) -> None:
    if vocabulary(folder) != vocabulary(donor):
        raise StepError(
            "the model that gives its template has another vocabulary",
            "a template brings its control tokens: name a model of the same tokenizer",
        )
    if not (donor / TEMPLATE).is_file():
        raise StepError("the model that should give its template has none", "name one that has, or a built-in one")
    # Turn end, pad and what ends a generated text come along.
    for file in (TEMPLATE, "tokenizer_config.json", "special_tokens_map.json", GENERATION):
        if (donor / file).is_file():
            shutil.copyfile(donor / file, folder / file)


def _end_turns(folder: Path, turn_end: int) -> None:
    """Let the end of a turn end a generated text too."""
    file = folder / GENERATION
    try:
        settings = json_object(file, folder.name) if file.is_file() else {}
    except BadFolder as bad:
        raise StepError(bad.fault.message, "mend it or delete it") from None
    known = settings.get("eos_token_id")
    ends = known if isinstance(known, list) else [] if known is None else [known]
    settings["eos_token_id"] = [*ends, *([] if turn_end in ends else [turn_end])]
    file.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
