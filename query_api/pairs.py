"""Pairs of a merchant's trades: what both sides say, by totals."""

from datetime import date
from typing import Any

from ledger.projections.pairs import TRADING_DAYS
from query_api import schemas
from query_api.stock import exact
from query_api.views import Reader, rows

# By the delivery's number where both carry it, else by the lot and the trading days, which are
# one while less than three days lie between them: DESIGN, section 5.
PAIRS = """
WITH cells AS (
    SELECT c.seller, c.buyer, c.product, c.unit, c.sold, c.received, c.sold_entries,
           c.received_entries, c.day, k.numbered,
           CASE WHEN k.numbered THEN c.delivery ELSE '' END AS delivery, c.delivery AS stated,
           CASE WHEN k.numbered THEN '' ELSE c.lot END AS lot
    FROM trade.pair_cells c
    JOIN trade.paired_numbers n USING (seller, buyer, product, unit, delivery)
    CROSS JOIN LATERAL (
        SELECT delivery <> '' AND n.sold_entries > 0 AND n.received_entries > 0 AS numbered
    ) k
    WHERE c.seller = %(merchant)s OR c.buyer = %(merchant)s
), apart AS (
    SELECT *, NOT numbered
              AND day - lag(day, 1, day) OVER (PARTITION BY seller, buyer, product, unit, delivery,
                                               lot ORDER BY day) > %(near)s AS begins
    FROM cells
), runs AS (
    SELECT *, sum(begins::int) OVER (PARTITION BY seller, buyer, product, unit, delivery, lot
                                     ORDER BY day) AS run
    FROM apart
)
SELECT seller, buyer, product, unit, delivery, lot, min(p.name_zh) AS name_zh, sum(sold) AS sold,
       sum(received) AS received, sum(sold_entries) AS sold_entries,
       sum(received_entries) AS received_entries, min(day) AS first_day, max(day) AS last_day,
       array_remove(array_agg(DISTINCT stated), '') AS numbers
FROM runs LEFT JOIN trade.products p ON p.gtin = product
GROUP BY seller, buyer, product, unit, delivery, lot, run
HAVING max(day) BETWEEN %(since)s AND %(until)s
   AND (seller, buyer, product, unit, delivery, lot, max(day)::text)
       > (%(a)s, %(b)s, %(c)s, %(d)s, %(e)s, %(f)s, %(g)s)
ORDER BY seller, buyer, product, unit, delivery, lot, max(day) LIMIT %(limit)s
"""
# What one side took back after both had agreed: both readings are shown.
CONTESTED = """
SELECT original, believed_to, kind, merchant, counterparty, product, unit, lot,
       coalesce(delivery, '') AS delivery, amount, business_date AS day
FROM trade.movements
WHERE contested = 'confirmed' AND product = ANY(%(products)s)
  AND (merchant = %(merchant)s OR counterparty = %(merchant)s)
ORDER BY original LIMIT 1000
"""


def page(
    reader: Reader, merchant: str, since: date, until: date, *, after: list[str], limit: int
) -> list[schemas.TradePair]:
    """Returns groups of a merchant's trades behind a key, with what both sides say."""
    values = {"merchant": merchant, "since": since, "until": until, "limit": limit}
    values["near"] = TRADING_DAYS.days
    found = rows(reader, PAIRS, values | dict(zip("abcdefg", after, strict=True)))
    asked = {"merchant": merchant, "products": sorted({row["product"] for row in found})}
    contested = rows(reader, CONTESTED, asked) if found else []
    return [_pair(row, [c for c in contested if _is_of(c, row)]) for row in found]


def _is_of(entry: dict[str, Any], pair: dict[str, Any]) -> bool:
    """Tells whether an entry that was taken back had belonged to a group."""
    same = (entry["product"], entry["unit"]) == (pair["product"], pair["unit"])
    sides = {entry["merchant"], entry["counterparty"]} == {pair["seller"], pair["buyer"]}
    numbered = entry["delivery"] != "" and entry["delivery"] in pair["numbers"]
    near = pair["first_day"] - TRADING_DAYS <= entry["day"] <= pair["last_day"] + TRADING_DAYS
    return same and sides and (numbered or (near and entry["lot"] == pair["lot"]))


def _pair(row: dict[str, Any], contested: list[dict[str, Any]]) -> schemas.TradePair:
    sold, received = int(row["sold"]), int(row["received"])
    if row["sold_entries"] and row["received_entries"]:
        status = "confirmed" if sold == received else "differs"
    else:
        status = "seller-only" if row["sold_entries"] else "buyer-only"
    return schemas.TradePair(
        seller=row["seller"], buyer=row["buyer"], product=row["product"], name_zh=row["name_zh"],
        unit=row["unit"], delivery=row["delivery"] or None, lot=row["lot"], status=status,
        sold=exact(sold), received=exact(received), difference=exact(received - sold),
        last_day=row["last_day"], numbers=row["numbers"],
        contested=[
            schemas.ContestedEntry(
                position=entry["original"], corrected_at=entry["believed_to"], kind=entry["kind"],
                merchant=entry["merchant"], amount=exact(int(entry["amount"])),
            )
            for entry in contested
        ],
    )  # fmt: skip
