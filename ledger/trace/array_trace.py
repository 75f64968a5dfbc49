"""ArrayTrace: closures and quantities over arrays, for recalls that reach a great many movements.

It answers the present where labels say which lot is meant. What goods without a lot may be, is the
rules' to say: a question that reaches any is handed over (`answer` returns None).
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from ledger.trace.answer import (
    Holder,
    Shelved,
    Sums,
    Trace,
    TraceStock,
    Worst,
    order_of,
    worst_of,
)
from ledger.trace.estimate import estimate
from ledger.trace.overlay import Overlay
from ledger.trace.question import AsOf, How, LotName, Question
from ledger.trace.rows import TraceRows
from ledger.trace.segment import SUMS, Array

# Fewer are gone through one by one: a call into the arrays costs as much as some dozens.
FEW = 200
CERTAIN: How = "certain"


class HeldLine(NamedTuple):
    """What a place has had of a lot in a unit, in thousandths."""

    lot: int
    merchant: str
    premises: str
    unit: str
    sums: tuple[int, ...]


class ToldLine(NamedTuple):
    """What others say a merchant got of a lot, in thousandths."""

    lot: int
    merchant: str
    unit: str
    amount: int


class ArrayTrace:
    """Asks a segment and its overlay, which MUST both be true for one position."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self._segment = segment = overlay.segment
        self._count = len(segment.lots)
        self._loose = np.array([product in overlay.loose for product in segment.products], bool)
        # Single numbers are read several times faster through these than out of the arrays.
        self._used_at, self._made_at = _view(segment.used_at), _view(segment.made_at)
        self._used_of, self._made_of = _view(segment.used_of), _view(segment.made_of)
        self._inputs_at, self._outputs_at = _view(segment.inputs_at), _view(segment.outputs_at)
        self._inputs, self._outputs = _view(segment.used.lot), _view(segment.made.lot)
        self._product = _view(segment.product)

    def answer(self, question: Question, rows: TraceRows, stock: TraceStock) -> Trace | None:
        """Answers as the rules do, or hands over. `rows` and `stock` MUST be of the same position."""
        if question.moment != AsOf() or question.origin is not None:
            return None
        # One that only rows of no goods name gets a number too: it reaches itself.
        seeds = [self._overlay.number(lot) for lot in question.lots]
        ahead, back = self.closure(seeds, forwards=True), self.closure(seeds, forwards=False)
        if ahead is None or back is None:
            return None
        name = self._overlay.name
        named = {number: name(number) for number in ahead}
        lines, told = self.quantities(ahead)
        holders = _holders(lines, told, named, stock)
        reached: Mapping[LotName, How] = dict.fromkeys(named.values(), CERTAIN)
        gone: dict[tuple[str, str], int] = {}
        for line in lines:
            key = named[line.lot].product, line.unit
            gone[key] = gone.get(key, 0) + line.sums[-1]
        worst: list[Worst] = worst_of(holders, gone)
        shares = estimate(rows.naming(reached), question.lots)
        return Trace(
            question, self._overlay.position, reached, {name(n): CERTAIN for n in back},
            sorted(holders, key=order_of), worst, shares,
        )  # fmt: skip

    def closure(self, seeds: Iterable[int], *, forwards: bool) -> set[int] | None:
        """Returns every lot that is reached; None where goods without a lot play a part."""
        found, frontier = set(seeds), list(seeds)
        while frontier:
            if any(self._is_loose(lot) for lot in frontier):
                return None
            reached = self._step(frontier, forwards=forwards)
            frontier = [lot for lot in reached if lot not in found]
            found.update(frontier)
        return found

    def quantities(self, lots: Iterable[int]) -> tuple[list[HeldLine], list[ToldLine]]:
        """Returns the lines of lots, and what is told of who has none."""
        wanted = sorted(lots)
        lines = list(self._lines(wanted))
        own = {(line.lot, line.merchant) for line in lines}
        told = [one for one in self._told(wanted) if (one.lot, one.merchant) not in own]
        return lines, told

    def _is_loose(self, lot: int) -> bool:
        if lot < self._count:
            return bool(self._loose[self._product[lot]])
        return self._overlay.name(lot).product in self._overlay.loose

    def _step(self, frontier: Sequence[int], *, forwards: bool) -> set[int]:
        """Returns the lots one entry on."""
        overlay, segment = self._overlay, self._segment
        old = [lot for lot in frontier if lot < self._count]
        at, of = (self._used_at, self._used_of) if forwards else (self._made_at, self._made_of)
        size = sum(at[lot + 1] - at[lot] for lot in old)
        if size > FEW:
            reached = self._many(np.array(old), forwards=forwards)
        else:
            starts, lots = (
                (self._outputs_at, self._outputs) if forwards else (self._inputs_at, self._inputs)
            )
            anew, entries = overlay.inputs, segment.entries
            reached = set()
            for lot in old:
                for entry in of[at[lot] : at[lot + 1]]:
                    if not anew or int(entries[entry]) not in anew:
                        reached.update(lots[starts[entry] : starts[entry + 1]])
        by_lot, by_entry = (
            (overlay.used, overlay.outputs) if forwards else (overlay.made, overlay.inputs)
        )
        if by_lot:
            changed = chain.from_iterable(by_lot.get(lot, ()) for lot in frontier)
            reached.update(chain.from_iterable(by_entry[entry] for entry in changed))
        return reached

    def _many(self, lots: Array, *, forwards: bool) -> set[int]:
        """Returns the same for many entries at once."""
        segment = self._segment
        at, of = (
            (segment.used_at, segment.used_of) if forwards else (segment.made_at, segment.made_of)
        )
        entries = np.unique(of[ranges(at, lots)])
        if self._overlay.inputs:
            anew = np.fromiter(self._overlay.inputs, np.int64, len(self._overlay.inputs))
            entries = entries[~np.isin(segment.entries[entries], anew)]
        starts, links = (
            (segment.outputs_at, segment.made) if forwards else (segment.inputs_at, segment.used)
        )
        return set(np.unique(links.lot[ranges(starts, entries)]).tolist())

    def _lines(self, lots: Sequence[int]) -> Iterable[HeldLine]:
        overlay, segment = self._overlay, self._segment
        old = np.array([lot for lot in lots if lot < self._count], np.int64)
        at = ranges(segment.line_at, old)
        table = segment.lines
        columns = (table.lot[at], table.place[at], table.unit[at], table.n[at], table.sums[at])
        more = {lot: dict(overlay.lines[lot]) for lot in lots if lot in overlay.lines}
        nothing = [0] * (1 + len(SUMS))
        for lot, place, unit, count, sums in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            now = [count, *sums]
            if lot in more:
                added = more[lot].pop((place, unit), nothing)
                now = [a + b for a, b in zip(now, added, strict=True)]
            if now[0]:
                yield self._line(lot, place, unit, now)
        for lot, lines in more.items():
            for (place, unit), now in lines.items():
                if now[0]:
                    yield self._line(lot, place, unit, now)

    def _line(self, lot: int, place: int, unit: int, now: Sequence[int]) -> HeldLine:
        merchant, premises = self._overlay.places.names[place]
        return HeldLine(lot, merchant, premises, self._overlay.units.names[unit], tuple(now[1:]))

    def _told(self, lots: Sequence[int]) -> Iterable[ToldLine]:
        overlay, segment = self._overlay, self._segment
        old = np.array([lot for lot in lots if lot < self._count], np.int64)
        at, table = ranges(segment.told_at, old), segment.told
        columns = (
            table.lot[at],
            table.merchant[at],
            table.unit[at],
            table.n[at],
            table.amount[at],
        )
        more = {lot: dict(overlay.told[lot]) for lot in lots if lot in overlay.told}
        names, units = overlay.merchants.names, overlay.units.names
        for lot, merchant, unit, count, amount in zip(
            *(column.tolist() for column in columns), strict=True
        ):
            added = more.get(lot, {}).pop((merchant, unit), [0, 0])
            if count + added[0]:
                yield ToldLine(lot, names[merchant], units[unit], amount + added[1])
        for lot, lines in more.items():
            for (merchant, unit), (count, amount) in lines.items():
                if count:
                    yield ToldLine(lot, names[merchant], units[unit], amount)


def _view(array: Array) -> memoryview:
    view: memoryview = memoryview(array)  # type: ignore[arg-type]  # an array is a buffer
    return view


def ranges(at: Array, numbers: Array) -> Array:
    """Returns the rows of several numbers, one after another."""
    starts, sizes = at[numbers], at[numbers + 1] - at[numbers]
    ends = np.cumsum(sizes)
    rows: Array = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - ends + sizes, sizes)
    return rows


def _holders(
    lines: Sequence[HeldLine],
    told: Sequence[ToldLine],
    named: Mapping[int, LotName],
    stock: TraceStock,
) -> list[Holder]:
    shelved = [Shelved(one.merchant, one.premises, named[one.lot], one.unit) for one in lines]
    left = stock.left(shelved)
    own = [
        Holder(at.merchant, at.premises, at.lot, at.unit, CERTAIN, Sums(*line.sums[:-1]), None,
               left.get(at))
        for at, line in zip(shelved, lines, strict=True)
    ]  # fmt: skip
    return own + [
        Holder(one.merchant, None, named[one.lot], one.unit, CERTAIN, Sums(), one.amount, None)
        for one in told
    ]
