"""The book of accounts: kept by who may, read by the door."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from ledger.accounts.factor import NONCE_BYTES, FactorSeal
from ledger.accounts.passwords import hash_password
from ledger.errors import BadSetting, Conflict
from ledger.rules.access import Grant

COLUMNS = (
    "account, name, password, grants, disabled, failures, closed_until, factor, factor_wanted,"
    " used_step, given_until"
)
# A working day, and a lunch.
LIFE, IDLE = timedelta(hours=12), timedelta(hours=2)
OPEN = "ended IS NULL AND began >= %(began)s AND used >= %(used)s"


class UserAccount(NamedTuple):
    """Somebody who may sign in."""

    account: str
    name: str
    password: str
    grants: tuple[Grant, ...]
    disabled: bool
    failures: int
    closed_until: datetime | None
    factor: bytes | None = None
    factor_wanted: bytes | None = None
    used_step: int = 0
    given_until: datetime | None = None


class SignIn(NamedTuple):
    """A sign-in: when it began, was used last and ended, and with what program.

    `strong` says that a second factor was shown, here or to a provider of single sign-on.
    """

    id: str
    account: str
    agent: str
    began: datetime
    used: datetime
    ended: datetime | None
    strong: bool = False


class SentAway(NamedTuple):
    """Somebody who was sent to a provider: the state they come back with, and what proves the rest."""

    state: bytes
    verifier: str
    nonce: str
    redirect: str
    until: datetime


class PgAccounts:
    """Accounts over a connection that somebody else opens, and commits."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def add(
        self,
        account: str,
        *,
        name: str,
        password: str,
        grants: Sequence[Grant],
        given_until: datetime | None = None,
    ) -> None:
        """Adds an account. Raises `Conflict` where there is one of that name.

        A password that is given, and not its owner's own, is good until a time, to set another.
        """
        done = self._connection.execute(
            "INSERT INTO accounts.accounts (account, name, password, grants, given_until)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [account, name, hash_password(password), _as_json(grants), given_until],
        )
        if not done.rowcount:
            raise Conflict(f"there is an account {account} already")

    def all(self) -> list[UserAccount]:
        """Returns all accounts, by name."""
        found = self._connection.execute(
            f"SELECT {COLUMNS} FROM accounts.accounts ORDER BY account"
        )
        return [_account(row) for row in found]

    def find(self, account: str) -> UserAccount | None:
        """Returns an account."""
        row = self._connection.execute(
            f"SELECT {COLUMNS} FROM accounts.accounts WHERE account = %s", [account]
        ).fetchone()
        return _account(row) if row else None

    def seal_anew(self, old: FactorSeal, new: FactorSeal, entropy: Callable[[int], bytes]) -> int:
        """Seals every second factor under another key; returns how many accounts have one.

        What is sealed under that one already stays. Raises `BadSetting` for what neither key opens.
        """
        found = self._connection.execute(
            "SELECT account, factor, factor_wanted FROM accounts.accounts"
            " WHERE factor IS NOT NULL OR factor_wanted IS NOT NULL FOR UPDATE"
        ).fetchall()
        for account, *sealed in found:
            moved = [
                one and _moved(bytes(one), account, old, new, entropy(NONCE_BYTES))
                for one in sealed
            ]
            self._connection.execute(
                "UPDATE accounts.accounts SET factor = %s, factor_wanted = %s WHERE account = %s",
                [*moved, account],
            )
        return len(found)

    def locked(self, account: str) -> UserAccount | None:
        """Returns an account and holds it until the transaction ends."""
        row = self._connection.execute(
            f"SELECT {COLUMNS} FROM accounts.accounts WHERE account = %s FOR UPDATE", [account]
        ).fetchone()
        return _account(row) if row else None

    def link(self, issuer: str, subject: str, account: str) -> None:
        """Lets a provider's subject sign in as an account. Raises `Conflict` where it is another's."""
        if self.find(account) is None:
            raise Conflict(f"there is no account {account}")
        row = self._connection.execute(
            "INSERT INTO accounts.subjects VALUES (%s, %s, %s) ON CONFLICT (issuer, subject)"
            " DO UPDATE SET subject = excluded.subject RETURNING account",
            [issuer, subject, account],
        ).fetchone()
        if row != (account,):
            raise Conflict(f"{subject} signs in as {row[0] if row else 'somebody else'} already")

    def unlink(self, account: str) -> int:
        """Lets no provider's subject sign in as an account any more; returns how many could."""
        done = self._connection.execute(
            "DELETE FROM accounts.subjects WHERE account = %s", [account]
        )
        return done.rowcount

    def linked(self, issuer: str, subject: str) -> UserAccount | None:
        """Returns the account that a provider's subject signs in as, and holds it."""
        row = self._connection.execute(
            "SELECT account FROM accounts.subjects WHERE issuer = %s AND subject = %s",
            [issuer, subject],
        ).fetchone()
        return self.locked(str(row[0])) if row else None

    def send_away(self, sent: SentAway, now: datetime) -> None:
        """Notes that somebody was sent to a provider; who was long ago is forgotten."""
        self._connection.execute("DELETE FROM accounts.sent_away WHERE until < %s", [now])
        self._connection.execute(
            "INSERT INTO accounts.sent_away VALUES (%s, %s, %s, %s, %s)",
            [digest_of(sent.state), *sent[1:]],
        )

    def come_back(self, state: bytes, now: datetime) -> SentAway | None:
        """Returns what was noted of somebody who comes back with their state, once and in time."""
        row = self._connection.execute(
            "DELETE FROM accounts.sent_away WHERE state = %s AND until > %s"
            " RETURNING verifier, nonce, redirect, until",
            [digest_of(state), now],
        ).fetchone()
        return SentAway(state, *row) if row else None

    def set_password(self, account: str, *, to: str, given_until: datetime | None = None) -> None:
        """Sets another password, and ends every sign-in. Raises `Conflict` for nobody."""
        self._change(
            account, "password = %s, failures = 0, closed_until = NULL, given_until = %s",
            [hash_password(to), given_until],
        )  # fmt: skip
        self._end_all(account)

    def set_grants(self, account: str, grants: Sequence[Grant]) -> None:
        """Sets what an account may; it counts from the next token on. Raises `Conflict` for nobody."""
        self._change(account, "grants = %s", [_as_json(grants)])

    def set_disabled(self, account: str, *, disabled: bool) -> None:
        """Lets an account in no more, or again. Raises `Conflict` for nobody."""
        self._change(account, "disabled = %s", [disabled])
        if disabled:
            self._end_all(account)

    def want_factor(self, account: str, sealed: bytes) -> None:
        """Keeps the secret of a second factor until its owner shows a code of it."""
        self._change(account, "factor_wanted = %s", [sealed])

    def set_factor(self, account: str, sealed: bytes | None, step: int) -> None:
        """Asks for codes of this secret from now on, behind a step; for none without. Raises `Conflict`."""
        self._change(account, "factor = %s, factor_wanted = NULL, used_step = %s", [sealed, step])

    def note_step(self, account: str, step: int) -> None:
        """Notes the step of a code that was used."""
        self._change(account, "used_step = %s", [step])

    def note_failure(self, account: str, closed_until: datetime | None) -> None:
        """Counts a failure."""
        self._change(account, "failures = failures + 1, closed_until = %s", [closed_until])

    def begin(self, sign_in: SignIn, secret: bytes) -> None:
        """Notes a sign-in that succeeded; failures before it count no more, and what is over goes."""
        self._connection.execute(
            f"DELETE FROM accounts.sign_ins WHERE account = %(account)s AND NOT ({OPEN})",
            {"account": sign_in.account} | _open_at(sign_in.began),
        )
        self._change(sign_in.account, "failures = 0, closed_until = NULL", [])
        self._connection.execute(
            "INSERT INTO accounts.sign_ins (id, account, secret, agent, began, used, strong)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [sign_in.id, sign_in.account, digest_of(secret), *sign_in[2:5], sign_in.strong],
        )

    def sign_in_of(self, secret: bytes, now: datetime) -> SignIn | None:
        """Returns the open sign-in that a secret is of, and holds it until the transaction ends."""
        row = self._connection.execute(
            "SELECT id::text, account, agent, began, used, ended, strong FROM accounts.sign_ins"
            f" WHERE secret = %(secret)s AND {OPEN} FOR UPDATE",
            {"secret": digest_of(secret)} | _open_at(now),
        ).fetchone()
        return SignIn(*row) if row else None

    def note_use(self, sign_in: str, now: datetime) -> None:
        """Notes that a sign-in is used."""
        self._connection.execute(
            "UPDATE accounts.sign_ins SET used = %s WHERE id = %s", [now, sign_in]
        )

    def sign_ins(self, account: str, now: datetime) -> list[SignIn]:
        """Returns the open sign-ins of an account, the newest first."""
        found = self._connection.execute(
            "SELECT id::text, account, agent, began, used, ended, strong FROM accounts.sign_ins"
            f" WHERE account = %(account)s AND {OPEN} ORDER BY began DESC",
            {"account": account} | _open_at(now),
        )
        return [SignIn(*row) for row in found]

    def end(self, account: str, *, sign_in: str, now: datetime) -> bool:
        """Ends a sign-in of an account; False where it has no such open one."""
        done = self._connection.execute(
            "UPDATE accounts.sign_ins SET ended = %s WHERE id = %s AND account = %s"
            " AND ended IS NULL",
            [now, sign_in, account],
        )
        return bool(done.rowcount)

    def announce(self, key: str, now: datetime) -> None:
        """Lets readers know whose tokens are good: those of this key, and of none before it."""
        self._connection.execute("DELETE FROM accounts.token_keys WHERE key <> %s", [key])
        self._connection.execute(
            "INSERT INTO accounts.token_keys VALUES (%s, %s) ON CONFLICT DO NOTHING", [key, now]
        )

    def _end_all(self, account: str) -> None:
        self._connection.execute(
            "UPDATE accounts.sign_ins SET ended = clock_timestamp()"
            " WHERE account = %s AND ended IS NULL",
            [account],
        )

    def _change(self, account: str, setting: str, values: Sequence[Any]) -> None:
        done = self._connection.execute(
            f"UPDATE accounts.accounts SET {setting} WHERE account = %s", [*values, account]
        )
        if not done.rowcount:
            raise Conflict(f"there is no account {account}")


def _moved(sealed: bytes, account: str, old: FactorSeal, new: FactorSeal, nonce: bytes) -> bytes:
    """Returns a second factor's secret sealed under the new key."""
    try:
        new.open(sealed, account)
    except BadSetting:
        return new.shut(old.open(sealed, account), account, nonce)
    return sealed


def digest_of(secret: bytes) -> bytes:
    """Returns what is kept of a sign-in's secret."""
    return hashlib.sha256(secret).digest()


def _open_at(now: datetime) -> dict[str, datetime]:
    return {"began": now - LIFE, "used": now - IDLE}


def _account(row: Sequence[Any]) -> UserAccount:
    account, name, password, grants, *rest = row
    given = msgspec.convert(grants, tuple[Grant, ...])
    return UserAccount(account, name, password, given, *rest)


def _as_json(grants: Sequence[Grant]) -> Jsonb:
    return Jsonb(msgspec.to_builtins(list(grants)))
