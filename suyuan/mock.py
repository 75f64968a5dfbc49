"""A copy of a running ledger, to rehearse on: the same record, register and views, other keys."""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import Connection, sql

from ledger.follower import make_views
from ledger.projections.groups import GROUPS
from ledger.settings import REHEARSAL

# What a copy needs of the record; strangers, kept answers and what was put aside stay behind.
RECORD = (
    "ledger.events", "ledger.head", "ledger.heads", "ledger.tapes", "ledger.batches",
    "ledger.documents", "personal.subjects",
    "personal.keys", "personal.erased", "personal.shut", "accounts.accounts",
)  # fmt: skip
COLUMNS = """
SELECT column_name FROM information_schema.columns
WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position
"""


def copy_ledger(source: str, target: str, *, follower: str) -> int:
    """Copies one state of a ledger into an empty one; returns the position it stands at.

    `source` and `target` are owners' DSNs; `follower` is that of the target, whose views are its.
    The source goes on writing meanwhile.
    """
    with psycopg.connect(follower, autocommit=True) as views:
        for group in GROUPS:
            make_views(views, group.name, group)
    tables = [*RECORD]
    for group in GROUPS:
        tables += [f"{group.name}.{table.name}" for table in group.tables]
        tables.append(f"{group.name}.position")
    with (
        psycopg.connect(source) as reader,
        psycopg.connect(target) as writer,
        reader.transaction(),
        writer.transaction(),
    ):
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for table in tables:
            _copy(reader, writer, table.split("."))
        row = writer.execute("SELECT position FROM ledger.head").fetchone()
    with psycopg.connect(target, autocommit=True) as owner:
        name = sql.Identifier(owner.info.dbname)
        # The copy itself says what it is, to whoever reads it.
        owner.execute(sql.SQL("ALTER DATABASE {} SET {} = on").format(name, sql.SQL(REHEARSAL)))
    return int(row[0]) if row else 0


def _copy(reader: Connection[Any], writer: Connection[Any], table: Sequence[str]) -> None:
    """Copies a table; the one row that a new schema begins with gives way."""
    name = sql.Identifier(*table)
    columns = [row[0] for row in writer.execute(COLUMNS, list(table)).fetchall()]
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    if table[1] in ("head", "position"):
        writer.execute(sql.SQL("DELETE FROM {}").format(name))
    out = sql.SQL("COPY {} ({}) TO STDOUT (FORMAT binary)").format(name, listed)
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(name, listed)
    with (
        reader.cursor() as source,
        writer.cursor() as target,
        source.copy(out) as given,
        target.copy(into) as taken,
    ):
        for chunk in given:
            taken.write(chunk)
