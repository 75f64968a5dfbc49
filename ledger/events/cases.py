"""Events of cases, and what the ledger itself puts on record."""

from datetime import UTC, date, datetime
from typing import Annotated, Literal

import msgspec

from ledger.events.base import (
    Digest,
    Event,
    Id,
    LongText,
    Person,
    Public,
    ShortText,
    Trade,
    Uuid,
)
from ledger.events.reports import EntryCorrected, GoodsAsRead
from ledger.values.clock import DeviceClock, Instant
from ledger.values.quantity import Pack, StatedQuantity

NO_TIME = datetime(2026, 1, 1, tzinfo=UTC)
NO_SESSION = "00000000-0000-4000-8000-000000000000"
ZoneName = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*(?!\n)$", max_length=40)
]
GroupText = Annotated[str, msgspec.Meta(max_length=40)]
GtinText = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{14}(?!\n)$")]


class MerchantRegistered(Event, frozen=True, kw_only=True, tag="merchant-registered.v1"):
    """A food business entered the register. Its people are cards in the personal store."""

    merchant: Public[Id]
    name: Public[ShortText]
    kind: Public[Literal["producer", "processor", "importer", "wholesaler", "retailer", "canteen"]]
    district: Public[Id]
    licence: Public[ShortText | None] = None
    owner_card: Person[Uuid | None] = None


class MerchantOwnerStated(Event, frozen=True, kw_only=True, tag="merchant-owner-stated.v1"):
    """Whose card says where a registered merchant is and how to reach it; the latest counts."""

    merchant: Public[Id]
    owner_card: Person[Uuid]
    by: Trade[Id]


class PremisesAdded(Event, frozen=True, kw_only=True, tag="premises-added.v1"):
    """A merchant trades at a place that belongs to a market, whose zone decides its days."""

    merchant: Public[Id]
    premises: Public[Id]
    name: Public[ShortText]
    market: Public[Id]


class ProductRegisteredV1(Event, frozen=True, kw_only=True, tag="product-registered.v1"):
    """A product as it was registered before cases and packs could be stated."""

    gtin: Public[GtinText]
    name_zh: Public[ShortText]
    name_en: Public[ShortText]
    category: Public[Id]
    pack: Public[ShortText | None] = None
    maker: Public[Id | None] = None
    shelf_life_days: Public[Annotated[int, msgspec.Meta(ge=1, le=36500)] | None] = None


class ProductRegistered(Event, frozen=True, kw_only=True, tag="product-registered.v2"):
    """A product entered the register; a later one of the same GTIN replaces what it states.

    A case with a GTIN of its own names the single as `base` and how many it `contains`; `packs`
    says what a case, box or bag of this very product holds.
    """

    gtin: Public[GtinText]
    name_zh: Public[ShortText]
    name_en: Public[ShortText]
    category: Public[Id]
    pack: Public[ShortText | None] = None
    maker: Public[Id | None] = None
    shelf_life_days: Public[Annotated[int, msgspec.Meta(ge=1, le=36500)] | None] = None
    base: Public[GtinText | None] = None
    contains: Public[Annotated[int, msgspec.Meta(ge=1, le=10_000)] | None] = None
    packs: Public[Annotated[tuple[Pack, ...], msgspec.Meta(max_length=8)]] = ()

    def __post_init__(self) -> None:
        """Raises `ValueError` for half a conversion, one to itself, or a unit packed twice."""
        if (self.base is None) != (self.contains is None):
            raise ValueError("a case names both its base and how many it contains")
        if self.base == self.gtin:
            raise ValueError(f"{self.gtin} cannot be a case of itself")
        if len({pack.unit for pack in self.packs}) != len(self.packs):
            raise ValueError("each unit holds one amount of a product")


class SalesModeStated(Event, frozen=True, kw_only=True, tag="sales-mode-stated.v1"):
    """How a premises records what it sells: every item, day's totals, or not at all.

    The law asks sales records of wholesalers only (Food Safety Law of the PRC, article 53(4)).
    """

    merchant: Public[Id]
    premises: Public[Id]
    mode: Public[Literal["every-item", "day-totals", "none"]]
    from_day: Public[date]


class DeviceEnrolled(Event, frozen=True, kw_only=True, tag="device-enrolled.v1"):
    """A device joined with a key it made itself, and learned the ledger's."""

    device: Public[Id]
    key: Public[Annotated[str, msgspec.Meta(max_length=200)]]
    ledger_keys: Public[Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=8)]]
    name: Public[ShortText]


class DeviceKeyReplaced(Event, frozen=True, kw_only=True, tag="device-key-replaced.v1"):
    """A device that lost its key goes on with another; the old key signs nothing more."""

    device: Public[Id]
    key: Public[Annotated[str, msgspec.Meta(max_length=200)]]
    ledger_keys: Public[Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=8)]]
    reason: Public[LongText]


class MandateGranted(Event, frozen=True, kw_only=True, tag="mandate-granted.v1"):
    """A merchant lets a device report for it, from a day on and perhaps until one."""

    device: Public[Id]
    merchant: Public[Id]
    valid_from: Public[date]
    valid_until: Public[date | None] = None


class MandateWithdrawn(Event, frozen=True, kw_only=True, tag="mandate-withdrawn.v1"):
    """A merchant no longer lets a device report for it; what was recorded stays."""

    device: Public[Id]
    merchant: Public[Id]
    from_day: Public[date]


class DeviceRevoked(Event, frozen=True, kw_only=True, tag="device-revoked.v1"):
    """A device's key is no longer trusted; what it had recorded before stays."""

    device: Public[Id]
    reason: Public[LongText]


class TapeForked(Event, frozen=True, kw_only=True, tag="tape-forked.v1"):
    """One number of a tape came with two contents: a clone, or a tape restored from a copy."""

    tape: Public[Uuid]
    device: Public[Id]
    forked_at: Public[int]
    stored_chain: Trade[Digest]
    other_chain: Trade[Digest]


class TapeLost(Event, frozen=True, kw_only=True, tag="tape-lost.v1"):
    """A device began a new tape, which closes the old one and leaves a lasting note."""

    tape: Public[Uuid]
    device: Public[Id]
    last_stored: Public[int]
    next_tape: Public[Uuid]
    last_known: Public[int | None] = None


class ReportUnreadable(Event, frozen=True, kw_only=True, tag="report-unreadable.v1"):
    """A rightly signed report that we cannot understand keeps its number; the bytes are kept."""

    digest: Public[Digest]
    length: Public[int]
    reason: Trade[LongText]


class ReportReadmitted(Event, frozen=True, kw_only=True, tag="report-readmitted.v1"):
    """A report that nobody could understand when it came can be understood now, and counts.

    `report` holds the bytes as the device signed them, `first_received` when they came, `noted`
    what the mandates known now say of them; `digest` is the one recorded when they were put aside.
    """

    tape: Public[Uuid]
    number_on_tape: Public[Annotated[int, msgspec.Meta(ge=1, le=2**53)]]
    digest: Public[Digest]
    first_received: Public[datetime]
    noted: Public[Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=8)]] = ()
    report: Trade[Annotated[bytes, msgspec.Meta(max_length=64 * 1024)]]


class MarketRegistered(Event, frozen=True, kw_only=True, tag="market-registered.v1"):
    """A market states where it is; its zone decides when its days begin from then on."""

    market: Public[Id]
    name: Public[ShortText]
    zone: Public[ZoneName]


class AreaStated(Event, frozen=True, kw_only=True, tag="area-stated.v1"):
    """What an administrative area is called and in which other it lies; the latest counts."""

    area: Public[Id]
    name: Public[ShortText]
    within: Public[Id | None] = None


class CardLinked(Event, frozen=True, kw_only=True, tag="card-linked.v1"):
    """Whom a card names is found to be a registered merchant; entries keep what they said."""

    card: Person[Uuid]
    merchant: Public[Id]
    by: Trade[Id]
    note: Trade[LongText | None] = None


class CardUnlinked(Event, frozen=True, kw_only=True, tag="card-unlinked.v1"):
    """A card was linked to a merchant by mistake: it names somebody of its own again."""

    card: Person[Uuid]
    by: Trade[Id]
    note: Trade[LongText]


class OfficerCorrected(Event, frozen=True, kw_only=True, tag="officer-corrected.v1"):
    """An officer corrected an entry of a merchant, which otherwise that merchant alone may.

    As `entry-corrected.v2`: goods and quantity instead, or another counterparty, or nothing of it.
    """

    merchant: Public[Id]
    target_tape: Trade[Uuid]
    target_number: Trade[Annotated[int, msgspec.Meta(ge=1, le=2**53)]]
    scope: Trade[Literal["line", "session", "delivery"]]
    by: Trade[Id]
    reason: Trade[LongText]
    goods: Public[GoodsAsRead | None] = None
    quantity: Trade[StatedQuantity | None] = None
    counterparty: Trade[Id | None] = None
    counterparty_card: Person[Uuid | None] = None

    def __post_init__(self) -> None:
        """Raises `ValueError` as `EntryCorrected` does."""
        self.as_report(NO_TIME)

    def as_report(self, at: datetime) -> EntryCorrected:
        """Returns it as the report its merchant would have made, at the time the ledger had it."""
        return EntryCorrected(
            merchant=self.merchant, premises=self.merchant, business_date=at.date(),
            clock=DeviceClock(wall=at, boot="ledger", monotonic_ms=0), session=NO_SESSION,
            target_tape=self.target_tape, target_number=self.target_number, scope=self.scope,
            reason=self.reason, goods=self.goods, quantity=self.quantity,
            counterparty=self.counterparty, counterparty_card=self.counterparty_card,
        )  # fmt: skip


class MerchantMerged(Event, frozen=True, kw_only=True, tag="merchant-merged.v1"):
    """A registered merchant is found to be another one; entries keep what they said."""

    merchant: Public[Id]
    into: Public[Id]
    by: Trade[Id]
    note: Trade[LongText]


class MerchantParted(Event, frozen=True, kw_only=True, tag="merchant-parted.v1"):
    """A merchant was merged into another by mistake: it is one of its own again."""

    merchant: Public[Id]
    by: Trade[Id]
    note: Trade[LongText]


class StatedTier(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """From this shelf life on, goods count as near their end so many days before."""

    shelf_life_days: Annotated[int, msgspec.Meta(ge=0, le=36500)]
    days_before: Annotated[int, msgspec.Meta(ge=0, le=3650)]


class NearExpiryStated(Event, frozen=True, kw_only=True, tag="near-expiry-stated.v1"):
    """A market's operator set its own table of near-expiry tiers; none returns to the trade's."""

    market: Public[Id]
    tiers: Public[Annotated[tuple[StatedTier, ...], msgspec.Meta(max_length=20)]] = ()

    def __post_init__(self) -> None:
        """Raises `ValueError` for tiers that are not in order, or leave short lives out."""
        lives = [tier.shelf_life_days for tier in self.tiers]
        if lives != sorted(set(lives), reverse=True) or (lives and lives[-1] != 0):
            raise ValueError("tiers go from the longest shelf life down to 0, each once")


class AlertAcknowledged(Event, frozen=True, kw_only=True, tag="alert-acknowledged.v1"):
    """Somebody has seen a group of alerts."""

    group: Trade[GroupText]
    by: Trade[Id]
    note: Trade[LongText | None] = None


class AlertAssigned(Event, frozen=True, kw_only=True, tag="alert-assigned.v1"):
    """Somebody is to work on a group of alerts."""

    group: Trade[GroupText]
    to: Trade[Id]
    by: Trade[Id]
    note: Trade[LongText | None] = None


class AlertCommented(Event, frozen=True, kw_only=True, tag="alert-commented.v1"):
    """Somebody remarked something about a group of alerts."""

    group: Trade[GroupText]
    by: Trade[Id]
    note: Trade[LongText]


class AlertSilenced(Event, frozen=True, kw_only=True, tag="alert-silenced.v1"):
    """A group of alerts stays quiet until a time, for a reason; an earlier time ends it."""

    group: Trade[GroupText]
    by: Trade[Id]
    until: Trade[Instant]
    note: Trade[LongText]

    def __post_init__(self) -> None:
        """Raises `ValueError` for a year that no clock of ours shows, in any zone."""
        if not 2001 <= self.until.year <= 2099:
            raise ValueError(f"a silence ends in 2001 to 2099, not {self.until.isoformat()}")


class LedgerRestored(Event, frozen=True, kw_only=True, tag="ledger-restored.v1"):
    """The record was restored up to a position, and its log goes on under another origin.

    `old_size` and `old_root` are the last that is known of the old log; what it held behind `position`
    comes again from the devices' tapes, or is lost.
    """

    position: Public[Annotated[int, msgspec.Meta(ge=0)]]
    old_origin: Public[Annotated[str, msgspec.Meta(min_length=1, max_length=200)]]
    old_size: Public[Annotated[int, msgspec.Meta(ge=0)]]
    old_root: Public[Digest]
    new_origin: Public[Annotated[str, msgspec.Meta(min_length=1, max_length=200)]]
    by: Trade[Id]
    note: Trade[LongText]


class LedgerKeyAnnounced(Event, frozen=True, kw_only=True, tag="ledger-key-announced.v1"):
    """The ledger goes on with another key; `signature` is that of the key before it."""

    key: Public[Annotated[str, msgspec.Meta(max_length=200)]]
    by: Public[Annotated[str, msgspec.Meta(max_length=200)]]
    signature: Public[Annotated[bytes, msgspec.Meta(max_length=80)]]
    reason: Trade[LongText]


class DayBegan(Event, frozen=True, kw_only=True, tag="day-began.v1"):
    """A market's day began: what time alone brings about enters the record here."""

    market: Public[Id]
    day: Public[date]
    zone: Public[ZoneName]
