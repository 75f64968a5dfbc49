"""What is left of traced lots, out of PostgreSQL: now from the views, else from the movements."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection, sql
from psycopg.rows import DictRow

from ledger.projections.merchants import MODE_DEFAULT
from ledger.projections.movements import MOVEMENTS
from ledger.projections.shelves import SHELVES, STOCK, Shelf, Stock, bounds
from ledger.projections.stock import stock_from
from ledger.trace.answer import Left, Shelved
from ledger.trace.question import AsOf, LotName

# All of a lot at once: a giant one is at tens of thousands of places.
LINES = """
SELECT t.* FROM trade.stock t
JOIN (SELECT DISTINCT * FROM unnest(%(products)s::text[], %(lots)s::text[])) AS k(product, lot)
  USING (product, lot)
"""
SHELVES_OF = """
SELECT DISTINCT t.* FROM trade.shelves t
JOIN unnest(%(merchants)s::text[], %(premises)s::text[], %(products)s::text[], %(units)s::text[])
  AS k(merchant, premises, product, unit) USING (merchant, premises, product, unit)
"""
THEN = """
SELECT m.* FROM trade.movements m
JOIN (SELECT DISTINCT * FROM unnest(%(premises)s::text[], %(products)s::text[])) AS k(premises, product)
  USING (premises, product)
WHERE m.position <= %(position)s AND m.happened <= %(at)s
  AND (m.believed_to IS NULL OR m.believed_to > %(position)s)
"""
# Where not every sale is recorded, nothing is sure to be there still.
ESTIMATED = """
SELECT p.premises, coalesce(a.merchant, p.merchant) AS merchant
FROM trade.premises p LEFT JOIN trade.merchant_aliases a ON a.alias = p.merchant
WHERE p.premises = ANY(%(premises)s) AND p.mode <> %(mode)s
"""


class PgStock:
    """What is there of lots at a moment; `is_now` where that is the views' own."""

    def __init__(self, reader: Connection[DictRow], moment: AsOf, *, is_now: bool) -> None:
        self._reader = reader
        self._moment = moment
        self._is_now = is_now

    def left(self, shelved: Iterable[Shelved]) -> Mapping[Shelved, Left]:
        """See `TraceStock.left`."""
        wanted = set(shelved)
        about = {
            "merchants": [s.merchant for s in wanted], "premises": [s.premises for s in wanted],
            "products": [s.lot.product for s in wanted], "lots": [s.lot.key for s in wanted],
            "units": [s.unit for s in wanted], "mode": MODE_DEFAULT,
        }  # fmt: skip
        places = self._read(ESTIMATED, about)
        estimated = {(row["premises"], row["merchant"]) for row in places}
        found = {}
        for row, shelf in self._lines(about):
            key = Shelved(row.merchant, row.premises, LotName(row.product, row.lot), row.unit)
            if key not in wanted:
                continue
            least, most = bounds(row, shelf)
            if (row.premises, row.merchant) in estimated:
                least = 0
            found[key] = Left(int(least), int(most))
        return {key: found.get(key, Left(0, 0)) for key in wanted}

    def _lines(self, about: dict[str, Any]) -> list[tuple[Stock, Shelf | None]]:
        if not self._is_now:
            latest = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
            then = {"position": self._moment.position, "at": self._moment.at or latest}
            rows = self._read(THEN, about | then)
            return list(stock_from([MOVEMENTS.row_of(row) for row in rows]))
        shelves = {
            SHELVES.key_of(shelf): shelf
            for shelf in map(SHELVES.row_of, self._read(SHELVES_OF, about))
        }
        lines = [STOCK.row_of(row) for row in self._read(LINES, about)]
        return [
            (line, shelves.get((line.merchant, line.premises, line.product, line.unit)))
            for line in lines
        ]

    def _read(self, query: str, values: dict[str, Any]) -> list[DictRow]:
        return self._reader.execute(sql.SQL(query), values).fetchall()
