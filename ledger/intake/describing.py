"""Describing: what each route of intake takes and answers, as OpenAPI 3.1, from the definitions it reads by."""

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from ledger.events import wire
from ledger.intake import door_routes as door
from ledger.intake.bundle_routes import BundleForm
from ledger.intake.joining_routes import InvitationForm
from ledger.rules.requests import Request

JSON, PROBLEM = "application/json", "application/problem+json"
# Why a request is not taken, as whoever asks can act on it.
PROBLEMS = {
    400: "what came is not what this takes",
    401: "sign in, or show a newer token",
    403: "not yours to ask, not signed by who it says, or sent by another site's page",
    404: "there is none such",
    405: "this address takes another method",
    408: "it took too long to come",
    409: "somebody changed this meanwhile: look again, ask again",
    413: "it is larger than this takes",
    422: "refused, with what to do",
    429: "more than one may ask: wait",
    503: "not at the moment: try again",
}
ALWAYS = (403, 405, 429, 503)


class DescribedRoute(NamedTuple):
    """A route: what it takes, with which it answers where all is well, and how else."""

    method: str
    path: str
    does: str
    takes: Any = None
    answers: dict[int, str] = {200: JSON}  # noqa: RUF012  # never changed
    else_: tuple[int, ...] = ()
    signed_in: bool = False
    raw: str = ""


class ToldProblem(msgspec.Struct):
    """What is answered instead (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


BODY = (400, 408, 413)
ROUTES = (
    DescribedRoute("get", "/intake/ledger", "The ledger's name, keys and time, and where else it is reached."),
    DescribedRoute("get", "/intake/authority", "What the pages' certificates are checked by: compare it.",
          answers={200: "application/x-pem-file"}, else_=(404,)),
    DescribedRoute("get", "/intake/stops", "The signed list of what may not be sold."),
    DescribedRoute("get", "/intake/stops/live", "Says at once when that list is another, as server-sent events.",
          answers={200: "text/event-stream"}),
    DescribedRoute("get", "/intake/screens/{screen}", "What a kiosk's own scanner is held at, as server-sent events.",
          answers={200: "text/event-stream"}, else_=(422,)),
    DescribedRoute("get", "/intake/openapi.json", "This description."),
    DescribedRoute("get", "/intake/health", "Counts of what came since this process began."),
    DescribedRoute("get", "/intake/ready", "Whether it can be relied on now."),
    DescribedRoute("get", "/intake/metrics", "Measurements for Prometheus.", answers={200: "text/plain"}),
    DescribedRoute("post", "/intake/batches", "A device's signed batch; answered by the signed answer.",
          wire.Batch, else_=BODY),
    DescribedRoute("put", "/intake/documents/{digest}", "A paper's picture, signed in X-Suyuan-Signed.",
          answers={200: JSON, 201: JSON}, else_=BODY, raw="application/octet-stream"),
    DescribedRoute("put", "/intake/cards", "A person's card under a device's signature.", wire.SignedCard,
          else_=BODY),
    DescribedRoute("post", "/intake/enrolments", "A device joins by its invitation.", wire.Enrolment,
          {201: JSON}, (*BODY, 409, 422)),
    DescribedRoute("post", "/intake/certificates", "A newer certificate for a device.", wire.CertificateRequest,
          {201: "application/x-pem-file"}, (*BODY, 404)),
    DescribedRoute("post", "/intake/requests", "Requests, each granted or refused (200 or 422).", list[Request],
          {200: JSON, 422: JSON}, (*BODY, 401, 409), signed_in=True),
    DescribedRoute("post", "/intake/sign-ins", "Sign in with a password.", door.SignInForm, {201: JSON},
          (*BODY, 401, 422)),
    DescribedRoute("post", "/intake/single-sign-ons", "Where to sign in at the provider.", door.AwayForm,
          {201: JSON}, (*BODY, 404, 422)),
    DescribedRoute("post", "/intake/single-sign-ons/back", "Signs in who comes back from the provider.",
          door.BackForm, {201: JSON}, (*BODY, 401, 404)),
    DescribedRoute("get", "/intake/sign-ins", "One's own open sign-ins.", else_=(401,), signed_in=True),
    DescribedRoute("get", "/intake/colleagues", "Who may be given alerts, for officers.", else_=(401, 403),
          signed_in=True),
    DescribedRoute("delete", "/intake/sign-ins/this", "Sign out, with the sign-in's secret.",
          answers={204: ""}, else_=(401, 404), signed_in=True),
    DescribedRoute("delete", "/intake/sign-ins/{sign_in}", "End another of one's own sign-ins.",
          answers={204: ""}, else_=(401, 404, 422), signed_in=True),
    DescribedRoute("post", "/intake/tokens", "A token for five minutes, with the sign-in's secret.",
          door.TokenForm, {201: JSON}, (*BODY, 401), signed_in=True),
    DescribedRoute("put", "/intake/password", "Another password; every sign-in ends.", door.PasswordForm,
          {204: ""}, (*BODY, 401, 422), signed_in=True),
    DescribedRoute("post", "/intake/second-factor", "The secret of a second factor.", door.FactorForm,
          {201: JSON}, (*BODY, 401), signed_in=True),
    DescribedRoute("put", "/intake/second-factor", "Lets a second factor count.", door.CodeForm, {204: ""},
          (*BODY, 401), signed_in=True),
    DescribedRoute("post", "/intake/bundles", "A merchant's own records of some lots in one file (article 136).",
          BundleForm, {200: "application/zip"}, (*BODY, 401, 422), signed_in=True),
    DescribedRoute("post", "/intake/invitations", "Asks a device in; the code is shown once.", InvitationForm,
          {201: JSON}, (*BODY, 401, 422), signed_in=True),
    DescribedRoute("get", "/intake/invitations", "Open invitations.", else_=(401,), signed_in=True),
    DescribedRoute("delete", "/intake/invitations/{device}", "Withdraws an invitation.", answers={204: ""},
          else_=(401, 404), signed_in=True),
)  # fmt: skip
PARAMETERS: dict[str, dict[str, Any]] = {
    "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "sign_in": {"type": "string", "format": "uuid"},
    "screen": {"type": "string", "pattern": wire.SCREEN_FORM},
    "device": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,39}$"},
}


@lru_cache(1)
def description() -> dict[str, Any]:
    """Returns the document."""
    kinds = [route.takes for route in ROUTES if route.takes is not None]
    template = "#/components/schemas/{name}"
    found, schemas = msgspec.json.schema_components([*kinds, ToldProblem], ref_template=template)
    taken = iter(found)
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        schema = next(taken) if route.takes is not None else None
        paths.setdefault(route.path, {})[route.method] = _operation(route, schema)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Suyuan intake",
            "version": "1",
            "description": "docs/protocol.md is the word.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: DescribedRoute, schema: Any) -> dict[str, Any]:
    problems = {status for status in (*ALWAYS, *route.else_) if status not in route.answers}
    operation: dict[str, Any] = {
        "summary": route.does,
        "responses": {
            **{str(status): _answer(media) for status, media in route.answers.items()},
            **{str(status): _problem(PROBLEMS[status]) for status in sorted(problems)},
        },
    }
    parameters = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": PARAMETERS[part[1:-1]]}
        for part in route.path.split("/")
        if part.startswith("{")
    ]
    if route.raw:
        parameters.append({
            "name": "X-Suyuan-Signed", "in": "header", "required": True, "schema": {"type": "string"}
        })  # fmt: skip
    if parameters:
        operation["parameters"] = parameters
    if schema is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    if route.raw:
        operation["requestBody"] = {"required": True, "content": {route.raw: {}}}
    if route.signed_in:
        operation["security"] = [{"bearer": []}]
    return operation


def _answer(media: str) -> dict[str, Any]:
    return {"description": "done", **({"content": {media: {}}} if media else {})}


def _problem(why: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ToldProblem"}
    return {"description": why, "content": {PROBLEM: {"schema": schema}}}
