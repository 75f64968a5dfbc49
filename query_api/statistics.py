"""Statistics: the trade of some weeks counted by day, district, market or category.

They are asked of the views as they stand, corrections and late entries included; no count is kept
that could drift from the record.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from ledger.rules.alert_kinds import ALERT_KINDS
from ledger.values.day import ZONE_DEFAULT
from query_api.statistics_schemas import AlertCount, By, StatisticsLine, Volume
from query_api.views import Reader, rows

# A delivery that came in the next morning is in time.
LATE_AFTER_DAYS = 1
# What a merchant or place is counted under; a movement knows its place, an alert may know neither.
_KEYS = {
    "district": "coalesce(m.district, '')",
    "market": "coalesce(s.market, '')",
    # Vegetables and fish without a code have no product, and so no category, of the register.
    "category": "CASE WHEN left({row}.product, 5) = 'item:' THEN 'loose' ELSE coalesce(p.category, '') END",
}
# The policies of the views also show the other side of an own trade; counted are the own.
_COUNTED = """
  (%(merchant)s::text IS NULL OR {row}.merchant = %(merchant)s) AND
  ((SELECT current_setting('suyuan.reach')) = 'everything'
   OR {row}.merchant = ANY ((SELECT string_to_array(current_setting('suyuan.merchants'), ','))::text[])
   OR m.district = ANY ((SELECT string_to_array(current_setting('suyuan.districts'), ','))::text[])
   -- Who is in no register is every authority's to look at.
   OR (m.merchant IS NULL AND current_setting('suyuan.districts') <> '')
   OR s.market = ANY ((SELECT string_to_array(current_setting('suyuan.markets'), ','))::text[]))
"""
_JOINS = """
LEFT JOIN trade.merchants m ON m.merchant = {row}.merchant
LEFT JOIN trade.premises s ON s.premises = {row}.premises
LEFT JOIN trade.products p ON p.gtin = {row}.product
"""
ENTRIES = """
WITH alike AS (
    -- Entries alike are counted first: who looks up the merchant of each of a million takes long.
    SELECT business_date, merchant, premises, {product} AS product, unit, kind,
           lot = '' AND left(product, 5) <> 'item:' AS undated,
           counterparty IS NULL AND card IS NULL AS unnamed,
           (received AT TIME ZONE %(zone)s)::date > business_date + %(late)s AS late,
           count(*) AS n, sum(amount) AS amount
    FROM trade.movements
    WHERE business_date BETWEEN %(since)s AND %(until)s AND believed_to IS NULL
      AND (%(merchant)s::text IS NULL OR merchant = %(merchant)s)
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
), told AS (
    SELECT {key} AS key, v.* FROM alike v {joins} WHERE {counted}
)
SELECT key, unit, GROUPING(unit) = 1 AS whole,
       coalesce(sum(n) FILTER (WHERE kind = 'goods-received'), 0)::bigint AS received,
       coalesce(sum(n) FILTER (WHERE kind IN ('goods-sold', 'day-sales')), 0)::bigint AS sold,
       sum(n)::bigint AS entries,
       count(DISTINCT merchant) AS merchants,
       coalesce(sum(n) FILTER (WHERE kind = 'goods-received' AND undated), 0)::bigint AS undated,
       coalesce(sum(n) FILTER (WHERE kind = 'goods-received' AND unnamed), 0)::bigint AS unnamed,
       coalesce(sum(n) FILTER (WHERE kind = 'goods-received' AND late), 0)::bigint AS late,
       coalesce(sum(n) FILTER (WHERE kind = 'goods-received' AND (undated OR unnamed OR late)), 0)::bigint AS incomplete,
       coalesce(sum(amount) FILTER (WHERE kind = 'goods-received'), 0)::bigint AS amount_received,
       coalesce(sum(amount) FILTER (WHERE kind IN ('goods-sold', 'day-sales')), 0)::bigint AS amount_sold
FROM told GROUP BY GROUPING SETS ((key, unit), (key)) ORDER BY key, unit
"""
ALERTED = """
WITH told AS (
    SELECT {key} AS key, v.kind, v.closed_at IS NULL AS is_open,
           extract(epoch FROM v.closed_time - v.opened_time)::float8 / 3600 AS hours
    FROM trade.alerts v {joins}
    WHERE v.opened_time >= %(since)s::timestamp AT TIME ZONE %(zone)s
      AND v.opened_time < (%(until)s + 1)::timestamp AT TIME ZONE %(zone)s AND {counted}
)
SELECT key, kind, count(*) AS opened, count(*) FILTER (WHERE is_open) AS open,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY hours) FILTER (WHERE NOT is_open) AS hours
FROM told GROUP BY GROUPING SETS ((key), (kind))
"""
# Groups kept in memory are counted in one pass; PostgreSQL, which takes them for many more, would sort every entry.
ROOM = "SELECT set_config('work_mem', '64MB', true), set_config('enable_sort', 'off', true)"
AREA_NAMES = "SELECT area, name FROM trade.areas WHERE area = ANY(%s)"
# Thousandths, as views count.
WHOLE = 1000
SUMS = ("received", "sold", "merchants", "undated", "unnamed", "late", "incomplete")
NONE: Mapping[str, int] = dict.fromkeys((*SUMS, "entries", "opened", "open"), 0)


class Span(NamedTuple):
    """Some weeks, both days included."""

    since: date
    until: date


def lines(
    reader: Reader, span: Span, by: By, merchant: str | None = None
) -> tuple[list[StatisticsLine], list[AlertCount]]:
    """Counts what was entered and what opened alerts, within the reach that the reader states.

    With a `merchant` only its own.
    """
    values = _values(span) | {"merchant": merchant}
    reader.execute(ROOM)
    found = rows(reader, _query(ENTRIES, by, "v.business_date::text"), values)
    day = "(v.opened_time AT TIME ZONE %(zone)s)::date::text"
    alerted = rows(reader, _query(ALERTED, by, day), values)
    volumes: dict[str, list[Volume]] = defaultdict(list)
    for row in found:
        if not row["whole"] and (row["amount_received"] or row["amount_sold"]):
            volumes[row["key"]].append(_volume(row))
    told = {row["key"]: row for row in found if row["whole"]}
    warned = {row["key"]: row for row in alerted if row["kind"] is None}
    keys = sorted(told.keys() | warned.keys())
    names = _names(reader, keys) if by == "district" else {}
    counted = [
        _line(key, names.get(key), told.get(key, NONE), warned.get(key, NONE), volumes[key])
        for key in keys
    ]
    return counted, _kinds([row for row in alerted if row["kind"] is not None])


def _query(query: str, by: By, day: str) -> str:
    joins, counted = _JOINS.format(row="v"), _COUNTED.format(row="v")
    # Where nobody asks for it, what a product is makes no two entries differ.
    product = "product" if by == "category" else "''"
    key = _KEYS.get(by, day).format(row="v")
    return query.format(key=key, joins=joins, counted=counted, product=product)


def _values(span: Span) -> dict[str, Any]:
    return {
        "since": span.since, "until": span.until, "zone": ZONE_DEFAULT, "late": LATE_AFTER_DAYS,
    }  # fmt: skip


def _names(reader: Reader, keys: list[str]) -> dict[str, str]:
    return {row["area"]: row["name"] for row in rows(reader, AREA_NAMES, [keys])}


def _volume(row: dict[str, Any]) -> Volume:
    return Volume(
        unit=row["unit"], received=row["amount_received"] / WHOLE, sold=row["amount_sold"] / WHOLE
    )  # fmt: skip


def _line(
    key: str,
    name: str | None,
    told: Mapping[str, int],
    warned: Mapping[str, int],
    volumes: list[Volume],
) -> StatisticsLine:
    sums = {field: told[field] for field in SUMS}
    return StatisticsLine(
        key=key, name=name, other=told["entries"] - told["received"] - told["sold"],
        alerts=warned["opened"], alerts_open=warned["open"], volumes=volumes, **sums,
    )  # fmt: skip


def _kinds(alerted: list[dict[str, Any]]) -> list[AlertCount]:
    counts = [
        AlertCount(
            kind=row["kind"], zh=ALERT_KINDS[row["kind"]].zh, en=ALERT_KINDS[row["kind"]].en,
            opened=row["opened"], open=row["open"],
            hours=None if row["hours"] is None else round(row["hours"], 1),
        )
        for row in alerted
    ]  # fmt: skip
    return sorted(counts, key=lambda one: (-one.opened, one.kind))
