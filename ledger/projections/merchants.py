"""Merchants, their premises, and the present day of each market."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import msgspec

from ledger.events.cases import DayBegan, MerchantRegistered, PremisesAdded
from ledger.projections.fold import Entry, Fold
from ledger.projections.table import Key, Position, Table


class MerchantRow(msgspec.Struct):
    """A merchant of the register."""

    merchant: str
    name: str
    kind: str
    district: str
    licence: str | None
    position: Position


class PremisesRow(msgspec.Struct):
    """A place where a merchant trades."""

    premises: str
    merchant: str
    name: str
    market: str
    position: Position


class MarketRow(msgspec.Struct):
    """A market's present day, as the record says it began."""

    market: str
    day: date
    zone: str


MERCHANTS = Table("merchants", MerchantRow, ("merchant",))
PREMISES = Table("premises", PremisesRow, ("premises",), ("(merchant)", "(market)"))
MARKETS = Table("markets", MarketRow, ("market",))


class PremisesKnown(NamedTuple):
    """Signal: a premises entered the register."""

    premises: str
    market: str


class MarketDay(NamedTuple):
    """Signal: a market's day began."""

    market: str
    day: date


class Merchants:
    """The register of merchants as rows."""

    name = "merchants"
    tables = (MERCHANTS, PREMISES, MARKETS)

    def keys(self, entry: Entry) -> Iterable[tuple[Table, Key]]:
        """Nothing to load: every event here replaces its row."""
        return ()

    def fold(self, fold: Fold) -> None:
        """Takes in registrations and the beginnings of days."""
        position = Position(fold.entry.position)
        match fold.entry.event:
            case MerchantRegistered() as event:
                row = MerchantRow(
                    event.merchant, event.name, event.kind, event.district, event.licence, position
                )
                fold.rows.put(MERCHANTS, row)
            case PremisesAdded() as event:
                known = fold.rows.get(PREMISES, event.premises)
                if known is not None and known.merchant != event.merchant:
                    # The first to register a place keeps it, whatever another calls his own.
                    return
                place = PremisesRow(
                    event.premises, event.merchant, event.name, event.market, position
                )
                fold.rows.put(PREMISES, place)
                fold.signals.append(PremisesKnown(event.premises, event.market))
            case DayBegan() as event:
                fold.rows.put(MARKETS, MarketRow(event.market, event.day, event.zone))
                fold.signals.append(MarketDay(event.market, event.day))
