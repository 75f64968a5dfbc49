"""A trace of two thousand holders at the desk: the largest first, searched whole, folded in its picture."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kiosk_ui.language import load_languages
from kiosk_ui.svg.flow import SIBLINGS_MAX, flow_picture
from suyuan.parts.cluster import Cluster
from tests.support.asked import asking
from tests.support.databases import fresh
from tests.support.line import Line
from tests.support.make import MILK, FakeTape, milk, received, registered, sold

WHOLESALERS, STALLS = 40, 50
LOT = {"product": MILK, "lot": "A-1"}


def a_city() -> Line:
    """One lot of a dairy at forty wholesalers and with fifty stalls of each; the stalls have 1 to 50."""
    line = Line()
    line.case("product", MILK, registered(MILK))
    firms = [f"w-{n:02}" for n in range(WHOLESALERS)]
    stalls = [[f"{firm}-s-{n:02}" for n in range(STALLS)] for firm in firms]
    tape = line.enroll(FakeTape("scanner-9"), "dairy", *firms, *(s for row in stalls for s in row))
    goods, at = milk("A-1"), "premises"
    whole = sum(range(1, STALLS + 1))
    reports: list[Any] = []
    for firm, row in zip(firms, stalls, strict=True):
        deliver = {"delivery": f"D-{firm}"}
        reports += [
            sold(whole, goods, merchant="dairy", counterparty=firm, **{at: "dairy-a"}, **deliver),
            received(
                whole, goods, merchant=firm, counterparty="dairy", **{at: f"{firm}-a"}, **deliver
            ),
        ]
        for units, stall in enumerate(row, 1):
            trade: dict[str, Any] = {"delivery": f"D-{stall}"}
            reports += [
                sold(units, goods, merchant=firm, counterparty=stall, **{at: f"{firm}-a"}, **trade),
                received(
                    units, goods, merchant=stall, counterparty=firm, **{at: f"{stall}-a"}, **trade
                ),
            ]
    for begin in range(0, len(reports), 150):
        line.report(*reports[begin : begin + 150], tape=tape)
    return line


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Iterator[httpx.Client]:
    with asking(fresh(cluster), a_city()) as client:
        yield client


def test_the_largest_holders_come_first_and_a_word_searches_all_of_them(api: httpx.Client) -> None:
    first = api.get("/v1/trace", params=LOT).json()
    found = api.get("/v1/trace", params=LOT | {"find": "W-07-S-0"}).json()

    left = [float(holder["at_most"]) for holder in first["holders"]]
    assert first["holders_in_all"] == first["holders_found"] >= WHOLESALERS * STALLS
    assert left == sorted(left, reverse=True)
    assert left[:WHOLESALERS] == [STALLS] * WHOLESALERS
    assert {h["merchant"] for h in found["holders"]} == {f"w-07-s-{n:02}" for n in range(10)}
    assert (found["holders_found"], found["holders_in_all"]) == (10, first["holders_in_all"])


def test_every_page_follows_the_one_before_without_a_gap(api: httpx.Client) -> None:
    seen: list[str] = []
    after: str | None = "0"
    while after is not None:
        page = api.get(
            "/v1/trace", params=LOT | {"after": after, "limit": "200", "find": "-s-1"}
        ).json()
        seen += [holder["merchant"] for holder in page["holders"]]
        after = page["next"]

    assert len(seen) == len(set(seen)) == page["holders_found"] == WHOLESALERS * 10


def test_the_picture_of_two_thousand_holders_folds_and_can_be_read(api: httpx.Client) -> None:
    flow = api.get("/v1/trace/flow", params=LOT).json()
    drawn = str(flow_picture(flow, load_languages()["en"], lambda who: f"/m/{who}", "flow"))

    assert len(flow["nodes"]) == 1 + WHOLESALERS + WHOLESALERS * STALLS
    # The dairy, and of each tier as many as can be told apart, with a box for the rest.
    assert 0 < drawn.count("<a ") <= 1 + 2 * (SIBLINGS_MAX + 1)
    assert len(drawn) < 200_000
