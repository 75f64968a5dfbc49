"""Devices of the register: which are enrolled, and which merchant lets each report, when."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import msgspec

from ledger.events.cases import (
    DeviceEnrolled,
    DeviceKeyReplaced,
    DeviceRevoked,
    MandateGranted,
    MandateWithdrawn,
)
from ledger.projections.fold import Entry, Fold
from ledger.projections.seen import TRADES_IN_MARKET, SeenBy
from ledger.projections.table import Key, Rows, Table
from ledger.values.keys import key_id


class DeviceRow(msgspec.Struct):
    """A device: the id of the key that it signs with now, since when, and when it was revoked."""

    device: str
    name: str
    key: str
    enrolled_at: datetime
    key_since: datetime
    revoked_at: datetime | None
    reason: str


class MandateRow(msgspec.Struct):
    """A merchant's leave for a device to report for it, from a day until one (inclusive), or for ever."""

    device: str
    merchant: str
    valid_from: date
    valid_until: date | None


MANDATES = Table(
    "mandates", MandateRow, ("device", "merchant", "valid_from"), ("(merchant)",),
    seen=SeenBy(of=("merchant",), when=TRADES_IN_MARKET.format(row="mandates.merchant")),
)  # fmt: skip
# Who sees a mandate of a device sees the device; one that nobody lets report is its administrators'.
DEVICES = Table(
    "devices", DeviceRow, ("device",),
    seen=SeenBy(when="EXISTS (SELECT FROM {schema}.mandates m WHERE m.device = devices.device)"),
)  # fmt: skip
# Before every day that can be stated.
FIRST_DAY = date(1, 1, 1)


class DeviceRegister:
    """The devices of a ledger with their mandates, as their cases say."""

    name = "devices"
    tables = (DEVICES, MANDATES)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The device of a case, and the mandate that begins."""
        match entry.event:
            case DeviceEnrolled() | DeviceKeyReplaced() | DeviceRevoked():
                yield DEVICES, (entry.event.device,)
            case MandateGranted(device=device, merchant=merchant, valid_from=since):
                yield MANDATES, (device, merchant, since)

    def fold(self, fold: Fold) -> None:
        """Takes in what became of a device."""
        rows, at = fold.rows, fold.entry.received
        match fold.entry.event:
            case DeviceEnrolled(device=device, name=name, key=key):
                rows.put(DEVICES, DeviceRow(device, name, key_id(key), at, at, None, ""))
            case DeviceKeyReplaced(device=device, key=key):
                if (known := rows.get(DEVICES, device)) is not None:
                    known.key, known.key_since = key_id(key), at
                    rows.put(DEVICES, known)
            case DeviceRevoked(device=device, reason=reason):
                if (known := rows.get(DEVICES, device)) is not None:
                    known.revoked_at, known.reason = at, reason
                    rows.put(DEVICES, known)
            case MandateGranted(device=device, merchant=merchant) as granted:
                known = rows.get(MANDATES, device, merchant, granted.valid_from)
                until = granted.valid_until
                if known is not None and until is not None:
                    # Of two from one day on, the longer counts.
                    until = known.valid_until and max(known.valid_until, until)
                rows.put(MANDATES, MandateRow(device, merchant, granted.valid_from, until))
            case MandateWithdrawn() as withdrawn:
                _end(rows, withdrawn)


def _end(rows: Rows, withdrawn: MandateWithdrawn) -> None:
    """Ends the mandates of a merchant the day before; one that would end before it began is gone."""
    # Nothing lies before the first day that there is; a fold must not end at what is on record.
    first = withdrawn.from_day <= FIRST_DAY
    last = FIRST_DAY if first else withdrawn.from_day - timedelta(days=1)
    held = {"device": withdrawn.device, "merchant": withdrawn.merchant}
    for row in rows.select(MANDATES, held):
        if row.valid_from > last:
            rows.drop(MANDATES, row)
        else:
            row.valid_until = min(last, row.valid_until or last)
            rows.put(MANDATES, row)
