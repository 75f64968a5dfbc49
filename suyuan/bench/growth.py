"""Growth: what an event costs, and weighs, as the record grows tenfold and a hundredfold."""

import time
from datetime import date, timedelta
from typing import Any

import psycopg

from ledger.follower import Follower, Pages
from ledger.journal.postgres import PgReader
from ledger.projections.groups import GROUPS
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.work import Work, bench_cluster

SIZES = {"small": (20_000, 100_000), "large": (100_000, 1_000_000), "huge": (100_000, 10_000_000)}
CHUNK = 20_000
WEIGHT = """
SELECT pg_total_relation_size('ledger.events'),
       (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND n.nspname IN ('trade', 'edge'))
"""


def growth(size: str) -> dict[str, Any]:
    """`ours` is the cost of an event at the larger record, the anchor that at the smaller."""
    small, large = SIZES[size]
    found: dict[int, dict[str, Any]] = {}
    with bench_cluster() as cluster, psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        pages = Pages()

        def connect() -> psycopg.Connection[Any]:
            return psycopg.connect(cluster.dsn("suyuan_follower"), autocommit=True)

        followers = [Follower(group, connect, pages=pages) for group in GROUPS]
        for follower in followers:
            follower.prepare()
        recorded, number = 0, 0
        while recorded < large:
            # Every chunk is ten more market days, with lots and tapes of their own.
            work = Work(CHUNK, since=date(2026, 1, 1) + timedelta(days=11 * (number % 2000)))
            begun = time.perf_counter()
            work.ingest(cluster.dsn("suyuan_writer"))
            ingested = time.perf_counter()
            while any([follower.step() for follower in followers]):  # noqa: C419  # all take a step
                pass
            folded = time.perf_counter()
            recorded, number = recorded + work.reports, number + 1
            for mark in (small, large):
                if recorded >= mark and mark not in found:
                    cost = (ingested - begun, folded - ingested)
                    found[mark] = _weigh(admin, recorded, [c / work.reports * 1e6 for c in cost])
        head = PgReader(admin).head()
        # A scanner that comes with a new tape closes its old one, which is an event more.
        equal = head >= recorded and all(f.position() == head for f in followers)
        for follower in followers:
            follower.close()
    parts = []
    for index, what in enumerate(("to the commit", "to fold")):
        costs = [found[mark]["us_per_event"][index] for mark in (small, large)]
        parts.append(_compared(what, costs, small, equal, recorded))
    totals = [sum(found[mark]["us_per_event"]) for mark in (small, large)]
    whole = _compared("to commit and fold", totals, small, equal, recorded)
    weights = [{"events": mark} | found[mark] for mark in (small, large)]
    return bench("growth", [whole, *parts]) | {"weights": weights}


def _compared(what: str, costs: list[float], small: int, equal: bool, n: int) -> dict[str, Any]:
    return comparison(
        what, ours=costs[1:], anchor=costs[:1], anchor_name=f"the same at {small} events",
        unit="µs/event", equal=equal, n=n,
    )  # fmt: skip


def _weigh(admin: psycopg.Connection[Any], events: int, cost: list[float]) -> dict[str, Any]:
    row = admin.execute(WEIGHT).fetchone()
    assert row is not None
    return {
        "us_per_event": [round(x, 1) for x in cost],
        "record_bytes_per_event": round(row[0] / events),
        "views_bytes_per_event": round(int(row[1]) / events),
    }
