"""Queries behind the product and lot pages."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from ledger.rules.near_expiry import near_from
from ledger.rules.register import LEVELS_MAX
from query_api import schemas
from query_api.problems import Problem
from query_api.views import Reader, position, rows, today

LOTS_MAX, PAPERS_MAX = 100, 10

PRODUCT = """
SELECT p.gtin, p.name_zh, p.name_en, p.category, p.pack, p.shelf_life_days,
       coalesce(m.name, p.maker) AS maker
FROM trade.products p LEFT JOIN trade.merchants m ON m.merchant = p.maker WHERE gtin = %s
"""
STEPS = """
SELECT m.merchant, r.name AS merchant_name, r.kind AS merchant_kind, m.premises,
       p.name AS premises_name, min(business_date) AS first_day, max(business_date) AS last_day,
       array_agg(DISTINCT m.kind) AS kinds, min(happened) AS first_happened
FROM trade.movements m
LEFT JOIN trade.merchants r USING (merchant) LEFT JOIN trade.premises p USING (premises)
WHERE product = %s AND lot = %s AND believed_to IS NULL
GROUP BY m.merchant, r.name, r.kind, m.premises, p.name
ORDER BY CASE WHEN bool_or(m.kind = 'made') THEN 0 ELSE 1 END, first_day, first_happened, m.premises
LIMIT 200
"""
MADE_FROM = """
SELECT DISTINCT input_product AS product, input_lot AS lot, t.premises,
       coalesce(p.name_zh, input_product) AS product_name, p.name_en AS product_name_en,
       (SELECT CASE max(CASE WHEN how = 'possible' THEN 0 WHEN kind = 'hold' THEN 1 ELSE 2 END)
          WHEN 2 THEN 'recalled' WHEN 1 THEN 'held' WHEN 0 THEN 'possible' END
        FROM trade.stopped_lots s WHERE s.product = input_product AND s.lot = input_lot
          AND s.ended_at IS NULL) AS stopped
FROM trade.lot_transforms t LEFT JOIN trade.products p ON p.gtin = input_product
WHERE output_product = %s AND output_lot = %s AND believed_to IS NULL
ORDER BY 1, 2 LIMIT 100
"""
LOTS_OF_DATES = """
SELECT lot, produced, expires,
  (SELECT CASE max(CASE WHEN how = 'possible' THEN 0 WHEN kind = 'hold' THEN 1 ELSE 2 END)
     WHEN 2 THEN 'recalled' WHEN 1 THEN 'held' WHEN 0 THEN 'possible' END
   FROM trade.stopped_lots s
   WHERE s.product = l.product AND s.lot = l.lot AND s.ended_at IS NULL) AS stopped,
  EXISTS (SELECT 1 FROM trade.papers q WHERE q.believed_to IS NULL AND q.result = 'failed'
    AND q.gtins && %(gtins)s::text[] AND substr(l.lot, 3) = ANY(q.lots)) AS test_failed
FROM trade.lots l
WHERE product = %(gtin)s AND lot <> '' AND entries > 0
      AND (%(produced)s::date IS NULL
           OR produced BETWEEN coalesce(%(produced_from)s::date, %(produced)s) AND %(produced)s)
      AND (%(expires)s::date IS NULL
           OR expires BETWEEN coalesce(%(expires_from)s::date, %(expires)s) AND %(expires)s)
ORDER BY expires DESC NULLS LAST, lot LIMIT %(limit)s
"""
PAPERS = """
SELECT q.kind, q.number, q.issuer, q.result, q.valid_from, q.valid_until, q.digest,
       d.digest IS NULL AS awaited, q.lots <> '{}' AS of_lot, q.lots, q.position
FROM trade.papers q LEFT JOIN ledger.documents d ON d.digest = q.digest
WHERE q.believed_to IS NULL AND q.gtins && %(gtins)s::text[]
      AND (%(lot)s::text IS NULL OR q.lots = '{}' OR %(lot)s = ANY(q.lots))
      AND q.position < %(before)s
ORDER BY q.position DESC LIMIT %(limit)s
"""
GAPS = """
SELECT count(*) AS gaps FROM edge.gaps g WHERE g.kind IN ('tape-lost', 'tape-forked')
  AND g.note <> 'reports lost: 0' AND EXISTS
  (SELECT 1 FROM trade.movements m WHERE m.stream = g.stream AND m.product = %s AND m.lot = %s)
"""
STOPS = """
SELECT l.kind, l.stop, l.how, l.since, r.grade, r.notice, l.position,
       coalesce(r.authority, h.authority) AS authority, coalesce(r.reason, h.reason) AS reason
FROM trade.stopped_lots l
LEFT JOIN trade.recalls r ON l.kind = 'recall' AND r.recall = l.stop
LEFT JOIN trade.holds h ON l.kind = 'hold' AND h.hold = l.stop
WHERE l.product = %s AND l.lot = %s AND l.ended_at IS NULL ORDER BY l.kind DESC, l.how DESC, l.stop
"""
# Of a whole product: what stops any of its lots, and what names it and was never delivered here.
STOPS_OF_PRODUCT = """
SELECT DISTINCT f.kind, f.stop, r.grade, r.notice,
       coalesce(r.authority, h.authority) AS authority, coalesce(r.reason, h.reason) AS reason
FROM (SELECT kind, stop FROM trade.stopped_lots WHERE product = %(gtin)s AND ended_at IS NULL
      UNION SELECT kind, stop FROM trade.stop_lines
      WHERE product = ANY(%(gtins)s) AND ended_at IS NULL) f
LEFT JOIN trade.recalls r ON f.kind = 'recall' AND r.recall = f.stop
LEFT JOIN trade.holds h ON f.kind = 'hold' AND h.hold = f.stop
ORDER BY f.kind DESC, f.stop LIMIT 20
"""
# The last entry about it: of goods, a hold or recall, a paper, their ends included; and when what is said of it last
# changed, also because a tape was lost that names it nowhere.
UPDATED = """
SELECT entry, greatest(entry, (SELECT max(g.position) FROM edge.gaps g
  WHERE g.kind IN ('tape-lost', 'tape-forked') AND EXISTS (SELECT 1 FROM trade.movements m
    WHERE m.stream = g.stream AND m.product = %(gtin)s AND m.lot = %(lot)s))) AS position
FROM (SELECT greatest(
  (SELECT last_position FROM trade.lots WHERE product = %(gtin)s AND lot = %(lot)s),
  (SELECT max(greatest(position, ended_at)) FROM trade.stopped_lots
   WHERE product = %(gtin)s AND lot = %(lot)s),
  (SELECT max(greatest(q.position, q.believed_to)) FROM trade.papers q
   WHERE q.gtins && %(gtins)s::text[] AND (q.lots = '{}' OR %(number)s = ANY(q.lots))), 0) AS entry) AS last
"""
NAMES = """
SELECT gtin, CASE WHEN current_setting('suyuan.language', true) = 'en'
  THEN coalesce(name_en, name_zh) ELSE name_zh END AS name FROM trade.products WHERE gtin = ANY(%s)
"""
POSITION_MAX = 2**62


FAMILY = """
WITH RECURSIVE family(gtin, level) AS (
    SELECT %s::text, 0
    UNION SELECT p.gtin, level + 1 FROM family f JOIN trade.products p ON p.base = f.gtin
    WHERE level < 5
) SELECT gtin FROM family
"""


def base_of(reader: Reader, gtin: str) -> str:
    """Returns the product that a case's GTIN stands for in the end, as the register says."""
    return single_of(reader, gtin)[0]


def single_of(reader: Reader, gtin: str) -> tuple[str, int]:
    """Returns what a product is a case of in the end, and how many of it one holds."""
    base, holds = gtin, 1
    for _ in range(LEVELS_MAX + 1):
        found = rows(reader, "SELECT base, contains FROM trade.products WHERE gtin = %s", [base])
        if not found or found[0]["base"] is None:
            return base, holds
        base, holds = found[0]["base"], holds * int(found[0]["contains"])
    return gtin, 1


def product(reader: Reader, gtin: str) -> schemas.Product:
    """Returns a product; one that is not registered has its number only."""
    found = rows(reader, PRODUCT, [gtin])
    return schemas.Product(**found[0]) if found else schemas.Product(gtin=gtin)


class Dates(NamedTuple):
    """The days printed on a pack, as far as they were told; from a day on, where it states a month alone."""

    produced: date | None
    expires: date | None
    produced_from: date | None = None
    expires_from: date | None = None


def _of_dates(reader: Reader, gtin: str, dates: Dates, limit: int) -> list[dict[str, Any]]:
    asked = {"gtin": gtin, "gtins": _family(reader, gtin), "limit": limit}
    return rows(reader, LOTS_OF_DATES, asked | dates._asdict())


def product_page(reader: Reader, asked: str, dates: Dates) -> schemas.ProductPage:
    """Returns a product, or that of a case, with its lots: those of some dates if any are told."""
    gtin, holds = single_of(reader, asked)
    found = _of_dates(reader, gtin, dates, LOTS_MAX)
    known = product(reader, gtin)
    if not found and known.name_zh is None:
        raise Problem(404, "not-recorded", f"nothing is recorded of the product {gtin}")
    return schemas.ProductPage(
        product=known,
        holds=holds,
        lots=[brief(row, row["stopped"], test_failed=row["test_failed"]) for row in found],
        stops=[schemas.ProductStop(**row) for row in _stops_of(reader, gtin)],
        papers=papers(reader, gtin, None, PAPERS_MAX)[0],
        today=today(reader),
        position=position(reader),
    )


def _stops_of(reader: Reader, gtin: str) -> list[dict[str, Any]]:
    return rows(reader, STOPS_OF_PRODUCT, {"gtin": gtin, "gtins": _family(reader, gtin)})


def lot_key(reader: Reader, gtin: str, text: str) -> str:
    """Returns a lot's key by its number or key; a number may look like a key of another kind.

    A date's key leads to the lot it stands for, where labels say which.
    """
    if not text.startswith(("L:", "D:", "E:", "R:")):
        return f"L:{text}"
    number = f"L:{text}"
    found = rows(reader, "SELECT 1 FROM trade.lots WHERE product = %s AND lot = %s", [gtin, number])
    if found:
        return number
    query = "SELECT lot FROM trade.lot_keys WHERE product = %s AND key = %s AND lot IS NOT NULL"
    meant = rows(reader, query, [gtin, text])
    return meant[0]["lot"] if meant else text


def lot_page(reader: Reader, gtin: str, lot: str) -> schemas.LotPage:
    """Returns everything public of a lot by its key; a problem when it is not recorded."""
    found = rows(
        reader,
        "SELECT * FROM trade.lots WHERE product = %s AND lot = %s AND entries > 0",
        [gtin, lot],
    )
    if not found:
        raise Problem(404, "not-recorded", f"this lot of {gtin} is not recorded")
    row, known, last = found[0], product(reader, gtin), updated(reader, gtin, lot)
    steps = rows(reader, STEPS, [gtin, lot])
    stops = [schemas.LotStop(**r) for r in rows(reader, STOPS, [gtin, lot])]
    return schemas.LotPage(
        product=known,
        lot=brief(row, _gravest(stops)),
        disputed=row["disputed"],
        near_from=_near_from(row["produced"], row["expires"], known.shelf_life_days),
        steps=[schemas.Step(**step) for step in steps],
        made_from=[schemas.MadeFrom(**r) for r in rows(reader, MADE_FROM, [gtin, lot])],
        papers=papers(reader, gtin, _number(lot), 50)[0],
        stops=stops,
        gaps=rows(reader, GAPS, [gtin, lot])[0]["gaps"],
        today=today(reader),
        position=position(reader),
        updated=last.position,
        entry=last.entry,
    )


def _near_from(produced: date | None, expires: date | None, life_days: int | None) -> date | None:
    """Returns from which day on a lot is near its end, by the trade's own rule."""
    if expires is None:
        return None
    return near_from(expires, life_days if produced is None else max(0, (expires - produced).days))


def product_names(reader: Reader, gtins: Iterable[str]) -> dict[str, str]:
    """Returns the names of the products that are registered; goods without a code name themselves.

    In English for who reads that (`Inquiry.snapshot`), where the register has such a name.
    """
    wanted = set(gtins)
    names = {row["gtin"]: str(row["name"]) for row in rows(reader, NAMES, [sorted(wanted)])}
    items = {gtin: gtin.removeprefix("item:") for gtin in wanted if gtin.startswith("item:")}
    return items | names


class Updated(NamedTuple):
    """Where the last entry about a lot stands, and the last that changed anything said of it; 0 for none."""

    entry: int
    position: int


def updated(reader: Reader, gtin: str, lot: str) -> Updated:
    """Returns how far a lot has come."""
    asked = {"gtin": gtin, "lot": lot, "number": _number(lot), "gtins": _family(reader, gtin)}
    return Updated(**rows(reader, UPDATED, asked)[0])


def find_lot(reader: Reader, gtin: str, dates: Dates) -> str:
    """Returns the key of the lot of the dates on a pack; a problem for none and for several."""
    found = _of_dates(reader, gtin, dates, 2)
    days = " and ".join(str(day) for day in (dates.produced, dates.expires) if day)
    if not found:
        raise Problem(404, "not-recorded", f"no lot of {gtin} with the date {days} is recorded")
    if len(found) > 1:
        words = f"several lots of {gtin} have the date {days}: name one of /v1/products/{gtin}"
        raise Problem(409, "lot-ambiguous", words)
    return str(found[0]["lot"])


def papers(
    reader: Reader, gtin: str, lot: str | None, limit: int, before: int = POSITION_MAX
) -> tuple[list[schemas.Paper], int | None]:
    """Returns papers of a product or lot, newest first, and where the next page begins."""
    values: dict[str, Any] = {
        "gtins": _family(reader, gtin), "lot": lot, "before": before, "limit": limit + 1,
    }  # fmt: skip
    found = rows(reader, PAPERS, values)
    more = found[limit - 1]["position"] if len(found) > limit else None
    return [schemas.Paper(**row) for row in found[:limit]], more


def _family(reader: Reader, gtin: str) -> list[str]:
    """Returns a product and its cases, of which papers may speak instead."""
    return [row["gtin"] for row in rows(reader, FAMILY, [gtin])]


def _number(lot: str) -> str:
    """Returns the number of a lot as papers name it; empty for one that has none."""
    return lot[2:] if lot.startswith("L:") else ""


def _gravest(stops: Sequence[schemas.LotStop]) -> str | None:
    """Returns the gravest of what stops a lot: recalled, held, or possibly meant."""
    sure = {stop.kind for stop in stops if stop.how == "stopped"}
    if sure:
        return "recalled" if "recall" in sure else "held"
    return "possible" if stops else None


def brief(
    row: dict[str, Any], stopped: str | None, *, test_failed: bool = False
) -> schemas.LotBrief:
    """Returns a lot by its number if it has one, its dates, how it is stopped, and whether a test failed."""
    key = str(row["lot"])
    number = key[2:] if key.startswith(("L:", "R:")) else None
    return schemas.LotBrief(
        lot=number, produced=row["produced"], expires=row["expires"], key=key, stopped=stopped, test_failed=test_failed,
    )  # fmt: skip
