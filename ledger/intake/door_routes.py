"""Signing in over HTTP: a secret for the holder, tokens for every question, sign-ins to look at and end."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from ledger.accounts.door import Door, Wish
from ledger.accounts.passwords import LENGTH_MAX
from ledger.accounts.provider import ProviderAway
from ledger.accounts.single_sign_on import SingleSignOn
from ledger.events.base import Id
from ledger.intake.responses import body_of, json_response, problem
from ledger.rules.refusal import Refusal
from ledger.rules.tokens import SignedIn, bearer, read_token

log = logging.getLogger("suyuan.intake")

BODY_BYTES_MAX = 4096
Form = TypeVar("Form")
Code = Annotated[str, msgspec.Meta(max_length=16)]
Password = Annotated[str, msgspec.Meta(max_length=LENGTH_MAX)]


class SignInForm(msgspec.Struct, frozen=True):
    """What somebody types at the door."""

    account: Id
    password: Password
    code: Code = ""
    new: Annotated[str, msgspec.Meta(max_length=LENGTH_MAX)] = ""


class PasswordForm(msgspec.Struct, frozen=True):
    """The password there is, and the one there shall be."""

    old: Password
    new: str
    code: Code = ""


class FactorForm(msgspec.Struct, frozen=True):
    """The password of who wants a second factor, with a code of the one there is."""

    password: Password
    code: Code = ""


class TokenForm(msgspec.Struct, frozen=True):
    """The SHA-256 of the one question that a token is wanted for; none for any."""

    digest: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$")] = ""


class AwayForm(msgspec.Struct, frozen=True):
    """Where somebody comes back to who signs in at the provider."""

    redirect: Annotated[str, msgspec.Meta(max_length=500)]


class BackForm(msgspec.Struct, frozen=True):
    """What the provider gave who comes back."""

    state: Annotated[str, msgspec.Meta(max_length=100)]
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class CodeForm(msgspec.Struct, frozen=True):
    """A code of the second factor that was made."""

    code: Code


class Doorway(NamedTuple):
    """The door, and what its tokens are checked with; people may come by a provider, too."""

    door: Door
    keys: Sequence[str]
    ledger: str
    now: Callable[[], datetime]
    single: SingleSignOn | None = None

    def who(self, request: Request) -> SignedIn | Refusal:
        """Returns who a request's token says it is."""
        return self.read(bearer(request.headers.get("authorization", "")))

    def read(self, token: str, digest: str = "") -> SignedIn | Refusal:
        """Returns who a token says it is, of one that is for the question of a digest."""
        return read_token(token, self.keys, ledger=self.ledger, now=self.now(), digest=digest)


def door_router(way: Doorway) -> APIRouter:
    """Builds the routes of the door."""
    router = APIRouter(prefix="/intake")
    _let_in(router, way.door)
    _by_provider(router, way.single)
    _own(router, way)
    _factor(router, way)
    return router


def _let_in(router: APIRouter, door: Door) -> None:
    """Adds the routes for who has no token yet, or no longer."""

    @router.post("/sign-ins")
    async def sign_in(request: Request) -> Response:
        form = await form_of(request, SignInForm)
        if isinstance(form, Response):
            return form
        agent = request.headers.get("user-agent", "")
        wish = Wish(form.account, form.password, agent, form.code, form.new)
        begun = await run_in_threadpool(door.sign_in, wish)
        return refused(begun) if isinstance(begun, Refusal) else json_response(begun._asdict(), 201)

    @router.post("/tokens")
    async def token(request: Request) -> Response:
        secret = bearer(request.headers.get("authorization", ""))
        form = await form_of(request, TokenForm)
        if isinstance(form, Response):
            return form
        given = await run_in_threadpool(lambda: door.token(secret, for_digest=form.digest))
        return (
            refused(given) if isinstance(given, Refusal) else json_response({"token": given}, 201)
        )

    @router.delete("/sign-ins/this")
    async def end_this(request: Request) -> Response:
        secret = bearer(request.headers.get("authorization", ""))
        if not await run_in_threadpool(door.end_this, secret):
            return problem(404, "no-sign-in", "this sign-in has ended already")
        return Response(status_code=204)


def _by_provider(router: APIRouter, single: SingleSignOn | None) -> None:
    """Adds the routes for who signs in at a provider (OpenID Connect)."""

    @router.post("/single-sign-ons")
    async def begin(request: Request) -> Response:
        if single is None:
            return _no_provider()
        form = await form_of(request, AwayForm)
        if isinstance(form, Response):
            return form
        try:
            found = await run_in_threadpool(single.begin, form.redirect)
        except ProviderAway as error:
            return problem(503, "provider-away", str(error))
        if isinstance(found, Refusal):
            return problem(422, found.code, found.advice)
        return json_response(found._asdict(), 201)

    @router.post("/single-sign-ons/back")
    async def back(request: Request) -> Response:
        if single is None:
            return _no_provider()
        form = await form_of(request, BackForm)
        if isinstance(form, Response):
            return form
        agent = request.headers.get("user-agent", "")
        try:
            begun = await run_in_threadpool(single.come_back, form.state, form.code, agent)
        except ProviderAway as error:
            return problem(503, "provider-away", str(error))
        return refused(begun) if isinstance(begun, Refusal) else json_response(begun._asdict(), 201)


def _no_provider() -> Response:
    return problem(404, "no-provider", "people sign in here with accounts of this ledger alone")


def _own(router: APIRouter, way: Doorway) -> None:
    """Adds the routes for who is signed in: what is their own."""

    @router.get("/sign-ins")
    async def sign_ins(request: Request) -> Response:
        if isinstance(found := way.who(request), Refusal):
            return refused(found)
        open_ones = await run_in_threadpool(way.door.sign_ins, found.subject.account)
        rows = [one._asdict() | {"this": one.id == found.sign_in} for one in open_ones]
        return json_response({"sign_ins": rows})

    @router.delete("/sign-ins/{sign_in}")
    async def end(sign_in: UUID, request: Request) -> Response:
        if isinstance(found := way.who(request), Refusal):
            return refused(found)
        account = found.subject.account
        if not await run_in_threadpool(lambda: way.door.end(account, sign_in=str(sign_in))):
            return problem(404, "no-sign-in", "you have no such open sign-in")
        return Response(status_code=204)

    @router.put("/password")
    async def password(request: Request) -> Response:
        if isinstance(filled := await _filled_in(way, request, PasswordForm), Response):
            return filled
        account, form = filled
        wish, to = Wish(account, form.old, "", form.code), form.new
        why = await run_in_threadpool(lambda: way.door.change_password(wish, to=to))
        return refused(why) if why is not None else Response(status_code=204)


def _factor(router: APIRouter, way: Doorway) -> None:
    """Adds the routes for a second factor of one's own."""

    @router.post("/second-factor")
    async def want(request: Request) -> Response:
        if isinstance(filled := await _filled_in(way, request, FactorForm), Response):
            return filled
        account, form = filled
        wish = Wish(account, form.password, "", form.code)
        made = await run_in_threadpool(way.door.want_factor, wish)
        return refused(made) if isinstance(made, Refusal) else json_response(made._asdict(), 201)

    @router.put("/second-factor")
    async def confirm(request: Request) -> Response:
        if isinstance(filled := await _filled_in(way, request, CodeForm), Response):
            return filled
        account, form = filled
        why = await run_in_threadpool(way.door.set_factor, account, form.code)
        return refused(why) if why is not None else Response(status_code=204)


async def _filled_in(
    way: Doorway, request: Request, kind: type[Form]
) -> tuple[str, Form] | Response:
    """Returns the account that is signed in and what it filled in."""
    if isinstance(found := way.who(request), Refusal):
        return refused(found)
    form = await form_of(request, kind)
    return form if isinstance(form, Response) else (found.subject.account, form)


async def form_of(
    request: Request, kind: type[Form], most: int = BODY_BYTES_MAX
) -> Form | Response:
    """Returns what was filled in, or the problem with it."""
    body = await body_of(request, most)
    if isinstance(body, Response):
        return body
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.MsgspecError, ValueError) as error:
        return problem(400, "no-form", f"send {', '.join(kind.__struct_fields__)} as JSON: {error}")  # type: ignore[attr-defined]  # a msgspec struct


def refused(refusal: Refusal) -> Response:
    """Returns why nobody is let in, or a password is not taken, as a problem."""
    if refusal.code.startswith("password-"):
        return problem(422, refusal.code, refusal.advice)
    log.warning("turned away: %s", refusal.code)
    answer = problem(401, refusal.code, refusal.advice)
    answer.headers["www-authenticate"] = "Bearer"
    return answer
