"""Loose goods: which lots they may be, merchant by merchant, and what that makes of what they became.

docs/trace.md, "Edges", 2. One product at a time: loose goods never change theirs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from ledger.trace.question import LotName
from ledger.trace.rows import OpenDates, TraceRow, is_named, may_be

NEVER = datetime.max.replace(tzinfo=UTC)


class LooseStep(NamedTuple):
    """Loose goods that left a merchant: for whom or what, and which lots they may have been of.

    They were traded, used in making something, or named anew by their taker's delivery. `certain`
    when they can have been of one lot only.
    """

    what: Literal["traded", "used", "renamed"]
    merchant: str
    row: TraceRow
    keys: tuple[str, ...]
    certain: bool


class LooseGoods:
    """What the loose goods of one product may be."""

    def __init__(self, product: str, rows: Sequence[TraceRow], dates: OpenDates) -> None:
        self.product = product
        self._dates = dates
        named = [row for row in rows if is_named(LotName(row.product, row.lot), dates)]
        self._loose = [row for row in rows if not is_named(LotName(row.product, row.lot), dates)]
        self._had = had(named)
        # When each lot may have come to each merchant, by its labels or among loose goods.
        self._came: dict[str, dict[str, datetime]] = defaultdict(dict)
        for (merchant, key), at in self._had.items():
            self._came[merchant][key] = at
        self._trades = _open_trades(self._loose, named)
        self._spread()
        self._unknown: dict[str, datetime] = {}
        self._spread_unknown()
        self.steps = list(self._steps(named))

    def holders(self, key: str) -> dict[str, bool]:
        """Returns who may have a lot among its loose goods only; True where it can be no other."""
        found = {}
        for merchant, lots in self._came.items():
            if key in lots and (merchant, key) not in self._had:
                found[merchant] = len(lots) == 1 and merchant not in self._unknown
        return found

    def told(self, merchant: str) -> dict[str, int]:
        """Returns what others say a merchant got of loose goods, by unit."""
        found: dict[str, int] = defaultdict(int)
        for row in self._trades:
            if row.taker == merchant and row.merchant != merchant and row.believed:
                found[row.unit] += row.amount
        return found

    def _spread(self) -> None:
        """Lets lots follow loose trades until nothing comes earlier any more."""
        by_giver: dict[str, list[TraceRow]] = defaultdict(list)
        for row in self._trades:
            by_giver[row.giver or ""].append(row)
        waiting = list(self._trades)
        while waiting:
            row = waiting.pop()
            taker, changed = self._came[row.taker or ""], False
            for key in self._fitting(row, row.giver or ""):
                if key not in taker or row.earliest < taker[key]:
                    taker[key] = row.earliest
                    changed = True
            if changed:
                waiting += by_giver[row.taker or ""]

    def _spread_unknown(self) -> None:
        """Marks whom loose goods reached of which nobody can say what they were."""
        for row in self._loose:
            # Goods that somebody only counted came from where nobody said, too.
            if row.giver is None and (row.sign > 0 or row.kind == "stock-counted"):
                self._mark(row.merchant, row.earliest)
        changed = True
        while changed:
            changed = False
            for row in self._trades:
                giver = row.giver or ""
                known = bool(self._fitting(row, giver))
                if not known or self._unknown.get(giver, NEVER) <= row.latest:
                    changed |= self._mark(row.taker or "", row.earliest)

    def _mark(self, merchant: str, at: datetime) -> bool:
        if self._unknown.get(merchant, NEVER) <= at:
            return False
        self._unknown[merchant] = at
        return True

    def _fitting(self, row: TraceRow, merchant: str) -> tuple[str, ...]:
        """Returns the lots that a loose row's goods may have been of, at the merchant they left."""
        return tuple(
            key for key, at in self._came.get(merchant, {}).items()
            if at <= row.latest and may_be(row, key, self._dates)
        )  # fmt: skip

    def _steps(self, named: Iterable[TraceRow]) -> Iterable[LooseStep]:
        for row in self._trades:
            giver = row.giver or ""
            yield self._step("traded", giver, row, self._fitting(row, giver))
        for row in self._loose:
            if row.kind == "used-in":
                yield self._step("used", row.merchant, row, self._fitting(row, row.merchant))
        for row in named:
            brought = row.giver
            if row.lot.startswith("R:") and row.taker == row.merchant and brought != row.taker:
                came = self._came.get(brought or "", {})
                keys = (key for key, at in came.items() if at <= row.latest and key != row.lot)
                yield self._step("renamed", brought or "", row, tuple(keys))

    def _step(
        self, what: Literal["traded", "used", "renamed"], merchant: str, row: TraceRow,
        keys: tuple[str, ...],
    ) -> LooseStep:  # fmt: skip
        sure = len(keys) == 1 and self._unknown.get(merchant, NEVER) > row.latest
        return LooseStep(what, merchant, row, keys, sure)


def had(named: Iterable[TraceRow]) -> dict[tuple[str, str], datetime]:
    """Returns who has had which lot, with the earliest time at which it may have come there.

    The name that a delivery gave goods without a code says nothing of who brought them, but where
    they went under it.
    """
    found: dict[tuple[str, str], datetime] = {}
    for row in named:
        merchants = [row.merchant]
        if row.passes_name and row.counterparty is not None:
            merchants.append(row.counterparty)
        for merchant in merchants:
            key = merchant, row.lot
            found[key] = min(row.earliest, found.get(key, row.earliest))
    return found


def _open_trades(loose: Iterable[TraceRow], named: Iterable[TraceRow]) -> list[TraceRow]:
    """Returns the loose trade rows that the other side's labels leave open."""
    trades = [row for row in loose if row.giver is not None and row.giver != row.taker]
    stated = _totals(trades, named)
    return [row for row in trades if not _is_answered(row, stated)]


def _totals(
    loose: Iterable[TraceRow], named: Iterable[TraceRow]
) -> Mapping[tuple[str, ...], list[int]]:
    """Adds up what each side states under each number: in all, and of it with its lot."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(lambda: [0, 0])
    for rows, with_lot in ((loose, False), (named, True)):
        for row in rows:
            if row.delivery and row.giver is not None and row.believed:
                total = found[row.giver, row.taker or "", row.unit, row.delivery, row.merchant]
                total[0] += row.amount
                total[1] += row.amount if with_lot else 0
    return found


def _is_answered(row: TraceRow, stated: Mapping[tuple[str, ...], list[int]]) -> bool:
    if not row.delivery or row.counterparty is None:
        return False
    number = row.giver or "", row.taker or "", row.unit, row.delivery
    own = stated.get((*number, row.merchant), [row.amount, 0])
    other = stated.get((*number, row.counterparty), [0, 0])
    return other[1] >= max(own[0], 1)
