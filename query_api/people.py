"""People: who asks, by the token they show; nobody in particular where they show none."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from ledger.rules.access import Subject
from ledger.rules.refusal import Refusal
from ledger.rules.tokens import SignedIn, bearer, read_token
from query_api.problems import Problem
from query_api.views import rows

KEYS = """
SELECT key, (SELECT ledger FROM ledger.head) AS ledger FROM accounts.token_keys ORDER BY since DESC
"""
NOBODY = SignedIn(Subject(""), "")


async def who(request: Request) -> SignedIn:
    """Returns who asks. Raises `Problem` for a token that is not good, never for none at all."""
    shown = request.headers.get("authorization", "")
    # Pages for everybody take no way round over a thread.
    if not shown:
        return NOBODY
    found = await run_in_threadpool(_read, request, shown)
    request.scope["account"] = found.subject.account
    return found


def _read(request: Request, shown: str) -> SignedIn:
    with request.app.state.pool.connection() as reader:
        known = rows(reader, KEYS)
    keys, ledger = [row["key"] for row in known], known[0]["ledger"] if known else ""
    found = read_token(bearer(shown), keys, ledger=ledger, now=datetime.now(UTC))
    if isinstance(found, Refusal):
        raise Problem(401, found.code, found.advice)
    return found


Asker = Annotated[SignedIn, Depends(who)]
