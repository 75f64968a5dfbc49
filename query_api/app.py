"""The API's application: routes, problems and the parts they read through."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from fastapi import FastAPI

from ledger.gate import Gate
from ledger.limits import Buckets
from query_api import problems
from query_api.costs import BURST, PER_S, cost_of
from query_api.engines import keep_engine
from query_api.kept_accounts import KeptAccounts
from query_api.routes import (
    access_log,
    alerts,
    devices,
    health,
    ledgers,
    live,
    me,
    notices,
    outbreak,
    papers,
    public,
    recall,
    register,
    retention,
    statistics,
    stock,
    stops,
    trace,
    trade,
)
from query_api.views import open_pool
from query_api.watch import Watch


def build(
    dsn: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    arrays: Path | None = None,
    documents: Path | None = None,
) -> FastAPI:
    """Builds the application over a database role that can only SELECT, by the ledger's clock.

    `arrays` is the folder of the trace arrays; without one PostgreSQL answers every trace. `documents`
    is the folder of papers, beside which their clean copies lie.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool = open_pool(dsn)
        app.state.log_pool = open_pool(dsn, only_read=False, size=2)
        app.state.now = now
        app.state.watch = Watch(dsn)
        app.state.accounts = KeptAccounts()
        app.state.arrays = keep_engine(dsn, arrays, ended := threading.Event())
        watching = asyncio.create_task(app.state.watch.run())
        yield
        watching.cancel()
        ended.set()
        app.state.log_pool.close()
        app.state.pool.close()

    app = FastAPI(
        title="Suyuan query API",
        version="1",
        description="Read-only. Errors are problem+json; cursors are opaque; limits are capped.",
        lifespan=lifespan,
        # The pages that FastAPI makes of this load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        responses=problems.DOCUMENTED,
    )
    app.state.documents = documents
    app.state.limits = Buckets(per_s=PER_S, burst=BURST, monotonic=time.monotonic)
    problems.install(app)
    app.add_middleware(Gate, cost=cost_of)
    app.include_router(public.router)
    app.include_router(trade.router)
    app.include_router(register.router)
    app.include_router(health.router)
    app.include_router(me.router)
    app.include_router(access_log.router)
    app.include_router(alerts.router)
    app.include_router(live.router)
    app.include_router(stock.router)
    app.include_router(devices.router)
    app.include_router(papers.router)
    app.include_router(ledgers.router)
    app.include_router(retention.router)
    app.include_router(statistics.router)
    app.include_router(trace.router)
    app.include_router(outbreak.router)
    app.include_router(stops.router)
    app.include_router(recall.router)
    app.include_router(notices.router)
    return app
