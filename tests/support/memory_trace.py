"""Rows for traces out of a ledger in memory: what the rules of tracing are tested on."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from ledger.projections.shelves import bounds
from ledger.projections.stock import stock_from
from ledger.trace.answer import Left, Shelved
from ledger.trace.question import AsOf, LotName
from ledger.trace.rows import OpenDates, TraceRow
from tests.support.line import Line

TRADED = ("goods-sold", "goods-received", "goods-returned")


class MemoryRows:
    """The rows of a line at a moment, found by looking at all of them."""

    def __init__(self, line: Line, moment: AsOf | None = None) -> None:
        self.moment = moment = moment or AsOf()
        self._line = line
        self._dates = _open_dates(line, moment)
        self.all = [
            _row(m, self._loose, moment) for m in line.rows("movements") if _counts(m, moment)
        ]

    def naming(self, lots: Collection[LotName]) -> list[TraceRow]:
        return [row for row in self.all if LotName(row.product, row.lot) in lots]

    def entries(self, originals: Collection[int]) -> list[TraceRow]:
        return [row for row in self.all if row.original in originals]

    def loose_world(self, product: str) -> list[TraceRow]:
        return [row for row in self.all if row.product == product]

    def loose_rows(self, product: str, merchants: Collection[str]) -> list[TraceRow]:
        return [
            row for row in self.all
            if row.product == product and row.merchant in merchants
            and self._loose(LotName(row.product, row.lot))
        ]  # fmt: skip

    def open_dates(self, product: str) -> OpenDates:
        return {lot: keys for lot, keys in self._dates.items() if lot.product == product}

    def _loose(self, lot: LotName) -> bool:
        return lot.key == "" or lot in self._dates


def _counts(movement: Any, moment: AsOf) -> bool:
    if movement.amount == 0 or (moment.at is not None and movement.happened > moment.at):
        return False
    position = moment.position if moment.position is not None else 2**62
    if movement.position > position:
        return False
    believed = movement.believed_to is None or movement.believed_to > position
    return believed or movement.contested is not None


def _row(m: Any, loose: Any, moment: AsOf) -> TraceRow:
    wrong = timedelta(seconds=m.uncertainty_s)
    lot = m.lot
    if m.kind == "made" and loose(LotName(m.product, m.lot)):
        lot = f"M:{m.original}/{m.leg}"
    return TraceRow(
        m.original, m.leg, m.kind, m.merchant, m.premises, m.counterparty, m.card, m.product, lot,
        m.unit, m.amount, m.sign, m.delivery, m.happened - wrong, m.happened + wrong,
        m.believed_to is None or m.believed_to > (moment.position or 2**62), m.process,
    )  # fmt: skip


def _open_dates(line: Line, moment: AsOf) -> dict[LotName, set[str]]:
    position = moment.position if moment.position is not None else 2**62
    ties: dict[LotName, set[str]] = defaultdict(set)
    for tie in line.rows("ties"):
        if tie.since <= position and not 0 < tie.ended <= position:
            ties[LotName(tie.product, tie.key)].add(tie.other)

    def meant(lot: LotName) -> set[str]:
        return (
            {k for o in ties[lot] for k in (meant(LotName(lot.product, o)) or {o})}
            if lot in ties
            else set()
        )

    return {lot: keys for lot in list(ties) if len(keys := meant(lot)) > 1}


class MemoryStock:
    """What is left of lots, added up from the rows of a line at a moment."""

    def __init__(self, line: Line, moment: AsOf | None = None) -> None:
        moment = moment or AsOf()
        position = moment.position if moment.position is not None else 2**62
        believed = [
            m for m in line.rows("movements")
            if m.position <= position and (m.believed_to is None or m.believed_to > position)
            and (moment.at is None or m.happened <= moment.at)
        ]  # fmt: skip
        self._left = {
            Shelved(s.merchant, s.premises, LotName(s.product, s.lot), s.unit): Left(
                *bounds(s, shelf)
            )
            for s, shelf in stock_from(believed)
        }

    def left(self, shelved: Iterable[Shelved]) -> dict[Shelved, Left]:
        return {key: self._left.get(key, Left(0, 0)) for key in shelved}
