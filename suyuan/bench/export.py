"""Export: a ledger's lines per second as CSV and as a workbook, against COPY of the same rows."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from ledger.rules.law_ledgers import LEDGERS
from query_api import ledgers
from query_api.ledgers import Period
from query_api.sheets import Sheet, as_csv, as_workbook
from suyuan.bench.comparison import bench, comparison
from suyuan.bench.work import SIZES, Work, bench_cluster, put_in_views

ROUNDS = 5
COPY = """
COPY (SELECT * FROM trade.movements WHERE merchant = '{0}' AND kind = 'goods-received'
      AND believed_to IS NULL ORDER BY business_date, original, leg) TO STDOUT (FORMAT CSV)
"""


def export(size: str) -> dict[str, Any]:
    """A wholesaler's purchase ledger of the whole trade, pages and joins included."""
    with bench_cluster() as cluster:
        work = Work(SIZES[size])
        put_in_views(work, cluster)
        merchant = next(m.id for m in work.trade.merchants if m.kind == "wholesaler")
        period = Period(work.trade.day, work.trade.day + timedelta(days=work.trade.days))
        ours: dict[str, list[float]] = {"CSV": [], "workbook": []}
        anchor, equal, lines = [], True, 0
        with psycopg.connect(cluster.dsn(), row_factory=dict_row) as reader:
            for _ in range(ROUNDS):
                copied, seconds = _copy(reader, merchant)
                anchor.append(copied / seconds)
                for form, write in (("CSV", as_csv), ("workbook", as_workbook)):
                    begun = time.perf_counter()
                    counted = Counted(
                        ledgers.every(
                            reader, LEDGERS["materials"], merchant, period, opens=lambda *_: None
                        )
                    )
                    for _chunk in write(_sheet(counted)):
                        pass
                    ours[form].append(counted.lines / (time.perf_counter() - begun))
                    equal, lines = equal and counted.lines == copied, counted.lines
    parts = [
        comparison(
            form, ours=rates, anchor=anchor, anchor_name="COPY of the same movements as CSV",
            unit="lines/s", equal=equal, n=lines,
        )
        for form, rates in ours.items()
    ]  # fmt: skip
    return bench("export", parts)


class Counted:
    """Lines that are counted as they pass."""

    def __init__(self, lines: Iterator[ledgers.LawLine]) -> None:
        self._of = lines
        self.lines = 0

    def __iter__(self) -> Iterator[list[str]]:
        """Passes the cells of each line on."""
        for line in self._of:
            self.lines += 1
            yield [*line.fields.values(), line.keep_until.isoformat(), str(line.position)]


def _sheet(lines: Counted) -> Sheet:
    return Sheet("bench", "", ["heading"], iter(lines), [])


def _copy(reader: psycopg.Connection[Any], merchant: str) -> tuple[int, float]:
    begun, count = time.perf_counter(), 0
    with reader.cursor().copy(COPY.format(merchant)) as copy:
        for block in copy:
            count += bytes(block).count(b"\n")
    return count, time.perf_counter() - begun
