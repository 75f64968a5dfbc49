"""Who takes part in a simulated trade, what they hold, and what each may report."""

from datetime import date, datetime, time
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from ledger.events.base import Event
from ledger.events.reports import EntryCorrected, GoodsAsRead
from ledger.values.clock import DeviceClock
from ledger.values.gtin import check_digit

MARKET = "market-1"
ZONE = ZoneInfo("Asia/Shanghai")
OPENS, CLOSES = time(3), time(11)
# The trade rule as its source words it: shelf life from, days before.
NEAR_TIERS = ((365, 45), (180, 20), (90, 15), (30, 10), (16, 5), (12, 4), (8, 3), (4, 2), (0, 1))
LABEL_KINDS = ("gs1-128", "datamatrix", "qr", "databar-expanded")


MerchantKind = Literal["producer", "processor", "wholesaler", "retailer", "canteen"]


class Merchant(NamedTuple):
    """A merchant of the trade with its one premises and its scanner."""

    id: str
    kind: MerchantKind
    name: str

    @property
    def premises(self) -> str:
        """The place it trades at."""
        return f"{self.id}-a"

    @property
    def device(self) -> str:
        """Its scanner."""
        return f"scanner-{self.id}"


class LotTruth(NamedTuple):
    """A lot as it left its maker."""

    product: int
    gtin: str
    number: str
    produced: date
    expires: date

    def goods(self) -> GoodsAsRead:
        """The goods as a scanner reads them off a full label."""
        return GoodsAsRead(
            gtin=self.gtin, lot=self.number, produced=self.produced, expires=self.expires,
            dates_from="code",
        )  # fmt: skip


class Action(NamedTuple):
    """One report to come: when by the market's clock, on whose scanner, and what it says.

    `label` names the lot whose printed label is scanned for it, if one is; `corrects` the action
    that a correction is about.
    """

    at: datetime
    device: str
    kind: type[Event]
    fields: dict[str, Any]
    session: str
    label: LotTruth | None = None
    corrects: "Action | None" = None

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


def gtin_of(index: int) -> str:
    """Returns the GTIN of a product of the catalogue, under a prefix of GS1 China."""
    digits = f"06901234{index:05d}"
    return digits + check_digit(digits)


def merchants_of(count: int) -> list[Merchant]:
    """A sixth each of producers, processors and wholesalers, two at least; the rest stalls."""
    few = max(2, count // 6)
    shares: tuple[tuple[MerchantKind, int], ...] = (
        ("producer", few), ("processor", few), ("wholesaler", few), ("retailer", count - 3 * few)
    )  # fmt: skip
    kinds = [kind for kind, share in shares for _ in range(share)]
    names = {"producer": "农场", "processor": "食品厂", "wholesaler": "批发", "retailer": "摊位"}
    return [
        Merchant(f"m-{number:03d}", kind, f"{names[kind]} {number} 号")
        for number, kind in enumerate(kinds, 1)
    ]
