"""States: what devices say of themselves, believed under their signature, kept for who looks after them."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
import psycopg

from ledger.errors import JournalUnavailable
from ledger.events import wire
from ledger.events.base import Event
from ledger.events.cases import DeviceKeyReplaced, DeviceRevoked
from ledger.intake.devices import Devices
from ledger.replication import committing
from ledger.values.keys import PublicKey

log = logging.getLogger("suyuan.intake")

# A flood of states takes no more memory than this; the latest of each device counts.
WAITING_MAX, PAYLOAD_BYTES_MAX = 20_000, 4096
SECOND = timedelta(seconds=1)
# A device's clock may be wrong by years; PostgreSQL's and Python's calendars go as far.
TIME_MIN, TIME_MAX = (
    datetime.fromisoformat("2000-01-01T00:00Z"),
    datetime.fromisoformat("2200-01-01T00:00Z"),
)
KEEP = """
INSERT INTO accounts.device_states AS known VALUES (
    %(device)s, %(online)s, %(tape)s, %(waiting)s, %(fill_percent)s, %(said)s, %(session)s, %(heard)s,
    %(ahead_s)s, %(stops)s
) ON CONFLICT (device) DO UPDATE SET
    online = excluded.online, tape = excluded.tape, waiting = excluded.waiting,
    fill_percent = excluded.fill_percent, said = excluded.said, session = excluded.session,
    heard = excluded.heard, ahead_s = coalesce(excluded.ahead_s, known.ahead_s),
    -- Its last word is made before it heard of any.
    stops = CASE WHEN excluded.online THEN excluded.stops ELSE known.stops END
-- What was said before is nothing new, but for the last word of the connection that is known.
WHERE excluded.said > known.said OR known.said > known.heard
   OR (NOT excluded.online AND excluded.session = known.session AND known.online)
"""


class HeardState(NamedTuple):
    """A state as it was heard: what the device said when, how far its clock is ahead, and its stop list."""

    device: str
    online: bool
    tape: str | None
    waiting: int
    fill_percent: int
    said: datetime
    session: str
    heard: datetime
    ahead_s: float | None
    stops: int


class _Said(NamedTuple):
    """What came on a device's topic, whether the broker had kept it, and when."""

    payload: bytes
    retained: bool
    at: datetime


class DeviceStates:
    """Takes states as they come and believes and writes the latest of each device together, as a keeper."""

    names = ("device-revoked.v1", "device-key-replaced.v1")

    def __init__(self, dsn: str, devices: Devices, now: Callable[[], datetime]) -> None:
        self._dsn, self._devices, self._now = dsn, devices, now
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, _Said] = OrderedDict()
        self.position = 0

    def hear(self, device: str, payload: bytes, *, retained: bool) -> None:
        """Takes what came on a device's topic; `step` finds out whether the device signed it.

        Of a message that the broker had kept nobody knows how old it is.
        """
        if len(payload) > PAYLOAD_BYTES_MAX:
            return
        with self._lock:
            if len(self._waiting) < WAITING_MAX or device in self._waiting:
                self._waiting[device] = _Said(payload, retained, self._now())

    def take(self, position: int, event: Event) -> None:
        """Looks a device up again whose key is no longer what it was."""
        match event:
            case DeviceRevoked(device=device) | DeviceKeyReplaced(device=device):
                self._devices.forget(device)

    def step(self) -> None:
        """Writes what waits and is believed. Raises `JournalUnavailable`; it waits on then."""
        with self._lock:
            waiting, self._waiting = self._waiting, OrderedDict()
        if not waiting:
            return
        try:
            found = [self._heard(device, said) for device, said in waiting.items()]
            rows = [one._asdict() for one in found if one is not None]
            with committing(self._dsn) as connection, connection.cursor() as cursor:
                cursor.executemany(KEEP, rows)
        except JournalUnavailable:
            with self._lock:
                self._waiting = OrderedDict(waiting | self._waiting)
            raise
        except psycopg.DataError as error:
            log.warning("what devices say of themselves could not be kept: %s", error)

    def _heard(self, device: str, said: _Said) -> HeardState | None:
        state = self._believed(device, said.payload)
        if state is None or state.time is None or state.session is None:
            return None
        if not TIME_MIN < state.time < TIME_MAX:
            return None
        if said.retained and state.time > said.at:
            # Of when its clock was ahead; what it says next will tell how old it is.
            return None
        told = state.online and not said.retained
        # A clock that was ahead once must not make all that it says later look older.
        time = min(state.time, said.at)
        return HeardState(
            device, state.online, state.tape, state.waiting, state.fill_percent, time, state.session, said.at, (state.time - said.at) / SECOND if told else None,
            state.stops,
        )  # fmt: skip

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
