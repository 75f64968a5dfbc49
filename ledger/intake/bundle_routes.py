"""Bundles over HTTP: a merchant takes its own records of some lots along, as article 136 lets it show them."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Annotated, Any, NamedTuple

import msgspec
import psycopg
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

from ledger.bundles.log_place import log_place
from ledger.bundles.proofs import LogSource
from ledger.bundles.writing import Sources, Wanted, write_bundle
from ledger.events.base import Id
from ledger.events.catalogue import unsafe_text
from ledger.intake.door_routes import Doorway, form_of, refused
from ledger.intake.responses import problem
from ledger.journal.documents import DocumentStore
from ledger.log.files import FolderFiles, reading
from ledger.log.postgres import PgLog
from ledger.rules.access import Subject, reach
from ledger.rules.refusal import Refusal
from ledger.settings import Settings

BODY_BYTES_MAX = 64 * 1024
LOTS_MAX = 100
# Each holds a thread and reads the record: a few, so that nobody else waits.
AT_ONCE = 2
# More of one waits on disk.
SPOOL_BYTES = 4 * 1024 * 1024
NAMES = """
SELECT merchant, alias FROM trade.merchant_aliases WHERE merchant = %(of)s OR alias = %(of)s
"""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
# Empty for goods of which nobody said a lot.
Key = Annotated[str, msgspec.Meta(max_length=120)]


class BundleForm(msgspec.Struct, frozen=True):
    """Whose records of which lots: each its product and its key, as stock and ledgers name them."""

    merchant: Id
    lots: Annotated[tuple[tuple[Text, Key], ...], msgspec.Meta(min_length=1, max_length=LOTS_MAX)]


class BundlePlaces(NamedTuple):
    """Where bundles are read from."""

    settings: Settings
    documents: DocumentStore
    log: PgLog


def bundle_router(
    way: Doorway, settings: Settings, documents: DocumentStore, now: Callable[[], datetime]
) -> APIRouter:
    """Builds the route by which a merchant gets its bundle; `now` is the ledger's own time."""
    router = APIRouter(prefix="/intake")
    places = BundlePlaces(settings, documents, PgLog(settings.writer_dsn))
    few = asyncio.Semaphore(AT_ONCE)

    @router.post("/bundles")
    async def bundle(request: Request) -> Response:
        if isinstance(asked := way.who(request), Refusal):
            return refused(asked)
        form = await form_of(request, BundleForm, BODY_BYTES_MAX)
        if isinstance(form, Response):
            return form
        if unsafe_text([list(lot) for lot in form.lots]):
            return problem(400, "no-form", "texts hold no control characters")
        async with few:
            return await run_in_threadpool(_made, places, asked.subject, form, now())

    return router


def _made(places: BundlePlaces, subject: Subject, form: BundleForm, now: datetime) -> Response:
    settings = places.settings
    known, names = _known_as(settings.reader_dsn, form.merchant)
    if not reach(subject, "ledger", "read").merchants.intersection(names):
        words = f"only who trades as {form.merchant} takes its records along"
        return problem(403, "not-yours", words)
    if (log := _published(places)) is None:
        return problem(503, "unavailable", "no log was published yet: ask again in a moment")
    sources = Sources(settings.writer_dsn, settings.reader_dsn, places.documents)
    # Held until the last byte went out, behind the answer.
    out: IO[Any] = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115  # closed behind the answer
    try:
        write_bundle(sources, Wanted(known, form.lots, log), out, now)
    except ValueError as error:
        out.close()
        return problem(422, "no-bundle", str(error))
    out.seek(0)
    return StreamingResponse(
        iter(lambda: out.read(SPOOL_BYTES), b""), media_type="application/zip",
        headers={"content-disposition": f'attachment; filename="bundle-{known}.zip"'},
        background=BackgroundTask(out.close),
    )  # fmt: skip


def _known_as(dsn: str, name: str) -> tuple[str, Sequence[str]]:
    """Returns whom a name stands for now, with every name of theirs."""
    with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as reader:
        found = reader.execute(NAMES, {"of": name}).fetchall()
        known = next((merchant for merchant, alias in found if alias == name), name)
        every = reader.execute(NAMES, {"of": known}).fetchall()
    return known, [known, *(alias for _, alias in every)]


def _published(places: BundlePlaces) -> LogSource | None:
    place = log_place(places.log, places.settings.data, None)
    if place is None:
        return None
    return LogSource(place.key, place.place, reading(FolderFiles(Path(place.place))))
