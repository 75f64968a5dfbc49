"""Invitations: codes by which a device joins once, kept as their hashes alone."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import psycopg

from ledger.rules.access import Grant, Subject

TABLES = """
CREATE TABLE IF NOT EXISTS accounts.invitations (
    code bytea PRIMARY KEY,
    device text NOT NULL,
    merchants text[] NOT NULL,
    since date NOT NULL,
    -- Why a device that was enrolled before comes with another key; empty for one that was not.
    again text NOT NULL,
    account text NOT NULL REFERENCES accounts.accounts ON DELETE CASCADE,
    made timestamptz NOT NULL,
    until timestamptz NOT NULL,
    -- The key it was used with: that device alone may ask again after an answer that was lost.
    key text,
    used timestamptz,
    -- What it stands for is on record: asked again, nothing more is put there.
    done boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS invitations_of ON accounts.invitations (device, made);
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts.invitations TO suyuan_writer;
"""
CODE_BYTES = 16
# Time to walk to the stall; a code on paper must not be good for long.
LIFE, LIFE_MAX = timedelta(minutes=30), timedelta(days=7)
# How long the device may go on asking for an answer that was lost.
ASKED_AGAIN = timedelta(days=1)
# What is over is forgotten after this.
KEPT = timedelta(days=30)
USE = """
UPDATE accounts.invitations i SET key = %(key)s, used = coalesce(used, %(now)s)
FROM accounts.accounts a
WHERE i.code = %(code)s AND a.account = i.account AND NOT a.disabled
  AND ((i.key IS NULL AND i.until > %(now)s) OR (i.key = %(key)s AND i.used > %(again)s))
RETURNING i.device, i.merchants, i.since, i.again, i.account, i.until, i.done, a.grants
"""
# One that was not used gives way to a newer one for the same device.
ADD = """
WITH gone AS (
    DELETE FROM accounts.invitations
    WHERE until < %(forgotten)s OR (device = %(device)s AND key IS NULL)
) INSERT INTO accounts.invitations (code, device, merchants, since, again, account, made, until)
VALUES (%(code)s, %(device)s, %(merchants)s, %(since)s, %(again)s, %(account)s, %(now)s, %(until)s)
"""


class Invitation(NamedTuple):
    """Which device may join, for which merchants from a day on, who asked it in, and until when."""

    device: str
    merchants: tuple[str, ...]
    since: date
    again: str
    account: str
    until: datetime


class UsedInvitation(NamedTuple):
    """An invitation that a device shows: whether it joined by it before, and what its maker may today."""

    invitation: Invitation
    done: bool
    maker: Subject


def create_invitations(connection: psycopg.Connection[Any]) -> None:
    """Makes the table where it is missing; accounts and the services' roles must be there."""
    connection.execute(TABLES)


class PgInvitations:
    """Invitations over a connection that somebody else opens, and commits."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def add(self, code: bytes, invitation: Invitation, now: datetime) -> None:
        """Keeps an invitation under the hash of its code."""
        fields = invitation._asdict() | {
            "code": _hash(code), "merchants": list(invitation.merchants), "now": now,
            "forgotten": now - KEPT,
        }  # fmt: skip
        self._connection.execute(ADD, fields)

    def use(self, code: bytes, key: str, now: datetime) -> UsedInvitation | None:
        """Uses an invitation up for a device's key; None for one that is over, used, or none.

        The same key may use it again for a while: its answer may have been lost.
        """
        asked = {"code": _hash(code), "key": key, "now": now, "again": now - ASKED_AGAIN}
        row = self._connection.execute(USE, asked).fetchone()
        if row is None:
            return None
        *fields, done, grants = row
        found = _invitation(fields)
        return UsedInvitation(
            found, done, Subject(found.account, msgspec.convert(grants, tuple[Grant, ...]))
        )

    def done(self, code: bytes) -> None:
        """Notes that all that an invitation stands for is on record."""
        self._connection.execute(
            "UPDATE accounts.invitations SET done = true WHERE code = %s", [_hash(code)]
        )

    def open_ones(self, now: datetime) -> list[Invitation]:
        """Returns those that nobody has used yet, the newest first."""
        found = self._connection.execute(
            "SELECT device, merchants, since, again, account, until FROM accounts.invitations"
            " WHERE key IS NULL AND until > %s ORDER BY made DESC",
            [now],
        )
        return [_invitation(row) for row in found]

    def withdraw(self, device: str) -> bool:
        """Ends the open invitation of a device; False where there is none."""
        done = self._connection.execute(
            "DELETE FROM accounts.invitations WHERE device = %s AND key IS NULL", [device]
        )
        return done.rowcount > 0


def _hash(code: bytes) -> bytes:
    # A code is random and long: a plain hash cannot be guessed from.
    return hashlib.sha256(code).digest()


def _invitation(row: Sequence[Any]) -> Invitation:
    device, merchants, since, again, account, until = row
    return Invitation(device, tuple(merchants), since, again, account, until)
