"""Corrections: entries voided or replaced, whichever comes first, the entry or its correction.

The latest correction by position wins. One of a session or a delivery voids what was entered
before it: on its own tape by number, elsewhere by derived time; what is entered afterwards under
the same number stands. So the outcome follows from the set of reports, not from their arrival.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from ledger.events.reports import EntryCorrected, GoodsMoved, GoodsTransformed
from ledger.projections.fold import Entry, Fold
from ledger.projections.movements import (
    MOVEMENTS,
    Movement,
    disbelieve,
    legs_of,
    replace,
)
from ledger.projections.table import Key, Position, Table
from ledger.values.clock import derive
from ledger.values.ids import stream_of_tape

# A supplier may use the number of a delivery again; one delivery's entries lie closer than this.
DELIVERY_DAYS = timedelta(days=31)


class Correction(msgspec.Struct):
    """A merchant's latest correction of an entry in one scope; it waits for one still to come.

    A row with number 0 and merchant "" says that some wait for entries of this stream, and by its
    `made_number` up to which number: so an entry looks for its own only where there may be one.
    """

    stream: str
    number: Position
    merchant: str
    scope: str
    position: Position
    made_stream: str
    made_number: Position
    made_at: datetime
    state: bytes


class Void(msgspec.Struct, frozen=True, array_like=True):
    """One correction that voids a whole session or delivery, and what it can reach."""

    position: int
    stream: str
    number: int
    made_at: datetime
    named_day: date

    def reaches(self, movement: Movement) -> bool:
        """Tells whether a movement was entered before it, in the delivery it means."""
        if abs(movement.business_date - self.named_day) > DELIVERY_DAYS:
            return False
        if movement.stream == self.stream:
            return movement.number < self.number
        return movement.happened <= self.made_at


class VoidedScope(msgspec.Struct):
    """A merchant's session or delivery with the corrections that voided it, as JSON.

    A row without scope and value holds the merchant's one that reaches furthest in time.
    """

    merchant: str
    scope: str
    value: str
    voids: str


CORRECTIONS = Table("corrections", Correction, ("stream", "number", "merchant", "scope"))
VOIDED_SCOPES = Table("voided_scopes", VoidedScope, ("merchant", "scope", "value"))


class CorrectionRefused(NamedTuple):
    """Signal: a correction has no effect, being another merchant's or of no such line."""

    stream: str
    number: int
    merchant: str


class Corrections:
    """What was voided or replaced; it speaks to the rest through the movements it closes."""

    name = "corrections"
    tables = (CORRECTIONS, VOIDED_SCOPES)

    def keys(self, entry: Entry) -> Iterable[tuple[Table, Key]]:
        """The corrections that may wait for this entry, for its session and its delivery."""
        event = entry.event
        if isinstance(event, GoodsMoved | GoodsTransformed):
            yield CORRECTIONS, (entry.stream, 0, "", "")
            yield VOIDED_SCOPES, (event.merchant, "", "")

    def fold(self, fold: Fold) -> None:
        """Takes in corrections, and entries that corrections wait for."""
        match fold.entry.event:
            case GoodsMoved() | GoodsTransformed() as event:
                _settle(fold, legs_of(fold.entry, event)[0])
            case EntryCorrected() as event:
                _correct(fold, event)


def _scopes_of(movement: Movement) -> Iterable[tuple[str, str, str]]:
    # Session ids are the devices' own, delivery numbers the suppliers': another's may be the same.
    yield movement.merchant, "session", movement.session
    if movement.delivery is not None:
        yield movement.merchant, "delivery", f"{movement.counterparty or ''}|{movement.delivery}"


def _settle(fold: Fold, entered: Movement) -> None:
    """Applies to a new entry what waits for it, in the order in which it was recorded."""
    same = {"stream": entered.stream, "number": entered.number}
    waiting: list[tuple[int, Correction | None]] = []
    marker = fold.rows.get(CORRECTIONS, entered.stream, 0, "", "")
    if marker is not None and entered.number <= marker.made_number:
        waiting += [(row.position, row) for row in fold.rows.select(CORRECTIONS, same)]
    reached = fold.rows.get(VOIDED_SCOPES, entered.merchant, "", "")
    # A void stands on its tape behind what it reaches there, so only late comers are in question.
    if reached is not None and (
        fold.entry.readmitted or entered.happened <= _voids(reached)[0].made_at
    ):
        for key in _scopes_of(entered):
            if (scope := fold.rows.get(VOIDED_SCOPES, *key)) is not None:
                waiting += [(v.position, None) for v in _voids(scope) if v.reaches(entered)]
    for _, correction in sorted(waiting, key=lambda item: item[0]):
        if correction is not None:
            _apply(fold, correction)
        else:
            _void(fold, fold.rows.select(MOVEMENTS, same))


def _correct(fold: Fold, event: EntryCorrected) -> None:
    entry = fold.entry
    correction = Correction(
        str(stream_of_tape(event.target_tape)), Position(event.target_number), event.merchant,
        event.scope, Position(entry.position), entry.stream, Position(entry.number),
        derive(event.clock, entry.received).at, msgspec.json.encode(event),
    )  # fmt: skip
    fold.rows.put(CORRECTIONS, correction)
    if not _apply(fold, correction):
        known = fold.rows.get(CORRECTIONS, correction.stream, 0, "", "")
        upto = max(correction.number, known.made_number if known else 0)
        marker = msgspec.structs.replace(
            correction, number=Position(0), merchant="", scope="", state=b"",
            made_number=Position(upto),
        )  # fmt: skip
        fold.rows.put(CORRECTIONS, marker)


def _apply(fold: Fold, correction: Correction) -> bool:
    """Applies a correction to its entry; False when that has not come and it must wait."""
    rows = fold.rows.select(MOVEMENTS, {"stream": correction.stream, "number": correction.number})
    if not rows:
        return False
    event = msgspec.json.decode(correction.state, type=EntryCorrected)
    # A transformation has several legs, of which a single replacement would wipe the others.
    unusable = event.goods is not None and rows[0].kind in ("used-in", "made")
    if rows[0].merchant != correction.merchant or unusable:
        refused = CorrectionRefused(correction.stream, correction.number, correction.merchant)
        fold.signals.append(refused)
        return True
    _void(fold, rows)
    for key in _scopes_of(rows[0]):
        if key[1] == correction.scope:
            _void_scope(fold, correction, key, rows[0])
    if event.goods is not None and event.quantity is not None:
        replace(fold, rows[0], event.goods, event.quantity)
    return True


def _void_scope(
    fold: Fold, correction: Correction, key: tuple[str, str, str], named: Movement
) -> None:
    """Voids what has come of a session or delivery, and remembers it for what is still to come."""
    void = Void(
        int(correction.position), correction.made_stream, int(correction.made_number),
        correction.made_at, named.business_date,
    )  # fmt: skip
    known = fold.rows.get(VOIDED_SCOPES, *key)
    voids = [*(_voids(known) if known else []), void]
    fold.rows.put(VOIDED_SCOPES, VoidedScope(*key, msgspec.json.encode(voids).decode()))
    merchant, scope, _ = key
    furthest = fold.rows.get(VOIDED_SCOPES, merchant, "", "")
    if furthest is None or _voids(furthest)[0].made_at < void.made_at:
        latest = msgspec.json.encode([void]).decode()
        fold.rows.put(VOIDED_SCOPES, VoidedScope(merchant, "", "", latest))
    column = named.session if scope == "session" else named.delivery
    same = {"merchant": merchant, scope: column}
    if scope == "delivery":
        same["counterparty"] = named.counterparty
    _void(fold, [row for row in fold.rows.select(MOVEMENTS, same) if void.reaches(row)])


def _void(fold: Fold, rows: list[Movement]) -> None:
    for row in rows:
        if row.believed_to is None:
            disbelieve(fold, row)


def _voids(scope: VoidedScope) -> list[Void]:
    return msgspec.json.decode(scope.voids, type=list[Void])
