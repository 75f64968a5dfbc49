"""Project: microseconds per event of each projection and their sum, against raw COPY."""

import statistics
import time
from collections import defaultdict
from typing import Any

import psycopg

from ledger.follower import Follower, Pages, entries_of, make_views
from ledger.journal.postgres import PgReader
from ledger.projections.fold import Fold
from ledger.projections.groups import GROUPS
from ledger.projections.postgres import PgStore
from ledger.projections.table import Rows
from suyuan.bench.work import RAW_TABLE, SIZES, Work, bench_cluster, raw_copy

PAGE = 5000


def project(size: str) -> dict[str, Any]:
    """`ours` is the sum of all groups' followers, µs per event; `parts` the folds one by one."""
    with bench_cluster() as cluster, psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        work = Work(SIZES[size])
        work.ingest(cluster.dsn("suyuan_writer"))

        def connect() -> psycopg.Connection[Any]:
            return psycopg.connect(cluster.dsn("suyuan_follower"), autocommit=True)

        pages = Pages()
        followers = [Follower(group, connect, pages=pages) for group in GROUPS]
        for follower in followers:
            follower.prepare()
        ours, copied = [], []
        rows = PgReader(admin).page(0, work.reports)
        for number, start in enumerate(range(0, len(rows), PAGE)):
            page = rows[start : start + PAGE]
            begun = time.perf_counter()
            for follower in followers:
                follower.step(limit=PAGE)
            ours.append((time.perf_counter() - begun) / len(page) * 1e6)
            table = f"ledger.raw{number}"
            admin.execute(RAW_TABLE.format(table))
            begun = time.perf_counter()
            raw_copy(admin, table, page)
            copied.append((time.perf_counter() - begun) / len(page) * 1e6)
        equal = all(f.position() == work.reports for f in followers)
        parts = _folds(admin, rows[:PAGE])
        for follower in followers:
            follower.close()
    median = statistics.median
    return {
        "bench": "project",
        "ours": round(median(ours), 1),
        "anchor": round(median(copied), 1),
        "anchor_name": "raw COPY, µs per event",
        "ratio": round(median(o / c for o, c in zip(ours, copied, strict=True)), 2),
        "equal": equal,
        "n": len(rows),
        "parts": parts,
    }


def _folds(admin: psycopg.Connection[Any], page: list[Any]) -> list[dict[str, Any]]:
    """The time inside each projection's own fold, without the writing they share."""
    spent: dict[str, float] = defaultdict(float)
    entries = entries_of(page)
    with admin.transaction(force_rollback=True):
        for group in GROUPS:
            # Tables of their own, empty as at the first page of a rebuild.
            make_views(admin, f"{group.name}_parts", group)
            rows = Rows(PgStore(admin, f"{group.name}_parts"))
            rows.prefetch(w for e in entries for p in group.projections for w in p.keys(e))
            for entry in entries:
                fold = Fold(rows, entry)
                for projection in group.projections:
                    begun = time.perf_counter()
                    projection.fold(fold)
                    spent[projection.name] += time.perf_counter() - begun
    return [
        {"what": f"fold {name}", "ours": round(seconds / len(page) * 1e6, 2)}
        for name, seconds in spent.items()
    ]
