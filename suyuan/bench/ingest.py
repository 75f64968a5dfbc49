"""Ingest: signed batches to the durable commit, against raw COPY and the library's recorder."""

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from ledger.journal.interface import Stored
from ledger.journal.postgres import PgReader
from ledger.projections.groups import GROUPS
from ledger.values.keys import SigningKey
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.log import PUBLISHED, publisher_of
from suyuan.bench.work import (
    RAW_TABLE,
    SIZES,
    FixedDevices,
    Work,
    bench_cluster,
    committer_of,
    feed,
    raw_copy,
)
from suyuan.parts.cluster import Cluster
from suyuan.parts.services import Service

ROUNDS = 4
WAIT_S = 120
WORK_MAX = max(SIZES.values())
INTAKES = 2
# The library's pipeline was seen to hang for ever with 1,000 rows of a trade with corrections.
LIBRARY_ROWS = 400
COPY = "raw COPY, 1,000 a commit, one connection"


def ingest(size: str) -> dict[str, Any]:
    """Rates in events a second; the bench's own ratio is one intake's to raw COPY."""
    count = SIZES[size] // ROUNDS
    rates: dict[str, list[float]] = {}
    equal = True
    with bench_cluster() as cluster, psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        recorder = _library_recorder(cluster)
        reader = PgReader(admin)
        for number in range(ROUNDS):
            work, dsn, before = Work(count), cluster.dsn("suyuan_writer"), reader.head()
            round_ = {"one": _rate(count, partial(work.ingest, dsn))}
            rows = _of_tapes(reader, before)
            equal = equal and len(rows) == work.reports
            table = f"ledger.raw{number}"
            admin.execute(RAW_TABLE.format(table))
            round_["copy"] = _rate(count, partial(raw_copy, admin, table, rows))
            equal = equal and _same_rows(admin, table)
            round_["library"] = _rate(count, partial(_library, recorder, rows))
            before, work = reader.head(), Work(count)
            round_["two"] = _rate_of_two(work, dsn)
            equal = equal and len(_of_tapes(reader, before)) == work.reports
            round_["projected"] = _with_projections(cluster, Work(count))
            round_["published"] = _with_log(cluster, Work(count))
            for name, rate in round_.items():
                rates.setdefault(name, []).append(rate)
        recorder.datastore.close()

    def against(what: str, ours: str, anchor: str, name: str) -> dict[str, Any]:
        return comparison(
            what, ours=rates[ours], anchor=rates[anchor], anchor_name=name, unit="events/s",
            equal=equal, n=count * ROUNDS,
        )  # fmt: skip

    library = "the library's recorder, 400 a commit"
    parts = [
        against("one intake, to the commit", "one", "copy", COPY),
        against("two intakes, to the commit", "two", "copy", COPY),
        against("one intake, to the commit, against the library", "one", "library", library),
        against("one intake, with the log published beside it", "published", "copy", COPY),
        against("one intake, with all projections caught up", "projected", "copy", COPY),
    ]
    return bench("ingest", parts)


def _rate(count: int, act: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    act()
    return count / (time.perf_counter() - begun)


def _of_tapes(reader: PgReader, after: int) -> list[Stored]:
    """What came from scanners; beginning a new tape closes the old, which is an event more."""
    rows = reader.page(after, 2 * WORK_MAX)
    return [row for row in rows if row.chain is not None]


def _rate_of_two(work: Work, dsn: str) -> float:
    """Lets two intakes, each a process, take half of the tapes; both begin at once."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(INTAKES + 1)
    seeds = {device: key.seed for device, key in work.keys.items()}
    intakes = []
    for tapes in work.dealt(INTAKES):
        envelopes = [envelope for tape in tapes for envelope in tape]
        arguments = [dsn, seeds, work.merchants, envelopes, ready]
        intakes.append(context.Process(target=_take, args=arguments))
        intakes[-1].start()
    ready.wait(WAIT_S)
    begun = time.perf_counter()
    for intake in intakes:
        intake.join(WAIT_S)
    return work.reports / (time.perf_counter() - begun)


def _take(
    dsn: str,
    seeds: Mapping[str, bytes],
    merchants: Mapping[str, str],
    envelopes: Sequence[bytes],
    ready: Any,
) -> None:
    keys = {device: SigningKey(seed) for device, seed in seeds.items()}
    committer = committer_of(dsn, "bench", FixedDevices(keys, merchants))
    ready.wait(WAIT_S)
    feed(committer, envelopes)


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


def _with_log(cluster: Cluster, work: Work) -> float:
    """The log service publishes meanwhile, a process of its own; receipts bring its checkpoint."""
    service = publisher_of(cluster)
    service.start()
    try:
        with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
            _wait_published(admin)
            rate = _rate(work.reports, partial(work.ingest, cluster.dsn("suyuan_writer")))
            _wait_published(admin)
    finally:
        service.stop()
    return rate


def _wait_published(admin: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + WAIT_S
    query = f"SELECT h.position <= {PUBLISHED} FROM ledger.head h, ledger.checkpoints WHERE shown IS NOT NULL"
    while admin.execute(query).fetchone() != (True,):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the log was not published within {WAIT_S} s")
        time.sleep(0.05)


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
    for start in range(0, len(rows), LIBRARY_ROWS):
        part = rows[start : start + LIBRARY_ROWS]
        recorder.insert_events([StoredEvent(r.stream, r.number, r.name, r.state) for r in part])


def _same_rows(admin: psycopg.Connection[Any], table: str) -> bool:
    row = admin.execute(
        f"SELECT count(*) FROM (TABLE {table} EXCEPT TABLE ledger.events) AS d"
    ).fetchone()
    return row is not None and row[0] == 0
