"""Saying something to the ledger from a page: a request in somebody's name, and what became of it."""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kiosk_ui.client import Away, NotSignedIn, TooMany, Unusable, detail_of, reached
from kiosk_ui.language import ZONE
from kiosk_ui.page import render
from kiosk_ui.signing import Person, may_sign_in_here

# Views follow within a fraction of a second; who waits longer than this is told the old state.
SHOWN_S, LOOK_S = 4.0, 0.05
# The key that a form was shown with.
KEY = r"^[0-9a-f-]{0,40}$"


class FilledIn(BaseModel):
    """What forms have in common: blanks around what was typed are nobody's meaning."""

    model_config = ConfigDict(str_strip_whitespace=True)

    key: str = Field(default="", pattern=KEY)


Name = Annotated[str, StringConstraints(min_length=1, max_length=40)]
Short = Annotated[str, StringConstraints(min_length=1, max_length=60)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Remark = Annotated[str, StringConstraints(max_length=400)]


class Second(NamedTuple):
    """The second officer, who shows here that they checked it: account, password and code."""

    account: str
    password: str
    code: str = ""


async def say(
    request: Request,
    person: Person,
    asked: Sequence[Mapping[str, Any]],
    there: str,
    *,
    key: str = "",
    second: Second | None = None,
) -> Response:
    """Asks for something and goes on to a page; where it is refused, says why and what to do."""
    body = json.dumps(asked, ensure_ascii=False).encode()
    more = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
    if second is not None:
        found = await _second_token(request, person, second, body)
        if isinstance(found, Response):
            return found
        more["suyuan-second"] = found
    answer = await person.client.post("/intake/requests", body, more)
    if answer.status_code != httpx.codes.OK:
        if _was_done(answer):
            return RedirectResponse(there, 303)
        return refused(request, person, answer)
    await _until_shown(person, int(answer.headers.get("suyuan-position", "0")))
    return RedirectResponse(there, 303)


def _was_done(answer: httpx.Response) -> bool:
    """Tells whether this very form was sent before: pressed twice, it was done once."""
    found = answer.json() if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY else None
    return isinstance(found, dict) and found.get("title") == "key-reused"


async def _until_shown(person: Person, position: int) -> None:
    """Waits until the views know what was just said; for a while, for it is on record already."""
    deadline = time.monotonic() + SHOWN_S
    while time.monotonic() < deadline:
        try:
            health = await person.client.get("/v1/health")
        except (Away, TooMany):
            # It is on record: that the views cannot be asked now takes nothing of it back.
            return
        if min(health["trade"], health["edge"]) >= position:
            return
        await asyncio.sleep(LOOK_S)


async def ledger_time(person: Person) -> str:
    """Returns the ledger's time, which decides what is late."""
    answer = await reached(person.client.services.intake.get("/intake/ledger"))
    return str(answer.json()["time"])


async def ledger_day(person: Person) -> date:
    """Returns the day that it is by the ledger's time, where the market is."""
    return datetime.fromisoformat(await ledger_time(person)).astimezone(ZONE).date()


def market_time(text: str) -> str:
    """Returns a time as a form writes it, which is the markets' own, as an instant. Raises `Unusable`."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unusable(
            "a time is written such as 2026-11-30T08:30, not {text}", text=text[:30]
        ) from error
    return (at if at.tzinfo else at.replace(tzinfo=ZONE)).isoformat()


def refused(request: Request, person: Person, answer: httpx.Response) -> Response:
    """Shows why something was refused; what was filled in is still in the page before."""
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise NotSignedIn
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise TooMany(detail_of(answer))
    found = answer.json()
    if isinstance(found, list):
        whys = [said_of(request, row["code"], row["advice"]) for row in found if not row["granted"]]
    else:
        whys = [said_of(request, found.get("title", ""), _plainly(detail_of(answer)))]
    return refused_for(request, whys, person)


def refused_for(request: Request, whys: Sequence[str], person: Person | None) -> Response:
    """Says why nothing was done, and leads back to the form, which still holds what was filled in."""
    # Of what was only looked at, nothing was sent.
    values = {"whys": whys, "back": page_before(request), "sent": request.method == "POST"}
    return render(request, "refused.html", values, 422, person=person)


def page_before(request: Request) -> str:
    """Returns the page of ours that a form was sent from; nothing where the browser does not say."""
    try:
        before = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return ""
    # With two slashes before it, of either kind, it would be another site's.
    leads_away = before.path[1:2] in ("/", "\\")
    if before.netloc != request.headers.get("host") or leads_away:
        return ""
    return f"{before.path}?{before.query}" if before.query else before.path


def said_of(request: Request, code: str, advice: str) -> str:
    """Returns a refusal in the reader's language; the ledger's own words where there are no others."""
    language = request.state.language
    text = f"refusal:{code}"
    return str(language.word(text)) if text in language.texts else advice


async def _second_token(
    request: Request, person: Person, second: Second, body: bytes
) -> str | Response:
    """Signs the second officer in for this one question, and out again."""
    if not may_sign_in_here(request):
        raise Unusable("a second officer signs in over TLS alone")
    services = person.client.services.intake
    plain = {name: v for name, v in person.client.headers.items() if name != "authorization"}
    begun = await reached(
        services.post("/intake/sign-ins", json=second._asdict() | {"new": ""}, headers=plain)
    )
    if begun.status_code != httpx.codes.CREATED:
        words = said_of(request, begun.json().get("title", ""), detail_of(begun))
        return refused_for(request, [words], person)
    showing = plain | {"authorization": f"Bearer {begun.json()['secret']}"}
    digest = {"digest": hashlib.sha256(body).hexdigest()}
    try:
        token = await reached(services.post("/intake/tokens", json=digest, headers=showing))
    finally:
        await reached(services.delete("/intake/sign-ins/this", headers=showing))
    return str(token.json()["token"])


def _plainly(detail: str) -> str:
    """Returns a decoder's words without the path that only programs read."""
    return re.sub(r" - at `\$[^`]*`", "", detail)
