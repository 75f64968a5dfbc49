"""Access log routes: who looked at a merchant's records, and the whole chain for auditors."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query

from query_api import ledgers, people_schemas
from query_api.inquiries import Inquiry, asks
from query_api.parameters import Limit, MerchantText
from query_api.problems import Problem
from query_api.views import rows

LogInquiry = Annotated[Inquiry, asks("access-log")]
NEWEST = 2**62
OF_MERCHANT = """
SELECT e.number, e.said FROM access.merchants m JOIN access.entries e USING (number)
WHERE m.merchant = ANY(%s) AND m.number < %s ORDER BY m.number DESC LIMIT %s
"""
CHAIN = """
SELECT number, said, encode(hash, 'hex') AS hash FROM access.entries
WHERE number > %s ORDER BY number LIMIT %s
"""

LATEST = """
SELECT number, said, encode(hash, 'hex') AS hash FROM access.entries
WHERE number < %s ORDER BY number DESC LIMIT %s
"""

router = APIRouter(prefix="/v1", tags=["people"])


@router.get("/merchants/{merchant}/access-log")
def who_looked(
    asked: LogInquiry,
    merchant: MerchantText,
    after: Annotated[int, Query(ge=0, le=NEWEST, description="next of the page before")] = NEWEST,
    limit: Limit = 100,
) -> people_schemas.LookPage:
    """Who else looked at a merchant's records, the latest first."""
    with asked.snapshot() as reader:
        known = ledgers.known_as(reader, merchant)
        asked.look_at(reader, known)
        names = ledgers.names_of(reader, known)
        found = rows(reader, OF_MERCHANT, [names, after, limit + 1])
    looks = [_look(row["said"], names) for row in found[:limit]]
    more = str(looks[-1].number) if len(found) > limit else None
    return people_schemas.LookPage(merchant=known, looks=looks, next=more)


@router.get("/access-log")
def chain(
    asked: LogInquiry,
    after: Annotated[int, Query(ge=0, le=NEWEST)] = 0,
    before: Annotated[
        int | None, Query(ge=0, le=NEWEST, description="the latest first, up to here")
    ] = None,
    limit: Limit = 100,
) -> people_schemas.AccessChain:
    """The access log as it is hashed: each hash is SHA-256 of the one before it and what is said.

    In its order from `after` on, to be checked; or with `before` the latest first, to be read.
    """
    if not asked.reach.everything:
        raise Problem(403, "out-of-reach", "the whole log is for auditors: ask for a merchant's")
    with asked.snapshot() as reader:
        query, start = (CHAIN, after) if before is None else (LATEST, before)
        found = rows(reader, query, [start, limit + 1])
    entries = [people_schemas.ChainedEntry(**row) for row in found[:limit]]
    more = str(entries[-1].number) if len(found) > limit else None
    return people_schemas.AccessChain(entries=entries, next=more)


def _look(said: str, names: Sequence[str]) -> people_schemas.Look:
    entry = msgspec.json.decode(said)
    # What was asked may name others than who reads this: their own address alone is told.
    asked = entry["asked"].partition("?" if entry["asked"].startswith("/") else " ")[0]
    own = tuple(f"/v1/merchants/{name}/" for name in names)
    told = not asked.startswith("/") or asked.startswith((*own, "/v1/premises/"))
    return people_schemas.Look(
        number=entry["number"], at=entry["at"], account=entry["account"], resource=entry["resource"],
        why=entry["why"], asked=asked if told and len(entry["merchants"]) == 1 else None,
    )  # fmt: skip
