"""PgTrace's rows: movements at a moment, read from the views by what they name."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import DictRow

from ledger.trace.question import AsOf, LotName
from ledger.trace.rows import MADE_HERE, OpenDates, TraceRow, is_made_here

COLUMNS = """
m.original, m.leg, m.kind, m.merchant, m.premises, m.counterparty, m.card, m.product, m.lot, m.unit,
m.amount, m.sign, m.delivery, m.happened, m.uncertainty_s, m.process,
(m.believed_to IS NULL OR m.believed_to > %(position)s) AS believed
"""
# What was corrected after the other side had confirmed it counts beside its correction.
AT_MOMENT = """
m.amount > 0 AND m.position <= %(position)s AND m.happened <= %(at)s
AND (m.believed_to IS NULL OR m.believed_to > %(position)s OR m.contested IS NOT NULL)
"""
TRADE = (
    "m.counterparty IS NOT NULL AND m.kind IN ('goods-sold', 'goods-received', 'goods-returned')"
)
NAMING = f"""
SELECT {COLUMNS} FROM trade.movements m
JOIN unnest(%(products)s::text[], %(lots)s::text[]) AS l(product, lot) USING (product, lot)
WHERE {AT_MOMENT}
"""
ENTRIES = f"""
SELECT {COLUMNS} FROM trade.movements m
WHERE m.original = ANY(%(originals)s) AND m.kind IN ('used-in', 'made') AND {AT_MOMENT}
"""
# Loose goods in trade, used, or from nobody named; and goods that a delivery named.
LOOSE = f"""
SELECT {COLUMNS} FROM trade.movements m
WHERE m.product = %(product)s AND m.lot = ANY(%(loose)s) AND {AT_MOMENT}
  AND (m.kind IN ('used-in', 'stock-counted') OR m.sign > 0 OR ({TRADE}))
UNION ALL
SELECT {COLUMNS} FROM trade.movements m
WHERE m.product = %(product)s AND m.lot >= 'R:' AND m.lot < 'R;' AND m.sign > 0 AND {TRADE}
  AND {AT_MOMENT}
"""
# Of what these merchants had by its label, the earliest row of each kind says when it came first.
NAMED = f"""
SELECT DISTINCT ON (m.merchant, m.counterparty, m.kind, m.sign, m.lot) {COLUMNS}
FROM trade.movements m
WHERE m.product = %(product)s AND NOT m.lot = ANY(%(loose)s) AND {AT_MOMENT}
  AND (m.merchant = ANY(%(merchants)s) OR m.counterparty = ANY(%(merchants)s))
ORDER BY m.merchant, m.counterparty, m.kind, m.sign, m.lot,
         m.happened - m.uncertainty_s * interval '1 second'
"""
# What both sides state with its lot under the numbers of loose lines.
NUMBERED = f"""
SELECT {COLUMNS} FROM trade.movements m
WHERE m.product = %(product)s AND NOT m.lot = ANY(%(loose)s) AND m.delivery = ANY(%(deliveries)s)
  AND (m.lot < 'R:' OR m.lot >= 'R;' OR m.sign <= 0) AND {TRADE} AND {AT_MOMENT}
"""
# The latest that each of them gave out to consumers without its lot.
GIVEN_OUT = f"""
SELECT DISTINCT ON (m.merchant, m.lot) {COLUMNS} FROM trade.movements m
WHERE m.product = %(product)s AND m.lot = ANY(%(loose)s) AND m.merchant = ANY(%(merchants)s)
  AND m.sign <= 0 AND m.kind NOT IN ('used-in', 'stock-counted') AND NOT ({TRADE}) AND {AT_MOMENT}
ORDER BY m.merchant, m.lot, m.happened + m.uncertainty_s * interval '1 second' DESC
"""
LOOSE_OF = f"""
SELECT {COLUMNS} FROM trade.movements m
WHERE m.product = %(product)s AND m.lot = ANY(%(loose)s) AND m.merchant = ANY(%(merchants)s)
  AND {AT_MOMENT}
"""
TIES = """
SELECT key, other FROM trade.ties
WHERE product = %(product)s AND since <= %(position)s AND (ended = 0 OR ended > %(position)s)
"""


class Now(NamedTuple):
    """The moment as every query takes it."""

    position: int
    at: datetime


class PgRows:
    """The rows of one moment out of PostgreSQL.

    The caller MUST hold one REPEATABLE READ transaction for all of an answer.
    """

    def __init__(self, reader: Connection[DictRow], moment: AsOf, head: int) -> None:
        """`head` is the position that the views are true for."""
        latest = datetime.max.replace(tzinfo=UTC) - timedelta(days=2)
        known = head if moment.position is None else min(head, moment.position)
        self.moment = AsOf(known, moment.at)
        self._now = Now(known, moment.at or latest)._asdict()
        self.reader = reader
        self._dates: dict[str, OpenDates] = {}

    def naming(self, lots: Collection[LotName]) -> list[TraceRow]:
        """See `TraceRows.naming`."""
        named = sorted(lot for lot in lots if not lot.key.startswith(MADE_HERE))
        here = [int(lot.key[2:].partition("/")[0]) for lot in lots if lot.key.startswith(MADE_HERE)]
        found = self._read(NAMING, {
            "products": [lot.product for lot in named], "lots": [lot.key for lot in named],
        }) if named else []  # fmt: skip
        # What was made without a lot is named by its entry, and no longer by a date that is open; the
        # entry's inputs are not asked for again.
        found += [row for row in self.entries(here) if is_made_here(LotName(row.product, row.lot))]
        return [row for row in found if LotName(row.product, row.lot) in lots]

    def entries(self, originals: Collection[int]) -> list[TraceRow]:
        """See `TraceRows.entries`."""
        return self._read(ENTRIES, {"originals": sorted(originals)}) if originals else []

    def loose_world(self, product: str) -> list[TraceRow]:
        """See `TraceRows.loose_world`."""
        dates = self.open_dates(product)
        about: dict[str, Any] = {
            "product": product, "loose": ["", *(lot.key for lot in dates)],
        }  # fmt: skip
        rows = self._read(LOOSE, about)
        loose_keys = set(about["loose"])
        if not any(row.giver is not None or row.kind == "used-in" for row in rows):
            return []
        merchants = {row.merchant for row in rows} | {
            r.counterparty for r in rows if r.counterparty
        }
        numbers = {row.delivery for row in rows if row.delivery and row.lot in loose_keys}
        about |= {"merchants": sorted(merchants), "deliveries": sorted(numbers)}
        # Counted with the others of their numbers below, not here.
        named = [row._replace(delivery=None) for row in self._read(NAMED, about)]
        named = [
            row for row in named if not (row.lot.startswith("R:") and row.taker == row.merchant)
        ]
        return rows + named + self._read(NUMBERED, about) + self._read(GIVEN_OUT, about)

    def loose_rows(self, product: str, merchants: Collection[str]) -> list[TraceRow]:
        """See `TraceRows.loose_rows`."""
        loose = ["", *(lot.key for lot in self.open_dates(product))]
        about = {"product": product, "loose": loose, "merchants": sorted(merchants)}
        rows = self._read(LOOSE_OF, about)
        return [row for row in rows if not row.lot.startswith(MADE_HERE)]

    def open_dates(self, product: str) -> OpenDates:
        """See `TraceRows.open_dates`."""
        if product not in self._dates:
            found = self.reader.execute(TIES, self._now | {"product": product}).fetchall()
            ties: dict[str, set[str]] = defaultdict(set)
            for row in found:
                ties[row["key"]].add(row["other"])
            meant = {key: _meant(ties, key) for key in ties}
            self._dates[product] = {
                LotName(product, key): lots for key, lots in meant.items() if len(lots) > 1
            }
        return self._dates[product]

    def _read(self, query: str, values: Mapping[str, Any]) -> list[TraceRow]:
        rows = self.reader.execute(sql.SQL(query), self._now | dict(values)).fetchall()
        return [self._row(row) for row in rows]

    def _row(self, row: DictRow) -> TraceRow:
        lot, wrong = row["lot"], timedelta(seconds=row["uncertainty_s"])
        if row["kind"] == "made" and self._is_loose(LotName(row["product"], lot)):
            lot = f"{MADE_HERE}{row['original']}/{row['leg']}"
        return TraceRow(
            row["original"], row["leg"], row["kind"], row["merchant"], row["premises"],
            row["counterparty"], row["card"], row["product"], lot, row["unit"], int(row["amount"]),
            row["sign"], row["delivery"], row["happened"] - wrong, row["happened"] + wrong,
            row["believed"], row["process"],
        )  # fmt: skip

    def _is_loose(self, lot: LotName) -> bool:
        return lot.key == "" or (
            lot.key[:2] in ("D:", "E:") and lot in self.open_dates(lot.product)
        )


def _meant(ties: Mapping[str, set[str]], key: str) -> frozenset[str]:
    """Returns the lots that a date's labels name, a last good day's by way of production days."""
    found: set[str] = set()
    for other in ties[key]:
        found |= _meant(ties, other) if other in ties else {other}
    return frozenset(found)
