"""The log over HTTP: checkpoint, tiles and entries as C2SP tlog-tiles lays them out, and proofs."""

import re
from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import FastAPI, Path, Request, Response
from fastapi.concurrency import run_in_threadpool

from ledger.errors import JournalDamaged, JournalUnavailable, Malformed
from ledger.gate import Gate
from ledger.log.files import CHECKPOINT, LogFiles
from ledger.log.merkle import ProofWrong
from ledger.log.publishing import Published
from ledger.publisher.metrics import LogMetrics
from ledger.publisher.proving import NotPublished, Prover

TILE = re.compile(r"([0-9]{1,2}|entries)/(x[0-9]{3}/){0,6}[0-9]{3}(\.p/[0-9]{1,3})?")
# A tile never changes; a checkpoint is asked for again after a moment.
Epoch = Annotated[int, Path(ge=1, le=999_999)]
FOR_EVER = "public, max-age=31536000, immutable"
A_MOMENT = "public, max-age=1"
# What a file costs of what one address may ask, and a proof.
FILE, PROOF = 0.02, 2.0


class LogParts(msgspec.Struct):
    """What the routes work on."""

    metrics: LogMetrics
    files: LogFiles
    old: Callable[[int], LogFiles]
    prover: Prover
    key: str
    published: Callable[[], Published | None]


def cost_of(_method: str, path: str) -> float:
    """Lets an audit read a log's files by the thousand; a proof is worked out."""
    return PROOF if path.startswith("/log/proof/") else FILE


def build(parts: LogParts) -> FastAPI:
    """Builds the log's application around its parts."""
    app = FastAPI(
        title="Suyuan log", openapi_url=None, docs_url=None, redoc_url=None,
        exception_handlers={JournalDamaged: _damaged, Malformed: _damaged},
    )  # fmt: skip

    app.add_middleware(Gate, cost=cost_of)

    @app.get("/log/checkpoint")
    def checkpoint() -> Response:
        return _file(parts.files, CHECKPOINT, A_MOMENT)

    @app.get("/log/tile/{path:path}")
    def tile(path: str) -> Response:
        if TILE.fullmatch(path) is None:
            return _problem(404, "no-tile", f"no tile is called {path[:80]}")
        return _file(parts.files, f"tile/{path}", FOR_EVER)

    @app.get("/log/old/{epoch}/{path:path}")
    def old(epoch: Epoch, path: str) -> Response:
        is_tile = path.startswith("tile/") and TILE.fullmatch(path.removeprefix("tile/"))
        if path != CHECKPOINT and not is_tile:
            return _problem(404, "no-tile", f"no tile is called {path[:80]}")
        return _file(parts.old(epoch), path, A_MOMENT if path == CHECKPOINT else FOR_EVER)

    @app.get("/log/key")
    def key() -> Response:
        return _text(f"{parts.key}\n", A_MOMENT)

    @app.get("/log/proof/{position}")
    async def proof(position: str) -> Response:
        if re.fullmatch(r"[1-9][0-9]{0,17}", position) is None:
            return _problem(
                400, "no-position", f"a position is a number from 1, not {position[:40]!r}"
            )
        try:
            return _text(await run_in_threadpool(parts.prover.prove, int(position)), "no-store")
        except NotPublished as error:
            return _problem(404, "not-published", str(error))
        except (JournalUnavailable, ProofWrong, FileNotFoundError) as error:
            return _problem(503, "unavailable", str(error))

    @app.get("/log/health")
    def health() -> Response:
        said = parts.published()
        told = {"origin": said.origin, "size": said.size, "time": said.time} if said else None
        body = msgspec.json.encode({"published": told})
        return Response(body, 200 if told else 503, media_type="application/json")

    @app.get("/log/ready")
    def ready() -> Response:
        why = parts.metrics.ready()
        return _problem(503, "not-ready", why) if why else _text("ready\n", "no-store")

    @app.get("/log/metrics")
    def metrics() -> Response:
        return Response(parts.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return app


async def _damaged(_request: Request, error: Exception) -> Response:
    return _problem(500, "damaged", f"{error}: suyuan verify says what else is")


def _file(files: LogFiles, path: str, cache: str) -> Response:
    try:
        content = files.read(path)
    except FileNotFoundError:
        return _problem(404, "not-published", f"{path} is not published (yet)")
    kind = "text/plain; charset=utf-8" if path == CHECKPOINT else "application/octet-stream"
    return Response(content, media_type=kind, headers={"cache-control": cache})


def _text(text: str, cache: str) -> Response:
    return Response(text, media_type="text/plain; charset=utf-8", headers={"cache-control": cache})


def _problem(status: int, code: str, detail: str) -> Response:
    body = {"type": f"urn:suyuan:{code}", "title": code, "status": status, "detail": detail}
    return Response(msgspec.json.encode(body), status, media_type="application/problem+json")
