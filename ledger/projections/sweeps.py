"""Sweeps: which entries a correction of a whole session or delivery reaches."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

import msgspec

from ledger.events.reports import EntryCorrected
from ledger.projections.fold import Fold
from ledger.projections.times import time_of

# A supplier may use the number of a delivery again; one delivery's entries lie closer than this.
DELIVERY_DAYS = timedelta(days=31)


class Party(NamedTuple):
    """Whom a trade was with: a merchant, or the one on a card."""

    counterparty: str | None
    card: str | None


class Reached(msgspec.Struct, frozen=True):
    """An entry as far as a sweep asks: where it stands, when it happened, on which business day."""

    stream: str
    number: int
    happened: datetime
    day: date


class Sweep(msgspec.Struct, frozen=True, array_like=True):
    """One correction of a session or delivery: of what was entered before it.

    It says with whom that was, or without a party voids it. On its own tape it reaches by number,
    elsewhere by derived time; what is entered afterwards stands, so that the outcome follows from
    the reports and not from the order in which they arrive.
    """

    position: int
    stream: str
    number: int
    made_at: datetime
    named_day: date
    party: Party | None = None

    def reaches(self, entry: Reached) -> bool:
        """Tells whether an entry of the session or delivery was entered before."""
        if abs(entry.day - self.named_day) > DELIVERY_DAYS:
            return False
        if entry.stream == self.stream:
            return entry.number < self.number
        return entry.happened <= self.made_at

    def covers(self, other: "Sweep") -> bool:
        """Tells whether all that another says is said by this, which came later."""
        return (
            (self.stream, self.named_day) == (other.stream, other.named_day)
            and (self.party is None) == (other.party is None)
            and self.position > other.position
            and self.number > other.number
            and self.made_at >= other.made_at
        )


def with_sweep(sweeps: list[Sweep], sweep: Sweep) -> list[Sweep]:
    """Returns sweeps with one more, without those that say nothing beside it."""
    if sweep in sweeps:
        return sweeps
    return [*(s for s in sweeps if not sweep.covers(s)), sweep]


def sweep_of(fold: Fold, event: EntryCorrected, named_day: date) -> Sweep:
    """Returns the sweep that a correction makes once the entry it names is known."""
    at, made = time_of(fold, event.clock).at, fold.entry
    position, number = int(made.position), int(made.number)
    return Sweep(position, made.stream, number, at, named_day, party_in(event))


def party_in(event: EntryCorrected) -> Party | None:
    """Returns whom a correction says a trade was with; None where it says nothing of it."""
    if not event.restates_party:
        return None
    return Party(event.counterparty, event.counterparty_card)


def write_sweeps(sweeps: list[Sweep]) -> str:
    """Writes sweeps as the JSON a row holds."""
    return msgspec.json.encode(sweeps).decode()


def read_sweeps(text: str) -> list[Sweep]:
    """Reads what `write_sweeps` wrote."""
    return msgspec.json.decode(text, type=list[Sweep])
