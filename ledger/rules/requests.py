"""Requests: what somebody asks the ledger to decide, as they come over the wire."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec

from ledger.events.base import Id
from ledger.events.cases import (
    DayBegan,
    MarketRegistered,
    MerchantOwnerStated,
    MerchantRegistered,
    NearExpiryStated,
    PremisesAdded,
    ProductRegistered,
    ProductRegisteredV1,
    SalesModeStated,
    ZoneName,
)
from ledger.rules.alert_work import (
    AcknowledgeAlerts,
    AssignAlerts,
    CommentAlerts,
    SilenceAlerts,
)
from ledger.rules.aliases import MergeMerchant, PartMerchant
from ledger.rules.areas import StateArea
from ledger.rules.cards import LinkCard, UnlinkCard
from ledger.rules.device import (
    EnrollDevice,
    GrantMandate,
    ReplaceDeviceKey,
    RevokeDevice,
    WithdrawMandate,
)
from ledger.rules.holds import ExtendHold, PlaceHold, ReleaseHold
from ledger.rules.ledger_keys import AnnounceLedgerKey
from ledger.rules.officer import CorrectEntry
from ledger.rules.quarantine import ReadmitReport
from ledger.rules.recall_holders import HolderRequest, StateWorkingDays
from ledger.rules.recalls import (
    CheckRecall,
    CloseRecall,
    DraftRecall,
    NarrowRecall,
    PublishRecall,
    WidenRecall,
    WithdrawRecall,
)


class RegisterMerchant(msgspec.Struct, frozen=True, tag="register-merchant"):
    """Asks that a food business enters the register."""

    entry: MerchantRegistered


class StateOwner(msgspec.Struct, frozen=True, tag="state-owner"):
    """Asks to put on record whose card says where a merchant is and how to reach it."""

    entry: MerchantOwnerStated


class AddPremises(msgspec.Struct, frozen=True, tag="add-premises"):
    """Asks that a place of a registered merchant enters the register."""

    entry: PremisesAdded


class RegisterProduct(msgspec.Struct, frozen=True, tag="register-product"):
    """Asks that a product enters the register, or replaces what it states."""

    entry: ProductRegistered | ProductRegisteredV1


class StateSalesMode(msgspec.Struct, frozen=True, tag="state-sales-mode"):
    """Asks to put on record how a premises records what it sells, from a day on."""

    entry: SalesModeStated


class RegisterMarket(msgspec.Struct, frozen=True, tag="register-market"):
    """Asks that a market enters the register, or states another name or zone."""

    entry: MarketRegistered


class StateNearExpiry(msgspec.Struct, frozen=True, tag="state-near-expiry"):
    """Asks that a market counts goods as near their end by a table of its own, or no more."""

    entry: NearExpiryStated


class BeginDay(msgspec.Struct, frozen=True, tag="begin-day"):
    """Asks to put on record that a market's day began."""

    market: Id
    day: date
    zone: ZoneName = "Asia/Shanghai"


# What the ledger alone asks for, such as that a time has passed, is not among these.
RecallWork = (
    PlaceHold
    | ExtendHold
    | ReleaseHold
    | DraftRecall
    | CheckRecall
    | PublishRecall
    | WidenRecall
    | NarrowRecall
    | WithdrawRecall
    | CloseRecall
    | HolderRequest
    | StateWorkingDays
)
Request = (
    RecallWork
    | RegisterMerchant
    | StateOwner
    | AddPremises
    | StateSalesMode
    | RegisterProduct
    | RegisterMarket
    | StateNearExpiry
    | StateArea
    | AnnounceLedgerKey
    | LinkCard
    | UnlinkCard
    | CorrectEntry
    | MergeMerchant
    | PartMerchant
    | ReadmitReport
    | AcknowledgeAlerts
    | AssignAlerts
    | CommentAlerts
    | SilenceAlerts
    | BeginDay
    | EnrollDevice
    | ReplaceDeviceKey
    | GrantMandate
    | WithdrawMandate
    | RevokeDevice
)

decode_request = msgspec.json.Decoder(Request).decode
_decode_requests = msgspec.json.Decoder(list[Request]).decode
YEARS = range(2000, 2101)


def decode_requests(body: bytes) -> list[Request]:
    """Returns requests as they come from outside.

    Raises `msgspec.MsgspecError` for what is none, `ValueError` for a day outside the years that anything here can mean.
    """
    wanted = _decode_requests(body)
    for day in _days_in(wanted):
        if day.year not in YEARS:
            raise ValueError(f"a date lies in 2000 to 2100, not {day.isoformat()}")
    return wanted


def _days_in(value: Any) -> Iterator[date]:
    if isinstance(value, date):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _days_in(getattr(value, name))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _days_in(one)


class MarketCase(msgspec.Struct, frozen=True):
    """What a market states of itself."""

    market: str
    version: int = 0
    registered: MarketRegistered | None = None


class NearExpiryCase(msgspec.Struct, frozen=True):
    """A market's own table of near-expiry tiers."""

    market: str
    version: int = 0
    stated: NearExpiryStated | None = None


class MarketDayCase(msgspec.Struct, frozen=True):
    """A market's last day on record."""

    market: str
    version: int = 0
    day: date | None = None


def decide_market(case: MarketCase, entry: MarketRegistered) -> list[MarketRegistered]:
    """Decides an entry of a market; a changed one is recorded beside the earlier."""
    return [] if case.registered == entry else [entry]


def evolve_market(case: MarketCase, event: object) -> MarketCase:
    """Returns the case after one of its events."""
    if not isinstance(event, MarketRegistered):
        raise TypeError(f"{type(event).__name__} is no event of a market")
    return MarketCase(case.market, case.version + 1, event)


def decide_near_expiry(case: NearExpiryCase, entry: NearExpiryStated) -> list[NearExpiryStated]:
    """Decides a table of tiers; the same table again changes nothing."""
    return [] if case.stated == entry else [entry]


def evolve_near_expiry(case: NearExpiryCase, event: object) -> NearExpiryCase:
    """Returns the case after one of its events."""
    if not isinstance(event, NearExpiryStated):
        raise TypeError(f"{type(event).__name__} is no event of a near-expiry table")
    return NearExpiryCase(case.market, case.version + 1, event)


def decide_day(case: MarketDayCase, request: BeginDay) -> list[DayBegan]:
    """Decides a day's beginning: once, and never an earlier day after a later."""
    if case.day is not None and request.day <= case.day:
        return []
    return [DayBegan(market=request.market, day=request.day, zone=request.zone)]


def evolve_day(case: MarketDayCase, event: object) -> MarketDayCase:
    """Returns the case after one of its events."""
    if not isinstance(event, DayBegan):
        raise TypeError(f"{type(event).__name__} is no event of a market's days")
    return MarketDayCase(case.market, case.version + 1, event.day)
