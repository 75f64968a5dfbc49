"""What devices say of themselves, kept: a word that is heard again makes nobody live longer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg

from ledger.events import wire
from ledger.intake.devices import Devices
from ledger.intake.states import DeviceStates
from ledger.rules.device import DeviceCase
from ledger.values.keys import SigningKey
from tests.support.databases import Database

KEY = SigningKey(bytes([7]) * 32)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR, MINUTES = timedelta(hours=1), timedelta(minutes=10)


class OneCase:
    """Cases that all are of a device with one key."""

    def load(self, _kind: str, subject: str, *_: Any) -> Any:
        return DeviceCase(subject, key=KEY.public)


def said(time: datetime) -> bytes:
    told = {
        "type": "state.v1", "device": "till-1", "online": True, "time": time.isoformat(),
        "session": "00000000-0000-4000-8000-000000000001",
    }  # fmt: skip
    body = msgspec.json.encode(told)
    return wire.encode(
        wire.SignedState(body=body, key=KEY.id, signature=KEY.sign(wire.state_message(body)))
    )


def heard(database: Database) -> tuple[datetime, float | None]:
    with psycopg.connect(database.dsn()) as owner:
        row = owner.execute("SELECT heard, ahead_s FROM accounts.device_states").fetchone()
    assert row is not None
    return row[0], row[1]


def test_a_word_that_a_broker_kept_from_a_clock_that_was_ahead_makes_nobody_live_longer(
    database: Database,
) -> None:
    now = NOON
    states = DeviceStates(database.dsn("suyuan_writer"), Devices(OneCase()), lambda: now)

    def hears(time: datetime, *, retained: bool = False) -> tuple[datetime, float | None]:
        states.hear("till-1", said(time), retained=retained)
        states.step()
        return heard(database)

    assert hears(NOON + HOUR) == (NOON, 3600)
    # Nor does its clock let in what it said before.
    assert hears(NOON - HOUR) == (NOON, 3600)
    now = NOON + MINUTES
    # The ledger was started anew, and the broker says what it kept.
    assert hears(NOON + HOUR, retained=True) == (NOON, 3600)
    # Its clock was set right: what it says now is younger, whatever it said before.
    assert hears(now - timedelta(seconds=1)) == (now, -1)
    assert hears(NOON - HOUR) == (now, -1)
