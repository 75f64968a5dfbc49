"""Recalls as everybody reads them, and as a merchant has to act on them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from ledger.rules.deadlines import colour, finishes_by
from query_api.ledgers import known_as, names_of
from query_api.lots import product_names
from query_api.notice_schemas import HeldGoods, Notice, NoticePage, RecallTask, TaskGoods, TaskPage
from query_api.problems import Problem
from query_api.recalls import COUNT_LINES, HAD, LAW_ZONE, calendar_now, narrowed_at, widened_at
from query_api.stock import exact
from query_api.stops import NEWEST, lines_of
from query_api.views import Reader, position, rows

LINES_SHOWN = 20
HELD_SHOWN, HELD_LINES = 4, 2
LINES_OF_ONE = 500
PUBLISHED = """
SELECT recall, stage, grade, authority, reason, notice, published_at, over_at, position
FROM trade.recalls WHERE published_at IS NOT NULL AND position < %(before)s
  AND (%(recall)s::text IS NULL OR recall = %(recall)s)
  AND (NOT %(only_open)s OR stage = 'published' OR (stage = 'closed' AND over_at > %(over_since)s))
ORDER BY position DESC LIMIT %(limit)s
"""
HELD = """
SELECT hold, authority, reason, placed_at, until, count(*) OVER () AS in_all,
  (SELECT count(*) FROM trade.stop_lines s
   WHERE s.kind = 'hold' AND s.stop = h.hold AND s.ended_at IS NULL) AS lines_in_all
FROM trade.holds h WHERE stage = 'placed' ORDER BY position DESC LIMIT %s
"""
SAID = """
SELECT max(acknowledged_at) AS acknowledged_at, max(answered_at) AS answered_at,
  (array_agg(answer ORDER BY answered_at DESC NULLS LAST))[1] AS answer
FROM trade.recall_holders WHERE recall = %s AND holder = ANY(%s)
"""
# What was counted without ever having come in, was had all the same.
OWN = """
SELECT t.product, t.lot, t.unit, o.produced, o.expires, sum(greatest(t.taken_in, t.amount))::bigint AS had
FROM trade.stopped_lots l JOIN trade.stock t USING (product, lot) LEFT JOIN trade.lots o USING (product, lot)
WHERE l.kind = 'recall' AND l.stop = %s AND l.ended_at IS NULL AND t.merchant = ANY(%s)
GROUP BY t.product, t.lot, t.unit, o.produced, o.expires ORDER BY t.product, t.lot, t.unit
"""
# More recalls than this are under way nowhere; the oldest have been answered long ago.
OPEN_MAX = 200
# What turns up after a recall was closed is still said; most of it has gone bad by then.
AFTER = timedelta(days=90)
NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def notices(
    reader: Reader,
    before: int,
    limit: int,
    *,
    only_open: bool,
    closed_since: datetime | None = None,
) -> NoticePage:
    """Returns a page of published recalls, or only those under way, with those closed since an instant."""
    found = _published(
        reader, before=before, limit=limit + 1, only_open=only_open,
        over_since=closed_since or NEVER,
    )  # fmt: skip
    more = str(found[limit - 1]["position"]) if len(found) > limit else None
    shown = [_notice(reader, row, LINES_SHOWN) for row in found[:limit]]
    held = rows(reader, HELD, [HELD_SHOWN]) if before == NEWEST else []
    return NoticePage(
        notices=shown, next=more, position=position(reader),
        held=[_held(reader, row) for row in held],
        held_in_all=held[0]["in_all"] if held else 0,
    )  # fmt: skip


def _held(reader: Reader, row: dict[str, Any]) -> HeldGoods:
    members = {name: row[name] for name in HeldGoods.model_fields if name != "lines"}
    return HeldGoods(**members, lines=lines_of(reader, "hold", row["hold"], HELD_LINES))


def notice(reader: Reader, recall: str) -> Notice:
    """Returns one published recall. Raises a problem for one that nobody published."""
    found = _published(reader, recall=recall)
    if not found:
        raise Problem(404, "recall-unknown", f"no published recall is called {recall}")
    return _notice(reader, found[0], LINES_OF_ONE)


def tasks(reader: Reader, merchant: str, *, now: datetime) -> TaskPage:
    """Returns the recalls of which a merchant has or had goods, the newest first: under way, or closed lately."""
    names = names_of(reader, known_as(reader, merchant))
    calendar, found = calendar_now(reader), []
    for row in _published(reader, limit=OPEN_MAX, only_open=True, over_since=now - AFTER):
        if not rows(reader, HAD, {"recall": row["recall"], "names": names}):
            continue
        due = finishes_by(row["grade"], row["published_at"], calendar, LAW_ZONE)
        said = rows(reader, SAID, [row["recall"], names])[0]
        answer = said.pop("answer")
        members = {name: row[name] for name in RecallTask.model_fields if name in row}
        found.append(
            RecallTask(
                **members, **said, widened_at=widened_at(reader, row["recall"]), due=due, colour=colour(row["published_at"], due, now),
                lines=lines_of(reader, "recall", row["recall"], LINES_SHOWN),
                lines_in_all=rows(reader, COUNT_LINES, [row["recall"]])[0]["n"],
                had=_had(reader, row["recall"], names),
                answer=None if answer is None else msgspec.json.decode(answer),
            )
        )  # fmt: skip
    return TaskPage(merchant=merchant, tasks=found, position=position(reader))


def _had(reader: Reader, recall: str, names: Sequence[str]) -> list[TaskGoods]:
    """Returns what a merchant had of a recall by its own records, lot by lot, as its labels say it."""
    own = rows(reader, OWN, [recall, names])
    called = product_names(reader, {one["product"] for one in own})
    return [
        TaskGoods(**one | {"had": exact(one["had"]), "name": called.get(one["product"])})
        for one in own
    ]


def _published(
    reader: Reader,
    *,
    recall: str | None = None,
    before: int = 2**62,
    limit: int = 1,
    only_open: bool = False,
    over_since: datetime = NEVER,
) -> list[dict[str, Any]]:
    values = {
        "recall": recall, "before": before, "limit": limit, "only_open": only_open, "over_since": over_since,
    }  # fmt: skip
    return rows(reader, PUBLISHED, values)


def _notice(reader: Reader, row: dict[str, Any], limit: int) -> Notice:
    lines = lines_of(reader, "recall", row["recall"], limit)
    count = rows(reader, COUNT_LINES, [row["recall"]])[0]["n"] or len(lines)
    members = {name: row[name] for name in Notice.model_fields if name in row}
    return Notice(
        **members, widened_at=widened_at(reader, row["recall"]),
        narrowed_at=narrowed_at(reader, row["recall"]), lines=lines, lines_in_all=count,
    )  # fmt: skip
