"""Who is signed in on a page: the browser holds the sign-in's secret, the token never leaves this service.

The cookie is for this one origin, out of scripts' reach, and sent with no request of another site's
(RFC 6265bis: `__Host-`, HttpOnly, SameSite=Strict). A token lives five minutes and is asked for anew.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Request, Response

from kiosk_ui.client import Asking, Away, NotSignedIn, NotYours, Unusable, client_of, raise_for

# A token is good for five minutes; the rest of them is for what is asked with it.
FRESH_S = 240.0
# People signed in at once at one face; who was let go of asks for another token, no more.
HELD_MAX = 10_000
# On this machine itself there is no certificate to show, and browsers keep `__Host-` for TLS.
OVER_TLS, ON_LOOPBACK = "__Host-suyuan", "suyuan"


class Person(NamedTuple):
    """Somebody who is signed in: their roles with what these are over, and what they may."""

    account: str
    roles: tuple[tuple[str, tuple[str, ...]], ...]
    may: frozenset[tuple[str, str]]
    client: Asking

    def has(self, *roles: str) -> bool:
        """Tells whether one of these roles is theirs."""
        return any(role in roles for role, _ in self.roles)

    def merchants(self) -> list[str]:
        """Returns the merchants whose books are theirs."""
        own = [over for role, over in self.roles if role in ("merchant", "headquarters")]
        return sorted({merchant for over in own for merchant in over})

    def merchant_named(self, stated: str) -> str:
        """Returns the merchant that was named, else the first of theirs. Raises `Unusable` for another's."""
        own = self.merchants()
        if stated and stated not in own:
            raise Unusable("{who} is none of yours: {own}", who=stated, own=", ".join(own))
        return stated or own[0]


class HeldToken(NamedTuple):
    """A token and what it was found to be, until when it is shown."""

    token: str
    until: float
    me: dict[str, Any]


class Tokens:
    """Keeps the token of each open sign-in while it is fresh, under the hash of its secret."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._held: OrderedDict[str, HeldToken] = OrderedDict()

    async def person(self, secret: str, client: Asking) -> Person:
        """Returns whose sign-in it is. Raises `NotSignedIn` where it is over, and `Away`."""
        held = self._held.get(_name(secret))
        if held is None or held.until < self._monotonic():
            held = await self._ask(secret, client)
        me = held.me
        roles = tuple((one["role"], tuple(one["over"])) for one in me["roles"])
        may = frozenset((one["resource"], one["action"]) for one in me["may"])
        return Person(me["account"], roles, may, client.showing(held.token))

    def forget(self, secret: str) -> None:
        """Forgets a sign-in that was ended."""
        self._held.pop(_name(secret), None)

    async def _ask(self, secret: str, client: Asking) -> HeldToken:
        until = self._monotonic() + FRESH_S
        answer = await client.showing(secret).post("/intake/tokens", {})
        raise_for(answer)
        token = str(answer.json()["token"])
        me = await client.showing(token).get("/v1/me")
        held = self._held[_name(secret)] = HeldToken(token, until, me)
        while len(self._held) > HELD_MAX:
            self._held.popitem(last=False)
        return held


def secret_of(request: Request) -> str:
    """Returns the secret that a browser sends along; nothing where nobody signed in there."""
    if not may_sign_in_here(request):
        # In plain from elsewhere nobody is signed in, whatever a browser sends.
        return ""
    found = request.cookies.get(_cookie(request), "")
    return found if found.isascii() else ""


def let_in(request: Request, response: Response, secret: str) -> None:
    """Lets the browser hold the secret until it is closed."""
    response.set_cookie(
        _cookie(request), secret, path="/", secure=_is_tls(request), httponly=True,
        samesite="strict",
    )  # fmt: skip


def let_out(request: Request, response: Response) -> None:
    """Takes the secret from the browser."""
    response.delete_cookie(
        _cookie(request), path="/", secure=_is_tls(request), httponly=True, samesite="strict"
    )


def may_sign_in_here(request: Request) -> bool:
    """Tells whether a password may be typed: over TLS, or without leaving this machine."""
    return _is_tls(request) or is_at_this_machine(request)


def is_at_this_machine(request: Request) -> bool:
    """Tells whether who asks sits at the machine that answers."""
    host = request.client.host if request.client else ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


async def signed_in(request: Request) -> Person:
    """Returns who asks. Raises `NotSignedIn`."""
    secret = secret_of(request)
    if not secret:
        raise NotSignedIn
    tokens: Tokens = request.app.state.tokens
    return await tokens.person(secret, client_of(request))


async def whoever(request: Request) -> Person | None:
    """Returns who asks, if anybody is signed in; a sign-in that is over is nobody's."""
    try:
        return await signed_in(request)
    except (NotSignedIn, Away):
        return None


Somebody = Annotated[Person, Depends(signed_in)]


def needs(*roles: str) -> Any:
    """Returns a dependency that lets in who has one of these roles. It raises `NotYours`."""

    async def checked(person: Somebody) -> Person:
        if not person.has(*roles):
            raise NotYours("")
        return person

    return Depends(checked)


def _cookie(request: Request) -> str:
    return OVER_TLS if _is_tls(request) else ON_LOOPBACK


def _is_tls(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
