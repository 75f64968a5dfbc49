"""A simulated trade with its ground truth: for the demonstration, for tests and for benches.

The truth is kept by plain arithmetic beside the trade as it is made up, and shares no code with
the projections it is compared with.
"""

import random
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

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
from ledger.rules.requests import (
    AddPremises,
    RegisterMerchant,
    RegisterProduct,
    StateSalesMode,
)
from ledger.values.quantity import StatedQuantity, Unit
from suyuan.assortment import CATALOGUE, ITEMS
from suyuan.participants import (
    CASE_PIECES,
    FARMER,
    MARKET,
    ZONE,
    Action,
    LotTruth,
    Merchant,
    card_ref,
    case_gtin_of,
    gtin_of,
    merchants_of,
)
from suyuan.truth import Truth


class Trade:
    """A simulated trade: who takes part, what they report, and what must come out."""

    def __init__(self, *, merchants: int, day: date, seed: int, days: int = 1) -> None:
        if merchants < 8:
            raise ValueError(f"a trade needs at least 8 merchants, not {merchants}")
        self._random = random.Random(seed)
        self.day = day
        self.days = days
        self.merchants = merchants_of(merchants)
        self.actions: list[Action] = []
        self.sold_late: list[Action] = []
        self.truth = Truth()
        self.truth.estimated = {m.premises for m in self.merchants if m.habit == "day-totals"}
        self._sessions = 0
        self._deliveries = 0
        for number in range(days):
            self._trade_day(day + timedelta(days=number), first=number == 0)
        self.actions.sort(key=lambda action: action.at)

    def requests(self) -> list[Any]:
        """What the register must know before the first scan."""
        wanted: list[Any] = []
        for m in self.merchants:
            entry = MerchantRegistered(
                merchant=m.id, name=m.name, kind=m.kind, district="yuelu",
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
            maker = next(m for m in makers if m.kind == kind)
            product = ProductRegistered(
                gtin=gtin_of(index), name_zh=zh, name_en=en, category=category,
                shelf_life_days=life, maker=maker.id, pack=zh.partition(" ")[2],
            )  # fmt: skip
            case = msgspec.structs.replace(
                product, gtin=case_gtin_of(index), name_zh=f"{zh} × {CASE_PIECES}",
                name_en=f"{en}, {CASE_PIECES}", base=gtin_of(index), contains=CASE_PIECES,
                pack=f"{CASE_PIECES} × {product.pack}",
            )  # fmt: skip
            wanted += [RegisterProduct(product), RegisterProduct(case)]
        return wanted

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
            self._farm_produce(day, wholesaler)
        for stall in by_kind["retailer"]:
            for hour in (6.2, 6.8):
                self._supply(day, by_kind["wholesaler"], stall, hour=hour, lines=12, units=(9, 22))
            self._retail(day, stall)
            self._odd_ends(day, stall)

    def _opening(self, day: date, maker: Merchant, *, first: bool) -> None:
        """A producer counts what stands ready: fresh lots, and a few near or past their end."""
        kinds = [i for i, row in enumerate(CATALOGUE) if not row[4]]
        session = self._session()
        for number, index in enumerate(self._random.sample(kinds, 5)):
            age = self._random.randint(0, 2)
            if number == 0 and first:
                age = CATALOGUE[index][3] + self._random.choice((-1, 0, 1, 3))
            lot = self._lot(index, maker, day - timedelta(days=age))
            units = 4000
            self._put(
                day, 3.05 + number / 60, maker, StockCounted, session,
                goods=lot.goods(), quantity=_pieces(units), label=lot,
            )  # fmt: skip
            self.truth.count(maker, lot, units)

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
        seller = self._random.choice(ready)
        lots = sorted(
            (lot for lot, n in self.truth.held[seller.id].items() if n > 20),
            key=lambda lot: lot.number,
        )
        chosen = [self._random.choice(lots) for _ in range(lines)]
        self._deliveries += 1
        delivery = f"V{day:%m%d}-{self._deliveries:04d}"
        out, into = self._session(), self._session()
        for line, lot in enumerate(chosen):
            pieces = self._random.randint(*units)
            read, quantity = lot, _pieces(pieces)
            if buyer.kind == "wholesaler" and line % 3 == 0:
                # Sold and received by the case, whose label has a GTIN of its own.
                cases = -(-pieces // CASE_PIECES)
                read, quantity, pieces = lot.case, _pieces(cases), cases * CASE_PIECES
            if self.truth.held[seller.id][lot] < pieces:
                continue
            at = hour + line / 120
            self._put(
                day, at, seller, GoodsSold, out, goods=read.goods(), quantity=quantity,
                counterparty=buyer.id, delivery=delivery,
            )  # fmt: skip
            self._note_sale(day, lot)
            self._put(
                day, at + 0.3, buyer, GoodsReceived, into, goods=read.goods(),
                quantity=quantity, counterparty=seller.id, delivery=delivery, label=read,
            )  # fmt: skip
            self.truth.move(seller, lot, -pieces)
            self.truth.move(buyer, lot, pieces)

    def _make(self, day: date, processor: Merchant) -> None:
        """A processor mixes lots of its stock into lots of its own."""
        made = [i for i, row in enumerate(CATALOGUE) if row[4]]
        for number in range(3):
            index = self._random.choice(made)
            stock = sorted(
                (lot for lot, n in self.truth.held[processor.id].items() if n >= 2),
                key=lambda lot: lot.number,
            )
            if len(stock) < 2:
                return
            used = self._random.sample(stock, 2)
            lot = self._lot(index, processor, day)
            inputs = tuple(Portion(goods=u.goods(), quantity=_pieces(2)) for u in used)
            outputs = (Portion(goods=lot.goods(), quantity=_pieces(300)),)
            self._put(
                day, 4.4 + number / 30, processor, GoodsTransformed, self._session(),
                process="manufactured", inputs=inputs, outputs=outputs,
            )  # fmt: skip
            for u in used:
                self.truth.move(processor, u, -2)
            self.truth.move(processor, lot, 300)

    def _farm_produce(self, day: date, wholesaler: Merchant) -> None:
        """Vegetables and fish from farmers: no code, no lot; the delivery is their lot."""
        for item in ITEMS:
            self._deliveries += 1
            delivery = f"F{day:%m%d}-{self._deliveries:04d}"
            jin = Decimal(self._random.randint(200, 900)) / 10
            quantity = StatedQuantity(amount=jin, unit=Unit.JIN)
            self._put(
                day, 4.8, wholesaler, GoodsReceived, self._session(),
                goods=GoodsAsRead(item=item), quantity=quantity, delivery=delivery,
                counterparty_card=card_ref(FARMER.name),
            )  # fmt: skip
            waste = StatedQuantity(amount=Decimal(2), unit=Unit.JIN)
            self._put(
                day, 10.5, wholesaler, GoodsDisposed, self._session(), reason="damaged",
                goods=GoodsAsRead(item=item), quantity=waste, delivery=delivery,
            )  # fmt: skip
            named = f"{wholesaler.id}/{delivery}"
            self.truth.weigh_in(wholesaler.premises, item, named, int((jin - 2) * 500))

    def _retail(self, day: date, stall: Merchant) -> None:
        """A morning of shoppers; now and then a sale nobody had scanned the receipt of."""
        session = self._session()
        held = self.truth.held[stall.id]
        lots = sorted(held, key=lambda lot: lot.number)
        totals: dict[str, int] = defaultdict(int)
        for number in range(140 if lots else 0):
            there = [lot for lot in lots if held[lot] > 1]
            # Every fortieth shopper takes the last piece and one more: somebody's error.
            error = number % 40 == 0 and stall.habit == "by-label"
            lot = self._random.choice(lots if error else there or lots)
            units = self._random.randint(1, 2)
            if held[lot] < units and not error:
                continue
            if stall.habit == "day-totals":
                totals[lot.gtin] += units
                self.truth.sell_unnamed(stall, lot, units)
                continue
            by_label = stall.habit == "by-label"
            self._put(
                day, 7.2 + number / 50, stall, GoodsSold, session, quantity=_pieces(units),
                goods=lot.goods() if by_label else lot.goods_by_date(),
            )  # fmt: skip
            self._note_sale(day, lot)
            (self.truth.move if by_label else self.truth.sell_by_date)(
                stall, lot, -units if by_label else units
            )
        if totals:
            lines = [
                Portion(goods=GoodsAsRead(gtin=gtin), quantity=_pieces(n))
                for gtin, n in sorted(totals.items())
            ]
            self._put(day, 10.8, stall, DaySalesTotalled, session, lines=tuple(lines))

    def _odd_ends(self, day: date, stall: Merchant) -> None:
        """Returns, waste, own use, a count and corrections, as every stall has them."""
        lots = sorted(
            (lot for lot, n in self.truth.held[stall.id].items() if n >= 3),
            key=lambda lot: lot.number,
        )
        if len(lots) < 6 or stall.habit == "day-totals":
            return
        back, waste, used, counted, twice, wrong = self._random.sample(lots, 6)
        odd: tuple[tuple[float, LotTruth, type[Event], dict[str, Any]], ...] = (
            (10.3, back, GoodsReturned, {"direction": "to-supplier"}),
            (10.4, waste, GoodsDisposed, {"reason": "damaged"}),
            (10.45, used, GoodsUsed, {}),
        )
        for hour, lot, kind, fields in odd:
            self._put(
                day, hour, stall, kind, self._session(), goods=lot.goods(), quantity=_pieces(1),
                **fields,
            )  # fmt: skip
            self.truth.move(stall, lot, -1)
        left = max(0, self.truth.held[stall.id][counted] - 1)
        self._put(
            day, 10.6, stall, StockCounted, self._session(), goods=counted.goods(),
            quantity=_pieces(left),
        )  # fmt: skip
        self.truth.count(stall, counted, left)
        self._corrections(day, stall, twice, wrong)

    def _corrections(self, day: date, stall: Merchant, twice: LotTruth, wrong: LotTruth) -> None:
        """One sale scanned twice and voided, one of three pieces that were two."""
        self._put(day, 10.1, stall, GoodsSold, self._session(), goods=twice.goods(),
                  quantity=_pieces(1))  # fmt: skip
        self._put(day, 10.15, stall, EntryCorrected, self._session(), corrects=self.actions[-1],
                  scope="line", reason="扫了两次")  # fmt: skip
        self._put(day, 10.2, stall, GoodsSold, self._session(), goods=wrong.goods(),
                  quantity=_pieces(3))  # fmt: skip
        self._note_sale(day, wrong)
        self._put(day, 10.25, stall, EntryCorrected, self._session(), corrects=self.actions[-1],
                  scope="line", reason="数量有误", goods=wrong.goods(), quantity=_pieces(2))  # fmt: skip
        self.truth.move(stall, wrong, -2)

    def _lot(self, index: int, maker: Merchant, produced: date) -> LotTruth:
        number = f"{maker.id[-3:]}-{produced:%y%m%d}-{len(self.truth.lots) % 1000:03d}"
        expires = produced + timedelta(days=CATALOGUE[index][3])
        lot = LotTruth(index, gtin_of(index), number, produced, expires)
        self.truth.add_lot(lot)
        return lot

    def _note_sale(self, day: date, lot: LotTruth) -> None:
        if day > lot.expires:
            self.sold_late.append(self.actions[-1])

    def _put(  # one call states one report
        self,
        day: date,
        hour: float,
        merchant: Merchant,
        kind: type[Event],
        session: str,
        *,
        label: LotTruth | None = None,
        corrects: Action | None = None,
        **fields: Any,
    ) -> None:
        base = datetime.combine(day, time(0), ZONE)
        at = base + timedelta(hours=hour, seconds=len(self.actions) % 7)
        fields |= {"merchant": merchant.id, "premises": merchant.premises, "business_date": day}
        self.actions.append(Action(at, merchant.device, kind, fields, session, label, corrects))

    def _session(self) -> str:
        self._sessions += 1
        return f"00000000-0000-4000-8000-{self._sessions:012x}"


def _pieces(units: int) -> StatedQuantity:
    return StatedQuantity(amount=Decimal(units), unit=Unit.PIECE)
