"""Quarantine on PostgreSQL: finds a report that was put aside, with its arrival on record."""

import psycopg

from ledger.errors import JournalUnavailable
from ledger.events.base import stored_name
from ledger.events.cases import ReportUnreadable
from ledger.events.catalogue import decode
from ledger.rules.quarantine import Held
from ledger.values.ids import stream_of_tape

FIND = """
SELECT q.content, e.state, e.received, h.device FROM ledger.quarantine q
JOIN ledger.events e ON e.originator_id = %(stream)s AND e.originator_version = q.number
JOIN ledger.heads h ON h.originator_id = e.originator_id
WHERE q.kind = 'unreadable' AND q.tape = %(tape)s AND q.number = %(number)s AND e.topic = %(name)s
ORDER BY q.id LIMIT 1
"""


class PgQuarantine:
    """Reads the quarantine; questions are rare, so each has a connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def find(self, tape: str, number: int) -> Held | None:
        """Returns a report put aside as unreadable, or None. Raises `JournalUnavailable`."""
        name = stored_name(ReportUnreadable)
        values = {"stream": stream_of_tape(tape), "tape": tape, "number": number, "name": name}
        try:
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                row = connection.execute(FIND, values).fetchone()
        except psycopg.OperationalError as error:
            raise JournalUnavailable(str(error).strip()) from error
        if row is None:
            return None
        content, state, received, device = row
        event = decode(name, state)
        assert isinstance(event, ReportUnreadable)
        return Held(bytes(content), event.digest, received, device)
