"""Recalls as the API answers them: how far each has got, who holds what, whom to call and to check."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ledger.events.holds import StoppedGoods
from ledger.events.recalls import WorkingDaysStated
from ledger.rules.deadlines import (
    Calendar,
    calendar_of,
    colour,
    finishes_by,
    starts_by,
    terms_on,
)
from ledger.values.day import ZONE_DEFAULT, day_at
from query_api import recall_schemas as schemas
from query_api.kept_accounts import KeptAccounts
from query_api.ledgers import known_as, names_of
from query_api.problems import Problem
from query_api.recall_accounts import Account, Accounts, Of, Words, accounts_of, nothing_of
from query_api.stock import exact
from query_api.stops import LINES_SHOWN_MAX, lines_of, shown_lines, words_of
from query_api.views import Reader, cursor_of, is_rehearsal, key_of, position, rows

RECALLS = """
SELECT * FROM trade.recalls WHERE (%(stage)s::text IS NULL OR stage = %(stage)s)
  AND position < %(before)s ORDER BY position DESC LIMIT %(limit)s
"""
COUNT_LINES = """
SELECT count(*) AS n FROM trade.stop_lines WHERE kind = 'recall' AND stop = %s AND ended_at IS NULL
"""
MERCHANTS = (
    "SELECT merchant, name, district, owner_card FROM trade.merchants WHERE merchant = ANY(%s)"
)
HAD = """
SELECT 1 FROM trade.stopped_lots l JOIN trade.movements m USING (product, lot)
WHERE l.kind = 'recall' AND l.stop = %(recall)s AND l.ended_at IS NULL
  AND (m.merchant = ANY(%(names)s) OR m.counterparty = ANY(%(names)s)) LIMIT 1
"""
LAW_ZONE = ZoneInfo(ZONE_DEFAULT)


def recalls(
    reader: Reader, stage: str | None, before: int, limit: int, *, now: datetime
) -> schemas.RecallPage:
    """Returns a page of recalls, the newest first."""
    found = rows(reader, RECALLS, {"stage": stage, "before": before, "limit": limit + 1})
    more = str(found[limit - 1]["position"]) if len(found) > limit else None
    calendar = calendar_now(reader)
    listed = [shown(row, calendar, now) for row in found[:limit]]
    for one, row in zip(listed, found, strict=False):
        one.first = next(iter(_lines(reader, row, 1)), None)
    return schemas.RecallPage(position=position(reader), next=more, recalls=listed)


def recall(
    reader: Reader, name: str, *, now: datetime, limit: int = LINES_SHOWN_MAX, counted: bool = True
) -> schemas.RecallAnswer:
    """Returns a recall with so many of its lines. Raises a problem for one that nobody drafted.

    Who only wants its words does without the accounts, which `counted` works out.
    """
    row = row_of(reader, name)
    drafted = msgspec.json.decode(row["goods"], type=tuple[StoppedGoods, ...])
    if row["published_at"] is None:
        # What it would reach is told before it is announced, where its lines name lots.
        traceable = counted and all(line.lot is not None for line in drafted)
        accounts = accounts_of(reader, name, drafted) if traceable else nothing_of(reader)
        count = len(drafted)
    else:
        accounts = accounts_of(reader, name) if counted else nothing_of(reader)
        count = rows(reader, COUNT_LINES, [name])[0]["n"]
    lines = _lines(reader, row, limit)
    return schemas.RecallAnswer(
        position=accounts.position, rehearsal=is_rehearsal(reader), recall=shown(row, calendar_now(reader), now),
        lines=lines, lines_in_all=count or len(lines), counts=counts_of(accounts),
        reach_known=accounts.trace is not None,
        beyond=[f"{lot.product} {lot.key}" for lot in accounts.beyond[:LINES_SHOWN_MAX]],
        words=words_of(reader, "recall", name), districts=_districts(reader, accounts),
    )  # fmt: skip


def _lines(reader: Reader, row: dict[str, Any], limit: int) -> list[schemas.StoppedLine]:
    """Returns the first lines of a recall; of one that is not published, those that its draft names."""
    if row["published_at"] is None:
        drafted = msgspec.json.decode(row["goods"], type=tuple[StoppedGoods, ...])
        return shown_lines(reader, drafted[:limit])
    return lines_of(reader, "recall", row["recall"], limit)


def widened_at(reader: Reader, name: str) -> datetime | None:
    """Returns when a recall was made to name more for the last time: who read it before, reads it again."""
    return _said_last(reader, name, "recall-widened")


def narrowed_at(reader: Reader, name: str) -> datetime | None:
    """Returns when goods were taken out of a recall for the last time."""
    return _said_last(reader, name, "recall-narrowed")


def _said_last(reader: Reader, name: str, what: str) -> datetime | None:
    query = (
        "SELECT max(said_at) AS at FROM trade.recall_words"
        " WHERE kind = 'recall' AND subject = %s AND what = %s"
    )
    found: datetime | None = rows(reader, query, [name, what])[0]["at"]
    return found


def _districts(reader: Reader, accounts: Accounts) -> list[str]:
    query = (
        "SELECT DISTINCT district FROM trade.merchants"
        " WHERE merchant = ANY(%s) AND district IS NOT NULL ORDER BY 1"
    )
    return [str(row["district"]) for row in rows(reader, query, [list(accounts.holders)])]


def row_of(reader: Reader, name: str) -> dict[str, Any]:
    """Returns a recall's row; a problem for one that nobody drafted."""
    found = rows(reader, "SELECT * FROM trade.recalls WHERE recall = %s", [name])
    if not found:
        raise Problem(404, "recall-unknown", f"no recall is called {name}: suyuan recall list")
    return found[0]


def calendar_now(reader: Reader) -> Calendar:
    """Returns the working days of all years that were stated."""
    found = rows(reader, "SELECT stated FROM trade.working_years ORDER BY year")
    return calendar_of(msgspec.json.decode(row["stated"], type=WorkingDaysStated) for row in found)


def shown(row: dict[str, Any], calendar: Calendar, now: datetime) -> schemas.RecallShown:
    """Returns a recall's row as it is shown, with how its deadlines stand."""
    given = {"deadlines", "asked", "first"}
    members = {key: row[key] for key in schemas.RecallShown.model_fields if key not in given}
    return schemas.RecallShown(
        **members,
        asked=list(row["asked"]),
        deadlines=_deadlines(row, calendar, now),
    )


def _deadlines(row: dict[str, Any], calendar: Calendar, now: datetime) -> list[schemas.Deadline]:
    grade, known, published = row["grade"], row["known_at"], row["published_at"]
    starts = starts_by(grade, known)
    begun = published or row["over_at"]
    found = [
        schemas.Deadline(
            what="starts", due=starts, done_at=begun, colour=colour(known, starts, begun or now),
            source=terms_on(day_at(known, LAW_ZONE)).source, calendar=None,
        )
    ]  # fmt: skip
    if published is not None:
        ends = finishes_by(grade, published, calendar, LAW_ZONE)
        years = {published.astimezone(LAW_ZONE).year, ends.astimezone(LAW_ZONE).year}
        lacking = sorted(years - calendar.years)
        words = (
            f"no calendar of {', '.join(map(str, lacking))} is loaded: week-ends alone are left out"
        )
        found.append(
            schemas.Deadline(
                what="finishes", due=ends, done_at=row["over_at"],
                colour=colour(published, ends, row["over_at"] or now),
                source=terms_on(day_at(published, LAW_ZONE)).source, calendar=words if lacking else None,
            )
        )  # fmt: skip
    return found


def counts_of(accounts: Accounts) -> schemas.RecallCounts:
    """Adds up how far a recall has got."""
    told = [accounts.words.get(holder, Words()) for holder in accounts.holders]
    return schemas.RecallCounts(
        holders=len(accounts.holders),
        certain=sum(how == "certain" for how in accounts.how.values()),
        acknowledged=sum(words.acknowledged_at is not None for words in told),
        answered=sum(words.answered_at is not None for words in told),
        drawn=sum(words.drawn is not None for words in accounts.words.values()),
        drawn_checked=sum(
            words.drawn is not None and words.checked_at is not None
            for words in accounts.words.values()
        ),
        checked=sum(words.checked_at is not None for words in accounts.words.values()),
        effective=sum(words.check_result == "effective" for words in accounts.words.values()),
        sums=_sums(accounts),
    )  # fmt: skip


def _sums(accounts: Accounts) -> list[schemas.RecallSum]:
    added: dict[Of, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for of, account in chain.from_iterable(lines.items() for lines in accounts.holders.values()):
        sums = added[of]
        sums["had"] += account.had
        sums["used"] += account.used
        sums["proved_destroyed"] += account.proved
        if account.said is None:
            sums["unanswered"] += account.had
            continue
        missing = account.unaccounted or 0
        # What one holder has too many of does not make up for what another lacks.
        sums["unaccounted" if missing > 0 else "overstated"] += abs(missing)
        for name, amount in account.said.items():
            sums[name] += amount
    given = {*Of._fields, "product_name"}
    names = [name for name in schemas.RecallSum.model_fields if name not in given]
    return [
        schemas.RecallSum(
            **of._asdict(), product_name=accounts.names.get(of.product),
            **{name: exact(sums[name]) for name in names},
        )
        for of, sums in sorted(added.items())
    ]  # fmt: skip


def holders(
    reader: Reader,
    kept: KeptAccounts,
    name: str,
    cursor: str | None,
    limit: int,
    *,
    drawn: bool = False,
) -> schemas.HolderPage:
    """Returns a page of a recall's holders, or those drawn for visits, true for the position of the first page."""
    row_of(reader, name)
    at, after = key_of(cursor, 2)
    accounts = kept.of(reader, name, int(at) if at.isdecimal() else None)
    words = accounts.words
    wanted = [
        holder for holder in accounts.holders
        if holder > after and (not drawn or (holder in words and words[holder].drawn))
    ]  # fmt: skip
    some = wanted[:limit]
    return schemas.HolderPage(
        position=accounts.position, recall=name, holders_in_all=len(accounts.holders),
        holders=shown_holders(reader, accounts, some),
        next=cursor_of(str(accounts.position), some[-1]) if len(wanted) > limit else None,
    )  # fmt: skip


def holder_known(reader: Reader, name: str, merchant: str) -> schemas.HolderKnown:
    """Tells whether a merchant is on record with goods that a recall stops, or may stop."""
    row_of(reader, name)
    known = rows(
        reader, HAD, {"recall": name, "names": names_of(reader, known_as(reader, merchant))}
    )
    return schemas.HolderKnown(
        position=position(reader), recall=name, holder=merchant, known=bool(known)
    )


def shown_holders(
    reader: Reader, accounts: Accounts, some: Sequence[str]
) -> list[schemas.RecallHolderShown]:
    """Returns holders as they are shown, with what each said and was asked."""
    known = {row["merchant"]: row for row in rows(reader, MERCHANTS, [list(some)])}
    return [
        schemas.RecallHolderShown(
            holder=holder, name=known.get(holder, {}).get("name"),
            district=known.get(holder, {}).get("district"),
            how=accounts.how.get(holder, "possible"),
            lines=[
                _account(of, one, accounts.names.get(of.product))
                for of, one in sorted(accounts.holders[holder].items())
            ],
            **_asdict(accounts.words.get(holder, Words())),
        )
        for holder in some
    ]  # fmt: skip


def _asdict(words: Words) -> dict[str, Any]:
    found = words._asdict()
    del found["called_at"]
    return found


def _account(of: Of, account: Account, product_name: str | None) -> schemas.AccountLine:
    said = {name: exact(amount) for name, amount in (account.said or {}).items()}
    found, sold, returned, destroyed = map(said.get, ("found", "sold", "returned", "destroyed"))
    missing = account.unaccounted
    return schemas.AccountLine(
        **of._asdict(), product_name=product_name, lots=sorted(account.lots), had=exact(account.had),
        maybe_had=exact(account.maybe), used=exact(account.used),
        sold_on_record=exact(account.sold),
        left=None if account.left is None else exact(account.left),
        found=found, sold=sold, returned=returned, destroyed=destroyed,
        proved_destroyed=exact(account.proved),
        unaccounted=None if missing is None else exact(missing),
    )  # fmt: skip
