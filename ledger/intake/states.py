"""States: what devices say of themselves, believed under their signature, kept for who looks after them."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from ledger.events import wire
from ledger.events.base import Event
from ledger.intake.devices import Devices
from ledger.replication import committing
from ledger.values.keys import PublicKey

log = logging.getLogger("suyuan.intake")

# A flood of states takes no more memory than this; the latest of each device counts.
WAITING_MAX = 20_000
# A device's clock may be wrong by years; PostgreSQL's and Python's calendars go as far.
TIME_MIN, TIME_MAX = (
    datetime.fromisoformat("2000-01-01T00:00Z"),
    datetime.fromisoformat("2200-01-01T00:00Z"),
)
KEEP = """
INSERT INTO accounts.device_states AS known VALUES (
    %(device)s, %(online)s, %(tape)s, %(waiting)s, %(fill_percent)s, %(said)s, %(session)s, %(heard)s,
    %(ahead_s)s
) ON CONFLICT (device) DO UPDATE SET
    online = excluded.online, tape = excluded.tape, waiting = excluded.waiting,
    fill_percent = excluded.fill_percent, said = excluded.said, session = excluded.session,
    heard = excluded.heard, ahead_s = coalesce(excluded.ahead_s, known.ahead_s)
-- What was said before is nothing new, but for the last word of the connection that is known.
WHERE excluded.said > known.said
   OR (NOT excluded.online AND excluded.session = known.session AND known.online)
"""


class HeardState(NamedTuple):
    """A state as it was heard: what the device said when, and how far its clock is ahead."""

    device: str
    online: bool
    tape: str | None
    waiting: int
    fill_percent: int
    said: datetime
    session: str
    heard: datetime
    ahead_s: float | None


class DeviceStates:
    """Takes states as they come and writes the latest of each device together, as a keeper."""

    names = ("device-revoked.v1",)

    def __init__(self, dsn: str, devices: Devices, now: Callable[[], datetime]) -> None:
        self._dsn, self._devices, self._now = dsn, devices, now
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, HeardState] = OrderedDict()
        self.position = 0

    def hear(self, device: str, payload: bytes, *, retained: bool) -> None:
        """Takes what came on a device's topic; what the device did not sign is nothing.

        Of a message that the broker had kept nobody knows how old it is.
        """
        state = self._believed(device, payload)
        if state is None or state.time is None or state.session is None:
            return
        if not TIME_MIN < state.time < TIME_MAX:
            return
        now = self._now()
        told = state.online and not retained
        heard = HeardState(
            device, state.online, state.tape, state.waiting, state.fill_percent, state.time,
            state.session, now, (state.time - now) / timedelta(seconds=1) if told else None,
        )  # fmt: skip
        with self._lock:
            if len(self._waiting) < WAITING_MAX or device in self._waiting:
                self._waiting[device] = heard

    def take(self, position: int, event: Event) -> None:
        """Nothing follows: who is revoked is believed no more, and its last word stays."""

    def step(self) -> None:
        """Writes what waits. Raises `JournalUnavailable`; it waits on then."""
        with self._lock:
            waiting, self._waiting = self._waiting, OrderedDict()
        if not waiting:
            return
        try:
            with committing(self._dsn) as connection, connection.cursor() as cursor:
                cursor.executemany(KEEP, [one._asdict() for one in waiting.values()])
        except BaseException:
            with self._lock:
                self._waiting = OrderedDict(waiting | self._waiting)
            raise

    def _believed(self, device: str, payload: bytes) -> wire.DeviceState | None:
        try:
            signed = msgspec.json.decode(payload, type=wire.SignedState)
            state = msgspec.json.decode(signed.body, type=wire.DeviceState)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        case = self._devices.get(device)
        if state.device != device or case.key is None or case.revoked:
            return None
        key = PublicKey(case.key)
        message = wire.state_message(signed.body)
        believed = key.id == signed.key and key.signed(signed.signature, message)
        return state if believed else None
