"""The register: merchants are listed as people order them, page by page."""

from ledger.events.cases import MerchantRegistered
from tests.support.asked import asking
from tests.support.databases import Database
from tests.support.line import Line


def test_stall_nine_stands_before_stall_ten_on_whichever_page(database: Database) -> None:
    line = Line()
    names = [
        "摊位 2",
        "摊位 9",
        "摊位 10",
        "摊位 10 号 3",
        "摊位 10 号 20",
        "甲",
        "甲 0",
        "甲 00",
        "甲 007",
        "甲 12345678901234",
    ]
    for number, name in enumerate(reversed(names)):
        entry = MerchantRegistered(
            merchant=f"m-{number}", name=name, kind="retailer", district="d-1"
        )
        line.case("merchant", entry.merchant, entry)

    with asking(database, line) as api:
        found, after = [], ""
        while True:
            asked = {"limit": "2"} | ({"after": after} if after else {})
            page = api.get("/v1/merchants", params=asked).json()
            found += [one["name"] for one in page["merchants"]]
            if not (after := page["next"]):
                break

    assert sorted(found) == sorted(names)
    assert [name for name in found if name.startswith("摊位")] == names[:5]
