"""Stops: keeps the signed list of what may not be sold before every scanner."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from ledger.events.base import Event, stored_name
from ledger.events.stop_list import StopLine, sign_stops, stops_topic
from ledger.rules.stop_board import BOARD_EVENTS, StopBoard
from ledger.values.keys import SigningKey

# A scanner says how old its list is; the ledger signs it anew so often though nothing changed.
SIGN_AGAIN = timedelta(seconds=30)
TICK = timedelta(milliseconds=1)

# Puts a part on its retained topic; nothing clears it.
PublishPart = Callable[[str, bytes], None]
# The lots that the views know to be stopped by wider lines; what was known before while they are away.
KnownLots = Callable[[], Sequence[StopLine]]


class SignedList(NamedTuple):
    """The list as it was signed last."""

    version: int
    time: datetime
    parts: list[bytes]


class StopKeeper:
    """Signs the list at once when the record changes it, and again while it does not.

    Several of it, one an intake, say the same: the record alone decides what is on the list.
    """

    names = tuple(stored_name(kind) for kind in BOARD_EVENTS)

    def __init__(
        self,
        ledger: str,
        key: SigningKey,
        publish: PublishPart,
        *,
        known: KnownLots,
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._key = key
        self._publish = publish
        self._known = known
        self._now = now
        self.position = 0
        self.board = StopBoard()
        self.signed: SignedList | None = None
        self._looked = now()
        # A broker that comes back is told by its own thread, and never an older list after a newer.
        self._lock = threading.Lock()

    def take(self, position: int, event: Event) -> None:
        """Takes in an event of the record; `step` says what follows."""
        self.board.take(position, event)

    def step(self) -> None:
        """Signs and publishes the list when it has changed, or its signature grows old."""
        before, now = self.signed, self._now()
        if before is not None:
            recent = timedelta() <= now - self._looked < SIGN_AGAIN
            if before.version == self.board.version and recent:
                return
            # A clock that was put back must not make a newer list look like an older one.
            self._looked, now = now, max(now, before.time + TICK)
        else:
            self._looked = now
        lines = self.board.lines(self._known() if self.board.is_wide() else ())
        parts = sign_stops(self._key, self._ledger, self.board.version, now, lines)
        with self._lock:
            self.signed = SignedList(self.board.version, now, parts)
        self.publish()
        for surplus in range(len(parts), len(before.parts) if before else 0):
            self._publish(stops_topic(self._ledger, surplus + 1), b"")

    def publish(self) -> None:
        """Publishes the list as it was signed, as a broker that has just started needs it."""
        with self._lock:
            parts = self.signed.parts if self.signed is not None else []
            for number, part in enumerate(parts, 1):
                self._publish(stops_topic(self._ledger, number), part)
