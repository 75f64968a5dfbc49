"""The views as the routes read them: connections that only read what is public, and their position."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection, IsolationLevel, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from ledger.settings import REHEARSAL
from ledger.values.day import ZONE_DEFAULT, day_at
from ledger.values.gtin import Gtin
from query_api.problems import Problem

LIMIT_MAX = 200
CURSOR_BYTES_MAX = 4000
# A page that needs longer than this is a bug or an attack.
STATEMENT_MS = 5000

Reader = Connection[DictRow]


def open_pool(dsn: str, *, only_read: bool = True, size: int = 8) -> ConnectionPool[Reader]:
    """Opens a pool of connections; those that note who looks do not only read."""
    mode = "on" if only_read else "off"
    options = (
        f"-c default_transaction_read_only={mode} -c statement_timeout={STATEMENT_MS}"
        " -c suyuan.reach=public -c idle_in_transaction_session_timeout=60000"
        # Who may see which rows makes the planner fear for every page, and compile it for a second or two.
        " -c jit=off"
    )
    # What the DSN itself asks for comes first: ours must win.
    asked = conninfo_to_dict(dsn).get("options") or ""
    return ConnectionPool(
        make_conninfo(dsn, options=f"{asked} {options}".strip()),
        connection_class=Connection[DictRow],
        kwargs={"row_factory": dict_row, "autocommit": True},
        min_size=1,
        max_size=size,
        timeout=5,
        configure=_in_one_state,
        open=True,
        check=ConnectionPool.check_connection,
    )


def _in_one_state(connection: Reader) -> None:
    """Lets every transaction see one state of the views; psycopg says so as it begins one."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ


def rows(reader: Reader, query: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[DictRow]:
    """Runs a query of this package's own."""
    return reader.execute(sql.SQL(query), values).fetchall()


def position(reader: Reader) -> int:
    """Returns the position that all groups of views are true for."""
    query = (
        "SELECT least((SELECT position FROM trade.position),"
        " (SELECT position FROM edge.position)) AS position"
    )
    return int(rows(reader, query)[0]["position"])


def is_rehearsal(reader: Reader) -> bool:
    """Tells whether this is a copy of a ledger to rehearse on: nothing it says is meant for outside."""
    query = "SELECT current_setting(%s, true) = 'on' AS is_one"
    return bool(rows(reader, query, [REHEARSAL])[0]["is_one"])


def today(reader: Reader) -> date:
    """Returns the present day of the markets as the record says, else the calendar's."""
    found = rows(reader, "SELECT max(day) AS day FROM trade.markets")[0]["day"]
    return found or day_at(datetime.now(UTC), ZoneInfo(ZONE_DEFAULT))


def gtin_of(text: str) -> str:
    """Returns a GTIN as 14 digits, or a problem that quotes what was wrong."""
    try:
        return str(Gtin(text.strip()))
    except ValueError as error:
        raise Problem(422, "gtin-invalid", str(error)) from error


def cursor_of(*key: str) -> str:
    """Writes a key as an opaque cursor."""
    return base64.urlsafe_b64encode("\x1f".join(key).encode()).decode()


def key_of(cursor: str | None, size: int) -> list[str]:
    """Reads a cursor; a missing one stands before every key."""
    if not cursor:
        return [""] * size
    try:
        if len(cursor) > CURSOR_BYTES_MAX:
            raise ValueError("too long")
        key = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().split("\x1f")
    except (binascii.Error, ValueError) as error:
        raise Problem(422, "cursor-invalid", "give the cursor of the page before") from error
    if len(key) != size or "\x00" in cursor or any("\x00" in part for part in key):
        raise Problem(422, "cursor-invalid", "give the cursor of the page before")
    return key
