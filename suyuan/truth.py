"""The truth of a simulated trade, by plain arithmetic that shares no code with the projections."""

from collections import defaultdict
from datetime import date, timedelta
from typing import NamedTuple

from suyuan.assortment import CATALOGUE
from suyuan.participants import NEAR_TIERS, LotTruth, Merchant
from suyuan.truth_books import BooksTruth

StockKey = tuple[str, str, str, str]


class ByDate(NamedTuple):
    """Pieces that left a premises under their last good day alone."""

    premises: str
    gtin: str
    expires: date
    pieces: int


class Truth:
    """What is really where, and what a ledger must make of what was reported of it."""

    def __init__(self) -> None:
        self.lots: dict[tuple[str, str], LotTruth] = {}
        # What really lies at each merchant, in pieces.
        self.held: dict[str, dict[LotTruth, int]] = defaultdict(lambda: defaultdict(int))
        # What was reported of each lot by its number, in thousandths.
        self._named: dict[StockKey, int] = defaultdict(int)
        self._by_date: list[ByDate] = []
        # How many sales by date came before a lot's last count, which speaks for all of them.
        self._counted: dict[StockKey, int] = {}
        # Of goods that left without their lot: premises, product, unit.
        self._without_lot: dict[tuple[str, str, str], int] = defaultdict(int)
        self.estimated: set[str] = set()
        self.books = BooksTruth()

    def add_lot(self, lot: LotTruth) -> None:
        """Takes in a lot whose full label the trade reports."""
        self.lots[lot.gtin, f"L:{lot.number}"] = lot

    def move(self, merchant: Merchant, lot: LotTruth, pieces: int) -> None:
        """Pieces came or went, reported by their lot."""
        self.held[merchant.id][lot] += pieces
        self._named[_key(merchant, lot)] += pieces * 1000

    def count(self, merchant: Merchant, lot: LotTruth, pieces: int) -> None:
        """A lot was counted."""
        self.held[merchant.id][lot] = pieces
        self._named[_key(merchant, lot)] = pieces * 1000
        self._counted[_key(merchant, lot)] = len(self._by_date)

    def sell_by_date(self, merchant: Merchant, lot: LotTruth, pieces: int) -> None:
        """Pieces were sold, reported by the last good day that is printed on them."""
        self.held[merchant.id][lot] -= pieces
        self._by_date.append(ByDate(merchant.premises, lot.gtin, lot.expires, pieces))

    def sell_unnamed(self, merchant: Merchant, lot: LotTruth, pieces: int) -> None:
        """Pieces were sold, reported in a day's total without their lot."""
        self.held[merchant.id][lot] -= pieces
        self._without_lot[merchant.premises, lot.gtin, "piece"] -= pieces * 1000

    def weigh_in(self, premises: str, item: str, delivery: str, grams: int) -> None:
        """Goods without a code came in by a delivery, net of what was thrown away of it."""
        self._named[premises, f"item:{item}", f"R:{delivery}", "g"] += grams * 1000

    def weigh_out(self, premises: str, item: str, grams: int) -> None:
        """Goods without a code left, and nobody said which delivery they had come by."""
        self._without_lot[premises, f"item:{item}", "g"] -= grams * 1000

    @property
    def stock(self) -> dict[StockKey, int]:
        """What the ledger must have of each lot, in thousandths.

        A date stands for a lot where one lot alone bears it on its label, else for itself.
        """
        found = dict(self._named)
        for number, sale in enumerate(self._by_date):
            bearing = [
                lot for lot in self.lots.values()
                if (lot.gtin, lot.expires) == (sale.gtin, sale.expires)
            ]  # fmt: skip
            lot = f"L:{bearing[0].number}" if len(bearing) == 1 else f"E:{sale.expires}"
            key = (sale.premises, sale.gtin, lot, "piece")
            if number < self._counted.get(key, 0):
                continue
            found[key] = found.get(key, 0) - sale.pieces * 1000
        for (premises, product, unit), amount in self._without_lot.items():
            found[premises, product, "", unit] = amount
        return {key: amount for key, amount in found.items() if amount}

    def open_expiry_alerts(self, day: date) -> set[tuple[str, str]]:
        """The alerts that time and stock must have opened by the beginning of `day`."""
        found, stock = set(), self.stock
        for key, amount in stock.items():
            dated = key[2].startswith("E:")
            if amount < 0 and key[2] and not dated:
                found.add(("oversold", _subject(key)))
            lot = self.lots.get((key[1], key[2]))
            if lot is None or amount <= 0 or self._is_sold_out(stock, key):
                continue
            life = CATALOGUE[lot.product][3]
            before = next(days for least, days in NEAR_TIERS if life >= least)
            if day > lot.expires:
                sure = self._is_sure(stock, key)
                found.add(("expired-in-stock" if sure else "shelf-check", _subject(key)))
            elif day >= lot.expires - timedelta(days=before):
                found.add(("near-expiry", _subject(key)))
        return found

    def _is_sold_out(self, stock: dict[StockKey, int], key: StockKey) -> bool:
        """Tells whether day's totals say that nothing of the product is left."""
        lines = [
            n for k, n in stock.items()
            if (k[0], k[1], k[3]) == (key[0], key[1], key[3]) and k[2][:2] in ("", "L:")
        ]  # fmt: skip
        return sum(lines) <= 0

    def _is_sure(self, stock: dict[StockKey, int], key: StockKey) -> bool:
        """Tells whether a lot must be there, however much left without saying of which lot."""
        premises, gtin, _, unit = key
        lines = {k[2]: n for k, n in stock.items() if (k[0], k[1], k[3]) == (premises, gtin, unit)}
        unsaid = sum(-n for lot, n in lines.items() if lot[:2] in ("", "E:") and n < 0)
        return premises not in self.estimated and stock[key] > unsaid


def _key(merchant: Merchant, lot: LotTruth) -> StockKey:
    return merchant.premises, lot.gtin, f"L:{lot.number}", "piece"


def _subject(key: StockKey) -> str:
    # A merchant's one premises is named after it.
    return "|".join((key[0].removesuffix("-a"), *key))
