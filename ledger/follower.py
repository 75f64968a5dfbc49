"""Followers: read the record page by page, fold it, and write rows and position in one stroke."""

import contextlib
import gc
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from ledger import telling
from ledger.errors import EXIT_DAMAGED, BadSetting, JournalDamaged, LedgerError
from ledger.events.base import Event, stored_name
from ledger.events.cases import ReportReadmitted
from ledger.events.catalogue import decode, read_report, upcast
from ledger.journal.interface import Stored
from ledger.journal.postgres import CHANNEL, PgReader
from ledger.projections.fold import Entry, Fold
from ledger.projections.groups import GROUPS, VIEWS_VERSION, Group
from ledger.projections.postgres import PgStore, create_tables
from ledger.projections.table import Rows, Store
from ledger.settings import read_settings
from ledger.values.ids import stream_of_tape

log = logging.getLogger("suyuan.follow")

PgConnection = Connection[TupleRow]

# A page large enough to make set-wise work pay, small enough to be seen within a second.
PAGE = 5000
# Without a notification for so long a follower looks by itself.
IDLE_S = 1.0
# How long a follower waits before it tries a database that was away again.
AWAY_S = 0.3
# Numbers under which one starter makes the schemas while others wait.
VIEWS_LOCK = 7_305_002


def entries_of(page: Sequence[Stored]) -> list[Entry]:
    """Decodes a page; an event this code cannot read stops the follower at its position."""
    entries = []
    for stored in page:
        try:
            event = decode(stored.name, stored.state)
            entries.append(_entry(stored, event))
        except LedgerError as error:
            raise JournalDamaged(f"position {stored.position}: {error}") from error
    return entries


def _entry(stored: Stored, event: Event) -> Entry:
    if isinstance(event, ReportReadmitted):
        report = upcast(read_report(event.report))
        return Entry(
            stored.position, str(stream_of_tape(event.tape)), event.number_on_tape,
            stored_name(report), event.first_received, event.noted, report, [], readmitted=True,
        )  # fmt: skip
    return Entry(
        stored.position, str(stored.stream), stored.number, stored.name,
        stored.received, stored.flags, event, [],
    )  # fmt: skip


def fold_page(group: Group, store: Store, entries: Sequence[Entry]) -> None:
    """Folds entries in order into the rows of a group and writes what changed."""
    rows = Rows(store)
    for projection in group.projections:
        rows.prefetch(wanted for entry in entries for wanted in projection.keys(entry, rows))
    for entry in entries:
        fold = Fold(rows, entry)
        for projection in group.projections:
            try:
                projection.fold(fold)
            except psycopg.OperationalError:
                raise
            except Exception as error:
                where = f"{projection.name} at position {entry.position}"
                raise JournalDamaged(f"a fold failed: {where}: {error}") from error
    rows.flush()


class Pages:
    """The page read last, decoded: groups that stand at one position read it once."""

    def __init__(self) -> None:
        self._place: tuple[int, int] | None = None
        self._entries: list[Entry] = []

    def read(self, connection: PgConnection, after: int, limit: int) -> list[Entry]:
        """Returns the events behind a position; what is appended meanwhile comes with the next."""
        if self._place != (after, limit) or len(self._entries) < limit:
            self._entries = entries_of(PgReader(connection).page(after, limit))
            self._place = (after, limit)
        for entry in self._entries:
            entry.memo.clear()
        return self._entries


class Follower:
    """Keeps one group's rows in one schema up to date, exactly once, beside any number of others."""

    def __init__(
        self,
        group: Group,
        connect: Callable[[], PgConnection],
        schema: str | None = None,
        *,
        guarded: bool = True,
        pages: Pages | None = None,
    ) -> None:
        self.group = group
        self.schema = schema or group.name
        # A copy that nobody else knows of needs no guard, and would wait for its own keeper.
        self._guarded = guarded
        self._pages = pages or Pages()
        self._connect = connect
        self._connection: PgConnection | None = None
        self._store: PgStore | None = None

    def prepare(self) -> None:
        """Makes the group's schema where it is missing; safe to run by two at once."""
        connection = self._open()
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [VIEWS_LOCK])
            version = _version(connection, self.schema)
            if version is not None and version > VIEWS_VERSION:
                raise BadSetting(
                    f"the views {self.schema} are of version {version}, this follower knows"
                    f" {VIEWS_VERSION}: update it"
                )
            if version is None or version < VIEWS_VERSION:
                if version is not None:
                    # Views are derived: they come back the same, in their new form.
                    log.warning("the views %s are of an older form and are made anew", self.schema)
                    drop_views(connection, self.schema)
                make_views(connection, self.schema, self.group)

    def step(self, limit: int = PAGE, upto: int | None = None) -> int:
        """Folds one page and returns how many events it held; 0 when there was nothing new.

        Rows and position are committed together. When another follower was ahead, nothing of
        this page is kept and -1 is returned.
        """
        connection = self._open()
        try:
            with without_collector(), connection.transaction():
                return self._fold_next(connection, limit, upto)
        except _Ahead:
            self._store = None
            return -1
        except BaseException:
            # A rolled back transaction takes its temporary tables along.
            self._store = None
            raise

    def position(self) -> int:
        """Returns the position up to which the rows are true."""
        return _position(self._open(), self.schema)

    def close(self) -> None:
        """Closes the connection; the next step opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._store = None, None

    def _fold_next(self, connection: PgConnection, limit: int, upto: int | None) -> int:
        if self._guarded:
            hold_views(connection, self.group)
        since = _position(connection, self.schema)
        if upto is not None:
            limit = min(limit, upto - since)
        page = self._pages.read(connection, since, limit) if limit > 0 else []
        if not page:
            return 0
        if self._store is None:
            self._store = PgStore(connection, self.schema)
        moved = connection.execute(
            sql.SQL("UPDATE {} SET position = %s WHERE position = %s").format(
                sql.Identifier(self.schema, "position")
            ),
            [page[-1].position, since],
        )
        if moved.rowcount == 0:
            raise _Ahead
        try:
            fold_page(self.group, self._store, page)
        except psycopg.DataError as error:
            raise JournalDamaged(f"rows behind position {since} cannot be kept: {error}") from error
        connection.execute(sql.SQL("NOTIFY {}").format(sql.Identifier(f"views_{self.group.name}")))
        return len(page)

    def _open(self) -> PgConnection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
            self._store = None
        return self._connection


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Keeps Python from looking for circles among a page's rows, which hold none."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Ahead(Exception):
    """Another follower has moved the position first."""


def hold_views(connection: PgConnection, group: Group, *, alone: bool = False) -> None:
    """Holds a group's schema in place until the transaction ends; `alone` keeps followers out.

    Taken before any name is resolved: a schema swapped under a follower that had already found
    its tables would take half a page.
    """
    lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    connection.execute(f"SELECT {lock}(%s, hashtext(%s))", [VIEWS_LOCK, group.name])


def make_views(connection: PgConnection, schema: str, group: Group) -> None:
    """Makes a schema with a group's tables and its position, 0."""
    create_tables(connection, schema, group.tables)
    place = sql.Identifier(schema, "position")
    connection.execute(
        sql.SQL(
            "CREATE TABLE {} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),"
            " position bigint NOT NULL, version int NOT NULL)"
        ).format(place)
    )
    first = sql.SQL("INSERT INTO {} (position, version) VALUES (0, {})")
    connection.execute(first.format(place, VIEWS_VERSION))
    connection.execute(sql.SQL("GRANT SELECT ON {} TO suyuan_reader").format(place))


def drop_views(connection: PgConnection, schema: str) -> None:
    """Drops a schema of views with everything in it."""
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def _version(connection: PgConnection, schema: str) -> int | None:
    """Returns the version of a schema's views; 0 for one from before versions, None for none."""
    found = connection.execute("SELECT to_regnamespace(%s)", [schema]).fetchone()
    if found is None or found[0] is None:
        return None
    place = sql.Identifier(schema, "position")
    row = connection.execute(sql.SQL("SELECT to_jsonb(p) FROM {} p").format(place)).fetchone()
    return int(row[0].get("version", 0)) if row is not None else 0


def _position(connection: PgConnection, schema: str) -> int:
    row = connection.execute(
        sql.SQL("SELECT position FROM {}").format(sql.Identifier(schema, "position"))
    ).fetchone()
    if row is None:
        raise JournalDamaged(f"the views {schema} have lost their position: rebuild them")
    return int(row[0])


def follow(followers: Sequence[Follower], listen: Callable[[], PgConnection]) -> None:
    """Drives followers for ever: by notification, at the latest once a second."""
    connection: PgConnection | None = None
    while True:
        try:
            if connection is None or connection.closed:
                connection = listen()
                connection.execute(f"LISTEN {CHANNEL}")
                for follower in followers:
                    follower.prepare()
                    place = {
                        "views": follower.schema,
                        "position": _position(connection, follower.schema),
                    }
                    log.info("following the record", extra=place)
            while _step_all(followers):
                pass
            for _ in connection.notifies(timeout=IDLE_S, stop_after=1):
                pass
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            log.warning("the database is away: %s", str(error).strip())
            for follower in followers:
                follower.close()
            if connection is not None:
                connection.close()
            connection = None
            time.sleep(AWAY_S)


def _step_all(followers: Sequence[Follower]) -> bool:
    """Lets every follower take a step; tells whether any of them had something to do."""
    steps = [follower.step() for follower in followers]
    return any(steps)


def main() -> None:
    """Runs a follower of every group, as the settings say."""
    settings = read_settings()
    telling.begin(settings.log_level)

    def connect() -> PgConnection:
        return psycopg.connect(settings.follower_dsn, autocommit=True, connect_timeout=5)

    try:
        pages = Pages()
        follow([Follower(group, connect, pages=pages) for group in GROUPS], connect)
    except JournalDamaged:
        log.critical("the follower stopped; call a human", exc_info=True)
        sys.exit(EXIT_DAMAGED)
    except LedgerError as error:
        sys.exit(f"follower: {error}")


if __name__ == "__main__":
    main()
