"""Badges: a sign-in that is kept, and the tokens it shows with every question."""

from collections.abc import Generator

import httpx
import msgspec


class SignInOver(Exception):
    """A sign-in gives no token any more; the text says what to do."""


class HeldSignIn(msgspec.Struct):
    """A sign-in as it is kept: whose, at which ledger's intake, and its secret."""

    account: str
    intake: str
    secret: str


class Badge(httpx.Auth):
    """Shows a token with every question; asks for a new one when it has none or it is over."""

    requires_response_body = True

    def __init__(self, held: HeldSignIn | None) -> None:
        self._held = held
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Asks with a token, and once more with a new one where the first is refused."""
        if self._held is None:
            yield request
            return
        fresh = not self._token
        if fresh:
            self._token = token_in((yield self._wish()))
        request.headers["authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED and not fresh:
            self._token = token_in((yield self._wish()))
            request.headers["authorization"] = f"Bearer {self._token}"
            yield request

    def _wish(self) -> httpx.Request:
        assert self._held is not None
        shown = {"authorization": f"Bearer {self._held.secret}"}
        return httpx.Request("POST", f"{self._held.intake}/intake/tokens", headers=shown)


def token_in(answer: httpx.Response) -> str:
    """Returns the token in intake's answer. Raises `SignInOver` where there is none."""
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise SignInOver("your sign-in has ended: suyuan sign-in ACCOUNT")
    try:
        return str(answer.json()["token"])
    except (ValueError, KeyError, TypeError) as error:
        raise SignInOver(f"intake gives no token: it answered {answer.status_code}") from error
