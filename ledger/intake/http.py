"""Intake over HTTP: batches, requests, documents and cards."""

import asyncio
import base64
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import psycopg
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ledger.accounts.door import Door
from ledger.accounts.single_sign_on import SingleSignOn
from ledger.accounts.subjects import PgSubjects
from ledger.errors import BadSetting, Conflict, JournalUnavailable, Malformed
from ledger.events import wire
from ledger.events.catalogue import misleading_text, unsafe_text
from ledger.gate import Gate
from ledger.intake.answers import GivenAnswer, PgAnswers, digest_of
from ledger.intake.bundle_routes import bundle_router
from ledger.intake.colleague_routes import colleague_router
from ledger.intake.committer import Committer
from ledger.intake.describing import description
from ledger.intake.devices import Devices
from ledger.intake.door_routes import Doorway, door_router, refused
from ledger.intake.guard import TURNED_AWAY, Askers, GuardedRequests
from ledger.intake.joining import Joining
from ledger.intake.joining_routes import joining_router
from ledger.intake.responses import body_of, json_response, problem, too_many
from ledger.intake.screen_routes import screen_router
from ledger.intake.screens import Screens
from ledger.intake.stop_routes import stop_router
from ledger.intake.stops import SignedList
from ledger.journal.documents import DOCUMENT_BYTES_MAX, Document, DocumentStore
from ledger.journal.personal import PgPersonalStore
from ledger.limits import Buckets, Turns
from ledger.papers.apart import Busy
from ledger.rules.refusal import Refusal
from ledger.rules.requests import decode_requests
from ledger.settings import Clock, Settings
from ledger.values.cards import Card
from ledger.values.keys import PublicKey

# A device gives up and sends again well after this.
ANSWER_S = 20
REQUESTS_BYTES_MAX = 4 * 1024 * 1024
CARD_BYTES_MAX = 64 * 1024
PAPERS_AT_ONCE = 4
# What one account may ask for: a morning's register at once, a person's pace for ever.
REQUESTS_PER_S, REQUESTS_BURST, COSTS_ONE_BYTES = 10.0, 2000.0, 10_000
# Each of a list is decided by itself, which takes milliseconds: whoever sends long ones, or many, keeps nobody waiting.
REQUESTS_MAX = 1000
LISTS_AT_ONCE, LISTS_UNDER_WAY, LISTS_AFTER_S = 16, 8, 2.0
KEY = re.compile(r"[!-~]{1,80}")
METRICS = "text/plain; version=0.0.4; charset=utf-8"
# Where somebody shows a password or a code.
DOOR = (
    "/intake/sign-ins", "/intake/password", "/intake/second-factor", "/intake/enrolments",
    "/intake/single-sign-ons", "/intake/single-sign-ons/back",
)  # fmt: skip
# Granted and refused are decisions; anything else may be asked again.
DECIDED = (200, 422)


class IntakeParts(msgspec.Struct):
    """What the routes work on."""

    committer: Committer
    requests: GuardedRequests
    answers: PgAnswers
    documents: DocumentStore
    persons: PgPersonalStore
    devices: Devices
    door: Door
    ledger: str
    ledger_key: str
    joining: Joining
    settings: Settings
    now: Callable[[], datetime]
    stops: Callable[[], SignedList | None]
    screens: Screens
    rehearsal: bool = False
    log_key: Callable[[], str | None] = lambda: None
    metrics: Callable[[], bytes] = lambda: b""
    unready: Callable[[], str] = lambda: ""
    succession: Callable[[], Sequence[wire.KeyLink]] = tuple
    single: SingleSignOn | None = None


def build(parts: IntakeParts) -> FastAPI:
    """Builds the intake's application around its parts."""
    way = Doorway(parts.door, (parts.ledger_key,), parts.ledger, Clock("").now, parts.single)
    app = FastAPI(title="Suyuan intake", openapi_url=None, docs_url=None, redoc_url=None)

    for kind in (JournalUnavailable, psycopg.OperationalError, BadSetting):

        @app.exception_handler(kind)
        async def away(_request: Request, error: Any) -> Response:
            return problem(503, "unavailable", f"not at the moment: try again ({error})")

    @app.exception_handler(HTTPException)
    async def elsewhere(_request: Request, error: Any) -> Response:
        return problem(error.status_code, "http", str(error.detail))

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: Any) -> Response:
        found = error.errors()[0]
        where = ".".join(str(part) for part in found["loc"][1:])
        return problem(422, "parameter-invalid", f"{where}: {found['msg']}")

    app.add_middleware(Gate, door=DOOR)
    _say_what_there_is(app, parts)
    _take_from_people(app, parts, way)
    _take_from_devices(app, parts)
    app.include_router(door_router(way))
    app.include_router(bundle_router(way, parts.settings, parts.documents, parts.now))
    app.include_router(screen_router(parts.screens))
    app.include_router(stop_router(parts.stops))
    app.include_router(colleague_router(way, PgSubjects(parts.settings.writer_dsn)))
    app.include_router(joining_router(parts.joining, way, parts.devices, parts.settings))
    _show_inside(app, parts)
    return app


def _say_what_there_is(app: FastAPI, parts: IntakeParts) -> None:
    """Adds what everybody may know."""

    @app.get("/intake/ledger")
    def ledger() -> Response:
        about = {"ledger": parts.ledger, "keys": [parts.ledger_key], "time": parts.now()}
        where = {"query": parts.settings.query_address, "mqtt": parts.settings.mqtt_address}
        more = {"rehearsal": parts.rehearsal, "log": parts.log_key()}
        return json_response(about | where | more | {"succession": parts.succession()})

    @app.get("/intake/openapi.json")
    async def described() -> Response:
        return json_response(description())


def _take_from_people(app: FastAPI, parts: IntakeParts, way: Doorway) -> None:
    """Adds what is asked in somebody's name."""
    limits = Buckets(per_s=REQUESTS_PER_S, burst=REQUESTS_BURST, monotonic=time.monotonic)
    turns = Turns(at_once=LISTS_AT_ONCE, under_way=LISTS_UNDER_WAY)

    @app.post("/intake/requests")
    async def requests(request: Request) -> Response:
        if isinstance(first := way.who(request), Refusal):
            # Before anything is read: what a stranger sends is not held.
            return refused(first)
        body = await body_of(request, REQUESTS_BYTES_MAX)
        if isinstance(body, Response):
            return body
        if isinstance(askers := _askers(way, request, body), Refusal):
            return refused(askers)
        # A list of requests costs by its length, whoever made it so long.
        if after := limits.take(askers.first.account, 1 + len(body) / COSTS_ONE_BYTES):
            return too_many(after)
        key = request.headers.get("idempotency-key", "")
        async with turns.turn(askers.first.account) as is_theirs:
            if not is_theirs:
                return too_many(LISTS_AFTER_S)
            return await run_in_threadpool(_decide_and_say_where, parts, askers, key, body)


def _take_from_devices(app: FastAPI, parts: IntakeParts) -> None:
    """Adds what devices sign."""
    papers = asyncio.Semaphore(PAPERS_AT_ONCE)

    @app.post("/intake/batches")
    async def batches(request: Request) -> Response:
        body = await body_of(request, wire.BATCH_BYTES_MAX)
        return body if isinstance(body, Response) else await _commit(parts.committer, body)

    @app.put("/intake/documents/{digest}")
    async def documents(digest: str, request: Request) -> Response:
        # Before the picture is read: a stranger's is not held at all.
        header = request.headers.get("x-suyuan-signed", "")
        signed = await run_in_threadpool(_signed_document, parts, digest, header)
        if isinstance(signed, Response):
            return signed
        body = await body_of(request, DOCUMENT_BYTES_MAX)
        if isinstance(body, Response):
            return body
        # Few at once, before a thread is taken: papers shall hold nobody else up.
        async with papers:
            return await run_in_threadpool(_keep_document, parts, signed, body)

    @app.put("/intake/cards")
    async def cards(request: Request) -> Response:
        body = await body_of(request, CARD_BYTES_MAX)
        if isinstance(body, Response):
            return body
        return await run_in_threadpool(_keep_card, parts, body)


def _show_inside(app: FastAPI, parts: IntakeParts) -> None:
    """Adds what tells how the service is."""

    @app.get("/intake/health")
    async def health() -> Response:
        return json_response({"counters": parts.committer.counters})

    @app.get("/intake/ready")
    async def ready() -> Response:
        why = await run_in_threadpool(parts.unready)
        return problem(503, "not-ready", why) if why else json_response({"ready": True})

    @app.get("/intake/metrics")
    async def metrics() -> Response:
        return Response(await run_in_threadpool(parts.metrics), media_type=METRICS)


async def _commit(committer: Committer, envelope: bytes) -> Response:
    loop = asyncio.get_running_loop()
    answered: asyncio.Future[bytes] = loop.create_future()

    def settle(answer: bytes) -> None:
        if not answered.done():
            answered.set_result(answer)

    def reply(_tape: str, answer: bytes) -> None:
        loop.call_soon_threadsafe(settle, answer)

    try:
        wire.decode_batch(envelope)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return problem(400, "no-batch", f"the body is no batch: {error}")
    if not committer.submit(envelope, reply):
        return problem(503, "busy", "the queue is full: send the same batch again")
    try:
        answer = await asyncio.wait_for(answered, ANSWER_S)
    except TimeoutError:
        return problem(503, "unavailable", "no answer yet: send the same batch again")
    return Response(answer, media_type="application/json")


def _askers(way: Doorway, request: Request, body: bytes) -> Askers | Refusal:
    """Returns who is signed in, with the second officer where one shows a token of their own."""
    if isinstance(first := way.who(request), Refusal):
        return first
    if not (shown := request.headers.get("suyuan-second", "")):
        return Askers(first.subject, sign_in=first.sign_in)
    second = way.read(shown, digest_of(body))
    return (
        second
        if isinstance(second, Refusal)
        else Askers(first.subject, second.subject, first.sign_in)
    )


def _decide_and_say_where(parts: IntakeParts, askers: Askers, key: str, body: bytes) -> Response:
    """Decides, and says of what was granted where it stands: no reader knows it before that position."""
    answer = _decide_once(parts, askers, key, body)
    if answer.status_code == 200:
        answer.headers["suyuan-position"] = str(parts.answers.stands_at())
    return answer


def _decide_once(parts: IntakeParts, askers: Askers, key: str, body: bytes) -> Response:
    """Decides, or gives the same answer again to who asks again under the same key."""
    if not key:
        return _decide(parts.requests, askers, body)
    if not KEY.fullmatch(key):
        return problem(400, "no-key", "an Idempotency-Key has 1 to 80 printable characters")
    asked = digest_of(body)
    # Whose key it is, too: nobody gets the answer to another's question.
    key = f"{askers.first.account} {askers.second.account if askers.second else ''} {key}"
    if (known := parts.answers.find(key)) is None:
        response = _decide(parts.requests, askers, body)
        if response.status_code in DECIDED and not _turned_away(response):
            answer = GivenAnswer(asked, response.status_code, bytes(response.body))
            known = parts.answers.keep(key, answer, parts.now())
        else:
            return response
    if known.asked != asked:
        if known.status != 200:
            # Whoever takes a key that was used for one that was done must not take this for done.
            return problem(
                422,
                "key-refused",
                "a question under this Idempotency-Key was refused: ask under another key",
            )
        return problem(422, "key-reused", "this Idempotency-Key was used for another question")
    return Response(known.body, known.status, media_type="application/json")


def _turned_away(response: Response) -> bool:
    """Tells whether something was not theirs to ask, which may change before they ask again."""
    rows = msgspec.json.decode(bytes(response.body), type=list[dict[str, Any]])
    return any(row.get("code") in TURNED_AWAY for row in rows)


def _decide(requests: GuardedRequests, askers: Askers, body: bytes) -> Response:
    try:
        wanted = decode_requests(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return problem(400, "no-requests", f"this is no list of requests: {error}")
    if len(wanted) > REQUESTS_MAX:
        words = f"a list holds at most {REQUESTS_MAX} requests, not {len(wanted)}: send several"
        return problem(400, "too-many-requests", words)
    said = msgspec.json.decode(body)
    if unsafe_text(said) or misleading_text(said):
        words = "texts hold no control characters, and what people wrote no marks of direction"
        return problem(400, "text-unsafe", words)
    try:
        results = [requests.take(askers, one) for one in wanted]
    except Conflict as error:
        return problem(409, "changed-meanwhile", str(error))
    except JournalUnavailable as error:
        return problem(503, "unavailable", str(error))
    some_refused = any(isinstance(result, Refusal) for result in results)
    rows = [
        {"granted": False, "code": r.code, "advice": r.advice} if r else {"granted": True}
        for r in results
    ]
    return json_response(rows, status=422 if some_refused else 200)


def _signed_document(parts: IntakeParts, digest: str, header: str) -> Document | Response:
    """Returns a document as a device of this ledger signed it, or the problem with it."""
    try:
        signed = msgspec.json.decode(
            base64.b64decode(header, validate=True), type=wire.SignedDocument
        )
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return problem(400, "no-signature", f"X-Suyuan-Signed is base64 of document.v1: {error}")
    message = wire.document_message(signed.digest, signed.media)
    if signed.digest != digest or not _signed_by(parts, signed, message):
        return problem(403, "bad-signature", "sign the digest and media type with the device's key")
    return Document(digest, signed.media, signed.device, signed.key, signed.signature)


def _keep_document(parts: IntakeParts, document: Document, content: bytes) -> Response:
    try:
        new = parts.documents.keep(document, content, parts.now())
    except Malformed as error:
        return problem(400, "document-refused", str(error))
    except (JournalUnavailable, Busy) as error:
        return problem(503, "unavailable", str(error))
    told = {"digest": document.digest, "new": new}
    return json_response(told, status=201 if new else 200)


def _keep_card(parts: IntakeParts, body: bytes) -> Response:
    try:
        signed = msgspec.json.decode(body, type=wire.SignedCard)
        card = msgspec.json.decode(signed.card, type=Card)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return problem(400, "no-card", str(error))
    if not _signed_by(parts, signed, wire.card_message(signed.ref, signed.card)):
        return problem(403, "bad-signature", "sign the reference and card with the device's key")
    if unsafe_text(msgspec.json.decode(signed.card)):
        return problem(400, "no-card", "texts hold no control characters")
    if not parts.persons.put_card(signed.ref, card, signed.device):
        return problem(403, "card-of-another", "another device keeps this card: make a new one")
    return json_response({"ref": signed.ref})


def _signed_by(parts: IntakeParts, signed: Any, message: bytes) -> bool:
    # Read afresh: another intake may have revoked it a moment ago.
    parts.devices.forget(signed.device)
    case = parts.devices.get(signed.device)
    if case.key is None or case.revoked:
        return False
    key = PublicKey(case.key)
    return key.id == signed.key and key.signed(signed.signature, message)
