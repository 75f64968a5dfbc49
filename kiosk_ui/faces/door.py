"""The door of the faces: signing in, by password or at the authority's own page, and out."""

import contextlib
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from kiosk_ui.client import Away, client_of, detail_of, reached
from kiosk_ui.language import COOKIE, NAMES
from kiosk_ui.page import render
from kiosk_ui.signing import (
    Person,
    Somebody,
    let_in,
    let_out,
    may_sign_in_here,
    secret_of,
    whoever,
)

router = APIRouter()

# Which end of a try says what; other words come from intake as they are.
WORDS = {
    "not-signed-in": "Account or password are not right. After several tries nobody is let in for a"
    " while: wait, up to an hour, or ask an administrator.",
    "code-needed": "Type the code of your second factor, too.",
    "code-wrong": "This code is not right, or was used: take the next one.",
    "password-given": "This password was made for you: choose one of your own below.",
}
# What a password of one's own was refused by, shown where it is typed.
OWN = "password-"
SINGLE_COOKIE, SINGLE_S = "suyuan-single", 600


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "") -> Response:  # its name in addresses
    """The form; over TLS or on this machine alone."""
    if not may_sign_in_here(request):
        return RedirectResponse(_over_tls(request), 303)
    if (person := await whoever(request)) is not None:
        return RedirectResponse(_inside(next) or home_of(person), 303)
    return _form(request, {"next": next})


@router.post("/sign-in")
async def sign_in(
    request: Request,
    account: Annotated[str, Form(max_length=40)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    code: Annotated[str, Form(max_length=16)] = "",
    new: Annotated[str, Form(max_length=1024)] = "",
    again: Annotated[str, Form(max_length=1024)] = "",
    next: Annotated[str, Form(max_length=2000)] = "",  # its name in addresses
) -> Response:
    """Lets somebody in, or says at the form what is missing."""
    if not may_sign_in_here(request):
        return RedirectResponse(_over_tls(request), 303)
    shown: dict[str, Any] = {"next": next, "account": account.strip()}
    if new != again:
        return _form(request, shown | {"own": True, "why": "The two new passwords differ."}, 422)
    form = {"account": account.strip(), "password": password, "code": code.strip(), "new": new}
    agent = _agent(request)
    answer = await client_of(request).post("/intake/sign-ins", form, agent)
    if answer.status_code == httpx.codes.CREATED:
        return await _welcome(request, answer.json()["secret"], next)
    why = str(answer.json().get("title", ""))
    shown["own"] = why.startswith(OWN)
    shown["code"] = why in ("code-needed", "code-wrong")
    return _form(request, shown | {"why": WORDS.get(why, detail_of(answer))}, answer.status_code)


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Ends the sign-in here and at the ledger."""
    response = RedirectResponse("/sign-in", 303)
    if secret := secret_of(request):
        request.app.state.tokens.forget(secret)
        client = client_of(request).showing(secret)
        # Where the ledger is away, this browser is signed out all the same; there it ends when nobody uses it.
        with contextlib.suppress(Away):
            await reached(
                client.services.intake.delete("/intake/sign-ins/this", headers=client.headers)
            )
    let_out(request, response)
    return response


@router.get("/home")
async def home(person: Somebody) -> Response:
    """Where somebody begins, by what they are."""
    return RedirectResponse(home_of(person), 303)


@router.get("/sign-in/single")
async def single(request: Request) -> Response:
    """To the authority's own page (OpenID Connect), which sends back here."""
    if not may_sign_in_here(request):
        return RedirectResponse(_over_tls(request), 303)
    back = f"{request.url.scheme}://{request.url.netloc}/sign-in/back"
    answer = await client_of(request).post("/intake/single-sign-ons", {"redirect": back})
    if answer.status_code != httpx.codes.CREATED:
        return _form(request, {"why": detail_of(answer)}, answer.status_code)
    begun = answer.json()
    response = RedirectResponse(begun["address"], 303)
    # Whoever comes back must be the browser that went, or one could be signed in as somebody else.
    response.set_cookie(
        SINGLE_COOKIE, begun["state"], max_age=SINGLE_S, path="/sign-in", httponly=True,
        secure=request.url.scheme == "https", samesite="lax",
    )  # fmt: skip
    return response


@router.get("/sign-in/back")
async def back(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """Lets in who comes back from there."""
    if not may_sign_in_here(request):
        return RedirectResponse(_over_tls(request), 303)
    if error or not state or state != request.cookies.get(SINGLE_COOKIE):
        # In words of ours alone: what an address says could be anybody's.
        why = "What came back belongs to no sign-in of this browser: begin again."
        return _form(request, {"why": why}, 401)
    agent = _agent(request)
    form = {"state": state, "code": code}
    answer = await client_of(request).post("/intake/single-sign-ons/back", form, agent)
    if answer.status_code != httpx.codes.CREATED:
        return _form(request, {"why": detail_of(answer)}, answer.status_code)
    secret = answer.json()["secret"]
    person = await request.app.state.tokens.person(secret, client_of(request))
    # A page of ours that goes on by itself: on the way from another site, no redirect shows the cookie to the next page.
    response = render(request, "came_back.html", {"there": home_of(person)}, person=person)
    let_in(request, response, secret)
    response.delete_cookie(SINGLE_COOKIE, path="/sign-in")
    return response


def home_of(person: Person) -> str:
    """Returns the face of somebody's own work."""
    if person.has("inspector", "regulator"):
        return "/desk"
    if person.has("merchant", "headquarters"):
        return "/station"
    return "/desk/log" if person.has("auditor") else "/desk/devices"


async def _welcome(request: Request, secret: str, there: str) -> Response:
    person = await request.app.state.tokens.person(secret, client_of(request))
    response = RedirectResponse(_inside(there) or home_of(person), 303)
    let_in(request, response, secret)
    if (stated := request.query_params.get("lang")) in NAMES:
        response.set_cookie(COOKIE, str(stated), path="/", httponly=True, samesite="strict")
    return response


def _form(request: Request, shown: dict[str, Any], status: int = 200) -> Response:
    values = {"next": "", "account": "", "why": "", "own": False, "code": False} | shown
    values["single"] = request.app.state.settings.has_provider
    return render(request, "sign_in.html", values, status)


def _agent(request: Request) -> dict[str, str]:
    """Returns by what program somebody signs in, as a header can say it."""
    agent = request.headers.get("user-agent", "")
    return {"user-agent": agent.encode("ascii", "replace").decode()[:400]}


def _inside(there: str) -> str:
    """Returns a place of this origin; nothing for any other, so that no link leads a sign-in away."""
    try:
        at = urlsplit(there)
    except ValueError:
        return ""
    plain = there.isascii() and there.isprintable() and "\\" not in there
    inside = not at.scheme and not at.netloc and there.startswith("/") and there[1:2] != "/"
    return there if inside and plain else ""


def _over_tls(request: Request) -> str:
    settings = request.app.state.settings
    host = settings.public_name or request.url.hostname
    return f"https://{host}:{settings.tls_port}/sign-in"
