"""The register: merchants with their premises, and products."""

from collections.abc import Callable

import msgspec

from ledger.events.base import Event
from ledger.events.cases import (
    MerchantOwnerStated,
    MerchantRegistered,
    PremisesAdded,
    ProductRegistered,
    SalesModeStated,
)
from ledger.rules.refusal import Refusal
from ledger.values.gtin import Gtin

# A single in an inner pack in a case on a pallet; deeper is a circle.
LEVELS_MAX = 4


class MerchantCase(msgspec.Struct, frozen=True):
    """What the register knows of a merchant."""

    merchant: str
    version: int = 0
    registered: MerchantRegistered | None = None
    owner_card: str | None = None
    premises: tuple[PremisesAdded, ...] = ()
    modes: tuple[SalesModeStated, ...] = ()


class ProductCase(msgspec.Struct, frozen=True):
    """What the register knows of a product."""

    gtin: str
    version: int = 0
    registered: ProductRegistered | None = None


def single_of(gtin: str, registered: Callable[[str], ProductRegistered | None]) -> str:
    """Returns what a number is a case of in the end; where the register leads in a circle, it is itself."""
    base = gtin
    for _ in range(LEVELS_MAX + 1):
        known = registered(base)
        if known is None or known.base is None:
            return base
        base = known.base
    return gtin


def decide_merchant(
    case: MerchantCase,
    request: MerchantRegistered | MerchantOwnerStated | PremisesAdded | SalesModeStated,
) -> list[Event] | Refusal:
    """Decides an entry of the register; the same entry twice changes nothing."""
    match request:
        case MerchantRegistered():
            if case.registered is None:
                return [request]
            if case.registered == request:
                return []
            return Refusal("merchant-taken", f"{case.merchant} is registered as somebody else.")
        case MerchantOwnerStated(owner_card=card):
            if case.registered is None:
                return Refusal("merchant-unknown", f"Register {case.merchant} first.")
            return [] if case.owner_card == card else [request]
        case PremisesAdded():
            if case.registered is None:
                return Refusal("merchant-unknown", f"Register {case.merchant} first.")
            same = [p for p in case.premises if p.premises == request.premises]
            if not same:
                return [request]
            if same[0] == request:
                return []
            return Refusal("premises-taken", f"{request.premises} is registered already.")
        case SalesModeStated():
            if all(p.premises != request.premises for p in case.premises):
                advice = f"Add {request.premises} to {case.merchant} first."
                return Refusal("premises-unknown", advice)
            stated = [m for m in case.modes if m.premises == request.premises]
            return [] if stated and stated[-1] == request else [request]


def evolve_merchant(case: MerchantCase, event: Event) -> MerchantCase:
    """Returns the case after one of its events."""
    case = msgspec.structs.replace(case, version=case.version + 1)
    match event:
        case MerchantRegistered():
            return msgspec.structs.replace(
                case, registered=event, owner_card=event.owner_card or case.owner_card
            )
        case MerchantOwnerStated(owner_card=card):
            return msgspec.structs.replace(case, owner_card=card)
        case PremisesAdded():
            return msgspec.structs.replace(case, premises=(*case.premises, event))
        case SalesModeStated():
            return msgspec.structs.replace(case, modes=(*case.modes, event))
    raise TypeError(f"{type(event).__name__} is no event of a merchant")


def decide_product(case: ProductCase, request: ProductRegistered) -> list[Event] | Refusal:
    """Decides an entry of a product; a changed entry is recorded beside the earlier one."""
    try:
        Gtin(request.gtin)
    except ValueError as error:
        return Refusal("gtin-invalid", str(error))
    return [] if case.registered == request else [request]


def evolve_product(case: ProductCase, event: Event) -> ProductCase:
    """Returns the case after one of its events."""
    if not isinstance(event, ProductRegistered):
        raise TypeError(f"{type(event).__name__} is no event of a product")
    return ProductCase(case.gtin, case.version + 1, event)
