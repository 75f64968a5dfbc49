"""The door: lets in who knows the password, keeps out who guesses, and gives tokens meanwhile."""

import logging
import uuid
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg

from ledger.accounts import factor
from ledger.accounts.book import LIFE, PgAccounts, SignIn, UserAccount
from ledger.accounts.factor import FactorSeal
from ledger.accounts.passwords import hash_password, is_password, refuse_password
from ledger.rules.access import Grant, Subject
from ledger.rules.refusal import Refusal
from ledger.rules.tokens import SignedIn, write_token
from ledger.values.base64url import base64url, base64url_bytes
from ledger.values.keys import SigningKey

log = logging.getLogger("suyuan.door")

SECRET_BYTES = 32
# So many failures in a row are a person's; from then on each wait is twice the last.
FREE_FAILURES = 5
WAIT, WAIT_MAX = timedelta(seconds=30), timedelta(hours=1)

_NOT_LET_IN = Refusal(
    "not-signed-in",
    "Account or password are not right. After several tries nobody is let in for a while: wait, up to an"
    " hour, or ask an administrator.",
)
_CODE_NEEDED = Refusal("code-needed", "Give the code of the second factor, too.")
_CODE_WRONG = Refusal("code-wrong", "This code is not right, or was used: take the next one.")
_NO_FACTOR = Refusal("no-factor", "Ask for a second factor first.")
_OVER = Refusal("sign-in-over", "This sign-in has ended: sign in again.")


class Wish(NamedTuple):
    """Who wants in, with which password and program."""

    account: str
    password: str
    agent: str
    code: str = ""
    # One of their own, where the password was made by somebody else.
    new: str = ""


class BegunSignIn(NamedTuple):
    """A sign-in that began: the secret that its holder keeps, a token, and when it ends at last."""

    secret: str
    token: str
    until: datetime
    account: str


class WantedFactor(NamedTuple):
    """The secret of a second factor, as people type it and as an authenticator reads it."""

    secret: str
    address: str


class Door:
    """Signs people in over connections of its own. Says nothing of whether an account exists."""

    def __init__(
        self,
        dsn: str,
        key: SigningKey,
        *,
        seal: FactorSeal,
        ledger: str,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        strict: Collection[str] = (),
    ) -> None:
        """`strict` are roles that count for nothing until their account has a second factor."""
        self._dsn, self._ledger, self._key = dsn, ledger, key
        self._seal, self._strict = seal, frozenset(strict)
        self._now, self._entropy = now, entropy
        # Compared with where there is no account, so that it takes as long.
        self._nobody = hash_password(entropy(SECRET_BYTES).hex())

    def announce(self) -> None:
        """Lets readers know whose tokens are good."""
        with psycopg.connect(self._dsn) as connection:
            PgAccounts(connection).announce(self._key.public, self._now())

    def sign_in(self, wish: Wish) -> BegunSignIn | Refusal:
        """Begins a sign-in, or says why not."""
        now, shown = self._now(), self._shown(wish)
        with psycopg.connect(self._dsn) as connection:
            book = PgAccounts(connection)
            if isinstance(account := self._known(book, wish, shown), Refusal):
                return account
            if account.given_until is not None:
                if (refused := _refuse_given(account.given_until, wish, now)) is not None:
                    return refused
                book.set_password(account.account, to=wish.new)
            strong = account.factor is not None
            return self._begin(book, account, wish.agent, now, strong=strong)

    def let_in(
        self, book: PgAccounts, account: UserAccount, agent: str, *, strong: bool
    ) -> BegunSignIn | Refusal:
        """Begins a sign-in of somebody whom a provider vouches for; `strong` if by two factors."""
        if account.disabled:
            log.warning("not let in: disabled", extra={"account": account.account})
            return _NOT_LET_IN
        return self._begin(book, account, agent, self._now(), strong=strong)

    def _begin(
        self,
        book: PgAccounts,
        account: UserAccount,
        agent: str,
        now: datetime,
        *,
        strong: bool = False,
    ) -> BegunSignIn:
        secret = self._entropy(SECRET_BYTES)
        sign_in = SignIn(
            str(uuid.UUID(bytes=self._entropy(16), version=4)), account.account, agent[:200], now,
            now, None, strong,
        )  # fmt: skip
        book.begin(sign_in, secret)
        log.info("signed in", extra={"account": account.account, "sign_in": sign_in.id})
        token = self._token(account, sign_in)
        return BegunSignIn(base64url(secret), token, now + LIFE, account.account)

    def token(self, secret: str, *, for_digest: str = "") -> str | Refusal:
        """Returns a new token of a sign-in that is open; good for one question alone by its digest."""
        now = self._now()
        if (raw := _raw(secret)) is None:
            return _OVER
        with psycopg.connect(self._dsn) as connection:
            book = PgAccounts(connection)
            if (sign_in := book.sign_in_of(raw, now)) is None:
                return _OVER
            account = book.find(sign_in.account)
            if account is None or account.disabled:
                return _OVER
            book.note_use(sign_in.id, now)
        return self._token(account, sign_in, for_digest)

    def change_password(self, wish: Wish, *, to: str) -> Refusal | None:
        """Sets another password and ends every sign-in; the old one is asked for as at the door."""
        if (refused := refuse_password(to, wish.account)) is not None:
            return refused
        shown = self._shown(wish)
        with psycopg.connect(self._dsn) as connection:
            book = PgAccounts(connection)
            if isinstance(found := self._known(book, wish, shown), Refusal):
                return found
            book.set_password(wish.account, to=to)
        return None

    def want_factor(self, wish: Wish) -> WantedFactor | Refusal:
        """Makes the secret of a second factor, or another; it counts once a code of it was shown."""
        shown = self._shown(wish)
        with psycopg.connect(self._dsn) as connection:
            book = PgAccounts(connection)
            if isinstance(found := self._known(book, wish, shown), Refusal):
                return found
            secret = self._entropy(factor.SECRET_BYTES)
            nonce = self._entropy(factor.NONCE_BYTES)
            book.want_factor(wish.account, self._seal.shut(secret, wish.account, nonce))
        address = factor.address_of(secret, wish.account, self._ledger)
        return WantedFactor(factor.text_of(secret), address)

    def set_factor(self, account: str, code: str) -> Refusal | None:
        """Lets the secret that was made last count, for who shows a code of it."""
        with psycopg.connect(self._dsn) as connection:
            book = PgAccounts(connection)
            found = book.locked(account)
            if found is None or found.factor_wanted is None:
                return _NO_FACTOR
            step = self._step(found, found.factor_wanted, code)
            if step is None:
                return _CODE_WRONG
            book.set_factor(account, found.factor_wanted, step)
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

    def _shown(self, wish: Wish) -> str:
        """Returns what is kept of the password that was shown; nothing for a wrong one.

        Takes as long as it takes, and as much memory, so that nothing is held meanwhile.
        """
        with psycopg.connect(self._dsn) as connection:
            account = PgAccounts(connection).find(wish.account)
        kept = account.password if account is not None else self._nobody
        return kept if is_password(kept, wish.password) else ""

    def _known(self, book: PgAccounts, wish: Wish, shown: str) -> UserAccount | Refusal:
        """Returns the account that password and code are of; counts a failure where they are not."""
        now, account = self._now(), book.locked(wish.account)
        # It may have got another password while the one that was shown was looked at.
        right = account is not None and account.password == shown
        if account is None or (account.closed_until is not None and account.closed_until > now):
            log.warning("not let in: no such account, or closed", extra={"account": wish.account})
            return _NOT_LET_IN
        wrong = _NOT_LET_IN if not right or account.disabled else None
        if wrong is None and account.factor is not None:
            if not wish.code:
                return _CODE_NEEDED
            step = self._step(account, account.factor, wish.code)
            wrong = _CODE_WRONG if step is None else None
            if step is not None:
                book.note_step(account.account, step)
        if wrong is not None:
            log.warning("not let in: %s", wrong.code, extra={"account": account.account})
            book.note_failure(account.account, _closed_until(account.failures + 1, now))
            return wrong
        return account

    def _step(self, account: UserAccount, sealed: bytes, code: str) -> int | None:
        secret = self._seal.open(sealed, account.account)
        return factor.step_of(secret, code, self._now(), after=account.used_step)

    def _token(self, account: UserAccount, sign_in: SignIn, for_digest: str = "") -> str:
        grants = account.grants if sign_in.strong else self._lenient(account)
        who = SignedIn(Subject(account.account, grants), sign_in.id)
        return write_token(self._key, self._ledger, who, self._now(), for_digest=for_digest)

    def _lenient(self, account: UserAccount) -> tuple[Grant, ...]:
        """Returns the roles that need no second factor; what is withheld is all there is beside."""
        return tuple(one for one in account.grants if one.role not in self._strict)


def _refuse_given(until: datetime, wish: Wish, now: datetime) -> Refusal | None:
    """Returns why a password that was given lets nobody in yet, or no longer."""
    if now > until:
        return Refusal(
            "password-over", "This first password was not used in time: ask for another."
        )
    if not wish.new or wish.new == wish.password:
        return Refusal(
            "password-given", "This password was made for you: choose one of your own now."
        )
    return refuse_password(wish.new, wish.account)


def _closed_until(failures: int, now: datetime) -> datetime | None:
    """Returns until when nobody is let in after so many failures in a row."""
    over = failures - FREE_FAILURES
    return now + min(WAIT_MAX, WAIT * 2 ** min(over, 10)) if over >= 0 else None


def _raw(secret: str) -> bytes | None:
    try:
        raw = base64url_bytes(secret)
    except ValueError:
        return None
    return raw if len(raw) == SECRET_BYTES else None
