"""Corrections: entries voided or replaced, whichever comes first, the entry or its correction.

Of all corrections that mean an entry the latest by position wins, whether it names the line, its
session or its delivery: one wins for the goods, and one for whom they were traded with. What an
entry says is worked out from that set each time one is added, so it follows from what was reported
and not from the order in which it arrived.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from ledger.events.cases import OfficerCorrected
from ledger.events.reports import (
    CertificateFiled,
    DaySalesTotalled,
    EntryCorrected,
    GoodsMoved,
    GoodsTransformed,
    Portion,
    Report,
    StopMet,
    TapeOpened,
    TestReportFiled,
)
from ledger.projections.as_read import LOT_UNKNOWN, product_of
from ledger.projections.fold import Entry, Fold
from ledger.projections.movements import (
    MOVEMENTS,
    GoodsReport,
    Movement,
    disbelieve,
    legs_of,
    replace,
)
from ledger.projections.outcomes import (
    CORRECTIONS,
    SWEPT_SCOPES,
    TRADED,
    Correction,
    SweptScope,
    counts,
    instead_in,
    outcome_of,
    reached_of,
    said_in,
    scopes_of,
)
from ledger.projections.pairs import is_confirmed
from ledger.projections.stops import stopped_as
from ledger.projections.sweeps import (
    Party,
    Sweep,
    party_in,
    read_sweeps,
    with_sweep,
    write_sweeps,
)
from ledger.projections.table import Key, Position, Rows, Table
from ledger.projections.times import time_of
from ledger.rules.flags import NO_MANDATE
from ledger.values.ids import stream_of_tape


class OtherEntry(msgspec.Struct):
    """An entry of a tape that moves no goods, so that a correction of it can be told apart."""

    stream: str
    number: Position
    merchant: str
    voidable: bool


OTHER_ENTRIES = Table("other_entries", OtherEntry, ("stream", "number"))


class CorrectionRefused(NamedTuple):
    """Signal: a correction has no effect: another's entry, or one that cannot be corrected so."""

    stream: str
    number: int
    merchant: str


class Corrections:
    """What was voided or replaced; it speaks to the rest through the movements it closes."""

    name = "corrections"
    tables = (CORRECTIONS, SWEPT_SCOPES, OTHER_ENTRIES)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """The marks that corrections may wait for this entry, or for entries of its merchant."""
        event = entry.event
        if isinstance(event, Report | TapeOpened):
            yield CORRECTIONS, (entry.stream, 0, 0)
        if isinstance(event, GoodsReport | EntryCorrected):
            yield SWEPT_SCOPES, (event.merchant, "", "")

    def fold(self, fold: Fold) -> None:
        """Takes in corrections, and entries that corrections wait for."""
        entry = fold.entry
        match entry.event:
            case DaySalesTotalled(lines=()) as event:
                # The takings alone: nothing moved, and its merchant may take it back.
                _other(fold, event.merchant, voidable=True)
            case GoodsMoved() | GoodsTransformed() | DaySalesTotalled() as event:
                _entered(fold, legs_of(entry, event))
            case EntryCorrected() as event:
                _other(fold, event.merchant, voidable=False)
                _correct(fold, event)
            case OfficerCorrected() as event:
                _correct(fold, event.as_report(entry.received))
            case CertificateFiled() | TestReportFiled() as event:
                _other(fold, event.merchant, voidable=True)
            case StopMet() as event:
                _other(fold, event.merchant, voidable=False)
            case TapeOpened():
                _other(fold, "", voidable=False)


def _entered(fold: Fold, legs: Sequence[Movement]) -> None:
    """Takes an entry in with what waits for it, and for the session or delivery it is named for."""
    entered = legs[0]
    waiting = [c for c in _waiting(fold) if _accepted(fold, c, entered)]
    # Thousands may wait for one entry: each scope they sweep is settled once.
    for scope in {scope for c in waiting if (scope := _keep_scope(fold, c, entered))}:
        for rows in _scope_entries(fold, scope, entered):
            _settle(fold, rows)
    reached = fold.rows.get(SWEPT_SCOPES, entered.read_merchant, "", "")
    # A sweep stands on its tape behind what it reaches there, so only late comers are in question.
    late = reached is not None and entered.happened <= read_sweeps(reached.sweeps)[0].made_at
    if waiting or late or (reached is not None and fold.entry.readmitted):
        _settle(fold, _rows_of_entry(fold, entered))


def _other(fold: Fold, merchant: str, *, voidable: bool) -> None:
    entry = fold.entry
    row = OtherEntry(entry.stream, Position(entry.number), merchant, voidable)
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
        time_of(fold, event.clock).at, msgspec.json.encode(event),
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
    if not (other.voidable and said_in(correction).voids and other.merchant == correction.merchant):
        _refuse(fold, correction)


def _refuse(fold: Fold, correction: Correction) -> None:
    refused = CorrectionRefused(correction.stream, correction.number, correction.merchant)
    fold.signals.append(refused)


def _accepted(fold: Fold, correction: Correction, row: Movement) -> bool:
    if not counts(correction, row):
        _refuse(fold, correction)
        return False
    return True


def _take_effect(fold: Fold, correction: Correction, entered: Movement) -> None:
    """Applies the newest correction, which wins over whatever was said before of what it means."""
    scope = _keep_scope(fold, correction, entered)
    if scope is None:
        _apply(fold, correction, entered, _believed_of_entry(fold, entered))
        return
    sweep = _sweep_of(correction, entered)
    for rows in _scope_entries(fold, scope, entered):
        first = rows[0]
        # The entry it names is meant, whatever a wrong clock says about their order.
        named = (first.stream, first.number) == (entered.stream, entered.number)
        if named or sweep.reaches(reached_of(first)):
            _apply(fold, correction, first, [row for row in rows if row.believed_to is None])


def _apply(
    fold: Fold, correction: Correction, entered: Movement, believed: Sequence[Movement]
) -> None:
    """Lets the newest correction act on what is believed of one entry."""
    event = said_in(correction)
    party, instead = party_in(event), instead_in(correction)
    if party is not None and entered.kind not in TRADED:
        return
    if instead is not None:
        # What was said of whom it was with, stands; who revives what was void must look for it.
        party = (
            Party(believed[0].read_counterparty, believed[0].card)
            if believed
            else outcome_of(fold, entered).party
        )
    for row in believed:
        disbelieve(fold, row, contested=_contested(fold, row, instead))
    by = correction.position
    if instead is not None:
        replace(fold, entered, instead, party, corrected_by=by)
    elif party is not None:
        for row in believed:
            replace(fold, row, None, party, corrected_by=by)


def _contested(fold: Fold, row: Movement, instead: Portion | None) -> str | None:
    """Returns after what a correction comes that makes both readings count, if after anything.

    Who adds the lot or date to a line that had none takes nothing back.
    """
    if instead is not None and row.read_lot == LOT_UNKNOWN:
        same = (
            product_of(instead.goods),
            instead.quantity.unit.value,
            int(instead.quantity.amount * 1000),
        )
        if same == (row.read_product, row.stated_unit, row.stated):
            return None
    if (stopped := stopped_as(fold.rows, row.product, row.lot)) is not None:
        return stopped
    return "confirmed" if is_confirmed(fold.rows, row) else None


def _keep_scope(fold: Fold, correction: Correction, named: Movement) -> str | None:
    """Remembers what a correction sweeps beside its line; None for one of a line."""
    for merchant, scope, value in scopes_of(named):
        if scope == said_in(correction).scope:
            _keep_sweep(fold, (merchant, scope, value), _sweep_of(correction, named))
            return scope
    return None


def _sweep_of(correction: Correction, named: Movement) -> Sweep:
    return Sweep(
        int(correction.position), correction.made_stream, int(correction.made_number),
        correction.made_at, named.business_date, party_in(said_in(correction)),
    )  # fmt: skip


def _keep_sweep(fold: Fold, key: tuple[str, str, str], sweep: Sweep) -> None:
    known = fold.rows.get(SWEPT_SCOPES, *key)
    sweeps = with_sweep(read_sweeps(known.sweeps) if known else [], sweep)
    fold.rows.put(SWEPT_SCOPES, SweptScope(*key, write_sweeps(sweeps)))
    furthest = fold.rows.get(SWEPT_SCOPES, key[0], "", "")
    if furthest is None or read_sweeps(furthest.sweeps)[0].made_at < sweep.made_at:
        fold.rows.put(SWEPT_SCOPES, SweptScope(key[0], "", "", write_sweeps([sweep])))


def _scope_entries(fold: Fold, scope: str, named: Movement) -> list[list[Movement]]:
    """Returns all rows of each entry of a session or delivery, the first as it was entered."""
    same: dict[str, Any] = {"read_merchant": named.read_merchant, "session": named.session}
    if scope == "delivery":
        same = {"read_merchant": named.read_merchant, "delivery": named.delivery}
    entries: dict[tuple[str, int], list[Movement]] = {}
    for row in fold.rows.select(MOVEMENTS, same):
        entries.setdefault((row.stream, row.number), []).append(row)
    found = [sorted(rows, key=lambda row: (row.position, row.leg)) for rows in entries.values()]
    meant = _scope_key(named, scope)
    return [rows for rows in found if _scope_key(rows[0], scope) == meant]


def _scope_key(original: Movement, scope: str) -> str | None:
    return next((value for _, name, value in scopes_of(original) if name == scope), None)


def _rows_of_entry(fold: Fold, entered: Movement) -> list[Movement]:
    same: dict[str, Any] = {"stream": entered.stream, "number": entered.number}
    return sorted(fold.rows.select(MOVEMENTS, same), key=lambda row: (row.position, row.leg))


def _believed_of_entry(fold: Fold, entered: Movement) -> list[Movement]:
    same = {"stream": entered.stream, "number": entered.number, "believed_to": None}
    return fold.rows.select(MOVEMENTS, same)


def _settle(fold: Fold, rows: Sequence[Movement]) -> None:
    """Brings an entry, given as all its rows, to what the corrections that mean it say."""
    original, outcome = rows[0], outcome_of(fold, rows[0])
    believed = [row for row in rows if row.believed_to is None]
    settled = not outcome.void and believed and believed[0].corrected_by == outcome.latest
    if outcome.latest == 0 or settled:
        return
    for row in believed:
        # What has just come in with its correction waiting was never confirmed as it stood.
        late = row.position == fold.entry.position
        contested = None if late else _contested(fold, row, outcome.instead)
        disbelieve(fold, row, contested=contested)
    if not outcome.void:
        replace(fold, original, outcome.instead, outcome.party, corrected_by=outcome.latest)
