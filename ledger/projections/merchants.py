"""Merchants, their premises, and the present day of each market."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import msgspec

from ledger.events.cases import (
    CardLinked,
    CardUnlinked,
    DayBegan,
    MerchantMerged,
    MerchantParted,
    MerchantRegistered,
    NearExpiryStated,
    PremisesAdded,
    SalesModeStated,
)
from ledger.events.reports import GoodsMoved, Report
from ledger.projections.fold import Entry, Fold
from ledger.projections.table import Key, Position, Rows, Table


class MerchantRow(msgspec.Struct):
    """A merchant of the register."""

    merchant: str
    name: str
    kind: str
    district: str
    licence: str | None
    owner_card: str | None
    position: Position


class PremisesRow(msgspec.Struct):
    """A place where a merchant trades, with how it records its sales today."""

    premises: str
    merchant: str
    name: str
    market: str
    mode: str
    position: Position


class SalesMode(msgspec.Struct):
    """How a premises records its sales from a day on; `begun` once its market has that day."""

    premises: str
    from_day: date
    mode: str
    begun: bool


class MarketRow(msgspec.Struct):
    """A market's present day, as the record says it began."""

    market: str
    day: date
    zone: str


class NearTable(msgspec.Struct):
    """A market's own near-expiry tiers, longest shelf life first, as JSON."""

    market: str
    tiers: str


class LinkedCard(msgspec.Struct):
    """The registered merchant that a card's person is found to be."""

    card: str
    merchant: str


class MerchantAlias(msgspec.Struct):
    """A merchant that was merged into another; `merchant` is who both are in the end."""

    alias: str
    into: str
    merchant: str


MERCHANTS = Table("merchants", MerchantRow, ("merchant",))
PREMISES = Table("premises", PremisesRow, ("premises",), ("(merchant)", "(market)"))
MARKETS = Table("markets", MarketRow, ("market",))
LINKED_CARDS = Table("linked_cards", LinkedCard, ("card",))
MERCHANT_ALIASES = Table("merchant_aliases", MerchantAlias, ("alias",), ("(merchant)",))
NEAR_TABLES = Table("near_tables", NearTable, ("market",))
SALES_MODES = Table(
    "sales_modes", SalesMode, ("premises", "from_day"), ("(from_day) WHERE NOT begun",)
)
# Who states no mode records every item; law and habit ask it of wholesalers and chains.
MODE_DEFAULT = "every-item"


class PremisesKnown(NamedTuple):
    """Signal: a premises entered the register."""

    premises: str
    market: str


class ModeBegan(NamedTuple):
    """Signal: a premises records its sales in another way from this day on."""

    premises: str


class CardKnown(NamedTuple):
    """Signal: a card is linked to a merchant, or no more."""

    card: str


class MerchantKnown(NamedTuple):
    """Signal: who stands behind some names is another merchant than it was, `former`."""

    names: tuple[str, ...]
    former: str


class NearTableKnown(NamedTuple):
    """Signal: a market counts goods as near their end by another table."""

    market: str


class MarketDay(NamedTuple):
    """Signal: a market's day began."""

    market: str
    day: date


class Merchants:
    """The register of merchants as rows."""

    name = "merchants"
    tables = (
        MERCHANTS,
        PREMISES,
        MARKETS,
        SALES_MODES,
        NEAR_TABLES,
        LINKED_CARDS,
        MERCHANT_ALIASES,
    )

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
        """Takes in registrations and the beginnings of days."""
        position = Position(fold.entry.position)
        match fold.entry.event:
            case MerchantRegistered() as event:
                row = MerchantRow(
                    event.merchant,
                    event.name,
                    event.kind,
                    event.district,
                    event.licence,
                    event.owner_card,
                    position,
                )
                fold.rows.put(MERCHANTS, row)
            case PremisesAdded() as event:
                known = fold.rows.get(PREMISES, event.premises)
                if known is not None and known.merchant != event.merchant:
                    # The first to register a place keeps it, whatever another calls his own.
                    return
                mode = known.mode if known is not None else MODE_DEFAULT
                place = PremisesRow(
                    event.premises, event.merchant, event.name, event.market, mode, position
                )
                fold.rows.put(PREMISES, place)
                fold.signals.append(PremisesKnown(event.premises, event.market))
            case DayBegan() as event:
                fold.rows.put(MARKETS, MarketRow(event.market, event.day, event.zone))
                fold.signals.append(MarketDay(event.market, event.day))
                due = fold.rows.select(SALES_MODES, {"begun": False}, {"from_day": event.day})
                for row in due:
                    _begin(fold, row)
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
            case NearExpiryStated() as event:
                table = NearTable(event.market, msgspec.json.encode(event.tiers).decode())
                (fold.rows.put if event.tiers else fold.rows.drop)(NEAR_TABLES, table)
                fold.signals.append(NearTableKnown(event.market))
            case SalesModeStated() as event:
                place = fold.rows.get(PREMISES, event.premises)
                if place is not None and place.merchant == event.merchant:
                    stated = SalesMode(event.premises, event.from_day, event.mode, False)
                    fold.rows.put(SALES_MODES, stated)
                    _begin(fold, stated)


def merchant_of(rows: Rows, name: str) -> str:
    """Returns the merchant that stands behind a name of the register."""
    alias = rows.get(MERCHANT_ALIASES, name)
    return alias.merchant if alias is not None else name


def names_of(rows: Rows, merchant: str) -> list[str]:
    """Returns every name under which a merchant reports, its own first."""
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


def _begin(fold: Fold, row: SalesMode) -> None:
    """Lets a premises' mode begin once its market has reached the day."""
    place = fold.rows.get(PREMISES, row.premises)
    market = fold.rows.get(MARKETS, place.market)
    if market is None or market.day < row.from_day:
        return
    row.begun = True
    fold.rows.put(SALES_MODES, row)
    begun = fold.rows.select(SALES_MODES, {"premises": row.premises, "begun": True})
    mode = max(begun, key=lambda stated: stated.from_day).mode
    if mode != place.mode:
        place.mode = mode
        fold.rows.put(PREMISES, place)
        fold.signals.append(ModeBegan(row.premises))
