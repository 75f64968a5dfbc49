"""A kiosk's own scanner: says over MQTT what is held before it, so that the screen beside it opens its page."""

import base64
import os
from datetime import UTC, datetime, timedelta

from ledger.events import wire
from scanners.agent import Agent
from scanners.tape import Tape

SCREEN_BYTES = 16
# Two looks of one moment would pass for one that came twice.
TICK = timedelta(microseconds=1)


def screen_of(tape: Tape) -> str:
    """Returns the name of the screen beside a kiosk's scanner, which nobody can guess; made once."""
    found = tape.get("screen")
    if found is None:
        found = base64.urlsafe_b64encode(os.urandom(SCREEN_BYTES)).decode().rstrip("=")
        tape.put("screen", found)
    return found


class Showing:
    """Signs looks with the kiosk's key and sends them; one that cannot be sent is gone, as it should be."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._last = datetime.min.replace(tzinfo=UTC)
        self.screen = screen_of(agent.tape)

    def show(self, text: str) -> bool:
        """Opens the page of a code on the screen; False while the broker is away.

        Raises `ValueError` for a text that is no code's.
        """
        if not 0 < len(text) <= wire.LOOK_CHARACTERS_MAX:
            raise ValueError(f"a code has 1 to {wire.LOOK_CHARACTERS_MAX} characters")
        tape = self._agent.tape
        self._last = max(datetime.now(UTC), self._last + TICK)
        body = wire.encode(
            wire.KioskLook(device=tape.device, screen=self.screen, text=text, time=self._last)
        )
        signature = tape.key.sign(wire.look_message(body))
        signed = wire.SignedKioskLook(body=body, key=tape.key.id, signature=signature)
        topic = wire.looks_topic(self._agent.home.ledger, tape.device)
        return self._agent.link.tell(topic, wire.encode(signed))
