"""The proportional estimate: how much of the lots asked about is where, in one pass over time.

docs/trace.md, "Quantities". Content is in the unit of the lots asked about; each of their units is
one. What says no lot is not in it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from ledger.trace.question import LotName
from ledger.trace.rows import TraceRow


class At(NamedTuple):
    """A lot at a merchant."""

    merchant: str
    lot: LotName


class _Delivery(NamedTuple):
    """Goods between two merchants under one delivery's number."""

    giver: str
    taker: str
    lot: LotName
    delivery: str


@dataclass
class Content:
    """An amount of goods and how much of the lots asked about is in it, in thousandths."""

    amount: float = 0.0
    share: float = 0.0

    def take(self, amount: float) -> "Content":
        """Takes an amount out with its part of what is in it; no more than there is."""
        taken = min(amount, self.amount)
        part = self.share if taken >= self.amount else self.share * taken / self.amount
        self.amount -= taken
        self.share -= part
        return Content(taken, part)

    def add(self, other: "Content") -> None:
        """Puts goods to these, which mixes what is in both."""
        self.amount += other.amount
        self.share += other.share


@dataclass
class Estimate:
    """Where the content is: what went in is what is held, under way, or has ended in some way."""

    went_in: float = 0.0
    to_consumers: float = 0.0
    used_up: float = 0.0
    thrown_away: float = 0.0
    missing: float = 0.0
    sent_out: float = 0.0
    held: dict[At, Content] = field(default_factory=lambda: defaultdict(Content))
    under_way: float = 0.0


def estimate(rows: Iterable[TraceRow], seeds: Collection[LotName]) -> Estimate:
    """Follows what is in the lots asked about through rows of all reached lots.

    A later entry of an earlier moment is taken at its moment; a cycle of goods is gone through as
    often as it happened.
    """
    found = _Pass(frozenset(seeds))
    believed = sorted((row for row in rows if row.believed), key=_moment)
    made: dict[int, list[TraceRow]] = defaultdict(list)
    for row in believed:
        if row.kind == "made":
            made[row.original].append(row)
    for row in believed:
        found.take_in(row, made)
    found.told.under_way = sum(content.share for content in found.ways.values())
    return found.told


def _moment(row: TraceRow) -> tuple[datetime, int, int]:
    return row.earliest + (row.latest - row.earliest) / 2, row.original, row.leg


class _Pass:
    """One pass over the rows, in order."""

    def __init__(self, seeds: frozenset[LotName]) -> None:
        self.told = Estimate()
        self.ways: dict[_Delivery, Content] = defaultdict(Content)
        self._seeds = seeds
        # What a taker entered before its giver: in thousandths, by the way it came.
        self._early: dict[_Delivery, float] = defaultdict(float)
        # Under which numbers goods went between two merchants, in the order they were met.
        self._numbers: dict[tuple[str, str, LotName], dict[str, None]] = defaultdict(dict)
        self._in_work: dict[int, float] = defaultdict(float)

    def take_in(self, row: TraceRow, made: Mapping[int, list[TraceRow]]) -> None:
        """Lets one row act on what is held."""
        lot = LotName(row.product, row.lot)
        if row.giver is not None and row.giver == row.taker:
            # Between a merchant's own premises nothing changes hands.
            return
        here = self.told.held[At(row.merchant, lot)]
        match row.kind:
            case "stock-counted":
                self._count(here, row, lot)
            case "goods-received" | "goods-returned" if row.sign > 0:
                here.add(self._come(row, lot))
            case "made":
                here.add(self._make(row, lot, made[row.original]))
            case "used-in" if row.original in made:
                self._in_work[row.original] += self._give(here, row, lot).share
            case "used-in":
                self.told.used_up += self._give(here, row, lot).share
            case "goods-used":
                self.told.used_up += self._give(here, row, lot).share
            case "goods-disposed":
                self.told.thrown_away += self._give(here, row, lot).share
            case _:
                self._leave(self._give(here, row, lot), row, lot)

    def _give(self, here: Content, row: TraceRow, lot: LotName) -> Content:
        """Takes goods out; what nobody had entered before was there all the same."""
        taken = here.take(row.amount)
        taken.add(self._appear(row.amount - taken.amount, lot))
        return taken

    def _appear(self, amount: float, lot: LotName) -> Content:
        """Returns goods from outside: all of what is asked about, nothing of what is not."""
        share = amount if lot in self._seeds else 0.0
        self.told.went_in += share
        return Content(amount, share)

    def _come(self, row: TraceRow, lot: LotName) -> Content:
        if row.giver is None:
            return self._appear(row.amount, lot)
        way = _Delivery(row.giver, row.merchant, lot, row.delivery or "")
        come, rest = Content(), float(row.amount)
        for met in self._meeting(way):
            part = self.ways[met].take(rest)
            come.add(part)
            rest -= part.amount
        self._early[way] += rest
        come.add(self._appear(rest, lot))
        return come

    def _meeting(self, way: _Delivery) -> list[_Delivery]:
        """Returns the ways on which both sides may mean the same goods: one number, or one of none."""
        numbers = self._numbers[way.giver, way.taker, way.lot]
        numbers.setdefault(way.delivery)
        others = [""] if way.delivery else [number for number in numbers if number]
        return [way, *(way._replace(delivery=number) for number in others)]

    def _leave(self, goods: Content, row: TraceRow, lot: LotName) -> None:
        if row.taker is None and row.kind != "goods-returned" and row.card is None:
            self.told.to_consumers += goods.share
            return
        if row.taker is None:
            # Sent back to, or bought by, somebody in no register: gone, but not to consumers.
            self.told.sent_out += goods.share
            return
        way = _Delivery(row.merchant, row.taker, lot, row.delivery or "")
        known = Content()
        for met in self._meeting(way):
            part = goods.take(min(goods.amount, self._early[met]))
            self._early[met] -= part.amount
            known.add(part)
        if lot in self._seeds:
            # The taker's entry brought it in already; it is the same.
            self.told.went_in -= known.share
        else:
            self.told.held[At(row.taker, lot)].share += known.share
        self.ways[way].add(goods)

    def _make(self, row: TraceRow, lot: LotName, outputs: Collection[TraceRow]) -> Content:
        same = {output.unit for output in outputs} == {row.unit}
        part = row.amount / sum(o.amount for o in outputs) if same else 1 / len(outputs)
        share = self._in_work[row.original] * part
        if lot in self._seeds:
            # All of it is asked about, whatever it was made of.
            self.told.went_in += row.amount - share
            share = float(row.amount)
        return Content(float(row.amount), share)

    def _count(self, here: Content, row: TraceRow, lot: LotName) -> None:
        if here.amount > row.amount:
            self.told.missing += here.take(here.amount - row.amount).share
        else:
            here.add(self._appear(row.amount - here.amount, lot))
