"""A line's views in PostgreSQL behind the query API, as a service would answer from them."""

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import psycopg
import uvicorn
from psycopg import sql

from ledger.accounts.book import PgAccounts
from ledger.follower import entries_of, fold_page, make_views
from ledger.projections.groups import GROUPS
from ledger.projections.postgres import PgStore
from ledger.rules.access import Grant, Subject
from ledger.rules.tokens import SignedIn, write_token
from ledger.values.keys import SigningKey
from query_api.app import build
from suyuan.parts.places import free_port
from tests.support.databases import Database
from tests.support.line import Line

PAGE = 500
TOKEN_KEY = SigningKey(bytes([9]) * 32)
# Who may see all there is: an auditor who is also the authority of the districts that tests name.
ALL = (Grant("auditor"), Grant("regulator", ("d", "d-1", "yuelu", "yuhu")))


def token_of(*grants: Grant, account: str = "officer-9", sign_in: str = "s-1") -> dict[str, str]:
    """The header of somebody with these roles."""
    token = write_token(
        TOKEN_KEY, "test", SignedIn(Subject(account, grants), sign_in), datetime.now(UTC)
    )
    return {"authorization": f"Bearer {token}"}


class SignedInAs(httpx.Auth):
    """Somebody with these roles, whose token is as young as each request: a run may outlive one."""

    def __init__(self, *grants: Grant, account: str = "officer-9") -> None:
        self._grants, self._account = grants, account

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        if "authorization" not in request.headers:
            request.headers.update(token_of(*self._grants, account=self._account))
        yield request


def fill(database: Database, line: Line) -> None:
    """Folds a line's record into the views of a fresh database."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        for group in GROUPS:
            make_views(connection, group.name, group)
    refill(database, line)


def refill(database: Database, line: Line, upto: int | None = None) -> None:
    """Folds a line's record, or what of it stood at a position, into views instead of what they hold."""
    with psycopg.connect(database.dsn(), autocommit=True) as connection:
        for group in GROUPS:
            names = [sql.Identifier(group.name, table.name) for table in group.tables]
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(names)))
            position = 0
            while rows := line.journal.page(position, _size(position, upto)):
                with connection.transaction():
                    fold_page(group, PgStore(connection, group.name), entries_of(rows))
                position = rows[-1].position
            place = sql.SQL("UPDATE {} SET position = %s").format(
                sql.Identifier(group.name, "position")
            )
            connection.execute(place, [position])


def _size(position: int, upto: int | None) -> int:
    return PAGE if upto is None else min(PAGE, upto - position)


@contextmanager
def asking(database: Database, line: Line) -> Iterator[httpx.Client]:
    """The query API over a line's views, served as it is at work; asked by who may see all."""
    fill(database, line)
    with psycopg.connect(database.dsn()) as connection:
        PgAccounts(connection).announce(TOKEN_KEY.public, datetime.now(UTC))
    port = free_port()
    config = uvicorn.Config(build(database.dsn("suyuan_reader")), port=port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(
            base_url=url, trust_env=False, timeout=30, auth=SignedInAs(*ALL)
        ) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()
