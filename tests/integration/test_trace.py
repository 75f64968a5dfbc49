"""The trace out of PostgreSQL finds what the rules find on rows in memory."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from psycopg.rows import dict_row

from ledger.events.base import Event
from ledger.events.cases import MerchantMerged
from ledger.trace.answer import trace
from ledger.trace.closure import Graph, closure
from ledger.trace.pg import PgRows
from ledger.trace.pg_stock import PgStock
from ledger.trace.question import AsOf, From
from ledger.trace.spread import spread
from suyuan.parts.cluster import Cluster
from tests.properties.test_trace import APART, MERCHANTS, VOIDS, asked, lots_of, st, trades
from tests.support.asked import asking, fill, refill
from tests.support.databases import Database, fresh
from tests.support.line import Line
from tests.support.make import NOON
from tests.support.memory_trace import MemoryRows
from tests.support.trace_page import Example, Story, examples
from tests.unit.test_trace_page import asked as asked_of

ASK = settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


@contextmanager
def rows_of(database: Database, line: Line, moment: AsOf) -> Iterator[PgRows]:
    refill(database, line)
    head = line.journal.page(0, 1000)[-1].position
    reader = psycopg.connect(database.dsn("suyuan_reader"), row_factory=dict_row)
    with reader, reader.transaction():
        reader.execute("SET LOCAL suyuan.reach = 'everything'")
        yield PgRows(reader, moment, head)


@pytest.fixture(scope="module")
def place(cluster: Cluster) -> Iterator[Database]:
    place = fresh(cluster)
    fill(place, Line())
    yield place


@ASK
@given(trade=trades(), voids=VOIDS, dice=st.integers(0, 99))
def test_closures_from_postgresql_are_those_of_the_rules(
    place: Database, trade: list[tuple[str, Event]], voids: list[tuple[str, int]], dice: int
) -> None:
    line, seeds, rng = asked(trade, voids, dice)
    lots = lots_of(line)
    head = line.journal.page(0, 1000)[-1].position
    moment = AsOf(rng.choice([None, rng.randint(1, head)]), rng.choice([None, NOON + 6 * APART]))
    origin = From(rng.choice(MERCHANTS), rng.choice([None, NOON + 3 * APART]))
    meant = Graph(MemoryRows(line, moment))

    with rows_of(database=place, line=line, moment=moment) as rows:
        found = Graph(rows)
        for edges in ("forwards", "backwards"):
            told_ = closure(seeds, getattr(found, edges), forwards=edges == "forwards")
            assert told_ == closure(seeds, getattr(meant, edges), forwards=edges == "forwards")
        for product in {lot.product for lot in lots}:
            for key in {lot.key for lot in lots if lot.product == product}:
                assert found.loose(product).holders(key) == meant.loose(product).holders(key)
        assert spread(found, seeds, origin) == spread(meant, seeds, origin)


def ask(database: Database, story: Story, **asked: Any) -> httpx.Response:
    with asking(database, story.line) as api:
        return api.get("/v1/trace", params=asked)


def mixed() -> Story:
    """The page's first example: two lots into one, sold on."""
    story = Story()
    for line in next(examples()).told:
        story.tell(line)
    return story


def test_a_trace_says_who_has_what_and_what_it_is_true_for(database: Database) -> None:
    story = mixed()
    milk, cheese = story.goods("milk/A"), story.goods("cheese/C")

    found = ask(database, story, product=milk.product, lot="A").json()

    assert [(x["product"], x["lot"], x["how"]) for x in found["ahead"]] == sorted(
        [(milk.product, "L:A", "certain"), (cheese.product, "L:C", "certain")]
    )
    held = {
        (h["merchant"], h["lot"]): (h["sold"], h["used"], h["at_most"]) for h in found["holders"]
    }
    assert held == {
        ("farm", "L:A"): ("4", "0", "6"), ("dairy", "L:A"): ("0", "4", "0"),
        ("dairy", "L:C"): ("2", "0", "3"), ("shop", "L:C"): ("0", "0", "2"),
    }  # fmt: skip
    assert found["position"] == story.line.journal.page(0, 1000)[-1].position


def test_who_bought_the_same_ingredient_is_not_on_the_way_that_a_lot_came(
    database: Database,
) -> None:
    story = Story()
    for line in (
        "farm has milk/A 100",
        "farm sold milk/A 60 to wholesaler", "farm sold milk/A 10 to grocer",
        "wholesaler sold milk/A 30 to dairy", "wholesaler sold milk/A 20 to bakery",
        "dairy used milk/A 20 for cheese/C 5", "bakery used milk/A 20 for cheese/X 4",
        "dairy sold cheese/C 2 to shop", "bakery sold cheese/X 1 to kiosk",
    ):  # fmt: skip
        story.tell(line)
    with asking(database, story.line) as api:
        cheese = {"product": story.goods("cheese/C").product, "lot": "C"}
        shown = api.get("/v1/trace/flow", params=cheese).json()

    how = {node["merchant"]: node["how"] for node in shown["nodes"]}
    assert how == {
        "farm": "behind", "wholesaler": "behind", "dairy": "certain", "shop": "certain",
    }  # fmt: skip
    went = {(edge["giver"], edge["taker"], edge["how"]) for edge in shown["edges"]}
    assert went == {
        ("farm", "wholesaler", "behind"), ("wholesaler", "dairy", "behind"), ("dairy", "shop", "certain"),
    }  # fmt: skip


def test_holders_come_in_pages_each_once(database: Database) -> None:
    story = mixed()
    found, after = [], "0"
    with asking(database, story.line) as api:
        while after is not None:
            asked = {
                "product": story.goods("milk/A").product,
                "lot": "A",
                "limit": 1,
                "after": after,
            }
            page = api.get("/v1/trace", params=asked).json()
            found += [(h["merchant"], h["lot"]) for h in page["holders"]]
            after = page["next"]

    assert len(found) == len(set(found)) == page["holders_in_all"] == 4


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"lot": "NOBODY"}, 404, "lot-unknown"),
        ({"product": "06901234567890"}, 422, "gtin-invalid"),
        ({"lot": ["A", "B"]}, 422, "lots-invalid"),
        ({"as_of": 999}, 422, "position-to-come"),
        ({"at": "2026-11-22T08:00:00"}, 422, "zone-missing"),
        ({"since": "2026-11-22T08:00:00Z"}, 422, "merchant-missing"),
    ],
    ids=str,
)
def test_what_cannot_be_traced_is_told_so(
    database: Database, asked: dict[str, Any], status: int, code: str
) -> None:
    story = mixed()

    answer = ask(
        database, story, **({"product": story.goods("milk/A").product, "lot": "A"} | asked)
    )

    assert (answer.status_code, answer.json()["title"]) == (status, code)


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.title)
def test_the_worked_examples_come_out_of_postgresql_as_out_of_memory(
    place: Database, example: Example
) -> None:
    story = Story()
    for line in example.told:
        story.tell(line)
    for one in example.asked:
        question, meant = asked_of(story, one.question)
        with rows_of(place, story.line, question.moment) as rows:
            is_now = question.moment == AsOf()
            stock = PgStock(rows.reader, rows.moment, is_now=is_now)
            found = trace(rows, stock, question)
        assert (found.ahead, found.back) == (meant.ahead, meant.back)
        assert found.holders == meant.holders


def sheet_of(database: Database, story: Story, **asked: Any) -> list[list[str]]:
    with asking(database, story.line) as api:
        about = {"product": story.goods("milk/A").product, "lot": "A"} | asked
        answer = api.get("/v1/trace/export.csv", params=about)
    assert answer.status_code == 200, answer.text
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_the_fsma_sheet_has_a_row_a_step_and_names_what_each_lacks(database: Database) -> None:
    headings, *lines = sheet_of(database, mixed(), sheet="fsma204")

    told = [dict(zip(headings, line, strict=True)) for line in lines]
    steps = [(row["Critical tracking event"], row["Traceability lot code"]) for row in told]
    assert steps == [
        ("shipping", "A"), ("receiving", "A"), ("transformation", "C"), ("shipping", "C"),
        ("receiving", "C"),
    ]  # fmt: skip
    assert told[0]["Quantity"] == "4"
    assert "Ship-from or received-at location" in told[0]["Missing"]
    assert "Immediate next" not in told[2]["Missing"]


def test_the_eu_record_is_of_what_was_dispatched(database: Database) -> None:
    headings, *lines = sheet_of(database, mixed(), sheet="eu931")

    told = [dict(zip(headings, line, strict=True)) for line in lines]
    assert [row["Reference identifying the lot, batch or consignment"] for row in told] == [
        "A",
        "C",
    ]
    assert all("if different" not in row["Missing"] for row in told)


def test_holders_are_exported_as_they_are_shown(database: Database) -> None:
    headings, *lines = sheet_of(database, mixed())

    assert len(lines) == 4
    assert {line[headings.index("商户 merchant")] for line in lines} == {"farm", "dairy", "shop"}


def poisoned() -> Story:
    """Two stalls complain: both had what came of one lot of flour, and one had its milk alone."""
    story = Story()
    for line in (
        "mill has flour/F 10", "mill sold flour/F 6 to baker", "baker received flour/F 6 from mill",
        "farm has milk/A 9", "farm sold milk/A 3 to baker", "baker received milk/A 3 from farm",
        "baker used flour/F 3 for bread/B 3", "baker used flour/F 3, milk/A 3 for cake/C 3",
        "baker sold bread/B 3 to north", "north received bread/B 3 from baker",
        "baker sold cake/C 3 to south", "south received cake/C 3 from baker",
    ):  # fmt: skip
        story.tell(line)
    return story


def sources(database: Database, story: Story, **asked: Any) -> list[tuple[Any, ...]]:
    with asking(database, story.line) as api:
        answer = api.get("/v1/outbreak", params=asked)
    assert answer.status_code == 200, answer.text
    told = answer.json()["sources"]
    return [(s["lot"], s["merchant"], s["score"]) for s in told]


def test_what_two_stalls_with_complaints_have_in_common_comes_first(database: Database) -> None:
    story = poisoned()

    assert sources(database, story, stall=["north", "south"]) == [("L:F", None, 2.0)]


def test_places_where_goods_lay_together_come_behind_lots_when_asked_for(
    database: Database,
) -> None:
    story = poisoned()
    with_places = sources(database, story, stall=["north", "south"], places="true")
    assert with_places[0] == ("L:F", None, 2.0)
    assert {merchant for _, merchant, _ in with_places[1:]} == {"mill", "baker"}


def test_nothing_leads_through_a_step_that_ends_contamination(database: Database) -> None:
    assert sources(database, poisoned(), stall=["north", "south"], ending="manufactured") == []


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"stall": ["north"]}, 422), ({}, 422), ({"stall": ["north", "nobody"]}, 404),
        ({"stall": ["north", "south"], "since": "2026-12-01", "until": "2026-11-01"}, 422),
        ({"stall": ["north", "south"], "ending": "boiling"}, 422),
    ],
    ids=str,
)  # fmt: skip
def test_an_outbreak_that_cannot_be_asked_is_told_so(
    database: Database, asked: dict[str, Any], status: int
) -> None:
    with asking(database, poisoned().line) as api:
        assert api.get("/v1/outbreak", params=asked).status_code == status


@pytest.mark.parametrize("sheet", ["holders", "fsma204", "eu931"])
@pytest.mark.parametrize("form", ["csv", "xlsx", "html"])
def test_every_sheet_is_written_in_every_form(database: Database, sheet: str, form: str) -> None:
    story = mixed()
    with asking(database, story.line) as api:
        asked = {"product": story.goods("milk/A").product, "lot": "A", "sheet": sheet}
        answer = api.get(f"/v1/trace/export.{form}", params=asked)

    assert (answer.status_code, len(answer.content) > 100) == (200, True)


def test_what_spread_from_a_merchant_nobody_knows_is_no_empty_green_answer(
    database: Database,
) -> None:
    story = mixed()

    answer = ask(database, story, product=story.goods("milk/A").product, lot="A", merchant="nobody")

    assert (answer.status_code, answer.json()["title"]) == (404, "merchant-unknown")


def test_one_suspect_named_twice_is_one(database: Database) -> None:
    with asking(database, poisoned().line) as api:
        answer = api.get("/v1/outbreak", params={"stall": ["north", "north"]})

    assert answer.status_code == 422


def test_a_record_sheet_is_of_the_moment_and_places_asked_about(database: Database) -> None:
    story = mixed()
    goods = {"product": story.goods("milk/A").product, "lot": "A", "sheet": "fsma204"}
    lines = {}
    with asking(database, story.line) as api:
        for name, how in (
            ("all", {}), ("early", {"at": (NOON + APART).isoformat()}), ("shop", {"merchant": "shop"}),
        ):  # fmt: skip
            text = api.get("/v1/trace/export.csv", params=goods | how).content.decode("utf-8-sig")
            lines[name] = list(csv.reader(io.StringIO(text)))[1:]

    assert 0 <= len(lines["early"]) < len(lines["all"])
    assert 0 <= len(lines["shop"]) < len(lines["all"])


def test_a_stall_is_suspect_under_the_name_its_books_go_by(database: Database) -> None:
    story = poisoned()
    merged = MerchantMerged(merchant="north-2", into="north", by="o-1", note="same licence")
    story.line.case("aliases", "all", merged)

    assert sources(database, story, stall=["north-2", "south"]) == [("L:F", None, 2.0)]
