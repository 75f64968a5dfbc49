"""Alert routes: what somebody should look at, one by one and grouped by cause."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from ledger.rules.alert_kinds import ALERT_KINDS
from query_api import schemas
from query_api.inquiries import Inquiry, asks
from query_api.parameters import Cursor, Limit
from query_api.problems import Problem
from query_api.views import LIMIT_MAX, Reader, cursor_of, key_of, position, rows

ALERTS = """
SELECT a.*, (SELECT name FROM trade.merchants m WHERE m.merchant = a.merchant) AS merchant_name,
       -- What is about a tape, or an entry of one, is about its device.
       (SELECT device FROM edge.tapes t WHERE t.stream = split_part(a.subject, '|', 1)) AS device
FROM trade.alerts a WHERE (kind, subject) > (%s, %s)
  AND (NOT %s OR closed_at IS NULL) AND (%s::text IS NULL OR kind = %s)
  AND (%s::text IS NULL OR premises = %s) AND (%s::text IS NULL OR grouped = %s)
ORDER BY kind, subject LIMIT %s
"""
# What a group is about, from one of its alerts: all of a cause share what it is told by.
GROUPS = """
SELECT g.*, a.kinds, a.product, a.lot, a.merchant, a.premises, a.places, a.seen_open,
       p.name_zh, p.name_en, m.name AS merchant_name,
       (SELECT count(*) FROM trade.alerts n
        WHERE n.grouped = g.grouped AND n.closed_at IS NULL AND n.opened_at > g.acknowledged_at
       ) AS since_acknowledged
FROM trade.alert_groups g
JOIN LATERAL (
    SELECT array_agg(DISTINCT kind) AS kinds, min(product) AS product, min(lot) AS lot,
           min(merchant) AS merchant, min(premises) AS premises,
           count(DISTINCT premises) AS places,
           -- Of the group, what the asker may see.
           count(*) FILTER (WHERE closed_at IS NULL) AS seen_open
    FROM trade.alerts WHERE grouped = g.grouped AND (closed_at IS NULL OR NOT %(only_open)s)
) a ON true
LEFT JOIN trade.products p ON p.gtin = a.product
LEFT JOIN trade.merchants m ON m.merchant = a.merchant
WHERE (NOT %(only_open)s OR (g.open > 0 AND a.seen_open > 0)) AND (%(grouped)s::text IS NULL OR g.grouped = %(grouped)s)
  AND (%(awake)s::timestamptz IS NULL OR coalesce(g.silenced_until, '-infinity') <= %(awake)s
    OR g.assigned_to = %(asker)s)
  AND (g.changed_at, g.grouped) < (%(changed)s, %(name)s)
ORDER BY g.changed_at DESC, g.grouped DESC LIMIT %(limit)s
"""
WORDS = "SELECT * FROM trade.alert_words WHERE grouped = %s ORDER BY position LIMIT 500"

PremisesQuery = Annotated[str | None, Query(max_length=40)]
AlertInquiry = Annotated[Inquiry, asks("alert")]
GroupText = Annotated[str, Path(pattern=r"^g-[0-9a-f]{16}$", examples=["g-0123456789abcdef"])]

router = APIRouter(prefix="/v1", tags=["alerts"])


@router.get("/alerts")
def alerts(  # each query parameter by its name
    asked: AlertInquiry,
    only_open: bool = True,
    kind: Annotated[str | None, Query(max_length=40)] = None,
    premises: PremisesQuery = None,
    grouped: Annotated[str | None, Query(max_length=40)] = None,
    after: Cursor = None,
    limit: Limit = 100,
) -> schemas.AlertPage:
    """Alerts, open ones unless all are asked for."""
    if kind is not None and kind not in ALERT_KINDS:
        words = f"no alert is called {kind}: {', '.join(sorted(ALERT_KINDS))}"
        raise Problem(422, "alert-kind-unknown", words)
    wanted = [only_open, kind, kind, premises, premises, grouped, grouped]
    with asked.snapshot() as reader:
        found = rows(reader, ALERTS, [*key_of(after, 2), *wanted, limit + 1])
        at = position(reader)
        asked.note(_merchants(found[:limit]))
    lines = [_alert(row) for row in found[:limit]]
    more = cursor_of(lines[-1].kind, lines[-1].subject) if len(found) > limit else None
    return schemas.AlertPage(alerts=lines, next=more, position=at)


@router.get("/alert-groups")
def groups(
    asked: AlertInquiry,
    only_open: bool = True,
    silenced: bool = True,
    after: Cursor = None,
    limit: Limit = 100,
) -> schemas.AlertGroupPage:
    """Alerts grouped by cause, the last changed first; silenced ones marked, or left out.

    What was given to the asker stays, whoever silenced it for the others.
    """
    awake = None if silenced else datetime.now(UTC)
    with asked.snapshot() as reader:
        found = _groups(reader, only_open, awake, after, limit, asker=asked.asker.subject.account)
        at = position(reader)
        asked.note({one.merchant for one in found[:limit] if one.merchant})
    last = found[limit - 1] if len(found) > limit else None
    more = cursor_of(str(last.changed_at), last.grouped) if last else None
    return schemas.AlertGroupPage(groups=found[:limit], next=more, position=at)


@router.get("/alert-groups/{grouped}")
def group(asked: AlertInquiry, grouped: GroupText) -> schemas.AlertGroupAnswer:
    """A group with its open alerts, at most 200, and everything that people said of it."""
    with asked.snapshot() as reader:
        found = _groups(reader, False, None, None, 1, grouped)
        if not found:
            raise Problem(404, "group-unknown", f"no alerts are grouped as {grouped}")
        values = ["", "", True, None, None, None, None, grouped, grouped, LIMIT_MAX]
        known = rows(reader, ALERTS, values)
        asked.note(_merchants(known) | ({found[0].merchant} if found[0].merchant else set()))
        held = [_alert(row) for row in known]
        said = [schemas.AlertWordLine(**row) for row in rows(reader, WORDS, [grouped])]
        at = position(reader)
    return schemas.AlertGroupAnswer(group=found[0], alerts=held, said=said, position=at)


def _groups(  # one statement, one value a parameter
    reader: Reader,
    only_open: bool,
    awake: datetime | None,
    after: str | None,
    limit: int,
    grouped: str | None = None,
    asker: str | None = None,
) -> list[schemas.AlertGroupLine]:
    changed, name = key_of(after, 2)
    if changed and not (changed.isascii() and changed.isdigit()):
        raise Problem(422, "cursor-invalid", "give the cursor of the page before")
    values = {
        "only_open": only_open, "awake": awake, "grouped": grouped, "limit": limit + 1, "asker": asker,
        "changed": int(changed or 2**62), "name": name or "~",
    }  # fmt: skip
    now = datetime.now(UTC)
    return [_group(row, now) for row in rows(reader, GROUPS, values)]


def _merchants(found: list[dict[str, Any]]) -> set[str]:
    """Returns whose alerts are shown."""
    return {row["merchant"] for row in found if row["merchant"]}


def _alert(row: dict[str, object]) -> schemas.AlertLine:
    about = ALERT_KINDS[str(row["kind"])]
    return schemas.AlertLine(**row, zh=about.zh, en=about.en)  # type: ignore[arg-type]  # a row of this very table


def _group(row: dict[str, object], now: datetime) -> schemas.AlertGroupLine:
    kinds = row["kinds"]
    assert isinstance(kinds, list)
    until = row["silenced_until"]
    known = [ALERT_KINDS[kind] for kind in kinds]
    told = {
        "zh": "；".join(kind.zh for kind in known),
        "en": "; ".join(kind.en for kind in known),
        "todo_zh": "；".join(kind.todo_zh for kind in known),
        "todo_en": " ".join(kind.todo_en for kind in known),
        "open": row["seen_open"],
        "silenced": isinstance(until, datetime) and until > now,
    }
    return schemas.AlertGroupLine(**(row | told))  # type: ignore[arg-type]  # a row of this very table
