"""Building segments: the views' movements, added up in the database and numbered here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from psycopg import Connection, sql
from psycopg.rows import DictRow, tuple_row

from ledger.trace.question import LotName
from ledger.trace.segment import Array, Lines, Links, Names, Segment, Stamp, ToldSums, hash_of

# Rows that count now: believed, or corrected after the other side had agreed or a stop.
NOW = "m.amount > 0 AND (m.believed_to IS NULL OR m.contested IS NOT NULL)"
TRADE = (
    "m.counterparty IS NOT NULL AND m.kind IN ('goods-sold', 'goods-received', 'goods-returned')"
)
# What a sum in an array can hold. Goods of which a row says more than a thousand tonnes are left to
# the rules on rows, which add up without bounds.
EDGE, ABSURD = 2**62, 10**12


def _sum(amount: str, which: str = "") -> str:
    """Returns the sum of believed rows as SQL, at most what an array holds."""
    total = f"sum({amount}) FILTER (WHERE {{believed}}{which})"
    return f"greatest(-{EDGE}, least({EDGE}, coalesce({total}, 0)))::bigint"


# Which rows each of a line's sums adds up, in the order of `SUMS`.
SUMMED = (
    " AND (m.kind = 'goods-received' OR (m.kind = 'goods-returned' AND m.sign > 0))",
    " AND m.kind = 'made'",
    " AND m.kind IN ('goods-sold', 'day-sales')",
    " AND m.kind = 'goods-returned' AND m.sign < 0",
    " AND m.kind IN ('goods-used', 'used-in')",
    " AND m.kind = 'goods-disposed'",
    " AND m.card IS NULL AND (m.kind = 'day-sales' OR (m.kind = 'goods-sold' AND m.counterparty IS NULL))",
)
# `counted` are the rows that make a line, `believed` those whose amounts it adds up.
LINES = f"""
SELECT m.product, m.lot, m.merchant, m.premises, m.unit, count(*) FILTER (WHERE {{counted}}) AS n,
  {", ".join(_sum("m.amount", which) for which in SUMMED)}
FROM trade.movements m WHERE {{where}}
GROUP BY m.product, m.lot, m.merchant, m.premises, m.unit
"""
GIVEN = """
CASE WHEN m.kind = 'goods-sold' OR (m.kind = 'goods-returned' AND m.sign < 0)
  OR m.merchant = m.counterparty THEN m.amount ELSE -m.amount END
"""
# Each side's word of what the other got: given to it, less taken from it.
TOLD = f"""
SELECT m.product, m.lot, m.counterparty, m.unit, count(*) FILTER (WHERE {{counted}}) AS n,
  {_sum(GIVEN)}
FROM trade.movements m WHERE {{where}} AND {TRADE} AND (m.lot < 'R:' OR m.lot >= 'R;')
GROUP BY m.product, m.lot, m.counterparty, m.unit
"""
LINKS = """
SELECT DISTINCT m.kind, m.original, m.product, m.lot FROM trade.movements m
WHERE {where} AND m.kind IN ('used-in', 'made')
"""
# Products whose goods were in trade, used or came in without saying which lot they are: what those
# may be is worked out by the rules on rows.
LOOSE = f"""
SELECT DISTINCT m.product FROM trade.movements m
WHERE {{where}} AND (
  (m.lot = '' AND (m.kind IN ('used-in', 'stock-counted') OR m.sign > 0 OR ({TRADE})))
  OR (m.lot >= 'R:' AND m.lot < 'R;') OR m.amount > {ABSURD}
  OR (m.lot ~ '^[DE]:' AND EXISTS (
        SELECT 1 FROM trade.ties t WHERE t.product = m.product AND t.key = m.lot AND t.ended = 0)))
"""
# Now: what counts, with the amounts of what is believed.
COUNTED = {"where": NOW, "counted": "true", "believed": "m.believed_to IS NULL"}
COUNT = f"SELECT count(*) FROM trade.movements m WHERE {NOW}"
LEAF = "SELECT encode(leaf, 'hex') FROM ledger.events WHERE notification_id = %s"
PAGE = 50_000


class Tables(NamedTuple):
    """What a database adds up, as rows of names and numbers."""

    lines: Iterable[tuple[Any, ...]]
    told: Iterable[tuple[Any, ...]]
    links: Iterable[tuple[Any, ...]]


class Numbers:
    """Names as numbers, in the order in which they were met."""

    def __init__(self, known: Iterable[Any] = ()) -> None:
        self.names: list[Any] = list(known)
        self._numbers = {name: number for number, name in enumerate(self.names)}

    def known(self, name: Any) -> int:
        """Returns a name's number, -1 for one that has none."""
        return self._numbers.get(name, -1)

    def __call__(self, name: Any) -> int:
        """Returns a name's number, a new one for a new name."""
        number = self._numbers.setdefault(name, len(self.names))
        if number == len(self.names):
            self.names.append(name)
        return number


def build(reader: Connection[DictRow], position: int) -> Segment:
    """Builds the segment of a position, which the caller's snapshot MUST stand at."""
    loose = [row[0] for row in read_rows(reader, LOOSE, COUNTED)]
    tables = Tables(*(read_rows(reader, query, COUNTED) for query in (LINES, TOLD, LINKS)))
    movements = next(iter(read_rows(reader, COUNT, {})))[0]
    return assemble(Stamp(position, leaf_at(reader, position), movements), tables, loose)


def leaf_at(reader: Connection[DictRow], position: int) -> str:
    """Returns the leaf that stands at a position, empty where there is none."""
    with reader.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(LEAF, [position]).fetchone()
    return str(found[0]) if found is not None else ""


def assemble(stamp: Stamp, tables: Tables, loose: Iterable[str]) -> Segment:
    """Numbers rows and sorts them into a segment."""
    met, places, merchants, units = Numbers(), Numbers(), Numbers(), Numbers()
    lines = _columns(
        ((met(LotName(p, lot)), places((m, at)), units(u), n, *sums)
         for p, lot, m, at, u, n, *sums in tables.lines), 11,
    )  # fmt: skip
    told = _columns(
        ((met(LotName(p, lot)), merchants(m), units(u), n, amount)
         for p, lot, m, u, n, amount in tables.told), 5,
    )  # fmt: skip
    links = _columns(
        ((kind == "made", entry, met(LotName(p, lot))) for kind, entry, p, lot in tables.links), 3
    )
    lots, numbers, product, products = number_lots(met.names)
    words = {
        "places": places.names, "merchants": merchants.names, "units": units.names,
        "products": products, "loose": sorted(loose),
    }  # fmt: skip
    return Segment(
        stamp, lots, product, words, lines=_lines(lines, numbers), told=_told(told, numbers),
        used=_links(links[:, links[0] == 0], numbers),
        made=_links(links[:, links[0] == 1], numbers),
    )  # fmt: skip


def number_lots(met: Sequence[LotName]) -> tuple[Names, Array, Array, list[str]]:
    """Returns lots in the order of their hashes, each one's number there, its product, and these."""
    lots, products = Names.of(met), Numbers()
    order = np.argsort(np.fromiter((hash_of(lot) for lot in met), np.uint64, len(met)))
    numbers = np.empty(len(met), np.int64)
    numbers[order] = np.arange(len(met))
    product = np.fromiter((products(met[i].product) for i in order), np.int32, len(met))
    return lots, numbers, product, products.names


def read_rows(
    reader: Connection[DictRow],
    query: str,
    about: Mapping[str, str],
    values: Mapping[str, Any] | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Reads a query's rows a page at a time: all at once they would not fit into memory."""
    with reader.cursor(name="segment", row_factory=tuple_row) as cursor:
        cursor.itersize = PAGE
        cursor.execute(sql.SQL(query.format(**about)), values)
        yield from cursor


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> Array:
    flat = np.fromiter((value for row in rows for value in row), np.int64)
    return flat.reshape(-1, width).T


def _lines(found: Array, numbers: Array) -> Lines:
    lot = numbers[found[0]]
    order = np.argsort(lot, kind="stable")
    place, unit, count = found[1][order], found[2][order], found[3][order]
    return Lines(
        lot[order].astype(np.int32), place.astype(np.int32), unit.astype(np.uint8),
        count.astype(np.int32), np.ascontiguousarray(found[4:, order].T),
    )  # fmt: skip


def _told(found: Array, numbers: Array) -> ToldSums:
    lot = numbers[found[0]]
    order = np.argsort(lot, kind="stable")
    merchant, unit, count = found[1][order], found[2][order], found[3][order]
    return ToldSums(
        lot[order].astype(np.int32), merchant.astype(np.int32), unit.astype(np.uint8),
        count.astype(np.int32), found[4][order],
    )  # fmt: skip


def _links(found: Array, numbers: Array) -> Links:
    entry, lot = found[1], numbers[found[2]] if found.shape[1] else found[2]
    order = np.lexsort((lot, entry))
    return Links(entry[order], lot[order].astype(np.int32))
