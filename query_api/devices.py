"""Devices: what the views and the devices' own words say of each."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from query_api.device_schemas import (
    DeviceDetail,
    DeviceLine,
    GapLine,
    MandateLine,
    StopReach,
    TapeLine,
    UseLine,
)
from query_api.problems import Problem
from query_api.views import Reader, position, rows, today

WEEK_DAYS, SHOWN_DAYS = 7, 35
# Three heartbeats that did not come.
SILENT_AFTER = timedelta(seconds=90)
TAPES_MAX, GAPS_MAX = 50, 100
LINES = """
SELECT d.*, s.online, s.heard, s.waiting, s.fill_percent, s.ahead_s, g.merchants, g.merchant_names,
       (SELECT max(last_received) FROM edge.tapes t WHERE t.device = d.device) AS reported,
       (SELECT coalesce(sum(reports), 0) FROM edge.uses u
        WHERE u.device = d.device AND u.day > %(week)s) AS week,
       (SELECT count(*) FROM edge.gaps g WHERE g.device = d.device) AS gaps
FROM trade.devices d LEFT JOIN accounts.device_states s ON s.device = d.device
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(merchant ORDER BY merchant), '{}') AS merchants,
         coalesce(array_agg(coalesce(r.name, merchant) ORDER BY merchant), '{}') AS merchant_names
  FROM (SELECT DISTINCT merchant FROM trade.mandates m WHERE m.device = d.device
        AND m.valid_from <= %(today)s AND coalesce(m.valid_until, 'infinity') >= %(today)s) AS now
  LEFT JOIN trade.merchants r USING (merchant)) AS g
WHERE d.device > %(after)s AND (%(device)s::text IS NULL OR d.device = %(device)s)
ORDER BY d.device LIMIT %(limit)s
"""
REACH = """
WITH said AS (
    SELECT d.device, s.stops >= %(since)s AS have, s.online AND s.heard > %(heard)s AS connected
    FROM trade.devices d JOIN accounts.device_states s USING (device) WHERE d.revoked_at IS NULL
)
SELECT count(*) FILTER (WHERE connected) AS connected,
       count(*) FILTER (WHERE connected AND have) AS have, count(*) FILTER (WHERE NOT connected) AS away,
       ARRAY(SELECT device FROM said WHERE connected AND NOT have ORDER BY device LIMIT 20) AS lacking
FROM said
"""
MANDATES = """
SELECT merchant, r.name, valid_from, valid_until FROM trade.mandates LEFT JOIN trade.merchants r USING (merchant)
WHERE device = %s
ORDER BY valid_from DESC, merchant
"""
TAPES = """
SELECT stream, last_number, last_happened, last_received FROM edge.tapes WHERE device = %s
ORDER BY last_received DESC LIMIT %s
"""
GAPS = "SELECT * FROM edge.gaps WHERE device = %s ORDER BY position DESC LIMIT %s"
USES = "SELECT day, reports FROM edge.uses WHERE device = %s AND day > %s ORDER BY day"


def lines(reader: Reader, after: str, limit: int, device: str | None = None) -> list[DeviceLine]:
    """Returns devices behind a name, or the one that is named."""
    return [_line(row, datetime.now(UTC)) for row in _found(reader, after, limit, device)]


def detail(reader: Reader, device: str, *, everything: bool) -> DeviceDetail:
    """Returns all there is to know of a device. Raises `Problem` where the asker may see none such.

    Who may not see everything is not told whether others have a device of that name.
    """
    found = _found(reader, "", 1, device)
    if not found and everything:
        raise Problem(404, "device-unknown", f"no device is called {device}")
    if not found:
        raise Problem(403, "out-of-reach", f"{device} is not among what you were granted")
    since = today(reader) - timedelta(days=SHOWN_DAYS)
    row = found[0]
    return DeviceDetail(
        line=_line(row, datetime.now(UTC)), key=row["key"], key_since=row["key_since"],
        reason=row["reason"], position=position(reader),
        mandates=[MandateLine(**one) for one in rows(reader, MANDATES, [device])],
        tapes=[TapeLine(**one) for one in rows(reader, TAPES, [device, TAPES_MAX])],
        gaps=[
            GapLine(**{name: one[name] for name in GapLine.model_fields})
            for one in rows(reader, GAPS, [device, GAPS_MAX])
        ],
        uses=[UseLine(**one) for one in rows(reader, USES, [device, since])],
    )  # fmt: skip


def stop_reach(reader: Reader, since: int, *, everything: bool) -> StopReach:
    """Returns which scanners go by a stop list of a position or a newer one; browsers say nothing of theirs."""
    asked = {"since": since, "heard": datetime.now(UTC) - SILENT_AFTER}
    return StopReach(**rows(reader, REACH, asked)[0], everything=everything)


def _found(reader: Reader, after: str, limit: int, device: str | None) -> list[Any]:
    day: date = today(reader)
    asked = {
        "after": after, "limit": limit, "device": device, "today": day,
        "week": day - timedelta(days=WEEK_DAYS),
    }  # fmt: skip
    return rows(reader, LINES, asked)


def _line(row: Any, now: datetime) -> DeviceLine:
    heard = row["heard"]
    silent = None if heard is None else max(0, int((now - heard).total_seconds()))
    named = {name: row[name] for name in DeviceLine.model_fields if name != "silent_s"}
    return DeviceLine(**named, silent_s=silent)
