"""Retention: until when the law keeps a lot's records, and with them the persons they name."""

from datetime import date
from typing import Any

from ledger.rules.law_ledgers import LEDGERS, PRODUCE_CATEGORIES, keep_until
from query_api import schemas
from query_api.ledgers import names_of
from query_api.views import Reader, rows

# Voided entries too: that something was entered and taken back is a record as well; but nothing
# that is known as other goods by now.
LOTS = """
SELECT m.product, m.lot, min(p.name_zh) AS name_zh, min(p.category) AS category,
       max(m.business_date) AS last_day, min(l.expires) AS expires, count(DISTINCT m.original) AS entries
FROM trade.movements m
LEFT JOIN trade.products p ON p.gtin = m.product
LEFT JOIN trade.lots l ON l.product = m.product AND l.lot = m.lot
WHERE m.merchant = ANY(%(names)s) AND (m.product, m.lot) > (%(product)s, %(lot)s)
  AND (m.believed_to IS NULL OR NOT EXISTS (
      SELECT 1 FROM trade.movements n
      WHERE n.stream = m.stream AND n.number = m.number AND n.believed_to IS NULL))
GROUP BY m.product, m.lot ORDER BY m.product, m.lot LIMIT %(limit)s
"""
NAMED = """
SELECT m.original, m.product, m.business_date AS last_day, l.expires, p.category
FROM trade.movements m
LEFT JOIN trade.products p ON p.gtin = m.product
LEFT JOIN trade.lots l ON l.product = m.product AND l.lot = m.lot
WHERE m.card = %(ref)s
   OR m.counterparty IN (SELECT merchant FROM trade.merchants WHERE owner_card = %(ref)s)
   OR m.merchant IN (SELECT merchant FROM trade.merchants WHERE owner_card = %(ref)s)
"""


def lots(
    reader: Reader, merchant: str, today: date, *, after: list[str], limit: int
) -> list[schemas.LotRetention]:
    """Returns a merchant's lots behind a key: each with the last day its records are kept."""
    # What was taken back before a merge stands under the name it had then.
    values: dict[str, Any] = {
        "names": names_of(reader, merchant),
        "product": after[0],
        "lot": after[1],
        "limit": limit,
    }
    return [
        schemas.LotRetention(
            product=row["product"], lot=row["lot"], name_zh=row["name_zh"],
            entries=row["entries"], keep_until=(until := _until(row)),
            may_be_archived=until < today,
        )
        for row in rows(reader, LOTS, values)
    ]  # fmt: skip


def person(reader: Reader, ref: str, today: date) -> schemas.PersonRetention:
    """Returns until when records that name a person must be kept; nothing names who is free."""
    found = rows(reader, NAMED, {"ref": ref})
    until = max((_until(row) for row in found), default=None)
    free = until is None or until < today
    advice = "" if free else f"records that name this card must be kept until {until}"
    return schemas.PersonRetention(
        ref=ref, entries=len({row["original"] for row in found}), keep_until=until, may_be_erased=free, advice=advice
    )  # fmt: skip


def _until(row: dict[str, Any]) -> date:
    produce = row["product"].startswith("item:") or row["category"] in PRODUCE_CATEGORIES
    law = LEDGERS["produce" if produce else "purchases"]
    return keep_until(law, row["last_day"], row["expires"])
