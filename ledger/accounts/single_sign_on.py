"""Single sign-on: people are sent to the provider and come back, and each state counts once."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg

from ledger.accounts.book import PgAccounts, SentAway
from ledger.accounts.door import BegunSignIn, Door
from ledger.accounts.provider import LOOPBACK, NotVouched, Provider
from ledger.rules.refusal import Refusal
from ledger.values.base64url import base64url, base64url_bytes

log = logging.getLogger("suyuan.intake")

STATE_BYTES = 32
# Time to find the authenticator.
AWAY = timedelta(minutes=10)
_NOT_BACK = Refusal(
    "not-signed-in", "This sign-in took too long, was used, or is not vouched for: begin again."
)


class WayThere(NamedTuple):
    """Where somebody signs in, and the state with which they come back: their program MUST compare it."""

    address: str
    state: str


class SingleSignOn:
    """Sends people to a provider and begins their sign-ins when they come back."""

    def __init__(
        self,
        dsn: str,
        provider: Provider,
        door: Door,
        *,
        redirects: Sequence[str],
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        """`redirects` are where people may come back to, beside programs on their own machine."""
        self._dsn, self._provider, self._door = dsn, provider, door
        self._redirects, self._now, self._entropy = tuple(redirects), now, entropy

    def begin(self, redirect: str) -> WayThere | Refusal:
        """Returns where to sign in. Raises `ProviderAway`."""
        if not self._may_come_back_to(redirect):
            return Refusal(
                "redirect-unknown", f"nobody comes back to {redirect[:200]!r}: see oidc_redirects"
            )
        state, now = self._entropy(STATE_BYTES), self._now()
        verifier, nonce = (base64url(self._entropy(STATE_BYTES)) for _ in range(2))
        address = self._provider.address(
            state=base64url(state), nonce=nonce, verifier=verifier, redirect=redirect
        )
        with psycopg.connect(self._dsn) as connection:
            sent = SentAway(state, verifier, nonce, redirect, now + AWAY)
            PgAccounts(connection).send_away(sent, now)
        return WayThere(address, base64url(state))

    def come_back(self, state: str, code: str, agent: str) -> BegunSignIn | Refusal:
        """Begins the sign-in of who comes back with a state and a code. Raises `ProviderAway`."""
        try:
            raw = base64url_bytes(state)
        except ValueError:
            return _NOT_BACK
        with psycopg.connect(self._dsn) as connection:
            sent = PgAccounts(connection).come_back(raw, self._now())
        if sent is None:
            log.warning("single sign-on: a state that nobody waits for")
            return _NOT_BACK
        try:
            vouched = self._provider.vouched(
                code, verifier=sent.verifier, nonce=sent.nonce, redirect=sent.redirect
            )
        except NotVouched as error:
            log.warning("single sign-on: %s", error)
            return _NOT_BACK
        issuer = self._provider.client.issuer
        with psycopg.connect(self._dsn) as connection:
            book = PgAccounts(connection)
            if (account := book.linked(issuer, vouched.subject)) is None:
                log.warning("single sign-on: not linked", extra={"subject": vouched.subject[:200]})
                return Refusal(
                    "not-linked",
                    f"{issuer} knows you as {vouched.subject[:200]}, which is no account here: give that to an"
                    " administrator (suyuan user link ACCOUNT SUBJECT)",
                )
            return self._door.let_in(book, account, agent, strong=vouched.strong)

    def _may_come_back_to(self, redirect: str) -> bool:
        """RFC 8252, section 7.3: a program on somebody's own machine listens at any port of loopback."""
        try:
            parts = urlsplit(redirect)
        except ValueError:
            return False
        if parts.username or parts.password or parts.fragment:
            return False
        own = parts.scheme == "http" and parts.hostname in LOOPBACK
        return own or redirect in self._redirects
