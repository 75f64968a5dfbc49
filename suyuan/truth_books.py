"""The truth of a simulated trade's books: what both sides said, and which papers are lacking."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

from suyuan.participants import Action, LotTruth, Merchant

# What one side alone reported is asked about on the second morning after.
ASKED_AFTER = timedelta(days=2)


class Delivered(NamedTuple):
    """Goods of one product under one delivery's number: who sold them to whom, in which unit."""

    seller: str
    buyer: str
    product: str
    unit: str
    delivery: str


class BothSides:
    """What both sides said of it, in thousandths; null for who said nothing."""

    def __init__(self, day: date, lot: str) -> None:
        self.day = day
        self.lot = lot
        self.sold: int | None = None
        self.received: int | None = None

    @property
    def status(self) -> str:
        """What the pairs must call it."""
        if self.received is None:
            return "seller-only"
        if self.sold is None:
            return "buyer-only"
        return "confirmed" if self.sold == self.received else "differs"


class PaperTruth(NamedTuple):
    """A certificate of one lot as its maker filed it; `covers` pieces where it says how many."""

    number: str
    kind: str
    issuer: str
    lot: LotTruth
    valid_from: date
    valid_until: date
    covers: int | None
    pictures: int


class Bought(NamedTuple):
    """A purchase of goods that must come with papers."""

    action: Action
    lot: LotTruth
    day: date


class BooksTruth:
    """What the pairs, the papers and those who watch them must say."""

    def __init__(self) -> None:
        self.trades: dict[Delivered, BothSides] = {}
        self.papers: list[PaperTruth] = []
        self.bought: list[Bought] = []
        # Pieces of a maker's lot that went to each buyer by each delivery, as each side said.
        self._out: dict[tuple[str, str, str, str], list[int]] = defaultdict(lambda: [0, 0])

    def sell(self, trade: Delivered, thousandths: int, day: date, *, lot: str = "") -> None:
        """The seller reported a line."""
        told = self.trades.setdefault(trade, BothSides(day, lot))
        told.sold = (told.sold or 0) + thousandths
        self._out[trade.seller, trade.buyer, trade.delivery, lot][0] += thousandths

    def receive(self, trade: Delivered, thousandths: int, day: date, *, lot: str = "") -> None:
        """The buyer reported a line."""
        told = self.trades.setdefault(trade, BothSides(day, lot))
        told.received = (told.received or 0) + thousandths
        self._out[trade.seller, trade.buyer, trade.delivery, lot][1] += thousandths

    def one_sided(self, day: date) -> set[tuple[str, str]]:
        """The alerts that must ask a silent side by the beginning of `day`."""
        return {
            ("one-sided", "|".join((*trade, told.lot, str(told.day))))
            for trade, told in self.trades.items()
            if told.status.endswith("-only") and told.day + ASKED_AFTER <= day
        }

    def lacking(self, required: tuple[str, ...]) -> Iterator[tuple[str, Action, str]]:
        """Purchases without a valid paper: kind of alert, purchase, kind of paper."""
        for bought in self.bought:
            for kind in required:
                of_lot = [p for p in self.papers if (p.kind, p.lot) == (kind, bought.lot)]
                if any(p.valid_from <= bought.day <= p.valid_until for p in of_lot):
                    continue
                yield "paper-expired" if of_lot else "paper-missing", bought.action, kind

    def overdrawn(self, maker: Merchant) -> Iterator[PaperTruth]:
        """Papers of which more went out than they cover."""
        for paper in self.papers:
            out = sum(
                max(told)
                for (seller, _, _, lot), told in self._out.items()
                if (seller, lot) == (maker.id, f"L:{paper.lot.number}")
            )
            if paper.covers is not None and out > paper.covers * 1000:
                yield paper

    def twice(self) -> Iterator[PaperTruth]:
        """Papers whose number was filed with two pictures."""
        return (paper for paper in self.papers if paper.pictures > 1)
