"""Access log routes: who looked at a merchant's records, and the whole chain for auditors."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from query_api import ledgers, people_schemas
from query_api.inquiries import Inquiry, asks
from query_api.parameters import Limit, MerchantText
from query_api.problems import Problem
from query_api.sheets import WRITERS, Sheet
from query_api.views import Reader, rows

LogInquiry = Annotated[Inquiry, asks("access-log")]
OneAccount = Annotated[str, Query(max_length=60, description="of this account alone")]
OneMerchant = Annotated[str, Query(max_length=40, description="about this merchant alone")]
NEWEST = 2**62
# What an open page of the desk asks for again and again.
Overviews = Annotated[
    bool, Query(description="also lists of alerts and devices, which pages load by themselves")
]
OF_MERCHANT = """
SELECT e.number, e.said FROM access.merchants m JOIN access.entries e USING (number)
WHERE m.merchant = ANY(%s) AND m.number < %s ORDER BY m.number DESC LIMIT %s
"""
CHAIN = """
SELECT number, said, encode(hash, 'hex') AS hash FROM access.entries
WHERE number > %s ORDER BY number LIMIT %s
"""

LATEST = """
SELECT number, said, encode(hash, 'hex') AS hash FROM access.entries e
WHERE number < %(before)s AND (%(account)s = '' OR (said::jsonb) ->> 'account' = %(account)s)
  AND (%(merchant)s = '' OR EXISTS (SELECT 1 FROM access.merchants m
    WHERE m.number = e.number AND m.merchant = ANY(%(names)s)))
  AND (%(overviews)s OR (said::jsonb) ->> 'resource' NOT IN ('alert', 'device')
    OR (said::jsonb) ->> 'asked' NOT LIKE '/v1/%%')
ORDER BY number DESC LIMIT %(limit)s
"""
# A sheet of more is for nobody to read: the chain is asked for page by page.
EXPORT_MAX = 100_000
HEADINGS = (
    "序号 number", "时间 at", "账号 account", "登录 sign-in", "看了什么 resource", "所问 asked",
    "谁的记录 merchants", "事由 why",
)  # fmt: skip

router = APIRouter(prefix="/v1", tags=["people"])


class LogPart(NamedTuple):
    """Which looks are meant: of an account, about a merchant, with or without what pages load by themselves."""

    account: str
    merchant: str
    overviews: bool


def log_part(
    account: OneAccount = "", merchant: OneMerchant = "", overviews: Overviews = True
) -> LogPart:
    """Reads it from the address."""
    return LogPart(account, merchant, overviews)


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
    *,
    part: Annotated[LogPart, Depends(log_part)],
) -> people_schemas.AccessChain:
    """The access log as it is hashed: each hash is SHA-256 of the one before it and what is said.

    In its order from `after` on, to be checked; or with `before` the latest first, to be read, of
    one account or about one merchant where these are named.
    """
    _only_for_auditors(asked)
    if before is None and (part.account or part.merchant or not part.overviews):
        raise Problem(422, "before-missing", "a part of the log is read from its end: give before")
    with asked.snapshot() as reader:
        if before is None:
            found = rows(reader, CHAIN, [after, limit + 1])
        else:
            found = _latest(reader, part, before=before, limit=limit + 1)
    entries = [people_schemas.ChainedEntry(**row) for row in found[:limit]]
    more = str(entries[-1].number) if len(found) > limit else None
    return people_schemas.AccessChain(entries=entries, next=more)


@router.get("/access-log/export.{form}", response_class=Response)
def export(
    asked: LogInquiry,
    form: Annotated[Literal["csv", "xlsx", "html"], Path()],
    part: Annotated[LogPart, Depends(log_part)],
) -> Response:
    """The access log as a sheet, the latest 100,000 first: of everybody, of an account, or about a merchant."""
    _only_for_auditors(asked)
    with asked.snapshot() as reader:
        found = _latest(reader, part, before=NEWEST, limit=EXPORT_MAX + 1)
    cut = (
        [[f"只列最近 {EXPORT_MAX} 条 only the latest {EXPORT_MAX}"]]
        if len(found) > EXPORT_MAX
        else []
    )
    left_out = "" if part.overviews else "(不含预警与设备列表 without lists of alerts and devices)"
    named = " ".join(filter(None, [part.account, part.merchant])) or "全部 all"
    about = f"{named} {left_out}".strip()
    sheet = Sheet(
        "查阅记录 access log",
        about,
        HEADINGS,
        (_cells(row["said"]) for row in found[:EXPORT_MAX]),
        cut,
    )
    media, write = WRITERS[form]
    headers = {"content-disposition": f'inline; filename="access-log.{form}"'}
    told = [["范围 of", about], ["时间 times", "UTC"], *([*line, ""] for line in cut)]
    notes = Sheet("说明 notes", "", ["", ""], iter(told), [])
    return Response(b"".join(write(sheet, notes)), media_type=media, headers=headers)


def _only_for_auditors(asked: Inquiry) -> None:
    if not asked.reach.everything:
        raise Problem(403, "out-of-reach", "the whole log is for auditors: ask for a merchant's")


def _latest(reader: Reader, wanted: LogPart, *, before: int, limit: int) -> list[dict[str, Any]]:
    merchant = wanted.merchant
    names = ledgers.names_of(reader, ledgers.known_as(reader, merchant)) if merchant else []
    asked = wanted._asdict() | {"before": before, "names": names, "limit": limit}
    return rows(reader, LATEST, asked)


def _cells(said: str) -> list[str]:
    entry = msgspec.json.decode(said)
    return [
        str(entry["number"]), entry["at"], entry["account"], entry["sign_in"] or "",
        entry["resource"], entry["asked"], " ".join(entry["merchants"]), entry["why"],
    ]  # fmt: skip


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
