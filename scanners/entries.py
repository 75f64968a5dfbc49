"""Entries: what a scan in a mode becomes as a report, and how it is taken back."""

from collections.abc import Callable
from datetime import date
from typing import Any, Literal

import msgspec

from ledger.events.base import Event
from ledger.events.reports import (
    EntryCorrected,
    GoodsAsRead,
    GoodsDisposed,
    GoodsReceived,
    GoodsReturned,
    GoodsSold,
    GoodsUsed,
    StockCounted,
)
from ledger.values.quantity import StatedQuantity
from scanners.identity import Clocks

Mode = Literal["receive", "sell", "return", "take-back", "dispose", "use", "count"]
MODES: tuple[Mode, ...] = ("receive", "sell", "return", "take-back", "dispose", "use", "count")
Reason = Literal["expired", "damaged", "recalled", "other"]
REASONS: tuple[Reason, ...] = ("expired", "damaged", "recalled", "other")


class Standing(msgspec.Struct, frozen=True):
    """For whom, how and with whom: remembered across restarts of the device.

    `counterparty` is a merchant's id, `card` the reference of one who is in no register.
    """

    mode: Mode = "receive"
    merchant: str | None = None
    premises: str | None = None
    counterparty: str | None = None
    delivery: str | None = None
    documents: tuple[str, ...] = ()
    card: str | None = None


class Entries:
    """Makes the reports of one device."""

    def __init__(self, tape: str, clocks: Clocks, today: Callable[[], date]) -> None:
        self._tape = tape
        self._clocks = clocks
        self._today = today

    def report(
        self, place: Standing, session: str, goods: GoodsAsRead, quantity: StatedQuantity,
        *, reason: Reason = "other",
    ) -> Event:  # fmt: skip
        """Returns what goods in a mode are as a report."""
        fields = self.common(place, session) | {
            "goods": goods,
            "quantity": quantity,
            "counterparty": place.counterparty,
            "counterparty_card": place.card,
            "delivery": place.delivery,
            "documents": place.documents,
        }
        match place.mode:
            case "receive":
                return GoodsReceived(**fields)
            case "sell":
                return GoodsSold(**fields)
            case "return":
                return GoodsReturned(direction="to-supplier", **fields)
            case "take-back":
                return GoodsReturned(direction="from-customer", **fields)
            case "dispose":
                return GoodsDisposed(reason=reason, **fields)
            case "use":
                return GoodsUsed(**fields)
            case "count":
                return StockCounted(**fields)

    def correction(
        self, place: Standing, session: str, number: int, reason: str, **instead: Any
    ) -> Event:
        """Returns a correction of a line of this tape: a void, or goods and quantity instead."""
        return EntryCorrected(
            target_tape=self._tape, target_number=number, scope="line", reason=reason,
            **self.common(place, session), **instead,
        )  # fmt: skip

    def common(self, place: Standing, session: str) -> dict[str, Any]:
        """Returns what every report of this device says."""
        return {
            "merchant": place.merchant or "",
            "premises": place.premises or "",
            "business_date": self._today(),
            "clock": self._clocks.read(),
            "session": session,
        }
