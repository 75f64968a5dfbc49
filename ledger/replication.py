"""What a hot standby changes: commits that it did not confirm, and a primary that is none any more."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from ledger.durable import write_whole
from ledger.errors import JournalUnavailable

# The warning PostgreSQL gives when the wait for a standby was cancelled: the commit is on this
# server alone, and may be gone after a failover (MEASURED: "Standby").
NOT_REPLICATED = "01000"
# The first eight hex digits of a WAL file's name are its timeline; a promotion begins the next one.
TIMELINE = (
    "SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"
    " WHERE NOT pg_is_in_recovery()"
)


class Unconfirmed:
    """Hears the warnings of a connection's commits; `refuse` turns them into a failure."""

    def __init__(self) -> None:
        self._warnings: list[str] = []

    def listen(self, connection: psycopg.Connection[Any]) -> None:
        """Listens to a connection from now on."""
        connection.add_notice_handler(self.notice)

    def clear(self) -> None:
        """Forgets what was heard before a commit."""
        self._warnings.clear()

    def refuse(self) -> None:
        """Raises `JournalUnavailable` where the last commit is not on the standby: do it again."""
        if self._warnings:
            raise JournalUnavailable(f"committed without the standby: {self._warnings[0]}")

    def notice(self, diagnostic: Any) -> None:
        """Takes a notice of the server."""
        if diagnostic.sqlstate == NOT_REPLICATED:
            self._warnings.append(str(diagnostic.message_primary))


@contextlib.contextmanager
def committing(dsn: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Opens a connection for one transaction, committed at its end.

    Raises `JournalUnavailable` when the server is away, or the standby did not confirm: do it again.
    """
    unconfirmed = Unconfirmed()
    try:
        with psycopg.connect(dsn, connect_timeout=5) as connection:
            unconfirmed.listen(connection)
            yield connection
            # A transaction that found everything there writes nothing, and would wait for nobody.
            connection.execute("SELECT pg_logical_emit_message(true, 'suyuan', '')")
    except (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction) as error:
        raise JournalUnavailable(str(error).strip()) from error
    unconfirmed.refuse()


class Timeline:
    """Remembers the newest primary that was met, in a file, so that an older one is known as stale.

    A primary that was away while its standby was promoted accepts writes as if nothing had happened.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known = 0

    def check(self, connection: psycopg.Connection[Any]) -> None:
        """Raises `JournalUnavailable` for a primary that is older than one met before."""
        row = connection.execute(TIMELINE).fetchone()
        if row is None:
            raise JournalUnavailable("this server is a standby: waiting for the primary")
        met = int(row[0]) if isinstance(row, tuple) else int(next(iter(row.values())))
        known = max(self._known, self._read())
        if met < known:
            raise JournalUnavailable(
                f"a primary of timeline {met} answers, and one of {known} was met before: it is stale"
                " and must not be written to. Make it a standby of the other"
            )
        if met > known and self._path is not None:
            try:
                write_whole(self._path, f"{met}\n".encode())
            except OSError as error:
                raise JournalUnavailable(f"{self._path} cannot be written: {error}") from error
        self._known = met

    def _read(self) -> int:
        try:
            return int(self._path.read_text()) if self._path is not None else 0
        except (FileNotFoundError, ValueError):
            return 0


def timeline_in(data: str) -> Timeline:
    """Returns the memory of primaries in a data folder; without one it ends with the process."""
    return Timeline(Path(data) / "timeline" if data else None)
