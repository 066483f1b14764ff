"""A model of the Hugging Face hub. In: a task with a repository and a revision. Out: its manifest and its tokenizer.

The weights stay in the hub's own cache (`HF_HOME`), where every project of this machine shares them; they are found
again by `folder.model_folder`. Pickles, code and files in sub-folders are never fetched.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars
from ladle.dsl.types import UNKNOWN, Unknown
from ladle.executor.adapter import ELSEWHERE, WEIGHTS
from ladle.executor.headers import HostileHeader, folder_tensors
from ladle.executor.lock.derive import CARD, derive, licence
from ladle.executor.lock.proof import locked_facts, prove_files, prove_model
from ladle.executor.lock.refusals import refusal
from ladle.executor.lock.values import COMMIT
from ladle.executor.model_folder import BadFolder
from ladle.executor.models.folder import TOKENIZER_FILES, copy_tokenizer, read_config, tokenizer_folder
from ladle.executor.models.source import Source, write_source
from ladle.executor.models.template import put_on
from ladle.executor.task import Progress, StepError, Task

FETCHED: Final = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "generation_config.json",
    *TOKENIZER_FILES,
)
SHA256: Final = re.compile(r"[0-9a-f]{64}")


def run(task: Task) -> None:
    """Fetch a model at one commit and write what names it."""
    name, revision = str(task.options["name"]), str(task.options["revision"])
    snapshot = fetch(name, revision)
    if not any(snapshot.glob("*.safetensors")):
        help = "weights in pickles are never loaded: choose another model, or download it and `ladle convert FOLDER`"
        raise StepError(f"`{name}` holds no safetensors", help)
    if (snapshot / WEIGHTS).is_file() and not (snapshot / "config.json").is_file():
        raise StepError(f"`{name}` is an adapter, which is no model without another", ELSEWHERE)
    read_config(snapshot)
    files = sorted(file for file in snapshot.iterdir() if file.is_file())
    described = []
    for done, file in enumerate(files, 1):
        described.append((file.name, file.stat().st_size, digest(file)))
        task.report(Progress(done, len(files), "files"))
    _prove(task, name, revision, snapshot, tuple(described))
    write_source(task.output, Source(name, snapshot.name, tuple(described)))
    copy_tokenizer(snapshot, task.output)
    donors = task.all_given("template")
    put_on(task.output, task.options.get("template"), tokenizer_folder(donors[0], task.work) if donors else None)


def _prove(task: Task, name: str, revision: str, snapshot: Path, files: tuple[tuple[str, int, str], ...]) -> None:
    """Derive the facts of the lock again from the bytes. Raises StepError where they are not what it says."""
    if COMMIT.match(revision) and snapshot.name != revision:
        raise StepError(f"the hub gave commit {snapshot.name[:12]} of `{name}` for {revision[:12]}", "run again later")
    locked = locked_facts(task.root)
    entry = locked.model(name, revision) if locked else None
    if entry is None:
        return
    try:
        tensors = {key: each.elements for key, each in folder_tensors(snapshot).items()}
        found = derive(snapshot, name, tensors)
    except HostileHeader as error:
        raise StepError(f"the weights of `{name}` are refused: {error}", "choose another revision") from None
    except BadFolder as bad:
        raise StepError(bad.fault.message, bad.fault.help) from None
    stated = UNKNOWN if isinstance(entry.licence, Unknown) else licence(_card(name, snapshot.name))
    prove_model(entry, name, snapshot.name, found, stated)
    prove_files(entry, name, files)


def _card(name: str, commit: str) -> Path | None:
    """The card is fetched for the licence alone: it is no part of the model."""
    try:
        return Path(hf_hub_download(name, CARD, revision=commit))
    except EntryNotFoundError:
        return None
    except (HfHubHTTPError, OSError) as error:
        raise refusal(name, commit, error) from None


def fetch(name: str, revision: str) -> Path:
    """Return the snapshot of a repository in the cache, downloaded where it is not there yet."""
    disable_progress_bars()
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(FETCHED), ignore_patterns=["*/*"]))
    except HFValidationError:
        raise StepError(f"`{name}` is no name of a repository", "write `owner/name`") from None
    except RevisionNotFoundError:
        raise StepError(f"`{name}` has no revision `{revision}`", "name a commit, tag or branch") from None
    except GatedRepoError:
        raise StepError(f"`{name}` asks for consent first", "accept its terms on the hub and sign in") from None
    except RepositoryNotFoundError:
        raise StepError(f"the hub has no model `{name}`", "check the spelling; a private one needs a token") from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = str(error).strip().split("\n")[0]
        raise StepError(f"`{name}` cannot be fetched: {reason}", "check the connection and run again") from None


def digest(file: Path) -> str:
    """Return the SHA-256 of a file of the cache. Raises StepError if it is not what the hub calls it by."""
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    # The cache names large files after the SHA-256 that the hub states, small ones after a git hash.
    stated = file.resolve().name
    if SHA256.fullmatch(stated) and stated != found:
        raise StepError(f"`{file.name}` was damaged on its way", "delete it from the hub cache and run again")
    return found
