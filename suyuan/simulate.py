"""A simulated trade with its ground truth: for the demonstration, for tests and for benches.

The truth is kept by plain arithmetic beside the trade as it is made up, and shares no code with
the projections it is compared with.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from ledger.events.base import Event
from ledger.events.cases import (
    MerchantRegistered,
    PremisesAdded,
    ProductRegistered,
    SalesModeStated,
)
from ledger.events.reports import (
    DaySalesTotalled,
    EntryCorrected,
    GoodsAsRead,
    GoodsDisposed,
    GoodsReceived,
    GoodsReturned,
    GoodsSold,
    GoodsTransformed,
    GoodsUsed,
    Portion,
    StockCounted,
)
from ledger.rules.areas import StateArea
from ledger.rules.requests import (
    AddPremises,
    RegisterMerchant,
    RegisterProduct,
    StateSalesMode,
)
from ledger.values.ids import stream_of_tape
from ledger.values.quantity import StatedQuantity, Unit
from suyuan.assortment import CATALOGUE, PORK
from suyuan.making import Making
from suyuan.paperwork import REQUIRED, file_papers
from suyuan.participants import (
    AREAS,
    CASE_PIECES,
    DISTRICT,
    MARKET,
    Action,
    LotTruth,
    Merchant,
    case_gtin_of,
    gtin_of,
    merchants_of,
)
from suyuan.produce import buy_produce, sell_produce_on
from suyuan.truth_books import Bought, Delivered

# Deliveries after this hour come with a voucher where the buyer keeps no list of his own.
VOUCHERS_FROM = 6.5


class Supply(NamedTuple):
    """A delivery as it is made up: its day, sides, number and the scan session of each side."""

    day: date
    seller: Merchant
    buyer: Merchant
    delivery: str
    out: str
    into: str
    by_voucher: bool


class Trade:
    """A simulated trade: who takes part, what they report, and what must come out."""

    def __init__(self, *, merchants: int, day: date, seed: int, days: int = 1) -> None:
        if merchants < 8:
            raise ValueError(f"a trade needs at least 8 merchants, not {merchants}")
        self._making = Making(seed)
        self.actions, self.truth = self._making.actions, self._making.truth
        self.day = day
        self.days = days
        self.merchants = merchants_of(merchants)
        self.sold_late: list[Action] = []
        self.truth.estimated = {m.premises for m in self.merchants if m.habit == "day-totals"}
        for number in range(days):
            self._trade_day(day + timedelta(days=number), first=number == 0)
        self.actions.sort(key=lambda action: action.at)

    def requests(self) -> list[Any]:
        """What the register must know before the first scan."""
        wanted: list[Any] = [StateArea(area) for area in AREAS]
        for m in self.merchants:
            entry = MerchantRegistered(
                merchant=m.id, name=m.name, kind=m.kind, district=DISTRICT,
                licence=f"92430104{m.id[-3:]}", owner_card=m.card_ref,
            )  # fmt: skip
            place = PremisesAdded(
                merchant=m.id, premises=m.premises, name=f"{m.name}门店", market=MARKET
            )
            wanted += [RegisterMerchant(entry), AddPremises(place)]
            if m.habit == "day-totals":
                mode = SalesModeStated(
                    merchant=m.id, premises=m.premises, mode="day-totals", from_day=self.day
                )
                wanted.append(StateSalesMode(mode))
        makers = [m for m in self.merchants if m.kind in ("producer", "processor")]
        for index, (zh, en, category, life, parts) in enumerate(CATALOGUE):
            kind = "processor" if parts else "producer"
            # Several make the same here: the register names a maker only where there is one.
            of_kind = [m for m in makers if m.kind == kind]
            maker = of_kind[0].id if len(of_kind) == 1 else None
            product = ProductRegistered(
                gtin=gtin_of(index), name_zh=zh, name_en=en, category=category,
                shelf_life_days=life, maker=maker, pack=zh.partition(" ")[2],
            )  # fmt: skip
            case = msgspec.structs.replace(
                product, gtin=case_gtin_of(index), name_zh=f"{zh} × {CASE_PIECES}",
                name_en=f"{en}, {CASE_PIECES}", base=gtin_of(index), contains=CASE_PIECES,
                pack=f"{CASE_PIECES} × {product.pack}",
            )  # fmt: skip
            wanted += [RegisterProduct(product), RegisterProduct(case)]
        return wanted

    def expected_alerts(
        self, day: date, place: Callable[[Action], tuple[str, int]]
    ) -> set[tuple[str, str]]:
        """Returns the alerts that must be open by the beginning of `day`, beside overdrawn papers.

        `place` tells the tape and the number under which a report was kept.
        """
        books, found = self.truth.books, self.truth.open_expiry_alerts(day)
        found |= self.truth.books.one_sided(day)
        for sale in self.sold_late:
            found.add(("sold-after-expiry", "|".join(_stream_and_number(place(sale)))))
        for alert, bought, paper in books.lacking(REQUIRED):
            found.add((alert, "|".join((*_stream_and_number(place(bought)), paper))))
        for twice in books.twice():
            found.add(("paper-number-twice", f"{twice.kind}|{twice.issuer}|{twice.number}"))
        return found

    def overdrawn_papers(self) -> set[str]:
        """Returns the numbers of papers of which more went out than they cover."""
        makers = [m for m in self.merchants if m.kind == "producer"]
        return {p.number for maker in makers for p in self.truth.books.overdrawn(maker)}

    def _trade_day(self, day: date, *, first: bool) -> None:
        by_kind: dict[str, list[Merchant]] = defaultdict(list)
        for merchant in self.merchants:
            by_kind[merchant.kind].append(merchant)
        makers = by_kind["producer"]
        for maker in makers:
            self._opening(day, maker, first=first)
        for processor in by_kind["processor"]:
            for hour in (3.4, 3.7):
                self._supply(day, makers, processor, hour=hour, lines=8, units=(20, 60))
            self._make(day, processor)
        for wholesaler in by_kind["wholesaler"]:
            sources = makers + by_kind["processor"]
            for hour in (4.9, 5.4):
                self._supply(day, sources, wholesaler, hour=hour, lines=16, units=(40, 90))
            buy_produce(self._making, day, wholesaler)
            sell_produce_on(self._making, day, wholesaler, by_kind["retailer"])
        for stall in by_kind["retailer"]:
            for hour in (6.2, 6.8):
                self._supply(day, by_kind["wholesaler"], stall, hour=hour, lines=12, units=(9, 22))
            self._retail(day, stall)
            self._odd_ends(day, stall)

    def _opening(self, day: date, maker: Merchant, *, first: bool) -> None:
        """A producer counts what stands ready: fresh lots, and a few near or past their end."""
        kinds = [i for i, row in enumerate(CATALOGUE) if not row[4]]
        session = self._making.new_session()
        for number, index in enumerate(self._making.dice.sample(kinds, 5)):
            age = self._making.dice.randint(0, 2)
            if number == 0 and first:
                age = CATALOGUE[index][3] + self._making.dice.choice((-1, 0, 1, 3))
            lot = self._lot(index, maker, day - timedelta(days=age))
            units = 4000
            self._making.put(
                day, 3.05 + number / 60, maker, StockCounted, session,
                goods=lot.goods(), quantity=_pieces(units), label=lot,
            )  # fmt: skip
            self.truth.count(maker, lot, units)
            if index == PORK:
                file_papers(self._making, day, maker, lot)

    def _supply(
        self,
        day: date,
        sources: list[Merchant],
        buyer: Merchant,
        *,
        hour: float,
        lines: int,
        units: tuple[int, int],
    ) -> None:
        """A delivery from one source: its sales and the buyer's receipts, a lot a line."""
        ready = [m for m in sources if any(n > 20 for n in self.truth.held[m.id].values())]
        if not ready:
            return
        seller = self._making.dice.choice(ready)
        lots = sorted(
            (lot for lot, n in self.truth.held[seller.id].items() if n > 20),
            key=lambda lot: lot.number,
        )
        chosen = [self._making.dice.choice(lots) for _ in range(lines)]
        delivery = self._making.new_delivery("V", day)
        # A stall that enters only its day's totals takes its second delivery by the voucher.
        by_voucher = buyer.habit == "day-totals" and hour > VOUCHERS_FROM
        supply = Supply(day, seller, buyer, delivery, self._making.new_session(),
                        self._making.new_session(), by_voucher)  # fmt: skip
        for line, lot in enumerate(chosen):
            pieces = self._making.dice.randint(*units)
            self._supply_line(supply, lot, pieces, line=line, at=hour + line / 120)

    def _supply_line(
        self, supply: "Supply", lot: LotTruth, pieces: int, *, line: int, at: float
    ) -> None:
        """One line: what the seller says went out, and what the buyer says came in."""
        day, seller, buyer, delivery, out, into, by_voucher = supply
        read, sold, came = lot, pieces, pieces
        if buyer.kind == "wholesaler" and line % 3 == 0:
            # Sold and received by the case, whose label has a GTIN of its own.
            read, sold = lot.case, -(-pieces // CASE_PIECES)
            pieces = sold * CASE_PIECES
            came = sold
        elif buyer.kind == "retailer" and line % 7 == 3:
            # One fell off the cart.
            came = pieces - 1
        if self.truth.held[seller.id][lot] < pieces:
            return
        sale = self._making.put(
            day, at, seller, GoodsSold, out, goods=read.goods(), quantity=_pieces(sold),
            counterparty=buyer.id, delivery=delivery,
        )  # fmt: skip
        self._note_sale(sale, lot)
        receipt = self._making.put(
            day, at + 0.3, buyer, GoodsReceived, into, goods=read.goods(), quantity=_pieces(came),
            counterparty=seller.id, delivery=delivery, label=None if by_voucher else read,
            by_voucher=by_voucher,
        )  # fmt: skip
        arrived = pieces if came == sold else came
        self.truth.move(seller, lot, -pieces)
        self.truth.move(buyer, lot, arrived)
        told = Delivered(seller.id, buyer.id, lot.gtin, "piece", delivery)
        self.truth.books.sell(told, pieces * 1000, day, lot=f"L:{lot.number}")
        self.truth.books.receive(told, arrived * 1000, day, lot=f"L:{lot.number}")
        if lot.product == PORK:
            self.truth.books.bought.append(Bought(receipt, lot, day))

    def _make(self, day: date, processor: Merchant) -> None:
        """A processor mixes lots of its stock into lots of its own."""
        made = [i for i, row in enumerate(CATALOGUE) if row[4]]
        for number in range(3):
            index = self._making.dice.choice(made)
            stock = sorted(
                (lot for lot, n in self.truth.held[processor.id].items() if n >= 2),
                key=lambda lot: lot.number,
            )
            if len(stock) < 2:
                return
            used = self._making.dice.sample(stock, 2)
            lot = self._lot(index, processor, day)
            inputs = tuple(Portion(goods=u.goods(), quantity=_pieces(2)) for u in used)
            outputs = (Portion(goods=lot.goods(), quantity=_pieces(300)),)
            self._making.put(
                day, 4.4 + number / 30, processor, GoodsTransformed, self._making.new_session(),
                process="manufactured", inputs=inputs, outputs=outputs,
            )  # fmt: skip
            for u in used:
                self.truth.move(processor, u, -2)
            self.truth.move(processor, lot, 300)

    def _retail(self, day: date, stall: Merchant) -> None:
        """A morning of shoppers; now and then a sale nobody had scanned the receipt of."""
        session = self._making.new_session()
        held = self.truth.held[stall.id]
        lots = sorted(held, key=lambda lot: lot.number)
        totals: dict[str, int] = defaultdict(int)
        for number in range(140 if lots else 0):
            there = [lot for lot in lots if held[lot] > 1]
            # Every fortieth shopper takes the last piece and one more: somebody's error.
            error = number % 40 == 0 and stall.habit == "by-label"
            lot = self._making.dice.choice(lots if error else there or lots)
            units = self._making.dice.randint(1, 2)
            if held[lot] < units and not error:
                continue
            if stall.habit == "day-totals":
                totals[lot.gtin] += units
                self.truth.sell_unnamed(stall, lot, units)
                continue
            by_label = stall.habit == "by-label"
            self._making.put(
                day, 7.2 + number / 50, stall, GoodsSold, session, quantity=_pieces(units),
                goods=lot.goods() if by_label else lot.goods_by_date(),
            )  # fmt: skip
            self._note_sale(self.actions[-1], lot)
            (self.truth.move if by_label else self.truth.sell_by_date)(
                stall, lot, -units if by_label else units
            )
        if totals:
            lines = [
                Portion(goods=GoodsAsRead(gtin=gtin), quantity=_pieces(n))
                for gtin, n in sorted(totals.items())
            ]
            self._making.put(day, 10.8, stall, DaySalesTotalled, session, lines=tuple(lines))

    def _odd_ends(self, day: date, stall: Merchant) -> None:
        """Returns, waste, own use, a count and corrections, as every stall has them."""
        lots = sorted(
            (lot for lot, n in self.truth.held[stall.id].items() if n >= 3),
            key=lambda lot: lot.number,
        )
        if len(lots) < 6 or stall.habit == "day-totals":
            return
        back, waste, used, counted, twice, wrong = self._making.dice.sample(lots, 6)
        odd: tuple[tuple[float, LotTruth, type[Event], dict[str, Any]], ...] = (
            (10.3, back, GoodsReturned, {"direction": "to-supplier"}),
            (10.4, waste, GoodsDisposed, {"reason": "damaged"}),
            (10.45, used, GoodsUsed, {}),
        )
        for hour, lot, kind, fields in odd:
            self._making.put(
                day, hour, stall, kind, self._making.new_session(), goods=lot.goods(), quantity=_pieces(1),
                **fields,
            )  # fmt: skip
            self.truth.move(stall, lot, -1)
        left = max(0, self.truth.held[stall.id][counted] - 1)
        self._making.put(
            day, 10.6, stall, StockCounted, self._making.new_session(), goods=counted.goods(),
            quantity=_pieces(left),
        )  # fmt: skip
        self.truth.count(stall, counted, left)
        self._corrections(day, stall, twice, wrong)

    def _corrections(self, day: date, stall: Merchant, twice: LotTruth, wrong: LotTruth) -> None:
        """One sale scanned twice and voided, one of three pieces that were two."""
        self._making.put(day, 10.1, stall, GoodsSold, self._making.new_session(), goods=twice.goods(),
                  quantity=_pieces(1))  # fmt: skip
        self._making.put(day, 10.15, stall, EntryCorrected, self._making.new_session(), corrects=self.actions[-1],
                  scope="line", reason="扫了两次")  # fmt: skip
        self._making.put(day, 10.2, stall, GoodsSold, self._making.new_session(), goods=wrong.goods(),
                  quantity=_pieces(3))  # fmt: skip
        self._note_sale(self.actions[-1], wrong)
        self._making.put(day, 10.25, stall, EntryCorrected, self._making.new_session(), corrects=self.actions[-1],
                  scope="line", reason="数量有误", goods=wrong.goods(), quantity=_pieces(2))  # fmt: skip
        self.truth.move(stall, wrong, -2)

    def _lot(self, index: int, maker: Merchant, produced: date) -> LotTruth:
        number = f"{maker.id[-3:]}-{produced:%y%m%d}-{len(self.truth.lots) % 1000:03d}"
        expires = produced + timedelta(days=CATALOGUE[index][3])
        lot = LotTruth(index, gtin_of(index), number, produced, expires)
        self.truth.add_lot(lot)
        return lot

    def _note_sale(self, sale: Action, lot: LotTruth) -> None:
        if sale.fields["business_date"] > lot.expires:
            self.sold_late.append(sale)


def _stream_and_number(place: tuple[str, int]) -> tuple[str, str]:
    return str(stream_of_tape(place[0])), str(place[1])


def _pieces(units: int) -> StatedQuantity:
    return StatedQuantity(amount=Decimal(units), unit=Unit.PIECE)
