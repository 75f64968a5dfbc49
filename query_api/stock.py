"""Stock as the views have it now, as it was known or true at a moment, and what made each figure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ledger.projections.merchants import MODE_DEFAULT
from ledger.projections.movements import MOVEMENTS, Movement
from ledger.projections.shelves import SHELVES, STOCK, Shelf, Stock, bounds
from ledger.projections.stock import stock_from
from ledger.values.day import ZONE_DEFAULT, day_at
from query_api import stock_schemas
from query_api.problems import Problem
from query_api.views import Reader, position, rows

NOW = """
SELECT s.*, e.expires, CASE WHEN e.expires IS NULL THEN 'undated' ELSE e.state END AS state,
  (SELECT CASE max(l.kind) WHEN 'recall' THEN 'recalled' WHEN 'hold' THEN 'held' END
   FROM trade.stopped_lots l WHERE l.product = s.product AND l.lot = s.lot
     AND l.how = 'stopped' AND l.ended_at IS NULL) AS stopped
FROM trade.stock s LEFT JOIN trade.expiry e USING (merchant, premises, product, lot, unit)
WHERE premises = %s AND (s.merchant, s.product, s.lot, s.unit) > (%s, %s, %s, %s) AND s.amount <> 0
ORDER BY s.merchant, s.product, s.lot, s.unit LIMIT %s
"""
THEN = """
SELECT * FROM trade.movements
WHERE premises = %(premises)s AND position <= %(position)s
  AND (believed_to IS NULL OR believed_to > %(position)s) AND happened <= %(at)s
  AND (%(product)s::text IS NULL OR product = %(product)s)
  AND (%(lot)s::text IS NULL OR lot = %(lot)s)
ORDER BY happened, original, leg LIMIT %(limit)s
"""
PLACE = """
SELECT coalesce(a.merchant, p.merchant) AS merchant, p.mode
FROM trade.premises p LEFT JOIN trade.merchant_aliases a ON a.alias = p.merchant
WHERE p.premises = %s
"""
# A premises' whole history is added up for one answer; longer ones name a product.
ENTRIES_MAX = 100_000
ENTRIES_SHOWN_MAX = 1000


class Moment(NamedTuple):
    """What was known at a position, of what had happened by an instant; and of which goods."""

    position: int
    at: datetime
    product: str | None = None
    lot: str | None = None


def place_of(reader: Reader, premises: str) -> Mapping[str, Any] | None:
    """Returns whose a registered premises is and how it records its sales."""
    found = rows(reader, PLACE, [premises])
    return found[0] if found else None


def lines_now(
    reader: Reader, premises: str, after: list[str], limit: int
) -> tuple[list[stock_schemas.StockLine], str]:
    """Returns stock lines behind a key, and how the premises records its sales."""
    place = place_of(reader, premises)
    found = rows(reader, NOW, [premises, *after, limit])
    if place is None and not found:
        raise Problem(404, "premises-unknown", f"no premises is called {premises}")
    known = rows(reader, f"SELECT * FROM trade.{SHELVES.name} WHERE premises = %s", [premises])
    shelves = {SHELVES.key_of(shelf): shelf for shelf in map(SHELVES.row_of, known)}
    lines = []
    for row in found:
        stock = STOCK.row_of(row)
        shelf = shelves.get((stock.merchant, stock.premises, stock.product, stock.unit))
        extra = {key: row[key] for key in ("expires", "state", "stopped")}
        lines.append(_line(stock, shelf, place).model_copy(update=extra))
    return lines, mode_of(place)


def mode_of(place: Mapping[str, Any] | None) -> str:
    """Returns how a premises records its sales; who is not registered records every item."""
    return str(place["mode"]) if place is not None else MODE_DEFAULT


def lines_then(reader: Reader, premises: str, moment: Moment) -> list[stock_schemas.StockLine]:
    """Adds up what was believed at a moment; last good days are those known now."""
    place = place_of(reader, premises)
    if moment.position > position(reader):
        raise Problem(422, "position-to-come", f"the views stand at {position(reader)}")
    found = _entries(reader, premises, moment, ENTRIES_MAX + 1)
    if len(found) > ENTRIES_MAX:
        words = f"{premises} has more than {ENTRIES_MAX} entries: name a product"
        raise Problem(422, "too-much", words)
    if place is None and not found:
        raise Problem(404, "premises-unknown", f"no premises is called {premises}")
    lines = [_line(row, shelf, place) for row, shelf in stock_from(found) if row.amount]
    _date(reader, lines, _day_of(reader, moment))
    return sorted(lines, key=lambda line: (line.merchant, line.product, line.lot, line.unit))


def entries(reader: Reader, premises: str, moment: Moment) -> list[stock_schemas.StockEntry]:
    """Returns the entries that made a lot's figure at a moment, as they happened."""
    return [
        stock_schemas.StockEntry(
            position=m.original, number=m.number, believed_from=m.position, kind=m.kind, happened=m.happened,
            business_date=m.business_date, counterparty=m.counterparty, delivery=m.delivery,
            stated=exact(m.stated), stated_unit=m.stated_unit, unit=m.unit,
            delta=exact(m.delta), counted=exact(m.amount) if m.sign == 0 else None,
            corrected=m.corrected_by is not None,
        )
        for m in _entries(reader, premises, moment, ENTRIES_SHOWN_MAX)
    ]  # fmt: skip


def _date(reader: Reader, lines: list[stock_schemas.StockLine], day: date) -> None:
    """Says of each line until when it is good, and whether it was past that on a day."""
    query = "SELECT product, lot, expires FROM trade.lots WHERE product = ANY(%s)"
    found = rows(reader, query, [sorted({line.product for line in lines})])
    ends = {(row["product"], row["lot"]): row["expires"] for row in found}
    for line in lines:
        line.expires = ends.get((line.product, line.lot))
        if line.expires is not None:
            line.state = "expired" if day > line.expires else "in time"


def _day_of(reader: Reader, moment: Moment) -> date:
    """Returns the day of a moment: the instant's, else the one on which the position came."""
    query = "SELECT max(received) AS at FROM ledger.events WHERE notification_id <= %s"
    known = rows(reader, query, [moment.position])[0]["at"] or datetime.now(UTC)
    return day_at(min(moment.at, known), ZoneInfo(ZONE_DEFAULT))


def exact(thousandths: int) -> str:
    """Writes thousandths as a decimal without needless zeros."""
    return format((Decimal(thousandths) / 1000).normalize(), "f")


def _entries(reader: Reader, premises: str, moment: Moment, limit: int) -> list[Movement]:
    found = rows(reader, THEN, moment._asdict() | {"premises": premises, "limit": limit})
    return [MOVEMENTS.row_of(row) for row in found]


def _line(
    stock: Stock, shelf: Shelf | None, place: Mapping[str, Any] | None
) -> stock_schemas.StockLine:
    least, most = bounds(stock, shelf)
    if place is not None and place["merchant"] == stock.merchant and mode_of(place) != MODE_DEFAULT:
        # Sales that nobody recorded may have taken all of it.
        least = 0
    return stock_schemas.StockLine(
        merchant=stock.merchant, product=stock.product, lot=stock.lot, unit=stock.unit,
        amount=exact(stock.amount), at_least=exact(least), at_most=exact(most),
        expires=None, state="undated",
    )  # fmt: skip
