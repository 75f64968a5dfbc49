"""Who takes part in a simulated trade, what they hold, and what each may report."""

import hashlib
import uuid
from datetime import date, datetime, time
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from ledger.events.base import Event
from ledger.events.cases import AreaStated
from ledger.events.reports import EntryCorrected, GoodsAsRead
from ledger.values.cards import Card
from ledger.values.clock import DeviceClock
from ledger.values.gtin import check_digit

MARKET = "market-1"
# The market lies in a district of a city of a province.
DISTRICT, CITY = "yuelu", "changsha"
AREAS = (
    AreaStated(area="hunan", name="湖南省"),
    AreaStated(area=CITY, name="长沙市", within="hunan"),
    AreaStated(area=DISTRICT, name="岳麓区", within=CITY),
)
ZONE = ZoneInfo("Asia/Shanghai")
# Who brings vegetables and fish at dawn, and is in no register.
FARMER = Card(name="李大山", address="望城区靖港镇", phone="13800000000")
OPENS, CLOSES = time(3), time(11)
# The trade rule as its source words it: shelf life from, days before.
NEAR_TIERS = ((365, 45), (180, 20), (90, 15), (30, 10), (16, 5), (12, 4), (8, 3), (4, 2), (0, 1))
LABEL_KINDS = ("gs1-128", "datamatrix", "qr", "databar-expanded")


MerchantKind = Literal["producer", "processor", "wholesaler", "retailer", "canteen"]


# How a stall records its sales: each by its full label, each by the day printed on it, or the
# day's total by product.
Habit = Literal["by-label", "by-date", "day-totals"]


class Merchant(NamedTuple):
    """A merchant of the trade with its one premises and its scanner."""

    id: str
    kind: MerchantKind
    name: str
    habit: Habit = "by-label"

    @property
    def premises(self) -> str:
        """The place it trades at."""
        return f"{self.id}-a"

    @property
    def device(self) -> str:
        """Its scanner."""
        return f"scanner-{self.id}"

    @property
    def card_ref(self) -> str:
        """The reference of its owner's card in the personal store."""
        return card_ref(self.id)

    @property
    def card(self) -> Card:
        """Its owner's card: a stall has a place in the market and a number to call."""
        number = int(self.id[-3:])
        return Card(
            name=self.name, address=f"长沙市岳麓区城西市场 {number} 号", phone=f"0731-8{number:07d}"
        )


class LotTruth(NamedTuple):
    """A lot as it left its maker."""

    product: int
    gtin: str
    number: str
    produced: date
    expires: date

    @property
    def case(self) -> "LotTruth":
        """The same lot as the label on its case names it: by the case's own GTIN."""
        return self._replace(gtin=case_gtin_of(self.product))

    def goods_by_date(self) -> GoodsAsRead:
        """The goods as a plain EAN-13 and the last good day printed beside it name them."""
        return GoodsAsRead(gtin=self.gtin, expires=self.expires, dates_from="keyed")

    def goods(self) -> GoodsAsRead:
        """The goods as a scanner reads them off a full label."""
        return GoodsAsRead(
            gtin=self.gtin, lot=self.number, produced=self.produced, expires=self.expires,
            dates_from="code",
        )  # fmt: skip


class Action(NamedTuple):
    """One report to come: when by the market's clock, on whose scanner, and what it says.

    `label` names the lot whose printed label is scanned for it, if one is; `corrects` the action
    that a correction is about; `by_voucher` says that the seller's voucher is scanned for it.
    """

    at: datetime
    device: str
    kind: type[Event]
    fields: dict[str, Any]
    session: str
    label: LotTruth | None = None
    corrects: "Action | None" = None
    by_voucher: bool = False

    def event(
        self,
        clock: DeviceClock,
        goods: GoodsAsRead | None = None,
        target: tuple[str, int] | None = None,
    ) -> Event:
        """Makes the report, with `goods` as a reader read them where it did.

        `target` is the tape and number under which the action it corrects was kept.
        """
        fields = self.fields if goods is None else self.fields | {"goods": goods}
        if self.kind is EntryCorrected:
            assert target is not None
            fields = fields | {"target_tape": target[0], "target_number": target[1]}
        return self.kind(clock=clock, session=self.session, **fields)


def card_ref(name: str) -> str:
    """Returns the reference of somebody's card: the same for the same name, shaped as any."""
    return str(uuid.UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))


def gtin_of(index: int) -> str:
    """Returns the GTIN of a product of the catalogue, under a prefix of GS1 China."""
    digits = f"06901234{index:05d}"
    return digits + check_digit(digits)


# A case holds a dozen of everything that is sold by the case.
CASE_PIECES = 12


def case_gtin_of(index: int) -> str:
    """Returns the GTIN of a case of a product: indicator digit 1 before the same number."""
    digits = "1" + gtin_of(index)[1:13]
    return digits + check_digit(digits)


def merchants_of(count: int) -> list[Merchant]:
    """A sixth each of producers, processors and wholesalers, two at least; the rest stalls."""
    few = max(2, count // 6)
    shares: tuple[tuple[MerchantKind, int], ...] = (
        ("producer", few), ("processor", few), ("wholesaler", few), ("retailer", count - 3 * few)
    )  # fmt: skip
    kinds = [kind for kind, share in shares for _ in range(share)]
    names = {"producer": "农场", "processor": "食品厂", "wholesaler": "批发", "retailer": "摊位"}
    habits: tuple[Habit, ...] = ("by-label", "by-date", "day-totals")
    return [
        Merchant(
            f"m-{number:03d}", kind, f"{names[kind]} {number} 号",
            habits[number % 3] if kind == "retailer" else "by-label",
        )
        for number, kind in enumerate(kinds, 1)
    ]  # fmt: skip
