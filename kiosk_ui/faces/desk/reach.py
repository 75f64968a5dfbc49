"""How far a stop has got: which scanners know it, as an officer with a clock running asks."""

from typing import Any

from kiosk_ui.client import NotYours
from kiosk_ui.signing import Person

# What changes the list that scanners go by.
CHANGING = ("hold-placed", "recall-published", "recall-widened", "recall-narrowed")


async def reach_of(person: Person, words: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Returns how many scanners know what a hold's or recall's history changed last; None where nothing is stopped."""
    changed = [word["position"] for word in words if word["what"] in CHANGING]
    if not changed:
        return None
    try:
        return await person.client.get("/v1/devices/stops", {"since": max(changed)})
    except NotYours:
        return None
