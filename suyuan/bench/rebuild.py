"""Rebuild: events a second read, folded and written, against COPY to the client and decoding."""

import time
from typing import Any

import psycopg

from ledger.events.catalogue import decode
from ledger.follower import Follower
from ledger.projections.groups import GROUPS, Group
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.work import SIZES, Work, bench_cluster
from suyuan.upkeep import Upkeep

COPY_OUT = (
    "COPY (SELECT topic, state FROM ledger.events ORDER BY notification_id)"
    " TO STDOUT (FORMAT BINARY)"
)
ANCHOR = "binary COPY to the client, decoded by msgspec"
# Their rows are whole only once identity has closed what was voided or is other goods.
WITH_IDENTITY = ("movements", "corrections", "identity")


def rebuild(size: str) -> dict[str, Any]:
    """Each projection with those it reads; the bench's own ratio is the slowest, all of trade's."""
    with bench_cluster() as cluster, psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        work = Work(SIZES[size])
        events = work.register(cluster.dsn("suyuan_writer")) + work.reports
        work.ingest(cluster.dsn("suyuan_writer"))
        upkeep = Upkeep(cluster.dsn("suyuan_follower"))

        def connect() -> psycopg.Connection[Any]:
            return psycopg.connect(cluster.dsn("suyuan_follower"), autocommit=True)

        for group in GROUPS:
            _follow(Follower(group, connect))
        parts = []
        for whole, name, needed in _each():
            # A group of its own name, so that the live rows stay to be compared with.
            part = Group(f"bench_{name}", needed)
            _prepare(Follower(part, connect))
            decoded, anchor_s = _decode_all(admin)
            begun = time.perf_counter()
            position = upkeep.rebuild(part)
            ours_s = time.perf_counter() - begun
            equal = position == decoded == events and _same_rows(admin, whole, part)
            compared = comparison(
                name, ours=[events / ours_s], anchor=[decoded / anchor_s],
                anchor_name=ANCHOR, unit="events/s", equal=equal, n=events,
            )  # fmt: skip
            parts.append(compared)
    return bench("rebuild", sorted(parts, key=lambda part: float(part["ratio"])))


def _each() -> list[tuple[Group, str, tuple[Any, ...]]]:
    """Every projection with the ones before it in its group, which it may read."""
    found: list[tuple[Group, str, tuple[Any, ...]]] = []
    for group in GROUPS:
        names = [projection.name for projection in group.projections]
        for index, name in enumerate(names):
            last = names.index("identity") if name in WITH_IDENTITY else index
            found.append((group, name, tuple(group.projections[: last + 1])))
    return found


def _prepare(follower: Follower) -> None:
    follower.prepare()
    follower.close()


def _follow(follower: Follower) -> None:
    follower.prepare()
    while follower.step():
        pass
    follower.close()


def _decode_all(admin: psycopg.Connection[Any]) -> tuple[int, float]:
    begun = time.perf_counter()
    count = 0
    with admin.cursor().copy(COPY_OUT) as copy:
        copy.set_types(["text", "bytea"])
        for name, state in copy.rows():
            decode(name, state)
            count += 1
    return count, time.perf_counter() - begun


def _same_rows(admin: psycopg.Connection[Any], whole: Group, part: Group) -> bool:
    for table in part.tables:
        live, rebuilt = f"{whole.name}.{table.name}", f"{part.name}.{table.name}"
        row = admin.execute(
            f"SELECT (SELECT count(*) FROM {live}) - (SELECT count(*) FROM {rebuilt}),"
            f" (SELECT count(*) FROM (TABLE {rebuilt} EXCEPT TABLE {live}) AS d)"
        ).fetchone()
        if row != (0, 0):
            return False
    return True
