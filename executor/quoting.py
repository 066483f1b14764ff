"""What others wrote, in a message. In: text of any length. Out: as much of it as a line takes."""

from __future__ import annotations

LONGEST = 60


def short(text: str) -> str:
    """Return `text`, its end cut off where it is longer than a message can quote."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
