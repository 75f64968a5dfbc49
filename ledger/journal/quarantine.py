"""Quarantine on PostgreSQL: finds a report that was put aside, with its arrival on record."""

import psycopg

from ledger.errors import JournalUnavailable
from ledger.events.base import stored_name
from ledger.events.cases import ReportUnreadable
from ledger.events.catalogue import decode
from ledger.rules.quarantine import Held
from ledger.values.ids import stream_of_tape

FIND = """
SELECT t.tape::text, q.content, e.state, e.received, t.device FROM ledger.events e
JOIN ledger.tapes t ON t.tape = ANY(%(tapes)s)
JOIN ledger.quarantine q ON q.tape = t.tape AND q.number = e.originator_version
WHERE e.originator_id = %(stream)s AND e.originator_version = %(number)s AND e.topic = %(name)s
      AND q.kind = 'unreadable'
ORDER BY q.id LIMIT 1
"""
ASIDE = "SELECT DISTINCT tape FROM ledger.quarantine WHERE kind = 'unreadable' AND number = %s"


class PgQuarantine:
    """Reads the quarantine; questions are rare, so each has a connection of its own."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def find(self, stream: str, number: int) -> Held | None:
        """Returns a report put aside as unreadable, or None. Raises `JournalUnavailable`."""
        name = stored_name(ReportUnreadable)
        try:
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                aside = connection.execute(ASIDE, [number]).fetchall()
                tapes = [tape for (tape,) in aside if str(stream_of_tape(str(tape))) == stream]
                values = {"stream": stream, "tapes": tapes, "number": number, "name": name}
                row = connection.execute(FIND, values).fetchone() if tapes else None
        except psycopg.OperationalError as error:
            raise JournalUnavailable(str(error).strip()) from error
        if row is None:
            return None
        tape, content, state, received, device = row
        event = decode(name, state)
        assert isinstance(event, ReportUnreadable)
        return Held(tape, bytes(content), event.digest, received, device)
