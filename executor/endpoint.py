"""Where the hub is. In: a profile and the environment. Out: its address, and the key that may be sent there.

A recipe or a lock has no say in it. A key goes to the host that it belongs to and to no other.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from ladle.executor.profile import Profile
from ladle.executor.task import StepError

USUAL: Final = "https://huggingface.co"
ENDPOINT: Final = "HF_ENDPOINT"
KEY: Final = "HF_TOKEN"


@dataclass(frozen=True, slots=True)
class HubEndpoint:
    """An address, None for the usual one; `key` False: none is sent, None: that of the signed-in user."""

    address: str | None
    key: str | bool | None


def hub_endpoint(profile: Profile) -> HubEndpoint:
    """Return the hub of a profile, else that of HF_ENDPOINT, else the usual one.

    The signed-in user's key is for the usual hub; to another goes only what the profile's `hub_key` names, or, where
    the environment names the hub, HF_TOKEN beside it. Raises StepError where the variable of a key is not set.
    """
    if profile.hub_key and not os.environ.get(profile.hub_key):
        message = f"the profile `{profile.name}` takes the hub's key from {profile.hub_key}, which is not set"
        raise StepError(message, f"set {profile.hub_key}, or leave `hub_key` out of the profile")
    named = os.environ[profile.hub_key] if profile.hub_key else ""
    if profile.hub:
        return HubEndpoint(profile.hub, named or (None if profile.hub == USUAL else False))
    address = os.environ.get(ENDPOINT, "").rstrip("/")
    if not address or address == USUAL:
        return HubEndpoint(None, named or None)
    return HubEndpoint(address, named or os.environ.get(KEY) or False)


def hub_variables(profile: Profile) -> dict[str, str]:
    """Return the variables by which a step's client finds the profile's hub, none where the profile names none."""
    if not profile.hub and not profile.hub_key:
        return {}
    found = hub_endpoint(profile)
    address = {} if found.address is None else {ENDPOINT: found.address}
    key = {KEY: found.key} if isinstance(found.key, str) else {}
    return {**address, **key} | ({"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", KEY: ""} if found.key is False else {})
