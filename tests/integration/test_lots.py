"""A lot over HTTP: which entry is the last about it, and when what is said of it last changed."""

from typing import Any

from ledger.events.reports import TestReportFiled
from query_api.routes.statistics import plain
from suyuan.parts.cluster import Cluster
from tests.support.asked import asking
from tests.support.databases import fresh
from tests.support.line import Line
from tests.support.make import MILK, TODAY, FakeTape, clock, milk, received, registered


def test_a_forked_tape_changes_what_is_said_of_a_lot_and_is_no_entry_about_it(
    cluster: Cluster,
) -> None:
    line = Line()
    line.case("product", MILK, registered(MILK))
    tape = line.report(received(1, milk("A")))
    clone = FakeTape(tape.device, tape.key)
    clone.id, clone.reports = tape.id, tape.reports[:1]
    clone.add(received(9))
    line.send(clone.batch(2))

    with asking(fresh(cluster), line) as client:
        lot = client.get(f"/v1/lots/{MILK}/A").json()

    assert lot["gaps"] == 1
    (movement,) = line.rows("movements")
    assert lot["entry"] == movement.position < lot["updated"]


def test_a_paper_about_a_lot_is_the_last_entry_about_it_and_changes_it(cluster: Cluster) -> None:
    line = Line()
    line.case("product", MILK, registered(MILK))
    tape = line.report(received(1, milk("A")), received(1, milk("B")))
    report: dict[str, Any] = {
        "merchant": "m-1", "premises": "p-1", "business_date": TODAY, "clock": clock(),
        "session": "00000000-0000-4000-8000-000000000003", "document": "1" * 64, "number": "T-1",
        "laboratory": "x", "result": "failed", "tested_on": TODAY, "gtins": (MILK,), "lots": ("A",),
    }  # fmt: skip
    line.report(TestReportFiled(**report), tape=tape)

    with asking(fresh(cluster), line) as client:
        tested, other = (client.get(f"/v1/lots/{MILK}/{lot}").json() for lot in "AB")

    assert tested["entry"] == tested["updated"] == tested["position"]
    assert other["updated"] < tested["updated"]


def test_a_sheet_writes_a_million_in_full() -> None:
    assert [plain(amount) for amount in (1_000_025.0, 1234.5, 0.125, 0.0, 1e9)] == [
        "1000025", "1234.5", "0.125", "0", "1000000000",
    ]  # fmt: skip
