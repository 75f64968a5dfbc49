"""Papers that run out: which of a merchant's end soon, and that one which was renewed is no worry."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import httpx
import pytest

from ledger.events.cases import MerchantRegistered
from ledger.events.reports import CertificateFiled
from suyuan.parts.cluster import Cluster
from tests.support.asked import asking
from tests.support.databases import fresh
from tests.support.line import Line
from tests.support.make import MILK, TODAY, YOGHURT, clock, days


def filed(number: str, until: date | None, **more: Any) -> CertificateFiled:
    stated: dict[str, Any] = {
        "kind": "licence", "gtins": (MILK,), "issuer": "市监局", "valid_from": TODAY - days(300),
    } | more  # fmt: skip
    return CertificateFiled(
        merchant="m-1", premises="p-1", business_date=TODAY, clock=clock(), document="1" * 64,
        session="00000000-0000-4000-8000-000000000003", number=number,
        valid_until=until, **stated,
    )  # fmt: skip


@pytest.fixture(scope="module")
def api(cluster: Cluster) -> Iterator[httpx.Client]:
    line = Line()
    stall = MerchantRegistered(merchant="m-1", name="张记", kind="retailer", district="d-1")
    line.case("merchant", "m-1", stall)
    line.place("p-1", "market-1")
    line.begin(TODAY)
    line.report(
        filed("SOON", TODAY + days(9)),
        filed("OVER", TODAY - days(3), kind="permit"),
        filed("LONG-OVER", TODAY - days(90), kind="origin"),
        filed("FAR", TODAY + days(200), kind="release"),
        filed("EVER", None, kind="other"),
        filed("OLD", TODAY + days(5), kind="quarantine", supplier="m-7"),
        filed("RENEWED", TODAY + days(370), kind="quarantine", supplier="m-7", valid_from=TODAY),
        # Of another office, or from before: neither renews it.
        filed("OTHER", TODAY + days(370), issuer="农业局", valid_from=TODAY),
        filed("BEFORE", TODAY + days(300), valid_from=TODAY - days(400)),
        # Nor does one of other goods.
        filed("YOGHURT", TODAY + days(370), gtins=(YOGHURT,), valid_from=TODAY),
        filed("THEIRS", TODAY + days(20), kind="quarantine", supplier="m-8"),
    )
    with asking(fresh(cluster), line) as client:
        yield client


def test_what_ends_first_stands_first_and_what_was_renewed_is_left_out(api: httpx.Client) -> None:
    answer = api.get("/v1/merchants/m-1/papers-ending").json()

    assert [one["number"] for one in answer["papers"]] == ["OVER", "SOON", "THEIRS"]


def test_a_supplier_is_asked_for_what_others_filed_of_it(api: httpx.Client) -> None:
    found = api.get("/v1/merchants/m-8/papers-ending", params={"days": 30}).json()["papers"]

    assert [(one["number"], one["merchant"]) for one in found] == [("THEIRS", "m-1")]
