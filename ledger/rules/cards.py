"""Cards: whom an unregistered counterparty is found to be, and how that is undone."""

import msgspec

from ledger.events.base import Event, Id, LongText, Uuid
from ledger.events.cases import CardLinked, CardUnlinked
from ledger.rules.refusal import Refusal


class LinkCard(msgspec.Struct, frozen=True, kw_only=True, tag="link-card"):
    """Asks to put on record that a card's person is a registered merchant."""

    card: Uuid
    merchant: Id
    by: Id
    note: LongText | None = None


class UnlinkCard(msgspec.Struct, frozen=True, kw_only=True, tag="unlink-card"):
    """Asks to take back that a card's person is a registered merchant."""

    card: Uuid
    by: Id
    note: LongText


class CardCase(msgspec.Struct, frozen=True):
    """Which merchant a card is linked to, if any."""

    card: str
    version: int = 0
    merchant: str | None = None


def decide_card(
    case: CardCase, request: LinkCard | UnlinkCard, *, registered: bool
) -> list[Event] | Refusal:
    """Decides a link; `registered` says whether the merchant it names is in the register."""
    match request:
        case LinkCard(merchant=merchant):
            if case.merchant == merchant:
                return []
            if case.merchant is not None:
                advice = f"It is linked to {case.merchant}: unlink it first."
                return Refusal("card-linked", advice)
            if not registered:
                return Refusal("merchant-unknown", f"Register {merchant} first.")
            return [CardLinked(card=case.card, merchant=merchant, by=request.by, note=request.note)]
        case UnlinkCard():
            if case.merchant is None:
                return []
            return [CardUnlinked(card=case.card, by=request.by, note=request.note)]


def evolve_card(case: CardCase, event: Event) -> CardCase:
    """Returns the case after one of its events."""
    match event:
        case CardLinked(merchant=merchant):
            return CardCase(case.card, case.version + 1, merchant)
        case CardUnlinked():
            return CardCase(case.card, case.version + 1)
    raise TypeError(f"{type(event).__name__} is no event of a card")
