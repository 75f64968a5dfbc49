"""Corrections: entries voided or replaced, whichever comes first, the entry or its correction.

Of all corrections that mean an entry the latest by position wins, whether it names the line or
voids its session or delivery. What an entry says is worked out from that set each time one is
added, so it follows from what was reported and not from the order in which it arrived.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ledger.events.reports import (
    CertificateFiled,
    DaySalesTotalled,
    EntryCorrected,
    GoodsMoved,
    GoodsTransformed,
    Portion,
    Report,
    TapeOpened,
    TestReportFiled,
)
from ledger.projections.fold import Entry, Fold
from ledger.projections.movements import (
    MOVEMENTS,
    GoodsReport,
    Movement,
    disbelieve,
    legs_of,
    replace,
)
from ledger.projections.table import Key, Position, Rows, Table
from ledger.projections.voids import Reached, Void, read_voids, with_void, write_voids
from ledger.rules.flags import NO_MANDATE
from ledger.values.clock import derive
from ledger.values.ids import stream_of_tape


class Correction(msgspec.Struct):
    """A correction of an entry, which may still be to come.

    A row with number and position 0 says that some wait for entries of this stream, and by its
    `made_number` up to which number: so an entry looks for its own only where there may be one.
    """

    stream: str
    number: Position
    position: Position
    merchant: str
    made_stream: str
    made_number: Position
    made_at: datetime
    state: bytes


class VoidedScope(msgspec.Struct):
    """A merchant's session or delivery with the corrections that void it, as JSON.

    A row without scope and value holds the merchant's one that reaches furthest in time.
    """

    merchant: str
    scope: str
    value: str
    voids: str


class OtherEntry(msgspec.Struct):
    """An entry of a tape that moves no goods, so that a correction of it can be told apart."""

    stream: str
    number: Position
    merchant: str
    paper: bool


CORRECTIONS = Table("corrections", Correction, ("stream", "number", "position"))
VOIDED_SCOPES = Table("voided_scopes", VoidedScope, ("merchant", "scope", "value"))
OTHER_ENTRIES = Table("other_entries", OtherEntry, ("stream", "number"))


class CorrectionRefused(NamedTuple):
    """Signal: a correction has no effect: another's entry, or one that cannot be corrected so."""

    stream: str
    number: int
    merchant: str


class Corrections:
    """What was voided or replaced; it speaks to the rest through the movements it closes."""

    name = "corrections"
    tables = (CORRECTIONS, VOIDED_SCOPES, OTHER_ENTRIES)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The marks that corrections may wait for this entry, or for entries of its merchant."""
        event = entry.event
        if isinstance(event, Report | TapeOpened):
            yield CORRECTIONS, (entry.stream, 0, 0)
        if isinstance(event, GoodsReport | EntryCorrected):
            yield VOIDED_SCOPES, (event.merchant, "", "")

    def fold(self, fold: Fold) -> None:
        """Takes in corrections, and entries that corrections wait for."""
        entry = fold.entry
        match entry.event:
            case GoodsMoved() | GoodsTransformed() | DaySalesTotalled() as event:
                _entered(fold, legs_of(entry, event))
            case EntryCorrected() as event:
                _other(fold, event.merchant, paper=False)
                _correct(fold, event)
            case CertificateFiled() | TestReportFiled() as event:
                _other(fold, event.merchant, paper=True)
            case TapeOpened():
                _other(fold, "", paper=False)


def _entered(fold: Fold, legs: Sequence[Movement]) -> None:
    """Takes an entry in with what waits for it, and for the session or delivery it is named for."""
    entered = legs[0]
    waiting = [c for c in _waiting(fold) if _accepted(fold, c, entered)]
    # Thousands may wait for one entry: each scope they void is settled once.
    for scope in {scope for c in waiting if (scope := _keep_scope(fold, c, entered))}:
        _settle(fold, _entries_of(fold, scope, entered))
    reached = fold.rows.get(VOIDED_SCOPES, entered.merchant, "", "")
    # A void stands on its tape behind what it reaches there, so only late comers are in question.
    late = reached is not None and entered.happened <= read_voids(reached.voids)[0].made_at
    if waiting or late or (reached is not None and fold.entry.readmitted):
        same = {"stream": entered.stream, "number": entered.number}
        _settle(fold, fold.rows.select(MOVEMENTS, same))


def _other(fold: Fold, merchant: str, *, paper: bool) -> None:
    entry = fold.entry
    row = OtherEntry(entry.stream, Position(entry.number), merchant, paper)
    fold.rows.put(OTHER_ENTRIES, row)
    for correction in _waiting(fold):
        _refuse_unfit(fold, correction, row)


def _waiting(fold: Fold) -> list[Correction]:
    entry = fold.entry
    marker = fold.rows.get(CORRECTIONS, entry.stream, 0, 0)
    if marker is None or entry.number > marker.made_number:
        return []
    return fold.rows.select(CORRECTIONS, {"stream": entry.stream, "number": entry.number})


def _correct(fold: Fold, event: EntryCorrected) -> None:
    entry = fold.entry
    if NO_MANDATE in entry.flags:
        # Who may not report for a merchant may not take back what it reported.
        stream = str(stream_of_tape(event.target_tape))
        fold.signals.append(CorrectionRefused(stream, event.target_number, event.merchant))
        return
    correction = Correction(
        str(stream_of_tape(event.target_tape)), Position(event.target_number),
        Position(entry.position), event.merchant, entry.stream, Position(entry.number),
        derive(event.clock, entry.received).at, msgspec.json.encode(event),
    )  # fmt: skip
    fold.rows.put(CORRECTIONS, correction)
    same = {"stream": correction.stream, "number": correction.number}
    if entered := fold.rows.select(MOVEMENTS, same | {"corrected_by": None}):
        if _accepted(fold, correction, entered[0]):
            _take_effect(fold, correction, entered[0])
    elif (other := fold.rows.get(OTHER_ENTRIES, *same.values())) is not None:
        _refuse_unfit(fold, correction, other)
    else:
        _mark(fold, correction)


def _mark(fold: Fold, correction: Correction) -> None:
    """Says that a correction waits for an entry of this stream."""
    known = fold.rows.get(CORRECTIONS, correction.stream, 0, 0)
    upto = max(correction.number, known.made_number if known else 0)
    marker = msgspec.structs.replace(
        correction, number=Position(0), position=Position(0), merchant="", state=b"",
        made_number=Position(upto),
    )  # fmt: skip
    fold.rows.put(CORRECTIONS, marker)


def _refuse_unfit(fold: Fold, correction: Correction, other: OtherEntry) -> None:
    """A paper can be voided by its merchant, in its own view; nothing else here can be corrected."""
    event = _said(correction)
    if not other.paper or event.goods is not None or other.merchant != correction.merchant:
        _refuse(fold, correction)


def _refuse(fold: Fold, correction: Correction) -> None:
    refused = CorrectionRefused(correction.stream, correction.number, correction.merchant)
    fold.signals.append(refused)


def _accepted(fold: Fold, correction: Correction, row: Movement) -> bool:
    if not _counts(correction, row):
        _refuse(fold, correction)
        return False
    return True


def _take_effect(fold: Fold, correction: Correction, entered: Movement) -> None:
    """Applies the newest correction, which wins over whatever was said before of what it means."""
    scope = _keep_scope(fold, correction, entered)
    if scope is None:
        same: dict[str, Any] = {"stream": entered.stream, "number": entered.number}
        for row in fold.rows.select(MOVEMENTS, same | {"believed_to": None}):
            disbelieve(fold, row)
        if (instead := _instead(correction)) is not None:
            replace(fold, entered, instead, corrected_by=correction.position)
        return
    void = _void_of(correction, entered)
    for row in _entries_of(fold, scope, entered, believed=True):
        # The entry it names is meant, whatever a wrong clock says about their order.
        named = (row.stream, row.number) == (entered.stream, entered.number)
        if named or void.reaches(_reached(row)):
            disbelieve(fold, row)


def _keep_scope(fold: Fold, correction: Correction, named: Movement) -> str | None:
    """Remembers what a correction voids beside its line; None for one of a line."""
    for merchant, scope, value in _scopes_of(named):
        if scope == _said(correction).scope:
            _keep_void(fold, (merchant, scope, value), _void_of(correction, named))
            return scope
    return None


def _void_of(correction: Correction, named: Movement) -> Void:
    return Void(
        int(correction.position), correction.made_stream, int(correction.made_number),
        correction.made_at, named.business_date,
    )  # fmt: skip


def _counts(correction: Correction, row: Movement) -> bool:
    # A transformation or a day's total has several legs, of which a single replacement would wipe the others.
    unusable = _said(correction).goods is not None and row.kind in ("used-in", "made", "day-sales")
    return row.merchant == correction.merchant and not unusable


def _keep_void(fold: Fold, key: tuple[str, str, str], void: Void) -> None:
    known = fold.rows.get(VOIDED_SCOPES, *key)
    voids = with_void(read_voids(known.voids) if known else [], void)
    fold.rows.put(VOIDED_SCOPES, VoidedScope(*key, write_voids(voids)))
    furthest = fold.rows.get(VOIDED_SCOPES, key[0], "", "")
    if furthest is None or read_voids(furthest.voids)[0].made_at < void.made_at:
        fold.rows.put(VOIDED_SCOPES, VoidedScope(key[0], "", "", write_voids([void])))


def _scopes_of(movement: Movement) -> Iterable[tuple[str, str, str]]:
    # Session ids are the devices' own, delivery numbers the suppliers': another's may be the same.
    yield movement.merchant, "session", movement.session
    if movement.delivery is not None:
        yield movement.merchant, "delivery", f"{movement.counterparty or ''}|{movement.delivery}"


def _entries_of(
    fold: Fold, scope: str, named: Movement, *, believed: bool = False
) -> list[Movement]:
    same: dict[str, Any] = {"merchant": named.merchant, "session": named.session}
    if scope == "delivery":
        same = {"merchant": named.merchant, "delivery": named.delivery}
        same["counterparty"] = named.counterparty
    if believed:
        same["believed_to"] = None
    return fold.rows.select(MOVEMENTS, same)


def _settle(fold: Fold, movements: Sequence[Movement]) -> None:
    """Brings each entry to what the latest correction that means it says.

    `movements` are whole entries: every row of each, voided ones included.
    """
    entries: dict[tuple[str, int], list[Movement]] = {}
    for movement in movements:
        entries.setdefault((movement.stream, movement.number), []).append(movement)
    for rows in entries.values():
        original = min(rows, key=lambda row: (row.position, row.leg))
        latest, said = _latest(fold, original)
        believed = [row for row in rows if row.believed_to is None]
        if latest == 0 or (said and believed and believed[0].corrected_by == latest):
            continue
        for row in believed:
            disbelieve(fold, row)
        if said is not None:
            replace(fold, original, said, corrected_by=latest)


def _latest(fold: Fold, entered: Movement) -> tuple[int, Portion | None]:
    """Returns the position of the correction that counts, 0 for none, and what it says instead."""
    found: list[tuple[int, Portion | None]] = [(0, None)]
    same = {"stream": entered.stream, "number": entered.number}
    for correction in fold.rows.select(CORRECTIONS, same):
        if _counts(correction, entered):
            found.append((correction.position, _instead(correction)))
    entry = _reached(entered)
    any_voids = fold.rows.get(VOIDED_SCOPES, entered.merchant, "", "") is not None
    for key in _scopes_of(entered) if any_voids else ():
        if (scope := fold.rows.get(VOIDED_SCOPES, *key)) is not None:
            found += [(v.position, None) for v in read_voids(scope.voids) if v.reaches(entry)]
    return max(found, key=lambda item: item[0])


def _reached(row: Movement) -> Reached:
    return Reached(row.stream, row.number, row.happened, row.business_date)


def _instead(correction: Correction) -> Portion | None:
    event = _said(correction)
    if event.goods is None or event.quantity is None:
        return None
    return Portion(goods=event.goods, quantity=event.quantity)


def _said(correction: Correction) -> EntryCorrected:
    return msgspec.json.decode(correction.state, type=EntryCorrected)
