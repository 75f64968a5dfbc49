"""Statistics: a quarter of a city's trade counted within a reach, against one plain GROUP BY of the same rows."""

import time
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from ledger.projections.seen import state_reach
from ledger.rules.access import Reach
from query_api import statistics
from query_api.statistics import Span
from query_api.statistics_schemas import By
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.work import SIZES, Work, bench_cluster, put_in_views
from suyuan.participants import DISTRICT

ROUNDS = 5
DAYS = 92
WAYS: tuple[By, ...] = ("day", "district", "market", "category")
# So many reports are made; further rows are these once more, on other days of the quarter.
MADE = 20_000
AGAIN = """
INSERT INTO trade.movements SELECT (jsonb_populate_record(m, jsonb_build_object(
    'position', m.position + %(n)s * 10000000::bigint,
    'business_date', m.business_date + %(days)s::int))).*
FROM trade.movements m WHERE m.position < 10000000
"""
PLAIN = """
SELECT business_date, count(*) FILTER (WHERE kind = 'goods-received') AS received, sum(amount)
FROM trade.movements WHERE business_date BETWEEN %s AND %s AND believed_to IS NULL GROUP BY 1
"""


def counting(size: str) -> dict[str, Any]:
    """As the officer of the district, for the whole quarter, in each of the four ways."""
    with bench_cluster() as cluster:
        work = Work(MADE)
        put_in_views(work, cluster)
        with psycopg.connect(cluster.dsn(), autocommit=True) as owner:
            _again(owner, work.trade.days, SIZES[size] // MADE)
        span = Span(work.trade.day, work.trade.day + timedelta(days=DAYS - 1))
        with (
            psycopg.connect(cluster.dsn("suyuan_reader"), row_factory=dict_row) as reader,
            psycopg.connect(cluster.dsn()) as owner,
        ):
            return _measure(reader, owner, span)


def _again(owner: psycopg.Connection[Any], days: int, times: int) -> None:
    """Fills the quarter with the same days once more, until there are as many rows as wanted."""
    for n in range(1, times):
        owner.execute(AGAIN, {"n": n, "days": n * days % (DAYS - days)})
    owner.execute("VACUUM ANALYZE trade.movements")


def _measure(
    reader: psycopg.Connection[Any], owner: psycopg.Connection[Any], span: Span
) -> dict[str, Any]:
    ours: dict[By, list[float]] = {by: [] for by in WAYS}
    anchor, equal, counted = [], True, 0
    officer = Reach(areas=frozenset({DISTRICT}))
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        received = sum(row[1] for row in owner.execute(PLAIN, [span.since, span.until]))
        anchor.append((time.perf_counter() - begun) * 1000)
        for by in WAYS:
            begun = time.perf_counter()
            with reader.transaction():
                state_reach(reader, officer, "bench")
                lines, _ = statistics.lines(reader, span, by)
            ours[by].append((time.perf_counter() - begun) * 1000)
            equal = equal and sum(line.received for line in lines) == received
            counted = sum(line.received + line.sold + line.other for line in lines)
    parts = [
        comparison(
            f"by {by}", ours=times, anchor=anchor, unit="ms", equal=equal, n=counted,
            anchor_name="one plain GROUP BY of the same rows, without join, reach or completeness",
        )
        for by, times in ours.items()
    ]  # fmt: skip
    return bench("statistics", parts)
