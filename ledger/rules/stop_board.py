"""The stop board: all that holds and recalls stop now, folded from the record alone."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final, NamedTuple

from ledger.events.base import Event
from ledger.events.cases import ProductRegistered, ProductRegisteredV1
from ledger.events.holds import (
    DeadlinePassed,
    HoldBecameRecall,
    HoldExtended,
    HoldPlaced,
    HoldReleased,
    StoppedGoods,
)
from ledger.events.recalls import (
    RecallNarrowed,
    RecallPublished,
    RecallWidened,
    RecallWithdrawn,
)
from ledger.events.stop_list import StopLine

# The events a board is made of; everything else says nothing here.
BOARD_EVENTS: Final[tuple[type[Event], ...]] = (
    ProductRegisteredV1,
    ProductRegistered,
    HoldPlaced,
    HoldExtended,
    HoldReleased,
    HoldBecameRecall,
    DeadlinePassed,
    RecallPublished,
    RecallWidened,
    RecallNarrowed,
    RecallWithdrawn,
)


class _Named(NamedTuple):
    """What a board needs of a product."""

    name: str
    base: str | None


class StopBoard:
    """Takes events in the order of the record; a later reader of the same record has the same."""

    def __init__(self) -> None:
        self.version = 0
        self.holds_until: dict[str, datetime] = {}
        self._holds: dict[str, tuple[StoppedGoods, ...]] = {}
        self._recalls: dict[str, tuple[StoppedGoods, ...]] = {}
        self._grades: dict[str, str] = {}
        self._products: dict[str, _Named] = {}

    def take(self, position: int, event: Event) -> None:
        """Takes one event in; registrations change the list where they name what it stops."""
        match event:
            case ProductRegistered(gtin=gtin, name_zh=name, base=base):
                if self._products.get(gtin) == (found := _Named(name, base)):
                    return
                self._products[gtin] = found
                if not (self._holds or self._recalls):
                    return
            case HoldPlaced(hold=hold):
                self._holds[hold] = event.goods
                self.holds_until[hold] = event.until
            case HoldExtended(hold=hold, until=until):
                self.holds_until[hold] = until
            case HoldReleased(hold=hold) | HoldBecameRecall(hold=hold):
                self._end_hold(hold)
            case DeadlinePassed(what="hold-ends", subject=hold):
                self._end_hold(hold)
            case RecallPublished(recall=recall):
                self._recalls[recall], self._grades[recall] = event.goods, event.grade
            case RecallWidened(recall=recall, goods=goods):
                self._recalls[recall] = self._recalls.get(recall, ()) + goods
            case RecallNarrowed(recall=recall, goods=goods):
                gone = set(goods)
                left = tuple(line for line in self._recalls.get(recall, ()) if line not in gone)
                self._recalls[recall] = left
            case RecallWithdrawn(recall=recall):
                self._recalls.pop(recall, None)
            case _:
                return
        self.version = position

    def is_wide(self) -> bool:
        """Tells whether any line stops goods by dates or supplier, whose lots the views know better."""
        return any(
            line.supplier is not None or (line.lot is None and any(line.days))
            for goods in (*self._holds.values(), *self._recalls.values()) for line in goods
        )  # fmt: skip

    def lines(self, known: Iterable[StopLine]) -> list[StopLine]:
        """Returns the list, recalls first; `known` are lots that its wider lines are known to stop.

        The wider lines stay, for what comes to be known from now on.
        """
        families = self._families()
        stated = [
            *(_line(name, "recall", one, self._grades[name])
              for name, goods in sorted(self._recalls.items()) for one in goods),
            *(_line(name, "hold", one, "")
              for name, goods in sorted(self._holds.items()) for one in goods),
        ]  # fmt: skip
        standing = {("hold", name) for name in self._holds}
        standing |= {("recall", name) for name in self._recalls}
        more = [line for line in known if (line.kind, line.stop) in standing]
        found = dict.fromkeys([*stated, *more])
        return [self._named(line, families) for line in found]

    def _end_hold(self, hold: str) -> None:
        self._holds.pop(hold, None)
        self.holds_until.pop(hold, None)

    def _families(self) -> dict[str, set[str]]:
        families: dict[str, set[str]] = {}
        for gtin in self._products:
            families.setdefault(self._base(gtin), set()).add(gtin)
        return families

    def _base(self, gtin: str) -> str:
        base, seen = gtin, {gtin}
        while (known := self._products.get(base)) is not None and known.base is not None:
            if known.base in seen:
                return gtin
            base = known.base
            seen.add(base)
        return base

    def _named(self, line: StopLine, families: Mapping[str, set[str]]) -> StopLine:
        if (product := line.goods.product) is None:
            return line
        base = self._base(product)
        gtins = families.get(base, set()) | {product, base}
        known = self._products.get(base) or self._products.get(product)
        return StopLine(
            stop=line.stop, kind=line.kind, goods=line.goods, grade=line.grade,
            gtins=tuple(sorted(gtin for gtin in gtins if gtin.isdigit())),
            name=known.name if known else product.removeprefix("item:"),
        )  # fmt: skip


def _line(stop: str, kind: str, goods: StoppedGoods, grade: str) -> StopLine:
    return StopLine(
        stop=stop, kind="hold" if kind == "hold" else "recall", goods=goods, grade=grade
    )
