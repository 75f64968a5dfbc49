"""What everybody may know of a merchant's shelves, and of the tests of the last days."""

from datetime import date, timedelta

from query_api.register_schemas import ShelfLine, TestDay
from query_api.views import Reader, rows

# What came before is sold, or stands in the lot's own page.
SHELF_DAYS, SHELF_LINES_MAX = 30, 200
SHELF = """
WITH RECURSIVE shelf AS (
    SELECT product, lot, max(business_date) AS day FROM trade.movements
    WHERE merchant = %(merchant)s AND business_date BETWEEN %(since)s AND %(today)s + 1
      AND kind IN ('goods-received', 'made') AND believed_to IS NULL
      AND (%(product)s::text IS NULL OR product = %(product)s)
    GROUP BY product, lot
), family(product, gtin, level) AS (
    -- A test may name the case that a pack came in.
    SELECT DISTINCT product, product, 0 FROM shelf
    UNION SELECT f.product, p.gtin, f.level + 1 FROM family f JOIN trade.products p ON p.base = f.gtin
    WHERE f.level < 5
)
-- What goods without a code came by is the number of a delivery, and no lot for everybody.
SELECT v.product, CASE WHEN left(v.lot, 2) = 'R:' THEN '' ELSE v.lot END AS lot, p.name_zh, p.name_en, coalesce(k.name, p.maker) AS maker,
       v.day, l.expires, t.tests_passed, t.tests_failed,
       coalesce(s.recalled, false) AS recalled, coalesce(s.stopped, false) AS stopped, coalesce(s.stopped, true) = false AS maybe_stopped
FROM shelf v
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE result = 'passed') AS tests_passed,
           count(*) FILTER (WHERE result = 'failed') AS tests_failed
    FROM trade.papers q WHERE q.believed_to IS NULL AND q.kind = 'test' AND left(v.lot, 2) = 'L:'
      AND substr(v.lot, 3) = ANY(q.lots)
      AND q.gtins && ARRAY(SELECT gtin FROM family WHERE product = v.product)
) t ON true
LEFT JOIN LATERAL (
    SELECT bool_or(how = 'stopped') AS stopped, bool_or(how = 'stopped' AND kind = 'recall') AS recalled
    FROM trade.stopped_lots
    WHERE product = v.product AND lot = v.lot AND ended_at IS NULL
) s ON true
LEFT JOIN trade.lots l ON l.product = v.product AND l.lot = v.lot
LEFT JOIN trade.products p ON p.gtin = v.product
LEFT JOIN trade.merchants k ON k.merchant = p.maker
WHERE coalesce(l.expires, 'infinity') >= %(today)s
ORDER BY stopped DESC, maybe_stopped DESC, day DESC, v.product, v.lot LIMIT %(limit)s
"""
TESTS = """
SELECT business_date AS day, count(*) FILTER (WHERE result = 'passed') AS passed,
       count(*) FILTER (WHERE result = 'failed') AS failed
FROM trade.papers
WHERE kind = 'test' AND believed_to IS NULL AND business_date BETWEEN %(since)s AND %(today)s
GROUP BY business_date
"""


def shelf(reader: Reader, merchant: str, now: date, product: str | None) -> list[ShelfLine]:
    """Returns what a merchant took in lately that is still good, what is stopped first."""
    asked = {
        "merchant": merchant, "since": now - timedelta(days=SHELF_DAYS), "today": now,
        "product": product, "limit": SHELF_LINES_MAX,
    }  # fmt: skip
    return [ShelfLine(**row) for row in rows(reader, SHELF, asked)]


def tests(reader: Reader, now: date, days: int) -> list[TestDay]:
    """Returns the test reports of each of the last days."""
    first = now - timedelta(days=days - 1)
    found = {row["day"]: row for row in rows(reader, TESTS, {"since": first, "today": now})}
    every = (first + timedelta(days=n) for n in range(days))
    none = {"passed": 0, "failed": 0}
    return [TestDay(**(found.get(day) or {"day": day, **none})) for day in every]
