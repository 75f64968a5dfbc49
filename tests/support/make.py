"""Makers: each names only what matters where it is used."""

import base64
import os
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.events import wire
from ledger.events.base import Event
from ledger.events.cases import ProductRegistered
from ledger.events.catalogue import encode
from ledger.events.holds import HoldPlaced, StoppedGoods
from ledger.events.recalls import RecallDrafted, RecallPublished
from ledger.events.reports import (
    DaySalesTotalled,
    EntryCorrected,
    GoodsAsRead,
    GoodsDisposed,
    GoodsReceived,
    GoodsReturned,
    GoodsSold,
    GoodsTransformed,
    Portion,
    StockCounted,
    TapeOpened,
)
from ledger.values.chain import batch_message, chain_over, chain_start
from ledger.values.clock import DeviceClock
from ledger.values.keys import SigningKey, key_id
from ledger.values.quantity import StatedQuantity, Unit

MILK = "06901234567892"
MILK_CASE = "16901234567899"
YOGHURT = "06901234000016"
TODAY = date(2026, 11, 22)
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
STALL = "m-1"


def clock(at: datetime = NOON, **fields: Any) -> DeviceClock:
    return DeviceClock(wall=at, boot="boot-1", monotonic_ms=1000, **fields)


def pieces(amount: int | str) -> StatedQuantity:
    return StatedQuantity(amount=Decimal(amount), unit=Unit.PIECE)


def milk(lot: str | None = "L1", **fields: Any) -> GoodsAsRead:
    return GoodsAsRead(**({"gtin": MILK, "lot": lot} | fields))


def registered(gtin: str, **fields: Any) -> ProductRegistered:
    common = {"name_zh": "鲜牛奶", "name_en": "Fresh milk", "category": "dairy"}
    return ProductRegistered(**({"gtin": gtin} | common | fields))


def _moved(kind: type[Event], units: int, goods: GoodsAsRead | None, fields: dict[str, Any]) -> Any:
    at = fields.pop("at", NOON)
    common = {
        "merchant": STALL,
        "premises": "p-1",
        "business_date": TODAY,
        "clock": clock(at),
        "session": "00000000-0000-4000-8000-000000000001",
        "goods": goods or milk(),
        "quantity": pieces(units),
    }
    return kind(**(common | fields))


def received(units: int = 1, goods: GoodsAsRead | None = None, **fields: Any) -> GoodsReceived:
    return _moved(GoodsReceived, units, goods, fields)


def sold(units: int = 1, goods: GoodsAsRead | None = None, **fields: Any) -> GoodsSold:
    return _moved(GoodsSold, units, goods, fields)


def counted(units: int, goods: GoodsAsRead | None = None, **fields: Any) -> StockCounted:
    return _moved(StockCounted, units, goods, fields)


def disposed(units: int = 1, goods: GoodsAsRead | None = None, **fields: Any) -> GoodsDisposed:
    return _moved(GoodsDisposed, units, goods, {"reason": "damaged"} | fields)


def returned(units: int = 1, goods: GoodsAsRead | None = None, **fields: Any) -> GoodsReturned:
    return _moved(GoodsReturned, units, goods, {"direction": "to-supplier"} | fields)


def totalled(*lines: Portion, **fields: Any) -> DaySalesTotalled:
    at = fields.pop("at", NOON)
    common = {
        "merchant": STALL, "premises": "p-1", "business_date": TODAY, "clock": clock(at),
        "session": "00000000-0000-4000-8000-000000000001", "lines": lines,
    }  # fmt: skip
    return DaySalesTotalled(**(common | fields))


def transformed(inputs: list[Portion], outputs: list[Portion]) -> GoodsTransformed:
    return GoodsTransformed(
        merchant=STALL, premises="p-1", business_date=TODAY, clock=clock(),
        session="00000000-0000-4000-8000-000000000001", process="manufactured",
        inputs=tuple(inputs), outputs=tuple(outputs),
    )  # fmt: skip


def corrected(tape: str, number: int, scope: str = "line", **fields: Any) -> EntryCorrected:
    common = {
        "merchant": STALL, "premises": "p-1", "business_date": TODAY, "clock": clock(),
        "session": "00000000-0000-4000-8000-000000000002", "target_tape": tape,
        "target_number": number, "scope": scope, "reason": "scanned twice",
    }  # fmt: skip
    return EntryCorrected(**(common | fields))


class BrowserKey:
    """A key as a browser or telephone makes it (P-256), which nobody takes out of it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        point = self._key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        self.public = f"p256:{base64.b64encode(point).decode()}"
        self.id = key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, ec.ECDSA(hashes.SHA256()))


class FakeTape:
    """A tape without a disk, which signs batches as a scanner does."""

    def __init__(
        self, device: str = "scanner-1", key: SigningKey | BrowserKey | None = None
    ) -> None:
        self.id = str(uuid.uuid4())
        self.device = device
        self.key = key or SigningKey(os.urandom(32))
        self.reports: list[bytes] = []
        self.add(TapeOpened(device=device, clock=clock()))

    def add(self, *events: Event | bytes) -> int:
        self.reports += [e if isinstance(e, bytes) else encode(e) for e in events]
        return len(self.reports)

    def batch(self, first: int = 1, last: int | None = None) -> bytes:
        part = self.reports[first - 1 : last]
        before = chain_over(chain_start(self.id), 1, self.reports[: first - 1])
        previous = before[-1] if before else chain_start(self.id)
        head = chain_over(previous, first, part)[-1]
        end = first + len(part) - 1
        message = batch_message(self.id, first, end, previous, head)
        return wire.encode(
            wire.Batch(
                device=self.device, tape=self.id, first=first, previous=previous,
                reports=tuple(part), key=self.key.id, signature=self.key.sign(message),
            )
        )  # fmt: skip


def days(count: int) -> timedelta:
    return timedelta(days=count)


def stopped_goods(product: str | None = MILK, **fields: Any) -> StoppedGoods:
    return StoppedGoods(product=product, **fields)


def held(*goods: StoppedGoods, hold: str = "h-1", at: datetime = NOON) -> HoldPlaced:
    return HoldPlaced(
        hold=hold, goods=goods or (stopped_goods(lot="L1"),), authority="Office", reason="test",
        placed_at=at, until=at + timedelta(days=7), by="officer-1",
    )  # fmt: skip


def recalled(*goods: StoppedGoods, recall: str = "r-1", at: datetime = NOON) -> RecallPublished:
    return RecallPublished(
        recall=recall, grade="I", goods=goods or (stopped_goods(lot="L1"),), published_at=at,
        notice="Do not eat it.", by="officer-1",
    )  # fmt: skip


def drafted(*goods: StoppedGoods, recall: str = "r-1", **fields: Any) -> RecallDrafted:
    common: dict[str, Any] = {
        "recall": recall, "grade": "I", "goods": goods or (stopped_goods(lot="L1"),),
        "reason": "salmonella", "authority": "Office", "known_at": NOON, "by": "officer-1",
    }  # fmt: skip
    return RecallDrafted(**(common | fields))
