"""Pages for what is no answer: not recorded, not signed in, not at the moment, and what to do then."""

from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from kiosk_ui.client import (
    Ambiguous,
    Away,
    NotRecorded,
    NotSignedIn,
    NotYours,
    TooMany,
    TurnedDown,
    Unusable,
)
from kiosk_ui.page import render
from kiosk_ui.saying import refused_for, said_of
from kiosk_ui.signing import whoever

# Pages of people who are signed in: what they fill in is not a code on a pack.
WORK = ("/desk", "/station", "/sign-in")
# How a form is refused that nobody reads to its end.
TOO_LARGE = (400, 413)
# What is wrong with a field, by a part of what pydantic calls it; other things are said in its own words.
FILLED_IN = (
    ("missing", "it is empty"), ("too_short", "it is too short"), ("too_long", "it is too long"),
    ("pattern", "it is not written so"), ("date", "it is no day"),
    ("int", "it is no whole number"), ("greater", "it is too small"), ("less", "it is too large"),
    ("literal", "it is none of the choices"), ("bool", "it is none of the choices"),
)  # fmt: skip


async def not_recorded(request: Request, _error: NotRecorded) -> Response:
    """The honest page: not recorded is not unsafe; at work, what was asked for is not there."""
    if request.url.path.startswith(WORK):
        words = request.state.language.word(
            "Nothing is recorded of this: look at its number, its lot and the days."
        )
        return refused_for(request, [words], await whoever(request))
    return render(request, "not_recorded.html", {}, status=404)


async def unusable(request: Request, error: Unusable) -> Response:
    """What was asked cannot be, and why."""
    return await _cannot_be(request, _said(request, error))


async def not_filled_in(request: Request, error: RequestValidationError) -> Response:
    """What was filled in cannot be: which field, and how it is written."""
    found = error.errors()[0]
    word = request.state.language.word
    said = next((words for part, words in FILLED_IN if part in found["type"]), None)
    told = word(said).format(**found.get("ctx", {})) if said else found["msg"]
    return await _cannot_be(request, f"{found['loc'][-1]}: {told}")


async def _cannot_be(request: Request, detail: str) -> Response:
    if request.url.path.startswith(WORK):
        return refused_for(request, [detail], await whoever(request))
    return render(request, "unusable.html", {"heading": "", "detail": detail}, status=422)


async def elsewhere(request: Request, error: HTTPException) -> Response:
    """An address that is no page of ours: what can be asked instead; or a form that no page of ours sent so."""
    if error.status_code in TOO_LARGE:
        return await _cannot_be(
            request,
            request.state.language.word(
                "This holds more than one form may, or is none of ours: send it in parts."
            ),
        )
    if request.url.path.startswith(WORK):
        return render(request, "no_page.html", {}, status=error.status_code)
    return render(request, "no_such.html", {}, status=error.status_code)


def gone(_request: Request, _error: Exception) -> Response:
    """Whoever asked hung up: there is nobody to answer, and nothing for the log."""
    return Response(status_code=400)


def away(request: Request, _error: Away) -> Response:
    """The record cannot be reached: say so, and claim nothing."""
    path = request.url.path
    if not path.startswith(WORK):
        return render(request, "away.html", {}, status=503)
    # A form that is sent again is done once, by its key; a sign-in has none.
    sent = request.method == "POST" and not path.startswith("/sign-in")
    return render(request, "work_away.html", {"sent": sent}, status=503)


def not_signed_in(request: Request, _error: NotSignedIn) -> Response:
    """To the door, and back to where one wanted to go; what was typed stays in the page behind."""
    if request.method != "GET":
        return render(request, "signed_out.html", {}, status=401)
    asked = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    stated = request.query_params.get("lang", "")
    told = {"next": asked} | ({"lang": stated} if stated in ("zh", "en") else {})
    there = f"/sign-in?{urlencode(told)}"
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"hx-redirect": there})
    return RedirectResponse(there, 303)


def not_yours(request: Request, error: NotYours) -> Response:
    """Somebody is signed in who may not do this."""
    return render(request, "not_yours.html", {"detail": _said(request, error)}, status=403)


def ambiguous(request: Request, error: Ambiguous) -> Response:
    """What was asked is another by now, or several things at once."""
    return render(
        request, "unusable.html", {"heading": "", "detail": _said(request, error)}, status=409
    )


def too_many(request: Request, error: TooMany) -> Response:
    """More was asked than one may ask."""
    return render(
        request, "unusable.html", {"heading": "", "detail": _said(request, error)}, status=429
    )


def _said(request: Request, error: TurnedDown) -> str:
    if error.code:
        return said_of(request, error.code, str(error))
    words: str = request.state.language.word(str(error))
    return words.format(**error.filled) if error.filled else words
