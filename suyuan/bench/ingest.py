"""Ingest: signed batches to the durable commit, against raw COPY and the library's recorder."""

import statistics
import time
from typing import Any

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from ledger.journal.interface import Stored
from ledger.journal.postgres import PgReader
from ledger.projections.groups import GROUPS
from suyuan.bench.work import COMMIT_ROWS, RAW_TABLE, SIZES, Work, bench_cluster, raw_copy
from suyuan.parts.cluster import Cluster
from suyuan.parts.services import Service

ROUNDS = 4
WAIT_S = 120


def ingest(size: str) -> dict[str, Any]:
    """Rates in events a second; `ratio` is ours to raw COPY, to the durable commit."""
    count = SIZES[size] // ROUNDS
    ours, copied, library, projected = [], [], [], []
    equal = True
    with bench_cluster() as cluster, psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        recorder = _library_recorder(cluster)
        done = 0
        for number in range(ROUNDS):
            work = Work(count)
            ours.append(
                work.reports / _timed(lambda w=work: w.ingest(cluster.dsn("suyuan_writer")))
            )
            rows = PgReader(admin).page(done, work.reports)
            equal = equal and len(rows) == work.reports
            done += len(rows)
            table = f"ledger.raw{number}"
            admin.execute(RAW_TABLE.format(table))
            copied.append(len(rows) / _timed(lambda r=rows, t=table: raw_copy(admin, t, r)))
            equal = equal and _same_rows(admin, table)
            library.append(len(rows) / _timed(lambda r=rows: _library(recorder, r)))
            projected.append(_with_projections(cluster, Work(count)))
            done = PgReader(admin).head()
        recorder.datastore.close()
    median = statistics.median
    return {
        "bench": "ingest",
        "ours": round(median(ours)),
        "anchor": round(median(copied)),
        "anchor_name": "raw COPY, 1,000 a commit",
        "ratio": round(median(o / c for o, c in zip(ours, copied, strict=True)), 3),
        "equal": equal,
        "n": count * ROUNDS,
        "parts": [
            {
                "what": "to the commit, against the library's recorder",
                "ours": round(median(ours)),
                "anchor": round(median(library)),
                "ratio": round(median(o / x for o, x in zip(ours, library, strict=True)), 2),
                "equal": equal,
            },
            {
                "what": "with all projections caught up, against raw COPY",
                "ours": round(median(projected)),
                "anchor": round(median(copied)),
                "ratio": round(median(p / c for p, c in zip(projected, copied, strict=True)), 3),
                "equal": equal,
            },
        ],
    }


def _timed(act: Any) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _with_projections(cluster: Cluster, work: Work) -> float:
    """The follower is a process of its own, as it is at work."""
    settings = {"SUYUAN_FOLLOWER_DSN": cluster.dsn("suyuan_follower")}
    follower = Service("follow", "ledger.follower", settings, cluster.data)
    with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        follower.start()
        _wait_followed(admin)
        begun = time.perf_counter()
        work.ingest(cluster.dsn("suyuan_writer"))
        _wait_followed(admin)
        taken = time.perf_counter() - begun
    follower.stop()
    return work.reports / taken


def _wait_followed(admin: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + WAIT_S
    tables = ", ".join(f"(SELECT position FROM {group.name}.position)" for group in GROUPS)
    while time.monotonic() < deadline:
        try:
            row = admin.execute(f"SELECT (SELECT position FROM ledger.head), {tables}").fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
        if row is not None and len(set(row)) == 1:
            return
        time.sleep(0.005)
    raise TimeoutError(f"the followers did not catch up within {WAIT_S} s")


def _library_recorder(cluster: Cluster) -> PostgresApplicationRecorder:
    parts = conninfo_to_dict(cluster.dsn())
    store = PostgresDatastore(
        str(parts["dbname"]), str(parts["host"]), str(parts["port"]), str(parts["user"]), ""
    )
    recorder = PostgresApplicationRecorder(store, events_table_name="library_events")
    recorder.create_table()
    return recorder


def _library(recorder: PostgresApplicationRecorder, rows: list[Stored]) -> None:
    for start in range(0, len(rows), COMMIT_ROWS):
        part = rows[start : start + COMMIT_ROWS]
        recorder.insert_events([StoredEvent(r.stream, r.number, r.name, r.state) for r in part])


def _same_rows(admin: psycopg.Connection[Any], table: str) -> bool:
    row = admin.execute(
        f"SELECT count(*) FROM (TABLE {table} EXCEPT TABLE ledger.events) AS d"
    ).fetchone()
    return row is not None and row[0] == 0
