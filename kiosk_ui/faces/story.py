"""The guided story of the demonstration: a Next button, and behind it things that really happen."""

from typing import Any

import httpx
from fastapi import APIRouter, Request, Response

from kiosk_ui.client import Away, NotRecorded
from kiosk_ui.page import render
from kiosk_ui.policies import CAMERA
from kiosk_ui.reached import is_here_alone
from kiosk_ui.signing import is_at_this_machine
from kiosk_ui.svg.code import code_picture

router = APIRouter(prefix="/story")

# The longest step replays two thousand events; nobody waits for more.
STEP_S = 60.0
STEPS = ("cut", "reconnect", "fail", "trace", "publish", "tamper", "bundle", "reset")
ROLES = {
    "merchant": "A stall", "headquarters": "A chain's office", "market-operator": "A market's office",
    "inspector": "An inspector", "regulator": "A regulator", "auditor": "An auditor",
    "administrator": "An administrator",
}  # fmt: skip


@router.get("")
async def story(request: Request) -> Response:
    """The story, at its beginning; its panels show what is true now."""
    state = await _ask(request, "GET", "/stage")
    if not (is_at_this_machine(request) and is_here_alone(request)):
        # Their passwords are for whoever sits at this machine.
        state["people"] = []
    lot = f"/01/{state['gtin']}/10/{state['lot']}"
    values = {"state": state, "lot": lot, "roles": ROLES}
    page = render(request, "story.html", values)
    page.headers.update(CAMERA)
    return page


@router.get("/state")
async def state(request: Request) -> dict[str, Any]:
    """What the panels show now; whom one may sign in as stands in the page alone."""
    found = await _ask(request, "GET", "/stage")
    found.pop("people")
    return found


@router.get("/code.svg")
async def code(request: Request) -> Response:
    """The label of the story's lot, to be scanned off the screen: the address of its page."""
    found = await _ask(request, "GET", "/stage")
    address = f"{request.base_url}01/{found['gtin']}/10/{found['lot']}"
    return Response(code_picture(address.encode()), media_type="image/svg+xml")


@router.get("/bundle.zip")
async def bundle(request: Request) -> Response:
    """The bundle of article 136 that the story made."""
    answer = await _send(request, "GET", "/stage/bundle.zip")
    headers = {"content-disposition": 'attachment; filename="bundle.zip"'}
    return Response(answer.content, answer.status_code, headers, media_type="application/zip")


@router.post("/{step}")
async def do(request: Request, step: str) -> dict[str, Any]:
    """Does a step, for real; returns what the panels show then."""
    if step not in STEPS:
        raise NotRecorded
    return await _ask(request, "POST", f"/stage/{step}")


async def _ask(request: Request, method: str, path: str) -> dict[str, Any]:
    answer = await _send(request, method, path)
    if answer.status_code != httpx.codes.OK:
        raise Away(f"status {answer.status_code}")
    found: dict[str, Any] = answer.json()
    return found


async def _send(request: Request, method: str, path: str) -> httpx.Response:
    stage = request.app.state.settings.stage_url
    if not stage:
        # Only a demonstration has a story: elsewhere there is no such page.
        raise NotRecorded
    try:
        async with httpx.AsyncClient(base_url=stage, trust_env=False, timeout=STEP_S) as http:
            return await http.request(method, path)
    except httpx.HTTPError as error:
        raise Away(str(error)) from error
