"""Joining over HTTP: invitations for who is signed in, and the door for devices that have one."""

from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from ledger.devices.authority import fingerprint_of
from ledger.errors import Conflict, Malformed
from ledger.events import wire
from ledger.events.base import Id, LongText
from ledger.events.catalogue import misleading_text, unsafe_text
from ledger.events.reports import YEARS
from ledger.intake.devices import Devices
from ledger.intake.door_routes import Doorway, form_of, refused
from ledger.intake.guard import TURNED_AWAY, Askers
from ledger.intake.joining import MERCHANTS_MAX, InvitationWish, Joining
from ledger.intake.responses import body_of, json_response, problem
from ledger.rules.refusal import Refusal
from ledger.settings import Settings
from ledger.values.base64url import base64url

BODY_BYTES_MAX = 16 * 1024
MINUTES_MAX = 7 * 24 * 60


class InvitationForm(msgspec.Struct, frozen=True):
    """What somebody fills in who asks a device in."""

    device: Id
    since: date
    merchants: Annotated[tuple[Id, ...], msgspec.Meta(max_length=MERCHANTS_MAX)] = ()
    again: LongText | None = None
    minutes: Annotated[int, msgspec.Meta(ge=1, le=MINUTES_MAX)] | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for a day outside the years that a mandate can mean."""
        if self.since.year not in YEARS:
            raise ValueError(f"since lies in 2000 to 2100, not {self.since}")


def joining_router(
    joining: Joining, way: Doorway, devices: Devices, settings: Settings
) -> APIRouter:
    """Builds the routes by which devices come to a ledger."""
    router = APIRouter(prefix="/intake")
    _invite(router, joining, way, settings)
    _join(router, joining, devices)

    @router.get("/authority")
    def authority() -> Response:
        """What the pages' certificates are checked by; who reads it here MUST compare its fingerprint."""
        if not settings.tls_authority:
            return problem(404, "no-authority", "every browser knows who signed this certificate")
        content = Path(settings.tls_authority).read_bytes()
        return Response(content, media_type="application/x-pem-file")

    return router


def _invite(router: APIRouter, joining: Joining, way: Doorway, settings: Settings) -> None:
    """Adds the routes for who asks devices in."""

    @router.post("/invitations")
    async def invite(request: Request) -> Response:
        if isinstance(asked := _asker(way, request), Refusal):
            return refused(asked)
        form = await form_of(request, InvitationForm, BODY_BYTES_MAX)
        if isinstance(form, Response):
            return form
        if unsafe_text(form.again) or misleading_text(form.again, "again"):
            return problem(400, "no-form", "again: texts hold no control characters")
        wish = InvitationWish(
            form.device, form.merchants, form.since, form.again or "", form.minutes
        )
        made = await run_in_threadpool(joining.invite, asked, wish)
        if isinstance(made, Refusal):
            status = 403 if made.code in TURNED_AWAY else 422
            return problem(status, made.code, made.advice)
        code, invitation = made
        told = {"device": invitation.device, "until": invitation.until, "code": base64url(code)}
        where = {"address": settings.intake_address, "fingerprint": _fingerprint(settings)}
        return json_response(told | where, 201)

    @router.get("/invitations")
    async def invitations(request: Request) -> Response:
        if isinstance(asked := _asker(way, request), Refusal):
            return refused(asked)
        found = await run_in_threadpool(joining.open_ones, asked)
        return json_response({"invitations": [one._asdict() for one in found]})

    @router.delete("/invitations/{device}")
    async def withdraw(device: str, request: Request) -> Response:
        if isinstance(asked := _asker(way, request), Refusal):
            return refused(asked)
        if not await run_in_threadpool(joining.withdraw, asked, device):
            return problem(404, "no-invitation", f"there is no open invitation of {device[:60]}")
        return Response(status_code=204)


def _join(router: APIRouter, joining: Joining, devices: Devices) -> None:
    """Adds the routes for devices."""

    @router.post("/enrolments")
    async def enrolment(request: Request) -> Response:
        body = await body_of(request, BODY_BYTES_MAX)
        if isinstance(body, Response):
            return body
        try:
            form = msgspec.json.decode(body, type=wire.Enrolment)
            joined = await run_in_threadpool(joining.join, form)
        except (msgspec.MsgspecError, ValueError, RecursionError, Malformed) as error:
            return problem(400, "no-enrolment", f"this is no enrolment.v1: {error}")
        except Conflict as error:
            return problem(409, "changed-meanwhile", str(error))
        if isinstance(joined, Refusal):
            return problem(422, joined.code, joined.advice)
        return Response(wire.encode(joined), 201, media_type="application/json")

    @router.post("/certificates")
    async def certificate(request: Request) -> Response:
        body = await body_of(request, BODY_BYTES_MAX)
        if isinstance(body, Response):
            return body
        try:
            form = msgspec.json.decode(body, type=wire.CertificateRequest)
            # Read afresh: another intake may have revoked it a moment ago.
            devices.forget(form.device)
            case = await run_in_threadpool(devices.get, form.device)
            made = joining.certify_again(form, case)
        except (msgspec.MsgspecError, ValueError, RecursionError, Malformed) as error:
            return problem(400, "no-request", f"this is no certificate-request.v1: {error}")
        if isinstance(made, Refusal):
            return problem(403, made.code, made.advice)
        if made is None:
            return problem(404, "no-authority", "this ledger's broker asks for no certificate")
        return Response(made, 201, media_type="application/x-pem-file")


def _asker(way: Doorway, request: Request) -> Askers | Refusal:
    found = way.who(request)
    if isinstance(found, Refusal):
        return found
    return Askers(found.subject, sign_in=found.sign_in)


def _fingerprint(settings: Settings) -> str:
    """Returns what the ledger's own authority is known by; nothing where every browser knows another."""
    if not settings.tls_authority:
        return ""
    return fingerprint_of(Path(settings.tls_authority).read_bytes())
