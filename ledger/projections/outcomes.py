"""Outcomes: what all the corrections of an entry together make of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ledger.events.reports import EntryCorrected, Portion
from ledger.projections.fold import Fold
from ledger.projections.movements import Movement
from ledger.projections.sweeps import Party, Reached, Sweep, party_in, read_sweeps
from ledger.projections.table import Position, Table


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


class SweptScope(msgspec.Struct):
    """A merchant's session or delivery with the corrections of all of it, as JSON.

    A row without scope and value holds the merchant's one that reaches furthest in time.
    """

    merchant: str
    scope: str
    value: str
    sweeps: str


CORRECTIONS = Table("corrections", Correction, ("stream", "number", "position"))
SWEPT_SCOPES = Table("swept_scopes", SweptScope, ("merchant", "scope", "value"))
# What is traded with somebody, so that it can be said with whom.
TRADED = ("goods-received", "goods-sold", "goods-returned")


class Outcome(NamedTuple):
    """What all corrections of an entry make of it, and the position of the latest that counts.

    `instead` is null where the goods are as entered, `party` where whom it was with is.
    """

    latest: int
    void: bool
    instead: Portion | None
    party: Party | None


def outcome_of(fold: Fold, entered: Movement) -> Outcome:
    """Returns what the corrections known now make of an entry, given as it was entered."""
    goods: list[tuple[int, Portion | None]] = [(0, None)]
    parties: list[tuple[int, Party | None]] = [(0, None)]
    same = {"stream": entered.stream, "number": entered.number}
    for correction in fold.rows.select(CORRECTIONS, same):
        if counts(correction, entered):
            if (party := party_in(said_in(correction))) is not None:
                parties.append((correction.position, party))
            else:
                goods.append((correction.position, instead_in(correction)))
    for sweep in _sweeps_over(fold, entered):
        if sweep.party is None:
            goods.append((sweep.position, None))
        elif entered.kind in TRADED:
            parties.append((sweep.position, sweep.party))
    said, instead = max(goods, key=_by_position)
    restated, party = max(parties, key=_by_position)
    return Outcome(max(said, restated), said > 0 and instead is None, instead, party)


def _by_position(said: tuple[int, Any]) -> int:
    return said[0]


def _sweeps_over(fold: Fold, entered: Movement) -> Iterable[Sweep]:
    """Returns the corrections of whole sessions and deliveries that reach an entry."""
    if fold.rows.get(SWEPT_SCOPES, entered.read_merchant, "", "") is None:
        return
    entry = reached_of(entered)
    for key in scopes_of(entered):
        if (scope := fold.rows.get(SWEPT_SCOPES, *key)) is not None:
            yield from (sweep for sweep in read_sweeps(scope.sweeps) if sweep.reaches(entry))


def reached_of(row: Movement) -> Reached:
    """Returns an entry as far as sweeps ask."""
    return Reached(row.stream, row.number, row.happened, row.business_date)


def counts(correction: Correction, row: Movement) -> bool:
    """Tells whether a correction can have an effect: its own merchant's, of what has such a thing."""
    event = said_in(correction)
    # A transformation or a day's total has several legs, which one replacement would wipe out.
    fits = event.goods is None or row.kind not in ("used-in", "made", "day-sales")
    fits = fits and (not event.restates_party or row.kind in TRADED)
    return row.read_merchant == correction.merchant and fits


def scopes_of(original: Movement) -> Iterable[tuple[str, str, str]]:
    """Returns the keys of the session and the delivery of an entry, given as it was entered."""
    # Session ids are the devices' own, delivery numbers the suppliers': another's may be the same.
    merchant = original.read_merchant
    yield merchant, "session", original.session
    if original.delivery is not None:
        # What came under a number and what went out under it are two deliveries.
        way = "in" if original.sign > 0 else "out"
        party = original.read_counterparty or original.card or ""
        yield merchant, "delivery", f"{way}|{party}|{original.delivery}"


def instead_in(correction: Correction) -> Portion | None:
    """Returns the goods and amount that a correction states instead; None where it states none."""
    event = said_in(correction)
    if event.goods is None or event.quantity is None:
        return None
    return Portion(goods=event.goods, quantity=event.quantity)


def said_in(correction: Correction) -> EntryCorrected:
    """Returns the report that a correction is."""
    return msgspec.json.decode(correction.state, type=EntryCorrected)
