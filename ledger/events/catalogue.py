"""The catalogue of events: stored names to classes, bytes to events, old versions to new."""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import structs

from ledger.errors import Malformed
from ledger.events import cases, holds, recalls, reports
from ledger.events.base import Event, stored_name

TAPE_REPORTS: Final[tuple[type[Event], ...]] = (
    reports.TapeOpened,
    reports.GoodsReceived,
    reports.GoodsSold,
    reports.GoodsReturned,
    reports.GoodsDisposedV1,
    reports.GoodsDisposed,
    reports.GoodsUsed,
    reports.DaySalesTotalled,
    reports.GoodsTransformed,
    reports.StockCounted,
    reports.EntryCorrectedV1,
    reports.EntryCorrected,
    reports.CertificateFiledV1,
    reports.CertificateFiled,
    reports.TestReportFiled,
    reports.StopMet,
)
CASE_EVENTS: Final[tuple[type[Event], ...]] = (
    cases.MerchantRegistered,
    cases.MerchantOwnerStated,
    cases.PremisesAdded,
    cases.ProductRegisteredV1,
    cases.ProductRegistered,
    cases.SalesModeStated,
    cases.DeviceEnrolled,
    cases.DeviceKeyReplaced,
    cases.MandateGranted,
    cases.MandateWithdrawn,
    cases.DeviceRevoked,
    cases.TapeForked,
    cases.TapeLost,
    cases.ReportUnreadable,
    cases.ReportReadmitted,
    cases.CardLinked,
    cases.OfficerCorrected,
    cases.MerchantMerged,
    cases.MerchantParted,
    cases.CardUnlinked,
    cases.MarketRegistered,
    cases.NearExpiryStated,
    cases.AreaStated,
    cases.AlertAcknowledged,
    cases.AlertAssigned,
    cases.AlertCommented,
    cases.AlertSilenced,
    cases.LedgerRestored,
    cases.LedgerKeyAnnounced,
    cases.DayBegan,
    holds.HoldPlaced,
    holds.HoldExtended,
    holds.HoldReleased,
    holds.HoldBecameRecall,
    holds.DeadlinePassed,
    recalls.RecallDrafted,
    recalls.RecallChecked,
    recalls.RecallPublished,
    recalls.RecallWidened,
    recalls.RecallNarrowed,
    recalls.RecallWithdrawn,
    recalls.RecallClosed,
    recalls.RecallAcknowledged,
    recalls.RecallAnswered,
    recalls.ChecksDrawn,
    recalls.HolderChecked,
    recalls.HolderCalled,
    recalls.RecallHandedOver,
    recalls.WorkingDaysStated,
)
BY_NAME: Final = {stored_name(kind): kind for kind in TAPE_REPORTS + CASE_EVENTS}


def _widened(newer: type[Event]) -> Callable[[Any], Event]:
    """Returns what reads an event as one of a kind that has all its members and more."""
    return lambda old: newer(**structs.asdict(old))


# Old class → what turns its events into the next version's. The old class stays: leaves of what
# was recorded are computed over its own members, and its golden file keeps loading.
UPCASTERS: Final[dict[type[Event], Callable[[Any], Event]]] = {
    cases.ProductRegisteredV1: _widened(cases.ProductRegistered),
    reports.GoodsDisposedV1: _widened(reports.GoodsDisposed),
    reports.CertificateFiledV1: _widened(reports.CertificateFiled),
    reports.EntryCorrectedV1: _widened(reports.EntryCorrected),
}

# Bounds of one report in bytes. Sixty-four portions on each side fit; a flood does not.
REPORT_BYTES_MAX = 64 * 1024

_encoder = msgspec.json.Encoder(decimal_format="string")
_decoders = {name: msgspec.json.Decoder(kind) for name, kind in BY_NAME.items()}

# Control characters and halves of surrogate pairs: PostgreSQL refuses some, screens the rest.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Marks that turn what follows round (Unicode, UAX 9): a notice would read as another. A label may bear them.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")

# What people write and others read as words; a lot's or a delivery's number is as its label bears it.
WRITTEN = frozenset((
    "reason", "note", "notice", "authority", "summary", "responsible", "name", "name_zh", "name_en", "place", "again",
))  # fmt: skip


def encode(event: Event) -> bytes:
    """Writes an event as the JSON that is stored."""
    return _encoder.encode(event)


def decode(name: str, state: bytes) -> Event:
    """Reads a stored event in the newest version of its kind, as folds and rules know it.

    Raises `Malformed` for an unknown name or bytes that do not fit.
    """
    return upcast(decode_as_stored(name, state))


def upcast(event: Event) -> Event:
    """Returns an event of an older version as one of the newest; others as they are."""
    while (newer := UPCASTERS.get(type(event))) is not None:
        event = newer(event)
    return event


def decode_as_stored(name: str, state: bytes) -> Event:
    """Reads a stored event in the version it was recorded in, over which its leaf is computed.

    Raises as `decode` does.
    """
    decoder = _decoders.get(name)
    if decoder is None:
        raise Malformed(f"no event is called {name!r} here: update this ledger")
    try:
        event: Event = decoder.decode(state)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed(f"{name}: {error}") from error
    return event


def read_report(report: bytes) -> Event:
    """Reads a report as a device sent it.

    Accepts only what every fold can bear: bounded, of a known name, without control characters.
    Raises `Malformed` with the reason otherwise.
    """
    if len(report) > REPORT_BYTES_MAX:
        raise Malformed(f"a report has at most {REPORT_BYTES_MAX} bytes, not {len(report)}")
    try:
        event: Event = _tape_reports.decode(report)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed(str(error)[:400]) from error
    # Raw C0 controls are no JSON and others have no ASCII bytes: plain reports are let through.
    if (b"\\" in report or b"\x7f" in report or not report.isascii()) and unsafe_text(
        msgspec.json.decode(report)
    ):
        raise Malformed("a report's text holds no control characters or halves of characters")
    return event


def unsafe_text(value: Any) -> bool:
    """Tells whether any text inside a JSON value has characters no record or screen can hold."""
    if isinstance(value, str):
        return _UNSAFE.search(value) is not None
    if isinstance(value, dict):
        return any(unsafe_text(member) for pair in value.items() for member in pair)
    return isinstance(value, list) and any(unsafe_text(member) for member in value)


def misleading_text(value: Any, member: str = "") -> bool:
    """Tells whether a text that somebody wrote inside a JSON value would be read as another."""
    if isinstance(value, str):
        return member in WRITTEN and _TURNING.search(value) is not None
    if isinstance(value, dict):
        return any(misleading_text(said, name) for name, said in value.items())
    return isinstance(value, list) and any(misleading_text(one, member) for one in value)


def _union(kinds: tuple[type[Event], ...]) -> Any:
    union: Any = kinds[0]
    for kind in kinds[1:]:
        union = union | kind
    return union


_tape_reports: msgspec.json.Decoder[Any] = msgspec.json.Decoder(_union(TAPE_REPORTS))
