"""Parties: who stands behind the names and cards that entries state."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from ledger.events.cases import CardLinked, CardUnlinked, MerchantMerged, MerchantParted
from ledger.events.reports import GoodsMoved, Report
from ledger.projections.fold import Entry, Fold
from ledger.projections.merchants import PREMISES, ModeBegan
from ledger.projections.seen import OPEN
from ledger.projections.table import Key, Rows, Table


class LinkedCard(msgspec.Struct):
    """The registered merchant that a card's person is found to be."""

    card: str
    merchant: str


class MerchantAlias(msgspec.Struct):
    """A merchant that was merged into another; `merchant` is who both are in the end."""

    alias: str
    into: str
    merchant: str


class MergedMark(msgspec.Struct):
    """Says that others were merged into a merchant once; the many of whom none was need no search."""

    merchant: str


MERGED_MARKS = Table("merged_marks", MergedMark, ("merchant",))
LINKED_CARDS = Table("linked_cards", LinkedCard, ("card",))
MERCHANT_ALIASES = Table("merchant_aliases", MerchantAlias, ("alias",), ("(merchant)",), seen=OPEN)


class CardKnown(NamedTuple):
    """Signal: a card is linked to a merchant, or no more."""

    card: str


class MerchantKnown(NamedTuple):
    """Signal: who stands behind some names is another merchant than it was, `former`."""

    names: tuple[str, ...]
    former: str


class Parties:
    """Cards linked to merchants, and merchants merged into others."""

    name = "parties"
    tables = (LINKED_CARDS, MERCHANT_ALIASES, MERGED_MARKS)

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """Who stands behind the names in this entry."""
        event = entry.event
        if isinstance(event, Report):
            yield MERCHANT_ALIASES, (event.merchant,)
        if isinstance(event, GoodsMoved):
            if event.counterparty is not None:
                yield MERCHANT_ALIASES, (event.counterparty,)
            elif event.counterparty_card is not None:
                yield LINKED_CARDS, (event.counterparty_card,)

    def fold(self, fold: Fold) -> None:
        """Takes in who is found to be whom, and what of that was taken back."""
        match fold.entry.event:
            case CardLinked(card=card, merchant=merchant):
                fold.rows.put(LINKED_CARDS, LinkedCard(card, merchant))
                fold.signals.append(CardKnown(card))
            case CardUnlinked(card=card):
                if (link := fold.rows.get(LINKED_CARDS, card)) is not None:
                    fold.rows.drop(LINKED_CARDS, link)
                    fold.signals.append(CardKnown(card))
            case MerchantMerged(merchant=merchant, into=into):
                _rename(fold, merchant, into)
            case MerchantParted(merchant=merchant):
                _rename(fold, merchant, None)


def merchant_of(rows: Rows, name: str) -> str:
    """Returns the merchant that stands behind a name of the register."""
    alias = rows.get(MERCHANT_ALIASES, name)
    return alias.merchant if alias is not None else name


def names_of(rows: Rows, merchant: str) -> list[str]:
    """Returns every name under which a merchant reports, its own first."""
    if rows.get(MERGED_MARKS, merchant) is None:
        return [merchant]
    return [merchant, *(row.alias for row in rows.select(MERCHANT_ALIASES, {"merchant": merchant}))]


def partner_of(rows: Rows, counterparty: str | None, card: str | None) -> str | None:
    """Returns the merchant an entry was with: whom it names, or whom its card is found to be."""
    if counterparty is None and card is not None:
        link = rows.get(LINKED_CARDS, card)
        counterparty = link.merchant if link is not None else None
    return merchant_of(rows, counterparty) if counterparty is not None else None


def _rename(fold: Fold, name: str, into: str | None) -> None:
    """Lets a name, with those merged into it, stand for another merchant or for itself again."""
    rows = fold.rows
    former, known = merchant_of(rows, name), rows.get(MERCHANT_ALIASES, name)
    if known is not None:
        rows.drop(MERCHANT_ALIASES, known)
    below = _merged_into(rows, name, names_of(rows, former))
    merchant = merchant_of(rows, into) if into is not None else name
    if into is not None:
        rows.put(MERCHANT_ALIASES, MerchantAlias(name, into, merchant))
    for row in below:
        row.merchant = merchant
        rows.put(MERCHANT_ALIASES, row)
    for known_as in {merchant, name}:
        rows.put(MERGED_MARKS, MergedMark(known_as))
    names = (name, *(row.alias for row in below))
    fold.signals.append(MerchantKnown(names, former))
    for owner in names:
        for place in rows.select(PREMISES, {"merchant": owner}):
            fold.signals.append(ModeBegan(place.premises))


def _merged_into(rows: Rows, name: str, family: list[str]) -> list[MerchantAlias]:
    """Returns those of a family that were merged into a name, directly or through others."""
    found: list[MerchantAlias] = []
    reached = {name}
    left = [row for alias in family if (row := rows.get(MERCHANT_ALIASES, alias)) is not None]
    while more := [row for row in left if row.into in reached]:
        found += more
        reached |= {row.alias for row in more}
        left = [row for row in left if row.alias not in reached]
    return found
