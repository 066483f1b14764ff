"""What a hub refuses, in words. In: a call of its client. Out: the answer, after bounded patience, or a StepError."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import urlsplit

from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    NotASafetensorsRepoError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    SafetensorsParsingError,
)
from ladle.executor.model_folder import BadFolder
from ladle.executor.quoting import short
from ladle.executor.task import StepError

TRIES: Final = 4
PATIENCE_SECONDS: Final = 60.0
"""The longest wait that a hub is granted for one answer."""
BUSY: Final = (429, 503)
_CONNECTION: Final = "check the connection and run again"

T = TypeVar("T")


def asked(what: str, revision: str, call: Callable[[], T]) -> T:
    """Return what `call` gives. A busy hub is asked again after the time that it names, a few times at most.

    Raises StepError that says what a hub refused about the repository `what`.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return call()
        except HfHubHTTPError as error:
            wait = _wait(error)
            if wait is None or wait > PATIENCE_SECONDS or attempt == TRIES:
                raise refusal(what, revision, error) from error
            time.sleep(wait)
        except StepError:
            raise
        except BadFolder as bad:
            raise StepError(bad.fault.message, bad.fault.help) from bad
        except Exception as error:  # a stranger's server makes the client fail in every way there is
            raise refusal(what, revision, error) from error
    raise AssertionError("every attempt returns or raises")


def refusal(what: str, revision: str, error: Exception) -> StepError:
    """Return an error of the client as a problem of the user's."""
    match error:
        case HFValidationError():
            return StepError(f"`{what}` is no name of a repository", "write `owner/name`")
        case RevisionNotFoundError():
            return StepError(f"`{what}` has no revision `{short(revision)}`", "name a commit, tag or branch")
        case GatedRepoError():
            return StepError(f"`{what}` asks for consent first", "accept its terms on the hub and sign in")
        case RepositoryNotFoundError():
            return StepError(f"the hub has no `{what}`", "check the spelling; a private one needs a key")
        case NotASafetensorsRepoError():
            return StepError(f"`{what}` holds no safetensors", "weights in pickles are never loaded: choose another")
        case EntryNotFoundError():
            return StepError(f"`{what}` lacks a file that it lists: {_reason(error)}", "ask again later")
        case OfflineModeIsEnabled():
            return StepError(f"`{what}` cannot be asked about: HF_HUB_OFFLINE is set", "unset it and run again")
        case SafetensorsParsingError():
            return StepError(f"the weights of `{what}` have no header that can be read", "choose another revision")
        case HfHubHTTPError() if (wait := _wait(error)) is not None:
            return StepError(f"the hub is busy and asks to wait {wait:.0f} s for `{what}`", "run again after that")
        case HfHubHTTPError() if error.response is not None and error.response.status_code in (401, 403):
            return StepError(f"the hub gives no access to `{what}`", "check the key, and that it may read this one")
        case ValueError() | KeyError() | TypeError() | AttributeError():
            return StepError(f"the hub's answer about `{what}` makes no sense: {_reason(error)}", "ask again later")
        case _:
            return StepError(f"`{what}` cannot be read{_from(error)}: {_plainly(error)}", _CONNECTION)


def _wait(error: HfHubHTTPError) -> float | None:
    """The seconds that a busy hub asks for; None for one that is not busy."""
    response = error.response
    if response is None or response.status_code not in BUSY:
        return None
    try:
        return max(0.0, float(response.headers.get("Retry-After", "1")))
    except ValueError:
        return PATIENCE_SECONDS + 1


def _from(error: Exception) -> str:
    """Who was asked, of what the client says of its request; "" where it says nothing."""
    cause: BaseException | None = error
    while cause is not None:
        try:
            host = urlsplit(str(getattr(cause, "request", None) and cause.request.url)).netloc  # type: ignore[attr-defined]
        except (RuntimeError, AttributeError, ValueError):  # an error without a request says so by raising
            host = ""
        if host:
            return f" from `{short(host.rpartition('@')[2])}`"
        cause = cause.__cause__ or cause.__context__
    return ""


def _plainly(error: Exception) -> str:
    """The reason without the number that a system has for it."""
    return re.sub(r"^\[Errno -?\d+\] ", "", _reason(error))


def _reason(error: Exception) -> str:
    text = str(error).strip().split("\n")[0] or type(error).__name__
    return text if len(text) <= 160 else f"{text[:157]}..."
