"""The door: lets in who knows the password, keeps out who guesses, and gives tokens meanwhile."""

import base64
import binascii
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg

from ledger.accounts.book import LIFE, PgAccounts, SignIn, UserAccount
from ledger.accounts.passwords import hash_password, is_password, refuse_password
from ledger.rules.access import Subject
from ledger.rules.refusal import Refusal
from ledger.rules.tokens import SignedIn, write_token
from ledger.values.keys import SigningKey

SECRET_BYTES = 32
# So many failures in a row are a person's; from then on each wait is twice the last.
FREE_FAILURES = 5
WAIT, WAIT_MAX = timedelta(seconds=30), timedelta(hours=1)

_NOT_LET_IN = Refusal(
    "not-signed-in",
    "Account or password are not right. After several tries nobody is let in for a while: wait, up to an"
    " hour, or ask an administrator.",
)
_OVER = Refusal("sign-in-over", "This sign-in has ended: sign in again.")


class Wish(NamedTuple):
    """Who wants in, with which password and program."""

    account: str
    password: str
    agent: str


class BegunSignIn(NamedTuple):
    """A sign-in that began: the secret that its holder keeps, a token, and when it ends at last."""

    secret: str
    token: str
    until: datetime


class Door:
    """Signs people in over connections of its own. Says nothing of whether an account exists."""

    def __init__(
        self,
        dsn: str,
        key: SigningKey,
        *,
        ledger: str,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._dsn, self._ledger, self._key = dsn, ledger, key
        self._now, self._entropy = now, entropy
        # Compared with where there is no account, so that it takes as long.
        self._nobody = hash_password(entropy(SECRET_BYTES).hex())

    def announce(self) -> None:
        """Lets readers know whose tokens are good."""
        with psycopg.connect(self._dsn) as connection:
            PgAccounts(connection).announce(self._key.public, self._now())

    def sign_in(self, wish: Wish) -> BegunSignIn | Refusal:
        """Begins a sign-in, or says why not."""
        now = self._now()
        with psycopg.connect(self._dsn) as connection:
            book = PgAccounts(connection)
            if (account := self._known(book, wish, now)) is None:
                return _NOT_LET_IN
            secret = self._entropy(SECRET_BYTES)
            sign_in = SignIn(
                str(uuid.UUID(bytes=self._entropy(16), version=4)), account.account,
                wish.agent[:200], now, now, None,
            )  # fmt: skip
            book.begin(sign_in, secret)
        return BegunSignIn(_text(secret), self._token(account, sign_in), now + LIFE)

    def token(self, secret: str) -> str | Refusal:
        """Returns a new token of a sign-in that is open."""
        now = self._now()
        if (raw := _raw(secret)) is None:
            return _OVER
        with psycopg.connect(self._dsn) as connection:
            book = PgAccounts(connection)
            if (sign_in := book.sign_in_of(raw, now)) is None:
                return _OVER
            account = book.locked(sign_in.account)
            if account is None or account.disabled:
                return _OVER
            book.note_use(sign_in.id, now)
        return self._token(account, sign_in)

    def change_password(self, wish: Wish, *, to: str) -> Refusal | None:
        """Sets another password and ends every sign-in; the old one is asked for as at the door."""
        if (refused := refuse_password(to, wish.account)) is not None:
            return refused
        with psycopg.connect(self._dsn) as connection:
            book = PgAccounts(connection)
            if self._known(book, wish, self._now()) is None:
                return _NOT_LET_IN
            book.set_password(wish.account, to=to)
        return None

    def end(self, account: str, *, sign_in: str) -> bool:
        """Ends a sign-in; False where the account has no such open one."""
        with psycopg.connect(self._dsn) as connection:
            return PgAccounts(connection).end(account, sign_in=sign_in, now=self._now())

    def end_this(self, secret: str) -> bool:
        """Ends the sign-in that a secret is of; False where that is over."""
        if (raw := _raw(secret)) is None:
            return False
        with psycopg.connect(self._dsn) as connection:
            book, now = PgAccounts(connection), self._now()
            found = book.sign_in_of(raw, now)
            return found is not None and book.end(found.account, sign_in=found.id, now=now)

    def sign_ins(self, account: str) -> list[SignIn]:
        """Returns the open sign-ins of an account."""
        with psycopg.connect(self._dsn) as connection:
            return PgAccounts(connection).sign_ins(account, self._now())

    def _known(self, book: PgAccounts, wish: Wish, now: datetime) -> UserAccount | None:
        """Returns the account that the password is of; counts a failure where it is not, or is disabled."""
        account = book.locked(wish.account)
        right = is_password(account.password if account else self._nobody, wish.password)
        if account is None or (account.closed_until is not None and account.closed_until > now):
            return None
        if not right or account.disabled:
            book.note_failure(account.account, _closed_until(account.failures + 1, now))
            return None
        return account

    def _token(self, account: UserAccount, sign_in: SignIn) -> str:
        who = SignedIn(Subject(account.account, account.grants), sign_in.id)
        return write_token(self._key, self._ledger, who, self._now())


def _closed_until(failures: int, now: datetime) -> datetime | None:
    """Returns until when nobody is let in after so many failures in a row."""
    over = failures - FREE_FAILURES
    return now + min(WAIT_MAX, WAIT * 2 ** min(over, 10)) if over >= 0 else None


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def _raw(secret: str) -> bytes | None:
    try:
        raw = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == SECRET_BYTES else None
