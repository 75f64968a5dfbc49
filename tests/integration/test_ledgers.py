"""The law's ledgers and stock at any moment, asked of the API over real views."""

import csv
import io
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import msgspec
import openpyxl
import psycopg
import pytest
from psycopg.rows import dict_row

from ledger.events.cases import MerchantRegistered
from ledger.events.reports import CertificateFiled, GoodsAsRead
from ledger.journal.personal import PgPersonalStore
from ledger.rules.access import Grant
from ledger.rules.law_ledgers import LEDGERS, keep_until
from ledger.values.cards import Card
from ledger.values.quantity import StatedQuantity, Unit
from query_api import retention
from query_api.views import today
from suyuan.parts.cluster import Cluster
from tests.support.asked import SignedInAs, asking
from tests.support.databases import Database, fresh
from tests.support.line import Line
from tests.support.make import (
    MILK,
    MILK_CASE,
    NOON,
    TODAY,
    clock,
    corrected,
    counted,
    days,
    disposed,
    milk,
    received,
    registered,
    returned,
    sold,
)

PERIOD = {"since": str(TODAY - days(30)), "until": str(TODAY)}
FARMER = str(uuid.uuid4())
OWNER = str(uuid.uuid4())
HOUR = timedelta(hours=1)


def a_trade() -> Line:
    """A wholesaler with a registered supplier, a farmer known by a card, and gaps of every kind."""
    line = Line()
    line.case("merchant", "m-1", merchant("m-1", "张记批发", "wholesaler"))
    line.place("p-1", "market-1")
    line.case("merchant", "m-2", merchant("m-2", "宁乡乳业", "producer", owner_card=OWNER))
    line.case("product", MILK, registered(MILK, shelf_life_days=15, pack="950 毫升"))
    case = registered(MILK_CASE, base=MILK, contains=12, pack="12 × 950 毫升")
    line.case("product", MILK_CASE, case)
    weight = StatedQuantity(amount=Decimal("47.35"), unit=Unit.JIN, pieces=3)
    fish = GoodsAsRead(item="草鱼")
    line.report(
        received(2, GoodsAsRead(gtin=MILK_CASE, lot="A-1", produced=TODAY), counterparty="m-2",
                 delivery="V-1"),
        received(5, milk(None), business_date=TODAY - days(9)),
        received(1, fish, quantity=weight, counterparty_card=FARMER, delivery="F-1"),
        received(1, GoodsAsRead(gtin="06901234000016", lot="=1+1"), counterparty="m-404"),
        sold(3, milk("A-1"), counterparty="m-9"),
        # To its own other premises: no sale.
        sold(2, milk("A-1"), counterparty="m-1"),
        release("R-7"),
    )  # fmt: skip
    return line


def merchant(name: str, title: str, kind: Any, **fields: Any) -> MerchantRegistered:
    return MerchantRegistered(merchant=name, name=title, kind=kind, district="d-1", **fields)


def release(number: str) -> CertificateFiled:
    return CertificateFiled(
        merchant="m-1", premises="p-1", business_date=TODAY, clock=clock(), document="0" * 64,
        session="00000000-0000-4000-8000-000000000003", kind="release", number=number,
        issuer="宁乡乳业", valid_from=TODAY, gtins=(MILK,), lots=("A-1",),
    )  # fmt: skip


@pytest.fixture(scope="module")
def module_database(cluster: Cluster) -> Database:
    return fresh(cluster)


@pytest.fixture(scope="module")
def api(module_database: Database) -> Iterator[httpx.Client]:
    database = module_database
    store = PgPersonalStore(database.dsn("suyuan_writer"), bytes)
    store.put_card(FARMER, Card(name="李大山", address="靖港镇", phone="138"), "scanner-1")
    store.put_card(OWNER, Card(name="王", address="宁乡经开区 1 号", phone="0731-1"), "scanner-2")
    with asking(database, a_trade()) as client:
        yield client


def lines(api: httpx.Client, name: str, **asked: Any) -> list[dict[str, Any]]:
    answer = api.get(f"/v1/merchants/m-1/ledgers/{name}", params=PERIOD | asked)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["lines"]
    return found


def test_a_purchase_line_has_the_laws_fields_in_its_order(api: httpx.Client) -> None:
    line = lines(api, "purchases")[1]

    assert list(line["fields"].items()) == [
        ("name", "鲜牛奶"), ("spec", "12 × 950 毫升"), ("quantity", "2 件"),
        ("produced", str(TODAY)), ("lot", "A-1"), ("shelf_life", "15 天(至 2026-12-07)"), ("date", str(TODAY)),
        ("party_name", "宁乡乳业"), ("party_address", "宁乡经开区 1 号"),
        ("party_contact", "0731-1"), ("vouchers", "R-7"),
    ]  # fmt: skip
    assert line["missing"] == []


def test_what_a_line_lacks_is_named_and_a_date_or_a_lot_suffices(api: httpx.Client) -> None:
    undated, complete, unknown = lines(api, "purchases")

    assert undated["missing"] == [
        "produced", "lot", "party_name", "party_address", "party_contact", "vouchers",
    ]  # fmt: skip
    assert "produced" not in complete["missing"]
    assert {"name", "spec", "shelf_life", "party_name"} <= set(unknown["missing"])
    assert "produced" not in unknown["missing"]


def test_a_line_is_found_by_whatever_it_says_and_by_a_persons_name_in_ones_own_books_alone(
    api: httpx.Client,
) -> None:
    every = lines(api, "purchases")
    line = next(one for one in every if one["fields"]["lot"])
    told = line["fields"]["lot"], line["fields"]["name"][1:], line["fields_en"]["name"].upper()

    for text in filter(None, told):
        assert line in lines(api, "purchases", find=text), text
    assert lines(api, "purchases", find="nothing says this") == []
    assert lines(api, "purchases", find=line["fields"]["lot"], lacking="spec") == []
    assert lines(api, "purchases", find=" ") == every
    # Whoever searches for a farmer's name is not told by which lines it stands.
    assert "李大山" in [one["fields"]["party_name"] for one in lines(api, "produce")]
    assert lines(api, "produce", find="李大山") == []
    own = SignedInAs(Grant("merchant", ("m-1",)))
    asked = PERIOD | {"find": "李大山"}
    mine = api.get("/v1/merchants/m-1/ledgers/produce", params=asked, auth=own).json()["lines"]
    assert [one["fields"]["party_name"] for one in mine] == ["李大山"]


def test_lines_that_lack_a_field_are_shown_alone_page_by_page(api: httpx.Client) -> None:
    undated, _, unknown = lines(api, "purchases")

    assert lines(api, "purchases", lacking="produced") == [undated]
    assert lines(api, "purchases", lacking="spec") == [unknown]
    assert lines(api, "purchases", lacking="party_address") == [undated, unknown]
    asked = PERIOD | {"lacking": "party_address", "limit": 1}
    first = api.get("/v1/merchants/m-1/ledgers/purchases", params=asked).json()
    second = api.get(
        "/v1/merchants/m-1/ledgers/purchases", params=asked | {"after": first["next"]}
    ).json()
    assert (first["lines"], second["lines"], second["next"]) == ([undated], [unknown], None)
    asked |= {"latest_first": True}
    first = api.get("/v1/merchants/m-1/ledgers/purchases", params=asked).json()
    second = api.get(
        "/v1/merchants/m-1/ledgers/purchases", params=asked | {"after": first["next"]}
    ).json()
    assert (first["lines"], second["lines"], second["next"]) == ([unknown], [undated], None)
    refused = api.get("/v1/merchants/m-1/ledgers/purchases", params=PERIOD | {"lacking": "colour"})
    assert refused.status_code == 422
    assert refused.json()["title"] == "field-unknown"


def test_a_ledger_is_read_from_its_end_page_by_page(api: httpx.Client) -> None:
    forwards = lines(api, "purchases")
    asked = PERIOD | {"latest_first": True, "limit": 2}
    path = "/v1/merchants/m-1/ledgers/purchases"
    first = api.get(path, params=asked).json()
    second = api.get(path, params=asked | {"after": first["next"]}).json()

    assert first["lines"] + second["lines"] == forwards[::-1]
    assert second["next"] is None


def test_what_was_cleared_has_a_ledger_that_says_what_was_done_in_both_languages(
    database: Database,
) -> None:
    line = Line()
    line.case("merchant", "m-1", merchant("m-1", "张记杂货", "retailer"))
    line.case("product", MILK, registered(MILK))
    line.report(
        disposed(2, milk("A-1")),
        returned(1, milk("A-1")),
        returned(1, milk("A-1"), direction="from-customer"),
    )

    with asking(database, line) as api:
        cleared = lines(api, "clearings")

    assert [(one["fields"]["what"], one["fields_en"]["what"]) for one in cleared] == [
        ("销毁处理", "disposed of"), ("退给供货者", "returned to the supplier"),
        ("顾客退回", "taken back from a buyer"),
    ]  # fmt: skip
    # What was destroyed went to nobody; what a shopper brings back comes from nobody known.
    assert ["party_name" in one["missing"] for one in cleared] == [False, True, False]
    assert cleared[0]["fields_en"]["quantity"] == "2 piece"


def test_farm_produce_has_a_ledger_of_its_own_with_weight_and_pieces_as_stated(
    api: httpx.Client,
) -> None:
    (line,) = lines(api, "produce")

    assert list(line["fields"].values()) == [
        "草鱼", "47.35 斤(3 件)", str(TODAY), "李大山", "靖港镇", "138", "",
    ]  # fmt: skip
    assert line["keep_until"] == "2027-05-22"


@pytest.mark.parametrize(
    "fields", [{"supplier": "m-9"}, {"valid_until": TODAY - days(1)}, {"lots": ("Z",)}]
)
def test_a_paper_of_another_supplier_lot_or_time_is_no_voucher(
    database: Database, fields: dict[str, Any]
) -> None:
    line = Line()
    line.case("merchant", "m-1", merchant("m-1", "张记批发", "wholesaler"))
    paper = msgspec.structs.replace(release("R-7"), **fields)
    line.report(received(1, milk("A-1"), counterparty="m-2"), paper)

    with asking(database, line) as api:
        (purchase,) = lines(api, "purchases")

    assert purchase["fields"]["vouchers"] == ""


def test_wholesale_sales_name_the_buyer(api: httpx.Client) -> None:
    (line,) = lines(api, "sales")

    assert line["fields"]["date"] == str(TODAY)
    assert line["missing"] == ["party_name", "party_address", "party_contact"]


def test_an_entry_stated_long_after_its_day_is_marked(api: httpx.Client) -> None:
    assert [line["late_days"] for line in lines(api, "purchases")] == [9, 0, 0]


def test_completeness_counts_every_field_and_says_how_to_mend_it(api: httpx.Client) -> None:
    answer = api.get("/v1/merchants/m-1/ledgers/purchases/completeness", params=PERIOD).json()

    missing = {field["key"]: field["missing"] for field in answer["fields"]}
    assert answer["lines"] == 3
    assert (missing["name"], missing["lot"], missing["party_name"]) == (1, 1, 2)
    assert all(field["mend_zh"] and field["mend_en"] for field in answer["fields"])


def test_pages_of_a_ledger_add_up_to_all_of_it(api: httpx.Client) -> None:
    found, after = [], None
    while True:
        asked = PERIOD | {"limit": 1} | ({"after": after} if after else {})
        page = api.get("/v1/merchants/m-1/ledgers/purchases", params=asked).json()
        found += page["lines"]
        if (after := page["next"]) is None:
            break

    assert found == lines(api, "purchases")


def test_a_csv_opens_in_a_spreadsheet_with_chinese_and_no_formula_runs(api: httpx.Client) -> None:
    answer = api.get("/v1/merchants/m-1/ledgers/purchases/export.csv", params=PERIOD)

    assert answer.content.startswith("\ufeff".encode())
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:4] == ["名称", "规格", "数量", "生产日期"]
    assert rows[3][4] == "'=1+1"
    assert len(rows) == 4


def test_a_workbook_holds_the_lines_and_what_is_missing(api: httpx.Client) -> None:
    answer = api.get("/v1/merchants/m-1/ledgers/purchases/export.xlsx", params=PERIOD)

    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    ledger, gaps = book.worksheets
    assert [cell.value for cell in ledger[1]][:3] == ["名称", "规格", "数量"]
    cell = ledger.cell(4, 5)
    assert (cell.value, cell.data_type) == ("'=1+1", "s")
    assert gaps.title == "完整性"
    assert ["生产批号", "缺 1 / 3"] in [[c.value for c in row][:2] for row in gaps.iter_rows()]


def test_a_page_to_print_names_law_merchant_and_position(api: httpx.Client) -> None:
    page = api.get("/v1/merchants/m-1/ledgers/purchases/export.html", params=PERIOD).text

    for word in ("进货查验记录(第五十三条第二款)", "张记批发 (m-1)", "账本位置", "供货者联系方式"):
        assert word in page
    assert "<script" not in page


def test_who_opened_which_cards_is_on_record_before_the_answer(
    api: httpx.Client, module_database: Database
) -> None:
    lines(api, "produce")

    with psycopg.connect(module_database.dsn()) as owner:
        row = owner.execute(
            "SELECT refs::text[], why, account FROM personal.openings ORDER BY id DESC LIMIT 1"
        )
        assert row.fetchone() == ([FARMER], "ledger produce of m-1", "officer-9")


def test_the_reader_cannot_open_a_card_without_leaving_a_line(module_database: Database) -> None:
    with (
        psycopg.connect(module_database.dsn("suyuan_reader")) as reader,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        reader.execute("SELECT card FROM personal.subjects")


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/v1/merchants/m-404/ledgers/purchases", PERIOD, 404),
        ("/v1/merchants/m-404/ledgers/purchases/export.csv", PERIOD, 404),
        ("/v1/merchants/m-1/ledgers/gossip", PERIOD, 422),
        ("/v1/merchants/m-1/ledgers/purchases", {"since": "2026/13/1", "until": "2026-11-01"}, 422),
        ("/v1/merchants/m-1/ledgers/purchases", {"since": "2026-11-02", "until": "2026-11-01"}, 422),
        ("/v1/merchants/m-1/ledgers/purchases", PERIOD | {"after": "bm9uZQ=="}, 422),
        ("/v1/premises/p-404/stock/then", {"as_of": 3}, 404),
        ("/v1/premises/p-1/stock/then", {"as_of": 10**6}, 422),
        ("/v1/premises/p-1/stock/then", {"at": "2026-11-22T10:00:00"}, 422),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_gets_a_clear_answer(
    api: httpx.Client, path: str, asked: dict[str, Any], status: int
) -> None:
    answer = api.get(path, params=asked)

    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("expires", "last"),
    [
        (TODAY, "2027-05-22"),
        (TODAY.replace(year=2027, month=8, day=31), "2028-02-29"),
        (None, "2028-11-22"),
        # What had passed its end when it came, is kept from the day it came.
        (TODAY.replace(month=8), "2027-05-22"),
    ],
)  # fmt: skip
def test_records_are_kept_six_months_past_shelf_life_or_two_years(expires: Any, last: str) -> None:
    assert str(keep_until(LEDGERS["purchases"], TODAY, expires)) == last


def test_nothing_may_be_archived_before_its_lots_records_have_been_kept(api: httpx.Client) -> None:
    lots = api.get("/v1/merchants/m-1/retention").json()["lots"]

    until = {(lot["product"], lot["lot"]): lot["keep_until"] for lot in lots}
    # Produced today with fifteen days of life: six months past 7 December.
    assert until[MILK, "L:A-1"] == "2027-06-07"
    assert until["item:草鱼", "R:m-1/F-1"] == "2027-05-22"
    assert not any(lot["may_be_archived"] for lot in lots)


def test_a_person_is_not_erased_while_a_duty_to_keep_runs(
    api: httpx.Client, module_database: Database
) -> None:
    with psycopg.connect(module_database.dsn(), row_factory=dict_row) as views:
        farmer = retention.person(views, FARMER, today(views))
        nobody = retention.person(views, str(uuid.uuid4()), today(views))

    assert (farmer.may_be_erased, farmer.keep_until) == (False, date(2027, 5, 22))
    assert "2027-05-22" in farmer.advice
    assert (nobody.may_be_erased, nobody.keep_until) == (True, None)


def test_stock_is_answered_as_it_was_known_and_as_it_was_true(database: Database) -> None:
    line = Line()
    line.place("p-1", "market-1")
    tape = line.report(received(10, at=NOON - 3 * HOUR), sold(4, at=NOON - 2 * HOUR))
    known = line.journal.head()
    line.report(corrected(tape.id, 3), counted(7, at=NOON - HOUR), tape=tape)

    with asking(database, line) as api:
        then = api.get("/v1/premises/p-1/stock/then", params={"as_of": known}).json()
        now = api.get("/v1/premises/p-1/stock").json()
        true = api.get(
            "/v1/premises/p-1/stock/then", params={"at": (NOON - 2 * HOUR).isoformat()}
        ).json()
        made = api.get("/v1/premises/p-1/stock/entries", params={"product": MILK}).json()

    assert [row["amount"] for row in then["lines"]] == ["6"]
    assert [row["amount"] for row in now["lines"]] == ["7"]
    assert [row["amount"] for row in true["lines"]] == ["10"]
    assert [(e["kind"], e["delta"], e["counted"]) for e in made["entries"]] == [
        ("goods-received", "10", None), ("stock-counted", "0", "7"),
    ]  # fmt: skip


def test_stock_as_it_was_of_goods_that_a_date_alone_names_is_answered(database: Database) -> None:
    line = Line()
    line.place("p-1", "market-1")
    ends = TODAY + days(3)
    line.report(
        received(10, milk("A", expires=ends), at=NOON - 3 * HOUR),
        # By a date that nothing came in by: which of the two it was, nobody knows.
        sold(4, milk(None, expires=TODAY + days(4)), at=NOON - 2 * HOUR),
    )

    with asking(database, line) as api:
        stock = api.get("/v1/premises/p-1/stock").json()
        then = api.get("/v1/premises/p-1/stock/then", params={"at": NOON.isoformat()}).json()
        lot = {"product": MILK, "lot": "A"}
        traced = [
            api.get("/v1/trace", params=lot | moment).json()
            for moment in ({}, {"as_of": line.journal.head()})
        ]

    lots = [[one for one in page["lines"] if one["lot"] == "L:A"] for page in (stock, then)]
    bounds = [(one["at_least"], one["at_most"]) for (one,) in lots]
    bounds += [(one["at_least"], one["at_most"]) for (one,) in (page["holders"] for page in traced)]
    assert bounds == [("6", "10")] * 4
