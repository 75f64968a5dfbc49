"""Requests: what somebody asks the ledger to decide, as they come over the wire."""

from datetime import date
from typing import Annotated

import msgspec

from ledger.events.base import Id
from ledger.events.cases import (
    DayBegan,
    MerchantRegistered,
    PremisesAdded,
    ProductRegistered,
)
from ledger.rules.device import EnrollDevice, GrantMandate, RevokeDevice, WithdrawMandate


class RegisterMerchant(msgspec.Struct, frozen=True, tag="register-merchant"):
    """Asks that a food business enters the register."""

    entry: MerchantRegistered


class AddPremises(msgspec.Struct, frozen=True, tag="add-premises"):
    """Asks that a place of a registered merchant enters the register."""

    entry: PremisesAdded


class RegisterProduct(msgspec.Struct, frozen=True, tag="register-product"):
    """Asks that a product enters the register, or replaces what it states."""

    entry: ProductRegistered


class BeginDay(msgspec.Struct, frozen=True, tag="begin-day"):
    """Asks to put on record that a market's day began."""

    market: Id
    day: date
    zone: Annotated[str, msgspec.Meta(max_length=40)] = "Asia/Shanghai"


Request = (
    RegisterMerchant
    | AddPremises
    | RegisterProduct
    | BeginDay
    | EnrollDevice
    | GrantMandate
    | WithdrawMandate
    | RevokeDevice
)

decode_request = msgspec.json.Decoder(Request).decode
decode_requests = msgspec.json.Decoder(list[Request]).decode


class MarketCase(msgspec.Struct, frozen=True):
    """A market's last day on record."""

    market: str
    version: int = 0
    day: date | None = None


def decide_day(case: MarketCase, request: BeginDay) -> list[DayBegan]:
    """Decides a day's beginning: once, and never an earlier day after a later."""
    if case.day is not None and request.day <= case.day:
        return []
    return [DayBegan(market=request.market, day=request.day, zone=request.zone)]


def evolve_market(case: MarketCase, event: object) -> MarketCase:
    """Returns the case after one of its events."""
    if not isinstance(event, DayBegan):
        raise TypeError(f"{type(event).__name__} is no event of a market")
    return MarketCase(case.market, case.version + 1, event.day)
