"""Trace: closures and quantities out of arrays, against recursive SQL on the same trade."""

import os
import sqlite3
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from ledger.follower import make_views
from ledger.projections.groups import TRADE
from ledger.projections.movements import MOVEMENTS
from ledger.trace.answer import trace
from ledger.trace.array_trace import ArrayTrace, ranges
from ledger.trace.engine import ArrayEngine
from ledger.trace.overlay import Overlay
from ledger.trace.pg import PgRows
from ledger.trace.pg_stock import PgStock
from ledger.trace.question import AsOf, LotName, Question
from ledger.trace.segment import Segment
from query_api.engines import snapshot_of
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.trace_trade import (
    MADE,
    RETAIL,
    SOLD,
    USED,
    TraceTrade,
    copy_into,
    merchant_of,
    name_of,
    segment_of,
    sizes_of,
    trade_of,
)
from suyuan.bench.work import bench_cluster

SIZES = {"tiny": 100_000, "small": 100_000, "large": 1_000_000, "huge": 10_000_000}
LARGEST_ROUNDS, MEDIAN_LOTS, GROWTH_LOTS = 5, 300, 3000
# How many movements such lots reach as growth alone is shown by.
ALIKE = (100, 1000)
CANDIDATES = 400

# From every place of a lot to whom it was sold, and to what was made of it there; then what each
# place took in, made, sold and used.
PG_POSITIONS = """
WITH RECURSIVE reached(merchant, product, lot) AS (
  SELECT DISTINCT merchant, product, lot FROM trade.movements WHERE product = %(p)s AND lot = %(l)s
  UNION
  SELECT n.* FROM reached r CROSS JOIN LATERAL (
    SELECT m.counterparty, m.product, m.lot FROM trade.movements m
    WHERE (m.product, m.lot, m.merchant) = (r.product, r.lot, r.merchant)
      AND m.kind = 'goods-sold' AND m.counterparty IS NOT NULL AND m.believed_to IS NULL
    UNION ALL
    SELECT o.merchant, o.product, o.lot FROM trade.movements u
    JOIN trade.movements o ON o.original = u.original AND o.kind = 'made' AND o.believed_to IS NULL
    WHERE (u.product, u.lot, u.merchant) = (r.product, r.lot, r.merchant)
      AND u.kind = 'used-in' AND u.believed_to IS NULL) n)
SELECT r.merchant, r.lot, sum(m.amount) FILTER (WHERE m.sign > 0)::bigint,
       sum(m.amount) FILTER (WHERE m.sign < 0)::bigint
FROM reached r JOIN trade.movements m USING (merchant, product, lot)
WHERE m.believed_to IS NULL GROUP BY r.merchant, r.lot
"""
SQLITE_POSITIONS = f"""
WITH RECURSIVE reached(merchant, lot) AS (
  SELECT DISTINCT merchant, lot FROM m WHERE lot = ?1
  UNION
  SELECT m.other, m.lot FROM reached r CROSS JOIN m
  WHERE m.lot = r.lot AND m.merchant = r.merchant AND m.kind = {SOLD}
  UNION
  SELECT o.merchant, o.lot FROM reached r CROSS JOIN m AS u CROSS JOIN m AS o
  WHERE u.lot = r.lot AND u.merchant = r.merchant AND u.kind = {USED}
    AND o.entry = u.entry AND o.kind = {MADE})
SELECT r.merchant, r.lot, sum(CASE WHEN m.kind IN ({SOLD}, {USED}, {RETAIL}) THEN 0 ELSE m.amount END),
       sum(CASE WHEN m.kind IN ({SOLD}, {USED}, {RETAIL}) THEN m.amount ELSE 0 END)
FROM reached r CROSS JOIN m WHERE m.lot = r.lot AND m.merchant = r.merchant
GROUP BY r.merchant, r.lot
"""
# What each place of each reached lot took in and gave out, in thousandths.
Held = dict[tuple[str, str], tuple[int, int]]


def trace_bench(size: str) -> dict[str, Any]:
    """The largest lot against PostgreSQL, the median against SQLite in process; then growth."""
    trade = trade_of(SIZES[size])
    with bench_cluster() as cluster, psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        _fill(admin, trade)
        reader_dsn = cluster.dsn("suyuan_reader")
        with tempfile.TemporaryDirectory() as folder, snapshot_of(reader_dsn) as (reader, head):
            engine = ArrayEngine(Path(folder) / "arrays")
            begun = time.perf_counter()
            engine.rebuild(reader, head)
            built_s = time.perf_counter() - begun
            standing = engine.standing
            assert standing is not None
            segment = Segment.load(Path(folder) / "arrays")
            assert segment is not None
            arrays = ArrayTrace(Overlay(segment))
            lite = _lite(trade)
            parts = _parts(trade, arrays, segment, admin, lite)
            parts.append(_full(trade, arrays, segment, engine, reader_dsn))
            parts.append(_cold(trade, arrays, segment, Path(folder) / "arrays"))
            parts.append(_meanwhile(trade, engine, admin, reader_dsn))
    return bench("trace", parts) | {
        "movements": trade.movements, "lots": trade.lots, "built_s": round(built_s, 1),
        "bytes_per_movement": round(standing.bytes / trade.movements, 1),
    }  # fmt: skip


def growth_of_traces(size: str) -> dict[str, Any]:
    """The p99 lot at thirty times the movements, arrays alone; the anchor is the smaller trade.

    A larger trade's p99 lot reaches more, too: what growth alone costs, lots that reach about as
    many movements in either trade show.
    """
    many = {"small": 3_000_000, "large": 30_000_000, "huge": 30_000_000}[size]
    found = []
    for movements in (many // 30, many):
        trade = trade_of(movements)
        segment = segment_of(trade)
        arrays = ArrayTrace(Overlay(segment))
        lots = list(dict.fromkeys(_drawn(trade, GROWTH_LOTS)))
        times = np.array(_times(arrays, segment, lots))
        reached = np.array([_reached(arrays, segment, lot) for lot in lots])
        alike = times[(reached >= ALIKE[0]) & (reached < ALIKE[1])]
        found.append([*np.percentile(times, [99, 50]), np.median(alike)])
    whats = ("p99 lot", "median lot", "lots that reach {} to {} movements, median".format(*ALIKE))
    parts = [
        comparison(what, ours=[float(ours)], anchor=[float(anchor)], unit="ms", equal=True,
                   n=trade.movements, anchor_name=f"the same at {many // 30} movements")
        for what, anchor, ours in zip(whats, *found, strict=True)
    ]  # fmt: skip
    return bench("trace-growth", parts) | {
        "bytes_per_movement": round(segment.bytes / trade.movements, 1)
    }


def _fill(admin: psycopg.Connection[Any], trade: TraceTrade) -> None:
    """Makes the views, writes the trade into them, and gives the anchor the index it wants."""
    make_views(admin, "trade", TRADE)
    kept = admin.execute(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'trade' AND tablename = 'movements'"
        " AND indexdef NOT LIKE '%UNIQUE%'"
    ).fetchall()
    names = admin.execute(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'trade' AND tablename = 'movements'"
        " AND indexdef NOT LIKE '%UNIQUE%'"
    ).fetchall()
    for (name,) in names:
        admin.execute(f'DROP INDEX trade."{name}"')
    copy_into(admin, trade)
    for (definition,) in kept:
        admin.execute(definition)
    admin.execute("CREATE INDEX anchor ON trade.movements (product, lot, merchant)")
    admin.execute("ANALYZE trade.movements")


def _lite(trade: TraceTrade) -> sqlite3.Connection:
    lite = sqlite3.connect(":memory:")
    lite.execute(
        "CREATE TABLE m (lot INT, merchant INT, other INT, kind INT, entry INT, amount INT)"
    )
    columns = (trade.lot, trade.merchant, trade.other, trade.kind, trade.entry, trade.amount)
    step = 100_000
    for begin in range(0, trade.movements, step):
        rows = zip(*(column[begin : begin + step].tolist() for column in columns), strict=True)
        lite.executemany("INSERT INTO m VALUES (?, ?, ?, ?, ?, ?)", rows)
    lite.execute("CREATE INDEX by_lot ON m (lot, merchant)")
    lite.execute("CREATE INDEX by_entry ON m (entry)")
    # Without statistics: with them it builds filters over the whole table for every question.
    return lite


def _parts(
    trade: TraceTrade,
    arrays: ArrayTrace,
    segment: Segment,
    admin: psycopg.Connection[Any],
    lite: sqlite3.Connection,
) -> list[dict[str, Any]]:
    largest, reached = _largest(trade, arrays, segment)
    name = name_of(largest)

    def ours() -> Any:
        return _ask(arrays, segment, name)

    def by_postgres() -> Held:
        rows = admin.execute(PG_POSITIONS, {"p": name.product, "l": name.key}).fetchall()
        return {(m, lot): (into or 0, out or 0) for m, lot, into, out in rows}

    equal = _held(arrays, segment, name) == by_postgres() == _by_lite(lite, largest)
    mine, theirs = _rounds(ours, by_postgres, LARGEST_ROUNDS)
    drawn = _drawn(trade, MEDIAN_LOTS)
    same = all(_held(arrays, segment, name_of(lot)) == _by_lite(lite, lot) for lot in drawn[:100])
    small, lites = [], []
    for lot in drawn:
        name_small = name_of(lot)
        a, b = _rounds(
            lambda: _ask(arrays, segment, name_small),  # noqa: B023  # asked at once
            lambda: lite.execute(SQLITE_POSITIONS, [lot]).fetchall(),  # noqa: B023  # asked at once
            3,
        )
        small.append(statistics.median(a))
        lites.append(statistics.median(b))
    return [
        comparison(
            "the largest lot: closure and quantities", ours=mine, anchor=theirs, unit="ms",
            anchor_name="PostgreSQL, recursive on positions, with an index for it", equal=equal,
            n=reached,
        ),
        comparison(
            "the median lot: closure and quantities", ours=[statistics.median(small)],
            anchor=[statistics.median(lites)], unit="ms", equal=same, n=len(drawn),
            anchor_name="SQLite in process, recursive on positions, over numbers",
        ),
    ]  # fmt: skip


def _full(
    trade: TraceTrade, arrays: ArrayTrace, segment: Segment, engine: ArrayEngine, dsn: str
) -> dict[str, Any]:
    """The whole answer of the largest lot: holders with what is left, worst case, estimate."""
    largest, reached = _largest(trade, arrays, segment)
    question = Question((name_of(largest),))
    mine, theirs, equal = [], [], True
    for _ in range(2):
        with snapshot_of(dsn) as (reader, head):
            rows = PgRows(reader, AsOf(), head)
            stock = PgStock(reader, AsOf(head), is_now=True)
            begun = time.perf_counter()
            found = engine.answer(reader, head, question, rows, stock)
            mine.append((time.perf_counter() - begun) * 1000)
            begun = time.perf_counter()
            meant = trace(rows, stock, question)
            theirs.append((time.perf_counter() - begun) * 1000)
            equal = equal and found == meant
    return comparison(
        "the largest lot: the full answer", ours=mine, anchor=theirs, unit="ms", equal=equal,
        anchor_name="the same by PostgreSQL, row by row", n=reached,
    )  # fmt: skip


def _cold(trade: TraceTrade, arrays: ArrayTrace, segment: Segment, folder: Path) -> dict[str, Any]:
    """The largest lot by an engine that has just started, with nothing of its files in memory."""
    largest, reached = _largest(trade, arrays, segment)
    name = name_of(largest)
    warm = _times(arrays, segment, [largest])
    cold, equal = [], True
    for _ in range(3):
        for path in folder.glob("*.npy"):
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        begun = time.perf_counter()
        fresh = Segment.load(folder)
        assert fresh is not None
        again = ArrayTrace(Overlay(fresh))
        _ask(again, fresh, name)
        cold.append((time.perf_counter() - begun) * 1000)
        equal = equal and _held(again, fresh, name) == _held(arrays, segment, name)
    return comparison(
        "the largest lot from a cold start, mapping included", ours=[statistics.median(cold)],
        anchor=warm, anchor_name="the same, warm", unit="ms", equal=equal, n=reached,
    )  # fmt: skip


def _meanwhile(
    trade: TraceTrade, engine: ArrayEngine, admin: psycopg.Connection[Any], dsn: str
) -> dict[str, Any]:
    """Lots while others write: each question takes in what came since the one before."""
    drawn = _drawn(trade, MEDIAN_LOTS)
    quiet = _asked(engine, dsn, drawn)
    ended = threading.Event()
    writer = threading.Thread(target=_write_on, args=[admin, int(trade.entry[-1]), ended])
    writer.start()
    try:
        busy = _asked(engine, dsn, drawn)
    finally:
        ended.set()
        writer.join()
    with snapshot_of(dsn) as (reader, head):
        question = Question((name_of(drawn[0]),))
        rows, stock = PgRows(reader, AsOf(), head), PgStock(reader, AsOf(head), is_now=True)
        equal = engine.answer(reader, head, question, rows, stock) == trace(rows, stock, question)
    return comparison(
        "the median lot's full answer while 2,000 rows a second are written",
        ours=[statistics.median(busy)], anchor=[statistics.median(quiet)],
        anchor_name="the same while nobody writes", unit="ms", equal=equal, n=len(drawn),
    )  # fmt: skip


def _asked(engine: ArrayEngine, dsn: str, lots: Sequence[int]) -> list[float]:
    taken = []
    for lot in lots:
        with snapshot_of(dsn) as (reader, head):
            rows, stock = PgRows(reader, AsOf(), head), PgStock(reader, AsOf(head), is_now=True)
            begun = time.perf_counter()
            found = engine.answer(reader, head, Question((name_of(lot),)), rows, stock)
            taken.append((time.perf_counter() - begun) * 1000)
            assert found is not None
    return taken


def _write_on(admin: psycopg.Connection[Any], head: int, ended: threading.Event) -> None:
    """Copies rows the views have to later positions, a hundred at a time, as a follower would."""
    columns = [name for name in MOVEMENTS.columns if name not in ("position", "original")]
    listed = ", ".join(columns)
    query = (
        f"INSERT INTO trade.movements (position, original, {listed})"
        f" SELECT %s + row_number() OVER (), %s + row_number() OVER (), {listed}"
        " FROM trade.movements WHERE kind = 'goods-sold' AND position > %s LIMIT 100"
    )
    while not ended.wait(0.05):
        with admin.transaction():
            since = head - 5000 - (head % 977)
            admin.execute(query, [head, head, since])
            head += 100
            admin.execute("UPDATE trade.position SET position = %s", [head])


def _largest(trade: TraceTrade, arrays: ArrayTrace, segment: Segment) -> tuple[int, int]:
    """Returns the lot that reaches most movements, of the larger ones, and how many."""
    uses = np.bincount(trade.lot[trade.kind == USED], minlength=trade.lots)
    wanted = np.unique(
        np.r_[np.argsort(-sizes_of(trade))[:CANDIDATES], np.argsort(-uses)[:CANDIDATES]]
    )
    best = (0, 0)
    for lot in wanted.tolist():
        best = max(best, (_reached(arrays, segment, lot), lot))
    return best[1], best[0]


def _reached(arrays: ArrayTrace, segment: Segment, lot: int) -> int:
    """Returns how many movements of lots are reached from one."""
    lots = arrays.closure([segment.lots.find(name_of(lot)) or 0], forwards=True)
    assert lots is not None
    return int(segment.lines.n[ranges(segment.line_at, lots)].sum())


def _ask(arrays: ArrayTrace, segment: Segment, name: LotName) -> Any:
    number = segment.lots.find(name)
    assert number is not None
    found = arrays.closure([number], forwards=True)
    assert found is not None
    return arrays.quantities(found)


def _held(arrays: ArrayTrace, segment: Segment, name: LotName) -> Held:
    found, _ = _ask(arrays, segment, name)
    held: Held = {}
    for line in arrays.lines(found):
        taken_in, made, sold, _, used, _, _ = line.sums
        held[line.merchant, segment.lots[line.lot].key] = (taken_in + made, sold + used)
    return held


def _by_lite(lite: sqlite3.Connection, lot: int) -> Held:
    rows = lite.execute(SQLITE_POSITIONS, [lot]).fetchall()
    return {(merchant_of(m), name_of(of).key): (into, out) for m, of, into, out in rows}


def _drawn(trade: TraceTrade, count: int) -> list[int]:
    dice = np.random.default_rng(7)
    return [int(lot) for lot in dice.integers(0, trade.lots, count)]


def _times(arrays: ArrayTrace, segment: Segment, lots: Sequence[int]) -> list[float]:
    """Returns each lot's best of three in milliseconds: what the machine did beside it, is not meant."""
    taken: dict[int, list[float]] = defaultdict(list)
    for _ in range(3):
        for lot in lots:
            name = name_of(lot)
            begun = time.perf_counter()
            _ask(arrays, segment, name)
            taken[lot].append((time.perf_counter() - begun) * 1000)
    return [min(times) for times in taken.values()]


def _rounds(
    ours: Callable[[], Any], anchor: Callable[[], Any], rounds: int
) -> tuple[list[float], list[float]]:
    """Times both in turns, in milliseconds."""
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for which in (0, 1) if number % 2 else (1, 0):
            begun = time.perf_counter()
            (ours, anchor)[which]()
            taken[which].append((time.perf_counter() - begun) * 1000)
    return taken
