"""Answers to requests, by idempotency key: the same question asked again is answered the same."""

import hashlib
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg

from ledger.errors import JournalUnavailable
from ledger.replication import committing

# Nobody asks again after so long; a new answer then rests on the state of the case alone.
KEPT = timedelta(days=7)
FIND = "SELECT asked, status, answer FROM ledger.answers WHERE key = %s"


class GivenAnswer(NamedTuple):
    """What was answered: the digest of the question, an HTTP status and a body."""

    asked: str
    status: int
    body: bytes


def digest_of(question: bytes) -> str:
    """Returns the digest by which a question is known again."""
    return hashlib.sha256(question).hexdigest()


class PgAnswers:
    """Keeps answers in PostgreSQL, where every intake finds them."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def find(self, key: str) -> GivenAnswer | None:
        """Returns the answer given under a key. Raises `JournalUnavailable`."""
        try:
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                row = connection.execute(FIND, [key]).fetchone()
        except psycopg.OperationalError as error:
            raise JournalUnavailable(str(error).strip()) from error
        return None if row is None else _given(row)

    def stands_at(self) -> int:
        """Returns where the record stands now: whoever was just answered reads from there on.

        Raises `JournalUnavailable`.
        """
        try:
            with psycopg.connect(self._dsn, autocommit=True, connect_timeout=5) as connection:
                row = connection.execute("SELECT position FROM ledger.head").fetchone()
        except psycopg.OperationalError as error:
            raise JournalUnavailable(str(error).strip()) from error
        return int(row[0]) if row else 0

    def keep(self, key: str, answer: GivenAnswer, now: datetime) -> GivenAnswer:
        """Keeps the first answer under a key, which it returns, and forgets old ones.

        Raises `JournalUnavailable`.
        """
        insert = "INSERT INTO ledger.answers VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
        with committing(self._dsn) as connection:
            connection.execute("DELETE FROM ledger.answers WHERE received < %s", [now - KEPT])
            connection.execute(insert, [key, *answer, now])
            row = connection.execute(FIND, [key]).fetchone()
        assert row is not None
        return _given(row)


def _given(row: tuple[Any, ...]) -> GivenAnswer:
    asked, status, body = row
    return GivenAnswer(asked, status, bytes(body))
