"""Alerts grouped by cause: who has them in hand, asked of the API over real views."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ledger.events.base import Event
from ledger.events.cases import (
    AlertAcknowledged,
    AlertAssigned,
    AlertCommented,
    AlertSilenced,
)
from ledger.rules.alert_kinds import ALERT_KINDS
from ledger.rules.alert_work import (
    AcknowledgeAlerts,
    AlertCase,
    SilenceAlerts,
    decide_alert,
    evolve_alert,
)
from ledger.rules.refusal import Refusal
from tests.support.asked import ALL, asking, token_of
from tests.support.databases import Database
from tests.support.line import Line, replay, snapshot
from tests.support.make import NOON, TODAY, FakeTape, corrected, days, milk, received, sold

OLD = milk(expires=TODAY - days(1))


def past_its_end() -> tuple[Line, FakeTape]:
    """One lot past its end: in stock at two stalls and sold at one."""
    line = Line()
    line.market(TODAY)
    line.place("p-2", "market-1", "m-2")
    tape = line.report(received(5, OLD), sold(1, OLD))
    other = line.enroll(FakeTape("scanner-2"), "m-2")
    line.report(received(3, OLD, merchant="m-2", premises="p-2"), tape=other)
    return line, tape


def the_group(line: Line) -> Any:
    (group,) = [g for g in line.rows("alert_groups") if g.open]
    return group


def say(line: Line, kind: type[Event], **fields: Any) -> None:
    group = the_group(line).grouped
    line.case("alert", group, kind(group=group, by="officer-1", **fields))


def test_what_one_lot_causes_at_many_places_is_one_group_with_something_to_do() -> None:
    line, _ = past_its_end()

    kinds = sorted(line.open_alerts())

    assert kinds == ["expired-in-stock", "expired-in-stock", "sold-after-expiry"]
    assert the_group(line).open == 3
    assert all(kind.todo_zh and kind.todo_en for kind in ALERT_KINDS.values())


def test_who_saw_it_and_who_has_it_stays_until_its_cause_is_gone() -> None:
    line, tape = past_its_end()
    say(line, AlertAcknowledged, note="看到了")
    say(line, AlertAssigned, to="officer-2")
    assert (the_group(line).acknowledged_by, the_group(line).assigned_to) == (
        "officer-1", "officer-2",
    )  # fmt: skip

    line.report(corrected(tape.id, 3), corrected(tape.id, 2), tape=tape)
    assert the_group(line).open == 1
    other = line.enroll(FakeTape("scanner-3"), "m-2")
    line.report(
        sold(3, OLD, merchant="m-2", premises="p-2", business_date=TODAY - days(1)), tape=other
    )

    (group,) = line.rows("alert_groups")
    assert (group.open, group.acknowledged_by, group.assigned_to) == (0, None, None)


def test_groups_keep_their_names_and_words_when_everything_is_replayed() -> None:
    line, _ = past_its_end()
    say(line, AlertCommented, note="已去看过")

    again = replay(line, [3, 1, 7])

    assert snapshot(line) == again


def test_the_api_shows_the_group_its_evidence_and_what_was_said(database: Database) -> None:
    line, _ = past_its_end()
    say(line, AlertAcknowledged)
    say(line, AlertSilenced, until=NOON + timedelta(days=3650), note="等检测结果")
    other = line.enroll(FakeTape("scanner-3"), "m-2")
    line.report(sold(1, OLD, merchant="m-2", premises="p-2"), tape=other)
    with asking(database, line) as api:
        (group,) = api.get("/v1/alert-groups").json()["groups"]
        awake = api.get("/v1/alert-groups", params={"silenced": False}).json()["groups"]
        whole = api.get(f"/v1/alert-groups/{group['grouped']}").json()
        nobody = api.get("/v1/alert-groups/g-0000000000000000")

    assert (group["open"], group["places"], group["since_acknowledged"]) == (4, 2, 1)
    assert group["silenced"]
    assert group["silenced_by"] == "officer-1"
    assert "下架销毁" in group["todo_zh"]
    assert awake == []
    assert [word["what"] for word in whole["said"]] == ["acknowledged", "silenced"]
    sales = [a["evidence"] for a in whole["alerts"] if a["kind"] == "sold-after-expiry"]
    names = {row.position: row.name for row in line.journal.rows}
    assert [names[position] for position in sales] == ["goods-sold.v1"] * 2
    assert nobody.status_code == 404


def test_the_same_words_twice_in_a_row_are_recorded_once_and_a_long_silence_is_refused() -> None:
    case, group = AlertCase("g-0123456789abcdef"), "g-0123456789abcdef"
    request = AcknowledgeAlerts(group=group, by="officer-1")
    (event,) = decide_alert(case, request, now=NOON)
    year = SilenceAlerts(group=group, by="officer-1", until=NOON + timedelta(days=365), note="x")

    assert decide_alert(evolve_alert(case, event), request, now=NOON) == []
    assert isinstance(decide_alert(case, year, now=NOON), Refusal)


@pytest.mark.parametrize("after", ["bm9uZQ==", "e30="])
def test_a_broken_cursor_is_refused(database: Database, after: str) -> None:
    with asking(database, Line()) as api:
        assert api.get("/v1/alert-groups", params={"after": after}).status_code == 422


@pytest.mark.parametrize("year", [1, 2000, 2100, 9999])
def test_a_silence_until_a_year_no_clock_shows_cannot_be_said(year: int) -> None:
    """One request with the year 1 stopped every follower for ever."""
    until = datetime(year, 1, 1, tzinfo=timezone(timedelta(hours=14)))

    with pytest.raises(ValueError, match="2001 to 2099"):
        SilenceAlerts(group="g-0123456789abcdef", by="x", until=until, note="z")
    with pytest.raises(ValueError, match="2001 to 2099"):
        AlertSilenced(group="g-0123456789abcdef", by="x", until=until, note="z")


def test_an_alert_kind_nobody_knows_is_told_so_and_not_shown_as_all_well(
    database: Database,
) -> None:
    with asking(database, Line()) as api:
        answer = api.get("/v1/alerts", params={"kind": "nonsense"})

    assert answer.status_code == 422
    assert "expired-in-stock" in answer.json()["detail"]


def test_what_was_given_to_somebody_stays_in_sight_whoever_silenced_it(database: Database) -> None:
    line, _ = past_its_end()
    say(line, AlertAssigned, to="officer-9")
    say(line, AlertSilenced, until=NOON + timedelta(days=3650), note="等检测结果")

    with asking(database, line) as api:
        other = token_of(*ALL, account="officer-8")
        theirs, others = (
            api.get("/v1/alert-groups", params={"silenced": False}, headers=headers).json()[
                "groups"
            ]
            for headers in ({}, other)
        )

    assert [group["assigned_to"] for group in theirs] == ["officer-9"]
    assert others == []
