"""Voids: which entries a correction of a whole session or delivery reaches."""

from datetime import date, datetime, timedelta

import msgspec

from ledger.events.reports import EntryCorrected
from ledger.projections.fold import Entry
from ledger.values.clock import derive

# A supplier may use the number of a delivery again; one delivery's entries lie closer than this.
DELIVERY_DAYS = timedelta(days=31)


class Reached(msgspec.Struct, frozen=True):
    """An entry as far as a void asks: where it stands, when it happened, on which business day."""

    stream: str
    number: int
    happened: datetime
    day: date


class Void(msgspec.Struct, frozen=True, array_like=True):
    """One correction of a session or delivery: what was entered before it, it voids.

    On its own tape by number, elsewhere by derived time; what is entered afterwards stands, so
    that the outcome follows from the reports and not from the order in which they arrive.
    """

    position: int
    stream: str
    number: int
    made_at: datetime
    named_day: date

    def reaches(self, entry: Reached) -> bool:
        """Tells whether an entry of the session or delivery was entered before."""
        if abs(entry.day - self.named_day) > DELIVERY_DAYS:
            return False
        if entry.stream == self.stream:
            return entry.number < self.number
        return entry.happened <= self.made_at

    def covers(self, other: "Void") -> bool:
        """Tells whether all that another reaches is reached by this, which came later."""
        return (
            (self.stream, self.named_day) == (other.stream, other.named_day)
            and self.position > other.position
            and self.number > other.number
            and self.made_at >= other.made_at
        )


def with_void(voids: list[Void], void: Void) -> list[Void]:
    """Returns voids with one more, without those that say nothing beside it."""
    if void in voids:
        return voids
    return [*(v for v in voids if not void.covers(v)), void]


def void_of(made: Entry, event: EntryCorrected, named_day: date) -> Void:
    """Returns the void that a correction makes once the entry it names is known."""
    at = derive(event.clock, made.received).at
    return Void(int(made.position), made.stream, int(made.number), at, named_day)


def write_voids(voids: list[Void]) -> str:
    """Writes voids as the JSON a row holds."""
    return msgspec.json.encode(voids).decode()


def read_voids(text: str) -> list[Void]:
    """Reads what `write_voids` wrote."""
    return msgspec.json.decode(text, type=list[Void])
