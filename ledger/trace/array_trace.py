"""ArrayTrace: closures and quantities over arrays, for recalls that reach a great many movements.

It answers the present where labels say which lot is meant. What goods without a lot may be, is the
rules' to say: a question that reaches any is handed over (`extent` returns None).
"""

from collections import defaultdict
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
# Room for a merchant's number beside a lot's in one integer.
SHIFT = 31
CERTAIN: How = "certain"


class HeldLine(NamedTuple):
    """What a place has had of a lot in a unit, in thousandths."""

    lot: int
    merchant: str
    premises: str
    unit: str
    sums: tuple[int, ...]


class Quantities(NamedTuple):
    """What places have had of lots: columns, a row a line; names are the overlay's numbers."""

    lot: Array
    place: Array
    unit: Array
    sums: Array


class ToldRows(NamedTuple):
    """What others say merchants got of lots, of whom no line is theirs."""

    lot: Array
    merchant: Array
    unit: Array
    amount: Array


class Extent(NamedTuple):
    """What arrays know of an answer: the lots ahead by their numbers, those behind, and who had them."""

    question: Question
    position: int
    named: Mapping[int, LotName]
    back: Sequence[LotName]
    lines: Sequence[HeldLine]
    silent: Sequence[Holder]

    def answer(self, rows: TraceRows, stock: TraceStock) -> Trace:
        """Answers as the rules do. `rows` and `stock` MUST be of the same position."""
        holders = [*_holders(self.lines, self.named, stock), *self.silent]
        gone: dict[tuple[str, str], int] = defaultdict(int)
        for line in self.lines:
            gone[self.named[line.lot].product, line.unit] += line.sums[-1]
        ahead: Mapping[LotName, How] = dict.fromkeys(self.named.values(), CERTAIN)
        behind: Mapping[LotName, How] = dict.fromkeys(self.back, CERTAIN)
        return Trace(
            self.question, self.position, ahead, behind, sorted(holders, key=order_of),
            worst_of(rows, holders, gone), estimate(rows.naming(ahead), self.question.lots),
        )  # fmt: skip


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
        # By place its merchant's number among those told of, as far as places were asked about.
        self._merchants: Array = np.zeros(0, np.int64)

    def extent(self, question: Question) -> Extent | None:
        """Finds what a question reaches and who has had it, or hands over."""
        if question.moment != AsOf() or question.origin is not None:
            return None
        # One that only rows of no goods name gets a number too: it reaches itself.
        seeds = [self._overlay.number(lot) for lot in question.lots]
        ahead, back = self.closure(seeds, forwards=True), self.closure(seeds, forwards=False)
        if ahead is None or back is None:
            return None
        name = self._overlay.name
        named = {number: name(number) for number in ahead.tolist()}
        found, told = self.quantities(ahead)
        return Extent(
            question, self._overlay.position, named, [name(number) for number in back.tolist()],
            list(self.lines(found)), list(self._silent(told, named)),
        )  # fmt: skip

    def closure(self, seeds: Iterable[int], *, forwards: bool) -> Array | None:
        """Returns every lot that is reached, in order; None where goods without a lot play a part."""
        found, frontier = set(seeds), list(seeds)
        while frontier:
            if len(frontier) > FEW:
                return self._wide(found, frontier, forwards=forwards)
            if any(self._is_loose(lot) for lot in frontier):
                return None
            reached = self._step(frontier, forwards=forwards)
            frontier = [lot for lot in reached if lot not in found]
            found.update(frontier)
        return np.array(sorted(found), np.int64)

    def quantities(self, lots: Array) -> tuple[Quantities, ToldRows]:
        """Returns the lines of lots in order, and what is told of who has none."""
        found, told = self._held(lots), self._told(lots)
        if len(told.lot) == 0:
            return found, told
        if len(told.lot) <= FEW:
            whose = self._merchant_of(found.place).tolist()
            own = set(zip(found.lot.tolist(), whose, strict=True))
            others = zip(told.lot.tolist(), told.merchant.tolist(), strict=True)
            keep = [row for row, one in enumerate(others) if one not in own]
            if not keep:
                return found, ToldRows(*(column[:0] for column in told))
            return found, ToldRows(*(column[keep] for column in told))
        known = found.lot.astype(np.int64) << SHIFT | self._merchant_of(found.place)
        silent = ~np.isin(told.lot.astype(np.int64) << SHIFT | told.merchant, known)
        return found, ToldRows(*(column[silent] for column in told))

    def lines(self, found: Quantities) -> Iterable[HeldLine]:
        """Returns quantities as lines, with their names."""
        places, units = self._overlay.places.names, self._overlay.units.names
        for lot, place, unit, sums in zip(*(column.tolist() for column in found), strict=True):
            merchant, premises = places[place]
            yield HeldLine(lot, merchant, premises, units[unit], tuple(sums))

    def _silent(self, told: ToldRows, named: Mapping[int, LotName]) -> Iterable[Holder]:
        merchants, units = self._overlay.merchants.names, self._overlay.units.names
        for lot, who, unit, amount in zip(*(column.tolist() for column in told), strict=True):
            yield Holder(
                merchants[who], None, named[lot], units[unit], CERTAIN, Sums(), amount, None
            )

    def _merchant_of(self, places: Array) -> Array:
        """Returns the number of each place's merchant among those that are told of; none is -1."""
        names = self._overlay.places.names
        if len(self._merchants) < len(names):
            number = self._overlay.merchants.known
            more = [number(names[at][0]) for at in range(len(self._merchants), len(names))]
            self._merchants = np.r_[self._merchants, np.array(more, np.int64)]
        found: Array = self._merchants[places]
        return found

    def _is_loose(self, lot: int) -> bool:
        if lot < self._count:
            return bool(self._loose[self._product[lot]])
        return self._overlay.name(lot).product in self._overlay.loose

    def _step(self, frontier: Sequence[int], *, forwards: bool) -> set[int]:
        """Returns the lots one entry on from a few."""
        at, of = (self._used_at, self._used_of) if forwards else (self._made_at, self._made_of)
        starts, lots = (
            (self._outputs_at, self._outputs) if forwards else (self._inputs_at, self._inputs)
        )
        old = [lot for lot in frontier if lot < self._count]
        if sum(at[lot + 1] - at[lot] for lot in old) > FEW:
            reached = set(self._many(np.array(old), forwards=forwards).tolist())
        else:
            anew, entries = self._overlay.inputs, self._segment.entries
            reached = set()
            for lot in old:
                for entry in of[at[lot] : at[lot + 1]]:
                    if not anew or int(entries[entry]) not in anew:
                        reached.update(lots[starts[entry] : starts[entry + 1]])
        reached.update(self._since(frontier, forwards=forwards))
        return reached

    def _since(self, frontier: Iterable[int], *, forwards: bool) -> Iterable[int]:
        """Returns the lots one entry on by entries that were told since the segment."""
        overlay = self._overlay
        by_lot, by_entry = (
            (overlay.used, overlay.outputs) if forwards else (overlay.made, overlay.inputs)
        )
        if not by_lot:
            return ()
        changed = chain.from_iterable(by_lot.get(lot, ()) for lot in frontier)
        return chain.from_iterable(by_entry[entry] for entry in changed)

    def _wide(self, found: set[int], frontier: Sequence[int], *, forwards: bool) -> Array | None:
        """Goes on with many lots at once, by a mark on each that was reached."""
        reached = np.zeros(self._count + len(self._overlay.names), bool)
        reached[list(found)] = True
        new = np.array(frontier, np.int64)
        while len(new):
            old, late = new[new < self._count], new[new >= self._count]
            loose = self._loose[self._segment.product[old]].any()
            if loose or any(self._is_loose(lot) for lot in late.tolist()):
                return None
            told = self._since(new.tolist(), forwards=forwards) if self._overlay.inputs else ()
            onward = np.r_[self._many(old, forwards=forwards), np.array([*told], np.int64)]
            new = np.unique(onward[~reached[onward]])
            reached[new] = True
        return np.flatnonzero(reached)

    def _many(self, lots: Array, *, forwards: bool) -> Array:
        """Returns the lots one entry on from many, by what the segment knows."""
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
        return np.unique(links.lot[ranges(starts, entries)]).astype(np.int64)

    def _rows(self, at: Array, lots: Array) -> Array | slice:
        """Returns where the rows of lots stand; those of one lot stand together."""
        if len(lots) == 1 and lots[0] < self._count:
            return slice(int(at[lots[0]]), int(at[lots[0] + 1]))
        return ranges(at, lots[lots < self._count])

    def _held(self, lots: Array) -> Quantities:
        table, at = self._segment.lines, self._rows(self._segment.line_at, lots)
        found = Quantities(table.lot[at], table.place[at], table.unit[at], table.sums[at])
        if self._overlay.lines:
            more = {
                lot: self._overlay.lines[lot] for lot in lots.tolist() if lot in self._overlay.lines
            }
            if more:
                lot, place, unit, sums = _merged(found, table.n[at], more, len(SUMS))
                return Quantities(lot, place, unit, sums)
        return found

    def _told(self, lots: Array) -> ToldRows:
        table, at = self._segment.told, self._rows(self._segment.told_at, lots)
        found = ToldRows(table.lot[at], table.merchant[at], table.unit[at], table.amount[at])
        if self._overlay.told:
            more = {
                lot: self._overlay.told[lot] for lot in lots.tolist() if lot in self._overlay.told
            }
            if more:
                lot, merchant, unit, amount = _merged(found, table.n[at], more, 1)
                return ToldRows(lot, merchant, unit, amount[:, 0])
        return found


def _merged(
    found: Quantities | ToldRows,
    n: Array,
    more: Mapping[int, Mapping[tuple[int, int], list[int]]],
    width: int,
) -> tuple[Array, Array, Array, Array]:
    """Adds an overlay's rows to a segment's; returns lot, name, unit and values of what is left."""
    wanted = {(lot, *line): values for lot, lines in more.items() for line, values in lines.items()}
    rows = []
    for lot, name, unit, values, count in zip(
        *(column.tolist() for column in found), n.tolist(), strict=True
    ):
        now = [count, *values] if isinstance(values, list) else [count, values]
        added = wanted.pop((lot, name, unit), None)
        rows.append(
            (lot, name, unit, *(now if added is None else map(sum, zip(now, added, strict=True))))
        )
    rows += [(*line, *values) for line, values in wanted.items()]
    table = np.array([row for row in rows if row[3]], np.int64).reshape(-1, 4 + width)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 4:]


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
    lines: Sequence[HeldLine], named: Mapping[int, LotName], stock: TraceStock
) -> list[Holder]:
    shelved = [Shelved(one.merchant, one.premises, named[one.lot], one.unit) for one in lines]
    left = stock.left(shelved)
    return [
        Holder(at.merchant, at.premises, at.lot, at.unit, CERTAIN, Sums(*line.sums[:-1]), None,
               left.get(at))
        for at, line in zip(shelved, lines, strict=True)
    ]  # fmt: skip
