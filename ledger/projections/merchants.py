"""Merchants, their premises, and the present day of each market."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

import msgspec

from ledger.events.cases import (
    AreaStated,
    DayBegan,
    MerchantOwnerStated,
    MerchantRegistered,
    NearExpiryStated,
    PremisesAdded,
    SalesModeStated,
)
from ledger.projections.fold import Entry, Fold
from ledger.projections.seen import OPEN
from ledger.projections.sounds import spoken_of
from ledger.projections.table import Key, Position, Rows, Table
from ledger.values.spoken import spoken_grams


class MerchantRow(msgspec.Struct):
    """A merchant of the register."""

    merchant: str
    name: str
    kind: str
    district: str
    licence: str | None
    owner_card: str | None
    # How the name is said, and the pairs of letters that it can be typed by.
    spoken: str
    spoken_grams: tuple[str, ...]
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


class AreaRow(msgspec.Struct):
    """An administrative area, and the one it lies in."""

    area: str
    name: str
    within: str | None


class NearTable(msgspec.Struct):
    """A market's own near-expiry tiers, longest shelf life first, as JSON."""

    market: str
    tiers: str


MERCHANTS = Table("merchants", MerchantRow, ("merchant",), ("USING gin (spoken_grams)",), seen=OPEN)
PREMISES = Table("premises", PremisesRow, ("premises",), ("(merchant)", "(market)"), seen=OPEN)
MARKETS = Table("markets", MarketRow, ("market",), seen=OPEN)
AREAS = Table("areas", AreaRow, ("area",), ("(within)",), seen=OPEN)
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
        AREAS,
    )

    def keys(self, entry: Entry, rows: Rows) -> Iterable[tuple[Table, Key]]:
        """Nothing to load: every event here replaces its row."""
        return ()

    def fold(self, fold: Fold) -> None:
        """Takes in registrations and the beginnings of days."""
        position = Position(fold.entry.position)
        match fold.entry.event:
            case MerchantRegistered() as event:
                spoken = spoken_of(event.name)
                row = MerchantRow(
                    event.merchant,
                    event.name,
                    event.kind,
                    event.district,
                    event.licence,
                    event.owner_card,
                    spoken,
                    spoken_grams(spoken),
                    position,
                )
                fold.rows.put(MERCHANTS, row)
            case MerchantOwnerStated() as event:
                if (known := fold.rows.get(MERCHANTS, event.merchant)) is not None:
                    known.owner_card = event.owner_card
                    fold.rows.put(MERCHANTS, known)
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
            case AreaStated(area=area, name=name, within=within):
                fold.rows.put(AREAS, AreaRow(area, name, within))
            case DayBegan() as event:
                fold.rows.put(MARKETS, MarketRow(event.market, event.day, event.zone))
                fold.signals.append(MarketDay(event.market, event.day))
                due = fold.rows.select(SALES_MODES, {"begun": False}, {"from_day": event.day})
                for row in due:
                    _begin(fold, row)
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
