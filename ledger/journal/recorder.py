"""The library's recorder on our head row: gapless positions in commit order, binary COPY."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from ledger.errors import BadSetting, Malformed
from ledger.events.catalogue import BY_NAME, decode_as_stored
from ledger.journal.interface import TRANSACTION_ROWS_MAX, Head, Row
from ledger.journal.postgres import CHANNEL, copy_rows, lock_head, set_heads
from ledger.journal.sealing import Place, Sealer
from ledger.replication import Timeline, Unconfirmed


class LedgerRecorder(PostgresApplicationRecorder):
    """Stores the events of cases in the ledger's own table, beside the tapes'.

    Refuses the library's database functions, which drop the lock and let a tailing reader skip
    events, and batches beyond the size at which the library's own pipeline hangs.
    """

    def __init__(
        self,
        datastore: PostgresDatastore,
        *,
        sealer: Sealer,
        now: Callable[[], datetime],
        timeline: Timeline | None = None,
    ) -> None:
        if datastore.enable_db_functions:
            raise BadSetting(
                "POSTGRES_ENABLE_DB_FUNCTIONS loses events for whoever follows: unset it"
            )
        super().__init__(datastore, events_table_name="events")
        self.channel_name = CHANNEL
        self._sealer = sealer
        self._now = now
        self._timeline = timeline or Timeline(None)
        # The last commit is not on the standby: nothing is decided on it before it is.
        self._unsure = False

    def create_table(self) -> None:
        """Does nothing: `ledger.journal.schema` makes the table, its guards and its roles."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        """Inserts a case's new events atomically and returns their positions.

        Raises the library's `IntegrityError` when a number of a stream is taken: another writer
        was first. Is never retried here: a caller who lost the connection reads again first.
        """
        if len(stored_events) > TRANSACTION_ROWS_MAX:
            raise BadSetting(f"insert at most {TRANSACTION_ROWS_MAX} events at once")
        if not stored_events:
            return None
        with self.datastore.get_connection() as connection:
            self._timeline.check(connection)
            unconfirmed = Unconfirmed()
            unconfirmed.listen(connection)
            cursor_factory = connection.row_factory
            connection.row_factory = psycopg.rows.tuple_row  # type: ignore[assignment]  # ours reads tuples
            try:
                with connection.transaction():
                    positions = self._insert(connection, stored_events)  # type: ignore[arg-type]  # same connection
            finally:
                connection.row_factory = cursor_factory
                connection.remove_notice_handler(unconfirmed.notice)
            self._unsure = True
            unconfirmed.refuse()
            self._unsure = False
            return positions

    def select_events(self, *args: Any, **kwargs: Any) -> Sequence[StoredEvent]:
        """Returns a case's events, as the library does; what is not confirmed is made sure of first."""
        if self._unsure:
            self._confirm()
        found: Sequence[StoredEvent] = super().select_events(*args, **kwargs)
        return found

    def _confirm(self) -> None:
        unconfirmed = Unconfirmed()
        with self.datastore.get_connection() as connection:
            unconfirmed.listen(connection)
            try:
                connection.execute("UPDATE ledger.head SET position = position")
            finally:
                connection.remove_notice_handler(unconfirmed.notice)
        unconfirmed.refuse()
        self._unsure = False

    def _insert(
        self, connection: psycopg.Connection[tuple[Any, ...]], stored_events: Sequence[StoredEvent]
    ) -> list[int]:
        head = lock_head(connection)
        # Sealed under the lock: what is known of salts is brought up to date before.
        self._sealer.catch_up(head.erasures)
        received = self._now()
        rows = [self._row(event, received) for event in stored_events]
        _refuse_taken(connection, rows)
        written = copy_rows(connection, head.position, rows)
        newest: dict[UUID, Head] = {}
        for row in rows:
            newest[row.stream] = Head(max(row.number, newest.get(row.stream, Head(0)).number))
        set_heads(connection, newest)
        return [stored.position for stored in written]

    def _row(self, event: StoredEvent, received: datetime) -> Row:
        stream = UUID(str(event.originator_id))
        number = event.originator_version
        place = Place(stream, number, received)
        known = None
        if event.topic in BY_NAME:
            try:
                known = decode_as_stored(event.topic, event.state)
            except Malformed as error:
                raise IntegrityError(str(error)) from error
        seed, leaf = self._sealer.seal(known, event.topic, event.state, place)
        return Row(stream, number, event.topic, event.state, seed, leaf, received)


def _refuse_taken(connection: psycopg.Connection[tuple[Any, ...]], rows: Sequence[Row]) -> None:
    # Read under the lock, as the committer does; the primary key stands behind it.
    keys = {(row.stream, row.number) for row in rows}
    taken = connection.execute(
        "SELECT originator_id, originator_version FROM ledger.events"
        " JOIN unnest(%s::uuid[], %s::bigint[]) AS k (id, number)"
        " ON originator_id = k.id AND originator_version = k.number LIMIT 1",
        [[row.stream for row in rows], [row.number for row in rows]],
    ).fetchone()
    if taken is not None or len(keys) < len(rows):
        raise IntegrityError(f"number taken: {taken or 'twice in one write'}")
