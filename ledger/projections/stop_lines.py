"""Lines of holds and recalls: which goods they mark, and which of them may mean a lot."""

from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import msgspec

from ledger.events.holds import StoppedGoods
from ledger.projections.parties import merchant_of
from ledger.projections.products import base_of
from ledger.projections.stopped_lots import STOP_LINES, STOP_MARKS, StopLineRow, StopMark
from ledger.projections.table import Rows

# Each is read for every lot that it may mean.
LINES_KEPT = 100_000


class Stop(NamedTuple):
    """A hold or recall by its name."""

    kind: str
    name: str


def mark_line(rows: Rows, stop: Stop, line: StoppedGoods) -> None:
    """Marks what a line names, so that what moves of it is held against its stop."""
    if line.product is not None:
        base = base_of(rows, line.product)[0]
        mark_one(rows, "p", line.product, stop)
        mark_one(rows, "p", base, stop)
        _name_one(rows, stop, base, line.product)
    elif line.supplier is not None:
        mark_one(rows, "s", line.supplier, stop)
        mark_one(rows, "s", merchant_of(rows, line.supplier), stop)
        _name_one(rows, stop, "", "")


def _name_one(rows: Rows, stop: Stop, base: str, product: str) -> None:
    value = f"{stop.kind}:{stop.name}/{base}"
    known = rows.get(STOP_MARKS, "n", value)
    if known is None or product not in known.stops:
        names = {*(known.stops if known else ()), product}
        rows.put(STOP_MARKS, StopMark("n", value, tuple(sorted(names))))


def mark_one(rows: Rows, what: str, value: str, stop: Stop) -> None:
    """Marks a product (`what` p) or a supplier (`s`)."""
    known, name = rows.get(STOP_MARKS, what, value), f"{stop.kind}:{stop.name}"
    if known is None or name not in known.stops:
        stops = {*(known.stops if known else ()), name}
        rows.put(STOP_MARKS, StopMark(what, value, tuple(sorted(stops))))
    if rows.get(STOP_MARKS, "", "") is None:
        rows.put(STOP_MARKS, StopMark("", "", ()))


def unmark(rows: Rows, stop: Stop) -> None:
    """Takes a stop that is over off every mark, so that what moves is not held against it."""
    name = f"{stop.kind}:{stop.name}"
    for mark in [*rows.select(STOP_MARKS, {"what": "p"}), *rows.select(STOP_MARKS, {"what": "s"})]:
        if name in mark.stops:
            left = tuple(other for other in mark.stops if other != name)
            rows.put(STOP_MARKS, StopMark(mark.what, mark.value, left))
    for mark in rows.select(STOP_MARKS, {"what": "n"}):
        if mark.value.startswith(f"{name}/"):
            rows.drop(STOP_MARKS, mark)


class LinesOf:
    """The lines of a stop that may mean lots of a product, found by the lot's number."""

    def __init__(self, rows: Rows, stop: Stop, product: str, *, many: bool) -> None:
        self._rows = rows
        self._stop = stop
        named, unnamed = (
            rows.get(STOP_MARKS, "n", f"{stop.kind}:{stop.name}/{base}") for base in (product, "")
        )
        self._names = named.stops if named else ()
        self._wide = self._select(product=None) if unnamed else []
        # For many lots all lines are read once; for a few, those that say their number.
        self._all: dict[str | None, list[StopLineRow]] | None = None
        if many:
            every = self._of_product()
            self._all = {}
            for row in every:
                self._all.setdefault(row.lot, []).append(row)

    def of(self, lot: str) -> list[tuple[StopLineRow, StoppedGoods]]:
        """Returns the lines to hold a lot against, by its key."""
        number = lot[2:] if lot.startswith("L:") else None
        if number is None:
            found = self._of_product()
        elif self._all is not None:
            found = [*self._all.get(number, ()), *self._all.get(None, ())]
        else:
            found = [
                row for name in self._names for said in (number, None)
                for row in self._select(product=name, lot=said)
            ]  # fmt: skip
        return [(row, read_line(row)) for row in chain(found, self._wide)]

    def _of_product(self) -> list[StopLineRow]:
        if self._all is not None:
            return list(chain.from_iterable(self._all.values()))
        return [row for name in self._names for row in self._select(product=name)]

    def _select(self, **members: str | None) -> list[StopLineRow]:
        same = {"kind": self._stop.kind, "stop": self._stop.name, "ended_at": None}
        return self._rows.select(STOP_LINES, same | members)


def lines_of(rows: Rows, stop: Stop) -> list[StopLineRow]:
    """Returns the lines of a stop that are open."""
    return rows.select(STOP_LINES, {"kind": stop.kind, "stop": stop.name, "ended_at": None})


def read_line(row: StopLineRow) -> StoppedGoods:
    """Returns a line as it was said."""
    return _decoded(row.goods)


@lru_cache(LINES_KEPT)
def _decoded(goods: bytes) -> StoppedGoods:
    return msgspec.json.decode(goods, type=StoppedGoods)
