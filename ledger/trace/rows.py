"""Rows as a trace reads them: movements at a moment, and who gave to whom."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from ledger.trace.question import AsOf, LotName


class TraceRow(NamedTuple):
    """A movement at a moment. `amount` is in thousandths of `unit`, above 0.

    `lot` is the key of its lot, or of loose goods; what was made without a lot is named by its own
    entry (`M:`). `believed` is False for what was corrected after the other side had confirmed it.
    """

    original: int
    leg: int
    kind: str
    merchant: str
    premises: str
    counterparty: str | None
    card: str | None
    product: str
    lot: str
    unit: str
    amount: int
    sign: int
    delivery: str | None
    earliest: datetime
    latest: datetime
    believed: bool
    process: str | None = None

    @property
    def giver(self) -> str | None:
        """Who gave the goods of a trade row, None for other rows."""
        return self._sides[0]

    @property
    def taker(self) -> str | None:
        """Who took the goods of a trade row, None for other rows."""
        return self._sides[1]

    @property
    def passes_name(self) -> bool:
        """Whether both sides of a trade row had the goods under the name it says.

        What a taker's delivery named was not called so by whoever brought it.
        """
        return self.giver is not None and (
            not self.lot.startswith("R:") or self.giver == self.merchant
        )

    @property
    def _sides(self) -> tuple[str | None, str | None]:
        if self.counterparty is None:
            return None, None
        match self.kind:
            case "goods-sold":
                return self.merchant, self.counterparty
            case "goods-received":
                return self.counterparty, self.merchant
            case "goods-returned" if self.sign < 0:
                return self.merchant, self.counterparty
            case "goods-returned":
                return self.counterparty, self.merchant
        return None, None


# Which lots a date of a product may mean, where that is not exactly one.
OpenDates = Mapping[LotName, Collection[str]]


class TraceRows(Protocol):
    """Where a trace reads: the rows of one moment, found by what they name."""

    @property
    def moment(self) -> AsOf:
        """The moment all answers are true for."""
        ...

    def naming(self, lots: Collection[LotName]) -> list[TraceRow]:
        """Returns the rows that name any of these lots."""
        ...

    def entries(self, originals: Collection[int]) -> list[TraceRow]:
        """Returns all rows of these entries."""
        ...

    def loose_world(self, product: str) -> list[TraceRow]:
        """Returns the rows of a product that tell what its loose goods may be.

        Loose trade rows, inputs and receipts, receipts named by their delivery, and the named rows
        of merchants that have any of these. None where the product has no loose goods in trade.
        """
        ...

    def loose_rows(self, product: str, merchants: Collection[str]) -> list[TraceRow]:
        """Returns all rows of these merchants' loose goods of a product."""
        ...

    def open_dates(self, product: str) -> OpenDates:
        """Returns which lots of a product bear a date that is borne by several."""
        ...


MADE_HERE = "M:"


def is_made_here(lot: LotName) -> bool:
    """Tells whether a lot is one that its entry alone names, for want of a label."""
    return lot.key.startswith(MADE_HERE)


def is_named(lot: LotName, dates: OpenDates) -> bool:
    """Tells whether a key says which lot it is."""
    return lot.key != "" and lot not in dates


def may_be(row: TraceRow, key: str, dates: OpenDates) -> bool:
    """Tells whether a loose row's key leaves open that its goods are of a lot."""
    return row.lot == "" or key in dates.get(LotName(row.product, row.lot), ())
