"""Statistics: what the record adds up to, for whom, by day, district, market and category."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from ledger.rules.access import Grant
from suyuan.parts.cluster import Cluster
from tests.support.asked import SignedInAs, asking
from tests.support.databases import fresh
from tests.support.line import Line
from tests.support.make import (
    MILK,
    TODAY,
    FakeTape,
    corrected,
    days,
    milk,
    pieces,
    received,
    registered,
    sold,
)
from tests.support.town import town

SPAN = {"since": str(TODAY - days(20)), "until": str(TODAY + days(1))}
CITY = SignedInAs(Grant("regulator", ("changsha",)), account="city")
FURONG = SignedInAs(Grant("inspector", ("furong",)), account="inspector")
EAST = SignedInAs(Grant("market-operator", ("east",)), account="east")
STALL = SignedInAs(Grant("merchant", ("m-1",)), account="stall")


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Iterator[httpx.Client]:
    line = town()
    with asking(fresh(cluster), line) as client:
        yield client


def by(api: httpx.Client, what: str, who: httpx.Auth) -> dict[str, dict[str, Any]]:
    answer = api.get("/v1/statistics", params=SPAN | {"by": what}, auth=who)
    assert answer.status_code == 200, answer.text
    return {line["key"]: line for line in answer.json()["lines"]}


def test_an_authority_sees_its_districts_and_who_is_in_no_register(api: httpx.Client) -> None:
    found = by(api, "district", CITY)

    # m-4 was found to be m-1, whose district counts for it.
    counted = {key: (one["received"], one["sold"], one["merchants"]) for key, one in found.items()}
    assert counted == {"yuelu": (9, 3, 2), "furong": (3, 1, 1), "": (3, 1, 1)}
    assert found["furong"]["name"] == "furong"
    assert set(by(api, "district", FURONG)) == {"furong", ""}


def test_others_see_their_market_or_themselves_and_not_the_other_side(api: httpx.Client) -> None:
    east, own = by(api, "market", EAST), by(api, "market", STALL)

    assert {key: one["received"] for key, one in east.items()} == {"east": 6}
    assert {key: one["received"] for key, one in own.items()} == {"west": 3, "east": 3}
    assert by(api, "day", SignedInAs(Grant("merchant", ("m-404",)), account="x")) == {}


def test_alerts_count_on_the_day_that_they_opened_and_by_kind(api: httpx.Client) -> None:
    answer = api.get("/v1/statistics", params=SPAN | {"by": "day"}, auth=CITY).json()

    kinds = {one["kind"]: (one["opened"], one["open"]) for one in answer["kinds"]}
    every = {"only_open": "false", "limit": "200"}
    listed = api.get("/v1/alerts", params=every, auth=CITY).json()["alerts"]
    opened = Counter(one["kind"] for one in listed)
    still = Counter(one["kind"] for one in listed if one["closed_at"] is None)
    assert kinds == {kind: (n, still[kind]) for kind, n in opened.items()}
    assert kinds["oversold"][0] > kinds["oversold"][1] > 0
    assert sum(one["alerts"] for one in answer["lines"]) == sum(n for n, _ in kinds.values())
    before = {"since": str(TODAY - days(60)), "until": str(TODAY - days(30))}
    assert api.get("/v1/statistics", params=before, auth=CITY).json()["kinds"] == []


def test_one_merchant_is_counted_by_itself_and_by_whoever_may_see_it(api: httpx.Client) -> None:
    def counted(merchant: str, who: httpx.Auth) -> Any:
        asked = SPAN | {"by": "day", "merchant": merchant}
        answer = api.get("/v1/statistics", params=asked, auth=who)
        return sum(one["received"] for one in answer.json()["lines"]) if answer.is_success else 403

    every = [counted(merchant, CITY) for merchant in ("m-1", "m-2", "m-3", "m-9")]
    assert sum(every) == sum(one["received"] for one in by(api, "district", CITY).values())
    assert counted("m-1", STALL) == every[0]
    assert counted("m-2", STALL) == 403


def test_the_sheet_says_what_the_page_says(api: httpx.Client) -> None:
    told = by(api, "district", CITY)
    sheet = api.get("/v1/statistics/export.csv", params=SPAN | {"by": "district"}, auth=CITY)

    rows = list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"))))[1:]
    assert {row[0]: (int(row[2]), int(row[3])) for row in rows} == {
        key: (one["received"], one["sold"]) for key, one in told.items()
    }
    asked = SPAN | {"by": "category"}
    sheet = api.get("/v1/statistics/export.csv", params=asked, auth=CITY)
    rows = list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"))))[1:]
    assert {row[0]: row[1] for row in rows}.items() <= {
        "dairy": "乳品",
        "": "未说明",
        "loose": "散装（无条码）",
    }.items()
    page = api.get("/v1/statistics/export.html", params=SPAN | {"by": "day"}, auth=CITY)
    assert "进货笔数" in page.text


def test_what_a_delivery_lacks_is_counted_until_it_is_corrected(cluster: Cluster) -> None:
    line = Line()
    line.case("product", MILK, registered(MILK))
    line.place("p-1", "market-1")
    tape = line.enroll(FakeTape("scanner-7"), "m-1")
    line.report(
        received(12, milk("A-1"), counterparty="m-2"),
        received(5, milk(None), business_date=TODAY - days(9)),
        # Whom a card names, is named.
        received(1, milk("A-1"), counterparty_card="00000000-0000-4000-8000-00000000000c"),
        sold(3, milk("A-1")),
        tape=tape,
    )
    with asking(fresh(cluster), line) as client:
        (found,) = by(client, "category", CITY).values()
    line.report(
        corrected(tape.id, 3, goods=milk("A-2"), quantity=pieces(5)),
        corrected(tape.id, 3, counterparty="m-2"),
        tape=tape,
    )
    with asking(fresh(cluster), line) as client:
        (mended,) = by(client, "category", CITY).values()

    assert found["key"] == "dairy"
    gaps = ("received", "undated", "unnamed", "late", "incomplete")
    assert [found[gap] for gap in gaps] == [3, 1, 1, 1, 1]
    assert found["volumes"] == [{"unit": "piece", "received": 18.0, "sold": 3.0}]
    # Late it stays.
    assert [mended[gap] for gap in gaps] == [3, 0, 0, 1, 1]


@pytest.mark.parametrize("span", [(TODAY, TODAY - timedelta(days=1)), (TODAY - days(92), TODAY)])
def test_a_span_that_is_none_is_refused_with_what_it_may_be(api: httpx.Client, span: Any) -> None:
    asked = {"since": str(span[0]), "until": str(span[1])}

    answer = api.get("/v1/statistics", params=asked, auth=CITY)

    assert answer.status_code == 422
    assert "92 days" in answer.json()["detail"]


def test_what_cannot_be_counted_in_time_asks_for_fewer_days(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried = "SELECT set_config('statement_timeout', '1', true)"
    monkeypatch.setattr("query_api.statistics.ROOM", hurried)

    answer = api.get("/v1/statistics", params=SPAN | {"by": "day"}, auth=CITY)

    assert (answer.status_code, answer.json()["title"]) == (422, "too-much")
    assert "fewer days" in answer.json()["detail"]
