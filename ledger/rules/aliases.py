"""Aliases: a merchant that the register holds twice, and how that is found and undone."""

from collections.abc import Mapping

import msgspec

from ledger.events.base import Event, Id, LongText
from ledger.events.cases import MerchantMerged, MerchantParted
from ledger.rules.refusal import Refusal

# All merges of a ledger are one case: whether one goes round in a circle, only the others tell.
ALIASES_SUBJECT = "merchants"


class MergeMerchant(msgspec.Struct, frozen=True, kw_only=True, tag="merge-merchant"):
    """Asks to put on record that a merchant is another one, under whose name it goes on."""

    merchant: Id
    into: Id
    by: Id
    note: LongText


class PartMerchant(msgspec.Struct, frozen=True, kw_only=True, tag="part-merchant"):
    """Asks to take back that a merchant is another one."""

    merchant: Id
    by: Id
    note: LongText


class AliasCase(msgspec.Struct, frozen=True):
    """Which merchants are merged, each with the one it was merged into."""

    version: int = 0
    into: Mapping[str, str] = {}


def goes_by(case: AliasCase, merchant: str) -> str:
    """Returns the merchant that a name stands for in the end."""
    seen = {merchant}
    while (into := case.into.get(merchant)) is not None and into not in seen:
        seen.add(into)
        merchant = into
    return merchant


def decide_alias(
    case: AliasCase, request: MergeMerchant | PartMerchant, *, unregistered: str | None
) -> list[Event] | Refusal:
    """Decides a merge; `unregistered` names a merchant of the request that no register knows."""
    known = case.into.get(request.merchant)
    match request:
        case MergeMerchant(into=into):
            if known == into:
                return []
            if known is not None:
                advice = f"{request.merchant} is merged into {known}: part them first."
                return Refusal("merchant-merged", advice)
            if unregistered is not None:
                return Refusal("merchant-unknown", f"Register {unregistered} first.")
            if into == request.merchant:
                return Refusal("merchant-itself", f"{into} cannot be merged into itself.")
            if (further := case.into.get(into)) is not None:
                advice = f"{into} is merged into {further} itself: name {further}."
                return Refusal("merchant-merged", advice)
            return [MerchantMerged(merchant=request.merchant, into=into, by=request.by,
                                   note=request.note)]  # fmt: skip
        case PartMerchant():
            if known is None:
                advice = f"{request.merchant} is merged into nobody."
                return Refusal("merchant-not-merged", advice)
            return [MerchantParted(merchant=request.merchant, by=request.by, note=request.note)]


def evolve_alias(case: AliasCase, event: Event) -> AliasCase:
    """Returns the case after one of its events."""
    others = {m: into for m, into in case.into.items() if m != getattr(event, "merchant", None)}
    match event:
        case MerchantMerged(merchant=merchant, into=into):
            return AliasCase(case.version + 1, others | {merchant: into})
        case MerchantParted():
            return AliasCase(case.version + 1, others)
    raise TypeError(f"{type(event).__name__} is no event of merged merchants")
