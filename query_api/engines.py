"""The trace arrays of one service: kept by a thread of their own, asked by every route."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from ledger.trace.engine import ArrayEngine, Reader

log = logging.getLogger("suyuan.query")

# How long the keeper waits before it tries a database or views that were away again.
AWAY_S = 2.0


def keep_engine(dsn: str, folder: Path | None, ended: threading.Event) -> ArrayEngine | None:
    """Starts an engine and what keeps it; None without a folder. It answers once it is built."""
    if folder is None:
        return None
    engine = ArrayEngine(folder)
    threading.Thread(target=_keep, args=[engine, dsn, ended], daemon=True).start()
    return engine


def _keep(engine: ArrayEngine, dsn: str, ended: threading.Event) -> None:
    """Opens or builds the engine's segment, and builds it anew when that pays."""
    opened = False
    while not ended.is_set():
        try:
            if not opened:
                with snapshot_of(dsn) as (reader, head):
                    if not engine.open(reader, head):
                        engine.rebuild(reader, head)
                opened = True
            if engine.wanted.wait(1.0) and not ended.is_set():
                with snapshot_of(dsn) as (reader, head):
                    engine.rebuild(reader, head)
        except (psycopg.Error, OSError) as error:
            log.warning("the trace arrays wait for the database: %s", str(error).strip())
            time.sleep(AWAY_S)
        except ValueError as error:
            log.error("no trace arrays can be made, PostgreSQL answers every trace: %s", error)
            return


@contextmanager
def snapshot_of(dsn: str) -> Iterator[tuple[Reader, int]]:
    """Gives one state of the views on a connection of its own, with its position."""
    with (
        psycopg.connect(dsn, row_factory=dict_row, connect_timeout=5) as reader,
        reader.transaction(),
    ):
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        reader.execute("SET LOCAL suyuan.reach = 'everything'")
        found = reader.execute("SELECT position FROM trade.position").fetchone()
        yield reader, int(found["position"]) if found is not None else 0
