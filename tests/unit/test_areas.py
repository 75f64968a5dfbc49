"""Areas: where a district lies is stated once, changes, and never goes round in a circle."""

from typing import Any

import pytest
from eventsourcing.popo import POPOApplicationRecorder

from ledger.events.cases import AreaStated
from ledger.intake.requests import Requests
from ledger.journal.cases import Cases
from ledger.rules.areas import LEVELS_MAX, StateArea
from ledger.rules.refusal import Refusal
from tests.support.make import NOON


@pytest.fixture
def desk() -> Requests:
    cases = Cases(POPOApplicationRecorder())
    return Requests(cases, ("key",), lambda _: None, lambda: NOON, lambda *_: None, ledger="test")


def state(desk: Requests, area: str, within: str | None, name: str = "x") -> str:
    """Returns the refusal's code, empty when granted."""
    entry = AreaStated(area=area, name=name, within=within)
    refused: Any = desk.take(StateArea(entry))
    return refused.code if isinstance(refused, Refusal) else ""


def test_a_district_lies_in_its_city_and_may_be_moved_to_another(desk: Requests) -> None:
    assert state(desk, "changsha", "hunan") == ""
    assert state(desk, "yuelu", "changsha") == ""
    assert state(desk, "yuelu", "changsha") == "", "the same again changes nothing"
    assert state(desk, "yuelu", "xiangtan") == ""

    events = list(desk._cases.recorder.select_notifications(1, 10))

    assert len(events) == 3


@pytest.mark.parametrize("top", ["hunan", "changsha", "yuelu"])
def test_no_area_lies_in_itself_however_far_round(desk: Requests, top: str) -> None:
    state(desk, "yuelu", "changsha")
    state(desk, "changsha", "hunan")

    assert state(desk, top, "yuelu") == "area-circle"


def test_areas_lie_in_each_other_only_so_deep(desk: Requests) -> None:
    said = [state(desk, f"a-{n}", f"a-{n + 1}") for n in reversed(range(LEVELS_MAX))]

    assert said == [""] * (LEVELS_MAX - 1) + ["area-deep"]
