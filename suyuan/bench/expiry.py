"""Expiry: a day's pass over the lots that cross a line that day, against a pass over all lots."""

import os
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg

from ledger.follower import Follower
from ledger.intake.__main__ import open_recorder
from ledger.intake.requests import Requests
from ledger.journal.cases import Cases
from ledger.journal.personal import MemoryPersons, RememberedSalts
from ledger.journal.sealing import Sealer
from ledger.projections.expiry import EXPIRY, Expiries, Expiry
from ledger.projections.fold import Fold
from ledger.projections.groups import TRADE, Group
from ledger.rules.requests import BeginDay
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.work import SIZES, Work, bench_cluster
from suyuan.participants import MARKET

PASSES = 10


class ScanningExpiries(Expiries):
    """The same projection, but for looking at every lot of the market when a day begins."""

    def due(self, fold: Fold, market: str, day: date) -> list[Expiry]:
        """See `Expiries.due`."""
        return fold.rows.select(EXPIRY, {"market": market})


def expiry(size: str) -> dict[str, Any]:
    """Both passes fold the same `day-began` into views of their own, alerts and commit included."""
    scanning = [ScanningExpiries() if p.name == "expiry" else p for p in TRADE.projections]
    with bench_cluster() as cluster, psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        work = Work(SIZES[size])
        work.register(cluster.dsn("suyuan_writer"))
        work.ingest(cluster.dsn("suyuan_writer"))

        def connect() -> psycopg.Connection[Any]:
            return psycopg.connect(cluster.dsn("suyuan_follower"), autocommit=True)

        ours = Follower(TRADE, connect)
        anchor = Follower(Group("scan", scanning), connect)
        begin = _beginner(cluster.dsn("suyuan_writer"), work.ledger)
        day = work.trade.day + timedelta(days=work.trade.days)
        begin(day)
        for follower in (ours, anchor):
            follower.prepare()
            while follower.step():
                pass
        taken: dict[Follower, list[float]] = {ours: [], anchor: []}
        for number in range(PASSES):
            day += timedelta(days=1)
            begin(day)
            for follower in (ours, anchor) if number % 2 else (anchor, ours):
                started = time.perf_counter()
                follower.step()
                taken[follower].append((time.perf_counter() - started) * 1000)
        equal = all(_same(admin, table.name) for table in TRADE.tables)
        lots = admin.execute("SELECT count(*) FROM trade.expiry WHERE amount > 0").fetchone()
        for follower in (ours, anchor):
            follower.close()
    part = comparison(
        "a day's pass", ours=taken[ours], anchor=taken[anchor],
        anchor_name="the same pass over every lot in stock", unit="ms/day", equal=equal,
        n=lots[0] if lots else 0,
    )  # fmt: skip
    return bench("expiry", [part])


def _same(admin: psycopg.Connection[Any], table: str) -> bool:
    query = f"SELECT count(*) FROM (TABLE trade.{table} EXCEPT TABLE scan.{table}) AS d"
    row = admin.execute(query).fetchone()
    return row is not None and row[0] == 0


def _beginner(dsn: str, ledger: str) -> Any:
    """Returns what puts a day's beginning on record, whatever the real calendar says."""
    sealer = Sealer(
        ledger, entropy=os.urandom, persons=RememberedSalts(MemoryPersons(os.urandom).meet)
    )
    recorder = open_recorder(dsn, sealer, lambda: datetime.now(UTC))
    requests = Requests(
        Cases(recorder), ("bench",), lambda _device: None,
        lambda: datetime(2100, 1, 1, tzinfo=UTC), lambda _stream, _number: None,
        ledger="bench",
    )  # fmt: skip

    def begin(day: date) -> None:
        assert requests.take(BeginDay(MARKET, day)) is None

    return begin
