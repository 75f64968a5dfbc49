"""Everybody tries everything the query API offers, and gets what the table of access says."""

import contextlib
import hashlib
import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import psycopg
import pytest
from fastapi.routing import APIRoute

import query_api.routes
from kiosk_ui.language import load_languages
from kiosk_ui.viewmodels.asked import asked_words
from ledger.accounts.access_log import check_access_log
from ledger.rules.access import TABLE, Grant
from query_api import inquiries
from query_api.app import build
from query_api.inquiries import Asks
from suyuan.parts.cluster import Cluster
from tests.support.asked import ALL, asking, token_of
from tests.support.databases import Database, fresh
from tests.support.make import MILK
from tests.support.town import AREAS, FARMER, FARMER_CARD, PEOPLE, RECALLED, keep_cards, town

REGISTER = {name: (district, market) for name, district, market in PEOPLE}
WITHIN = dict(AREAS)
PERIOD = "since=2026-11-01&until=2026-11-30"


class Somebody(NamedTuple):
    """Who asks, and what was granted to them."""

    name: str
    grants: tuple[Grant, ...]

    def header(self) -> dict[str, str]:
        return token_of(*self.grants, account=self.name) if self.grants else {}


PEOPLE_WHO_ASK = (
    Somebody("stall-1", (Grant("merchant", ("m-1",)),)),
    Somebody("stall-2", (Grant("merchant", ("m-2",)),)),
    Somebody("chain", (Grant("headquarters", ("m-1", "m-3")),)),
    Somebody("market", (Grant("market-operator", ("east",)),)),
    Somebody("inspector", (Grant("inspector", ("yuelu",)),)),
    Somebody("district", (Grant("regulator", ("furong",)),)),
    Somebody("city", (Grant("regulator", ("changsha",)),)),
    Somebody("far", (Grant("regulator", ("yuhu",)),)),
    Somebody("auditor", (Grant("auditor"),)),
    Somebody("admin", (Grant("administrator"),)),
    Somebody("two-hats", (Grant("merchant", ("m-3",)), Grant("inspector", ("yuelu",)))),
    Somebody("nobody", ()),
)
# How each route is asked; {merchant} makes it a question about one of them.
EXAMPLES = {
    "/v1/products": "?q=milk",
    "/v1/products/{gtin}": f"/v1/products/{MILK}",
    "/v1/merchants": "?q=m",
    "/v1/merchants/{merchant}": "/v1/merchants/m-1",
    "/v1/merchants/{merchant}/shelf": "/v1/merchants/m-1/shelf",
    "/v1/test-days": "",
    "/v1/lots/{gtin}": f"/v1/lots/{MILK}?expires=2030-01-01",
    "/v1/lots/{gtin}/{lot:path}": f"/v1/lots/{MILK}/LOT-1",
    "/v1/live/lots/{gtin}/{lot:path}": None,
    "/v1/live/record": None,
    "/v1/live/work": None,
    "/v1/documents": f"?gtin={MILK}",
    "/v1/events": "?after=0",
    "/v1/health": "",
    "/v1/positions": "?position=1",
    "/v1/ready": "",
    "/v1/metrics": "",
    "/v1/me": None,
    "/v1/merchants/{merchant}/access-log": "/v1/merchants/{merchant}/access-log",
    "/v1/access-log": None,
    "/v1/access-log/export.{form}": None,
    "/v1/alerts": "",
    "/v1/alert-groups": "",
    "/v1/alert-groups/{grouped}": None,
    "/v1/premises/{premises}/stock": "/v1/premises/p-{merchant}/stock",
    "/v1/premises/{premises}/stock/then": "/v1/premises/p-{merchant}/stock/then",
    "/v1/premises/{premises}/stock/entries": f"/v1/premises/p-{{merchant}}/stock/entries?product={MILK}",
    "/v1/merchants/{merchant}/ledgers/{name}": "/v1/merchants/{merchant}/ledgers/purchases?" + PERIOD,
    "/v1/merchants/{merchant}/pairs": "/v1/merchants/{merchant}/pairs?" + PERIOD,
    "/v1/merchants/{merchant}/ledgers/{name}/completeness":
        "/v1/merchants/{merchant}/ledgers/purchases/completeness?" + PERIOD,
    "/v1/merchants/{merchant}/ledgers/{name}/export.{form}":
        "/v1/merchants/{merchant}/ledgers/purchases/export.csv?" + PERIOD,
    "/v1/merchants/{merchant}/retention": "/v1/merchants/{merchant}/retention",
    # A paper's copy: tests/integration/test_papers_shown.py.
    "/v1/documents/{digest}": None,
    "/v1/document-search": "?q=检疫",
    "/v1/merchants/{merchant}/papers-ending": "/v1/merchants/{merchant}/papers-ending",
    "/v1/statistics": "?by=district&" + PERIOD,
    "/v1/statistics/export.{form}": "/v1/statistics/export.csv?" + PERIOD,
    "/v1/devices": "",
    "/v1/devices/{device}": "/v1/devices/d-{merchant}",
    "/v1/devices/stops": "?since=1",
    "/v1/trace": f"?product={MILK}&lot={RECALLED}",
    "/v1/trace/flow": f"/v1/trace/flow?product={MILK}&lot={RECALLED}",
    "/v1/trace/export.{form}": f"/v1/trace/export.csv?product={MILK}&lot={RECALLED}",
    "/v1/outbreak": f"?product={MILK}&lot={RECALLED}&product={MILK}&lot=LOT-2",
    "/v1/check": f"?gtin={MILK}",
    "/v1/holds": "",
    "/v1/holds/{hold}": "/v1/holds/h-1",
    "/v1/notices": "",
    "/v1/notices/{recall}": "/v1/notices/r-1",
    "/v1/merchants/{merchant}/recall-tasks": "/v1/merchants/{merchant}/recall-tasks",
    "/v1/recalls": "",
    "/v1/recall-proposal": f"?product={MILK}&lot={RECALLED}",
    "/v1/recalls/{recall}": "/v1/recalls/r-1",
    "/v1/recalls/{recall}/holders": "/v1/recalls/r-1/holders",
    "/v1/recalls/{recall}/holders/{merchant}": "/v1/recalls/r-1/holders/{merchant}",
    "/v1/recalls/{recall}/score": "/v1/recalls/r-1/score",
    "/v1/recalls/{recall}/calls": "/v1/recalls/r-1/calls",
    "/v1/recalls/{recall}/checks": "/v1/recalls/r-1/checks",
    "/v1/recalls/{recall}/notice.{form}": "/v1/recalls/r-1/notice.txt",
    "/v1/recalls/{recall}/report.html": "/v1/recalls/r-1/report.html",
    "/v1/recalls/{recall}/hand-over.{form}": "/v1/recalls/r-1/hand-over.csv",
}  # fmt: skip
# The status of an answer that was given, where it is not 200: no such lot here.
GIVEN = {"/v1/lots/{gtin}": 404}


def routes() -> dict[str, tuple[str, ...]]:
    """Every route, with the resources that it says it is about."""
    return {
        route.path: tuple(
            resource
            for part in route.dependant.dependencies
            if isinstance(part.call, Asks)
            for resource in part.call.resources
        )
        for module in pkgutil.iter_modules(query_api.routes.__path__)
        for route in importlib.import_module(f"query_api.routes.{module.name}").router.routes
        if isinstance(route, APIRoute)
    }


ROUTES = routes()


def reaches(
    who: Somebody, resource: str, merchant: str | None, *, at_one_place: bool = False
) -> bool:
    """What the table says, worked out in another way than by the code that decides."""
    for grant in who.grants or (Grant("consumer"),):
        scope = TABLE.get((grant.role, resource, "read"))  # type: ignore[call-overload]  # any resource
        if scope == "all" or (scope is not None and merchant is None):
            return True
        if scope is None or merchant is None:
            continue
        district, market = REGISTER.get(merchant, (None, None))
        lies_in = {district}
        while district is not None:
            district = WITHIN.get(district)
            lies_in.add(district)
        if scope == "own" and merchant in grant.over:
            return True
        # m-4, found to be m-1, trades at the eastern market.
        markets = {market, "east"} if merchant == "m-1" and not at_one_place else {market}
        if scope == "market" and markets & set(grant.over):
            return True
        if scope == "area" and (lies_in & set(grant.over) or merchant not in REGISTER):
            return True
    return False


@pytest.fixture(scope="module")
def place(cluster: Cluster) -> Database:
    return fresh(cluster)


@pytest.fixture(scope="module")
def api(place: Database) -> Iterator[httpx.Client]:
    keep_cards(place)
    with asking(place, town()) as client:
        client.auth = None
        yield client


def test_every_route_says_what_it_is_about_and_is_tried_here() -> None:
    # Who asks `me` is told about themselves.
    unnamed = {path for path, resources in ROUTES.items() if not resources}

    assert unnamed == {"/v1/me"}
    assert set(EXAMPLES) == set(ROUTES)
    assert {path.replace(":path", "") for path in ROUTES} == set(build("").openapi()["paths"])


@pytest.mark.parametrize("who", PEOPLE_WHO_ASK, ids=lambda who: who.name)
def test_everybody_gets_what_the_table_says(api: httpx.Client, who: Somebody) -> None:
    tried = 0
    for path, example in EXAMPLES.items():
        if example is None:
            continue
        address = example if example.startswith("/") else path + example
        for merchant in ("m-1", "m-2", "m-3") if "{merchant}" in address else (None,):
            answer = api.get(address.replace("{merchant}", merchant or ""), headers=who.header())
            place = "/premises/" in path
            given = any(reaches(who, r, merchant, at_one_place=place) for r in ROUTES[path])
            refused = 403 if who.grants else 401
            wanted = GIVEN.get(path, 200) if given else refused
            assert answer.status_code == wanted, (who.name, address, merchant, answer.text[:200])
            if given and answer.status_code == 200:
                assert strangers_in(answer, who, ROUTES[path]) == set(), (who.name, address)
            tried += 1
    assert tried > 40


def strangers_in(answer: httpx.Response, who: Somebody, resources: tuple[str, ...]) -> set[str]:
    """Returns the merchants whose own rows an answer shows though they are out of reach."""
    if answer.headers["content-type"] != "application/json" or "trace" in resources:
        return set()
    everybody = {*REGISTER, "m-9"}
    scopes = {TABLE.get((g.role, r, "read")) for g in who.grants for r in resources}  # type: ignore[call-overload]  # any resource
    if "all" in scopes or resources == ("product",):
        return set()
    # A place of m-4 is at the eastern market, whoever m-4 was found to be.
    markets = {market for one in who.grants if one.role == "market-operator" for market in one.over}
    told = [row for row in rows_in(answer.json()) if row.get("premises") != "p-m-4" or not markets]
    shown = {name for row in told for name in [row.get("merchant")] if name}
    return {
        name for name in shown & everybody
        if not any(reaches(who, resource, name) for resource in resources)
    }  # fmt: skip


def rows_in(told: Any) -> Iterator[dict[str, Any]]:
    """Every object of an answer, however deep."""
    if isinstance(told, dict):
        yield told
        told = list(told.values())
    if isinstance(told, list):
        for one in told:
            yield from rows_in(one)


@pytest.mark.parametrize("who", PEOPLE_WHO_ASK, ids=lambda who: who.name)
def test_rows_of_others_stay_out_of_sight_where_a_route_forgets_to_ask_the_table(
    api: httpx.Client, who: Somebody, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not who.grants:
        # Whoever is not signed in reaches what is public; the same holds for them below.
        assert reaches(who, "product", None)
    monkeypatch.setattr(inquiries, "decide_access", lambda *_: None)
    for path, resource, list_ in (
        ("/v1/premises/p-{merchant}/stock", "stock", "lines"),
        ("/v1/merchants/{merchant}/ledgers/purchases?" + PERIOD, "ledger", "lines"),
        ("/v1/merchants/{merchant}/retention", "ledger", "lots"),
        ("/v1/alerts?only_open=false&premises=p-{merchant}", "alert", "alerts"),
    ):
        for merchant in ("m-1", "m-2", "m-3"):
            answer = api.get(path.replace("{merchant}", merchant), headers=who.header())
            assert answer.status_code == 200, answer.text
            seen = bool(answer.json()[list_])
            if reaches(who, resource, merchant, at_one_place="premises" in path):
                assert seen, (who.name, path, merchant)
            elif resource != "ledger":
                assert not seen, (who.name, path, merchant)
            else:
                # Of another's books a trader sees the lines that name the trader.
                names = {line.get("merchant") for line in rows_in(answer.json())}
                assert not seen or reaches_a_side(who, merchant), (who.name, path, names)


def reaches_a_side(who: Somebody, merchant: str) -> bool:
    """Whether somebody may see one that traded with this merchant: that line is theirs too."""
    sides = {"m-1": {"m-2", "m-3", "m-4"}, "m-2": {"m-1", "m-3", "m-4", "m-9"},
             "m-3": {"m-2", "m-1"}}  # fmt: skip
    return any(reaches(who, "ledger", side) for side in sides[merchant])


def test_nobody_is_answered_what_is_not_on_record_first(api: httpx.Client, place: Database) -> None:
    inspector = PEOPLE_WHO_ASK[4].header() | {"suyuan-why": "%E5%A4%8D%E6%9F%A5"}
    with psycopg.connect(place.dsn(), autocommit=True) as owner:
        before = owner.execute("SELECT number FROM access.head").fetchone()
        owner.execute("REVOKE EXECUTE ON FUNCTION access.append FROM suyuan_reader")
        refused = api.get("/v1/premises/p-m-1/stock", headers=inspector)
        owner.execute("GRANT EXECUTE ON FUNCTION access.append TO suyuan_reader")
        given = api.get("/v1/premises/p-m-1/stock", headers=inspector)
        after = owner.execute("SELECT number FROM access.head").fetchone()

    assert (refused.status_code, refused.json()["title"]) == (503, "not-on-record")
    assert given.status_code == 200
    assert before is not None
    assert after == (before[0] + 1,)
    looks = api.get("/v1/merchants/m-1/access-log", headers=PEOPLE_WHO_ASK[0].header()).json()
    latest = looks["looks"][0]
    assert (latest["account"], latest["resource"], latest["why"]) == ("inspector", "stock", "复查")
    assert latest["asked"] == "/v1/premises/p-m-1/stock"


def test_who_looks_at_their_own_is_not_noted_and_who_looks_at_many_is_for_each(
    api: httpx.Client, place: Database
) -> None:
    def noted() -> int:
        with psycopg.connect(place.dsn()) as owner:
            row = owner.execute("SELECT number FROM access.head").fetchone()
        assert row is not None
        return int(row[0])

    begun = noted()
    own = Somebody("stall-2", (Grant("merchant", ("m-2",)),)).header()
    api.get("/v1/premises/p-m-2/stock", headers=own)
    api.get("/v1/merchants/m-2/ledgers/sales?" + PERIOD, headers=own)
    api.get(f"/v1/lots/{MILK}/LOT-1", headers=own)
    assert noted() == begun
    # Of whom one buys, the address is a person's all the same.
    api.get("/v1/merchants/m-2/ledgers/produce?" + PERIOD, headers=own)
    assert latest_entry(place)["cards"] == [FARMER_CARD]
    assert latest_entry(place)["merchants"] == []
    city = PEOPLE_WHO_ASK[6].header()
    traced = api.get(f"/v1/trace?product={MILK}&lot={RECALLED}", headers=city).json()
    holders = {holder["merchant"] for holder in traced["holders"]}
    assert len(holders) > 2

    for merchant in holders & set(REGISTER):
        shown = Somebody("x", (Grant("merchant", (merchant,)),)).header()
        (look, *_) = api.get(f"/v1/merchants/{merchant}/access-log", headers=shown).json()["looks"]
        # Whose records were looked at beside theirs is nobody's to know.
        assert (look["account"], look["resource"], look["asked"]) == ("city", "trace", None)
    # Whom a word finds was looked at, also where the page shows one of them.
    found = api.get(f"/v1/trace?product={MILK}&lot={RECALLED}&find=m-&limit=1", headers=city).json()
    assert (len(found["holders"]), found["holders_found"] > 2) == (1, True)
    assert set(latest_entry(place)["merchants"]) >= holders


def test_an_officer_is_told_whether_all_scanners_are_counted_or_those_of_the_districts(
    api: httpx.Client,
) -> None:
    for grant, everything in ((Grant("regulator", ("furong",)), False), (Grant("auditor"), True)):
        asked = api.get("/v1/devices/stops?since=1", headers=Somebody("one", (grant,)).header())
        assert asked.json()["everything"] is everything


def test_a_lots_number_makes_nobody_else_part_of_what_was_asked(
    api: httpx.Client, place: Database
) -> None:
    auditor = PEOPLE_WHO_ASK[8].header()

    api.get("/v1/premises/p-m-1/stock/entries", headers=auditor,
            params={"product": MILK, "lot": "L:A+B&merchant=m-9/%41"})  # fmt: skip

    words = asked_words(latest_entry(place)["asked"], load_languages()["zh"])
    assert words == f"地点 p-m-1 · 商品 {MILK} · 批号 L:A+B&merchant=m-9/%41"


def test_what_is_nobodys_name_is_refused_before_it_is_on_record(
    api: httpx.Client, place: Database
) -> None:
    """A control character asked for as a merchant broke the auditor's workbook."""
    auditor = PEOPLE_WHO_ASK[8].header()
    api.get("/v1/premises/p-m-1/stock", headers=auditor)
    before = latest_entry(place)

    odd = [("/v1/outbreak?stall=%0B&stall=m-1"), (f"/v1/statistics?by=day&{PERIOD}&merchant=%1D")]

    assert [api.get(path, headers=auditor).status_code for path in odd] == [422, 422]
    assert latest_entry(place) == before


def test_a_device_names_whom_it_reports_for_as_people_do(api: httpx.Client) -> None:
    auditor = Somebody("auditor", (Grant("auditor"),)).header()
    listed = api.get("/v1/devices", headers=auditor).json()["devices"]

    named = {
        who: name
        for one in listed
        for who, name in zip(one["merchants"], one["merchant_names"], strict=True)
    }
    assert named["m-1"] == "摊位 m-1"


def test_the_chain_shows_an_auditor_what_was_changed_in_it(
    api: httpx.Client, place: Database
) -> None:

    auditor = Somebody("auditor", (Grant("auditor"),)).header()
    for _ in range(3):
        api.get("/v1/merchants/m-1/ledgers/purchases?" + PERIOD, headers=auditor)
    chain, after = b"", 0
    while True:
        page = api.get(f"/v1/access-log?after={after}&limit=5", headers=auditor).json()
        for entry in page["entries"]:
            chain = hashlib.sha256(chain + entry["said"].encode()).digest()
            assert chain.hex() == entry["hash"]
        if page["next"] is None:
            break
        after = page["next"]
    latest = api.get("/v1/access-log?before=1000000&limit=2", headers=auditor).json()
    numbers = [entry["number"] for entry in latest["entries"]]
    assert numbers[0] == numbers[1] + 1 >= page["entries"][-1]["number"]
    older = api.get(f"/v1/access-log?before={latest['next']}&limit=1", headers=auditor).json()
    assert older["entries"][0]["number"] == numbers[1] - 1
    # What an open page of the desk loads by itself is left out for who asks so, and nothing else.
    api.get("/v1/devices", headers=auditor)
    quiet = api.get("/v1/access-log?before=1000000&overviews=false", headers=auditor).json()
    told = [json.loads(entry["said"]) for entry in quiet["entries"]]
    assert [one for one in told if one["asked"].startswith(("/v1/devices", "/v1/alert"))] == []
    assert any("/ledgers/purchases" in one["asked"] for one in told)
    every = api.get("/v1/access-log?before=1000000", headers=auditor).json()
    assert "/v1/devices" in [json.loads(one["said"])["asked"] for one in every["entries"]]
    assert api.get("/v1/access-log?overviews=false", headers=auditor).status_code == 422
    with psycopg.connect(place.dsn()) as owner:
        assert check_access_log(owner).problems == []
        for change in (
            "UPDATE access.entries SET said = said || ' ' WHERE number = 2",
            "DELETE FROM access.entries WHERE number = 2",
            "DELETE FROM access.merchants WHERE number = 2",
            "DELETE FROM access.entries WHERE number = (SELECT max(number) FROM access.entries)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), owner.transaction():
                owner.execute(change)  # type: ignore[arg-type]  # one of the four above
            with owner.transaction(force_rollback=True):
                # Whoever owns the database can take the guards away, and is seen all the same.
                owner.execute("SET LOCAL session_replication_role = replica")
                owner.execute(change)  # type: ignore[arg-type]  # one of the four above
                assert check_access_log(owner).problems != [], change


@pytest.mark.parametrize("who", PEOPLE_WHO_ASK, ids=lambda who: who.name)
def test_persons_are_shown_to_who_may_see_them_and_withheld_from_others(
    api: httpx.Client, place: Database, who: Somebody
) -> None:
    ledger = "/v1/merchants/m-1/ledgers/produce?" + PERIOD
    sheet = f"/v1/trace/export.csv?product={MILK}&lot={RECALLED}&sheet=fsma204"
    for address, resource, persons, about in (
        (ledger, "ledger", "person", "m-1"), (sheet, "trace", "call-list", None),
    ):  # fmt: skip
        with psycopg.connect(place.dsn()) as owner:
            before = owner.execute("SELECT count(*) FROM personal.openings").fetchone()
            answer = api.get(address, headers=who.header())
            after = owner.execute("SELECT count(*) FROM personal.openings").fetchone()
        if not reaches(who, resource, about):
            assert answer.status_code in (401, 403)
            assert before == after
            continue
        shown = (FARMER.name in answer.text, "withheld" in answer.text, before != after)
        wanted = reaches(who, persons, about)
        assert shown == (wanted, not wanted, wanted), (who.name, address)


def test_a_trace_sheet_is_noted_for_everybody_it_shows(api: httpx.Client) -> None:
    city = PEOPLE_WHO_ASK[6].header()
    sheet = f"/v1/trace/export.csv?product={MILK}&lot={RECALLED}&sheet=fsma204"

    text = api.get(sheet, headers=city).text

    auditor = PEOPLE_WHO_ASK[8].header()
    entries, after = [], 0
    while True:
        page = api.get(f"/v1/access-log?after={after}", headers=auditor).json()
        entries += page["entries"]
        if page["next"] is None:
            break
        after = page["next"]
    latest = json.loads(entries[-1]["said"])
    assert (latest["account"], latest["resource"]) == ("city", "trace")
    assert {name for name in REGISTER if f"摊位 {name}" in text} <= set(latest["merchants"])
    assert FARMER_CARD in latest["cards"]


@pytest.mark.parametrize(
    "header",
    ["Bearer nonsense", "Basic bGk6bGk=", "Bearer " + "a" * 9000, "Bearer a.b.c"],
)
def test_a_token_that_is_none_is_refused_everywhere(api: httpx.Client, header: str) -> None:
    for path in ("/v1/products?q=milk", "/v1/alerts", "/v1/me"):
        answer = api.get(path, headers={"authorization": header})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), path


def latest_entry(place: Database) -> dict[str, Any]:
    with psycopg.connect(place.dsn()) as owner:
        row = owner.execute(
            "SELECT said::jsonb FROM access.entries ORDER BY number DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    found: dict[str, Any] = row[0]
    return found


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        # A page without holders still says what share each has.
        (f"/v1/trace?product={MILK}&lot={RECALLED}&after=1000000000", {"m-1", "m-2", "m-3"}),
        ("/v1/outbreak?stall=m-2&stall=m-3", {"m-2", "m-3"}),
        ("/v1/premises/p-m-9/stock", {"m-9"}),
        ("/v1/merchants/m-1/pairs?" + PERIOD, {"m-2", "m-3"}),
    ],
)
def test_whoever_is_shown_is_noted(
    api: httpx.Client, place: Database, address: str, wanted: set[str]
) -> None:
    auditor = PEOPLE_WHO_ASK[8].header()
    marked = f"{address}&marked=1" if "?" in address else f"{address}?marked=1"

    api.get(marked, headers=auditor)

    found = latest_entry(place)
    assert wanted <= set(found["merchants"])
    assert found["asked"].endswith("marked=1")


def test_nothing_is_hidden_behind_a_long_question(api: httpx.Client, place: Database) -> None:
    auditor = PEOPLE_WHO_ASK[8].header()
    for end in ("1", "2"):
        api.get(f"/v1/premises/p-m-1/stock?x={'y' * 3000}{end}", headers=auditor)

    first, second = latest_entry(place)["asked"], latest_entry(place)["asked"]
    assert len(first) < 2200
    assert "sha256:" in second


def test_the_log_takes_nothing_that_is_no_entry(place: Database) -> None:
    with psycopg.connect(place.dsn("suyuan_reader"), autocommit=True) as reader:
        for entry in ('{"merchants": ["m-2"]}', '{"x": 1}', "[]", '{"account": 5}'):
            with pytest.raises(psycopg.errors.DataException):
                reader.execute("SELECT access.append(%s::jsonb)", [entry])
    with psycopg.connect(place.dsn()) as owner:
        assert check_access_log(owner).problems == []


def test_who_reads_an_export_slowly_holds_up_nobody(api: httpx.Client, place: Database) -> None:
    chief = token_of(*ALL)
    address = "/v1/merchants/m-1/ledgers/purchases/export.csv?" + PERIOD
    with contextlib.ExitStack() as slow:
        for _ in range(12):
            slow.enter_context(api.stream("GET", address, headers=chief))
        with psycopg.connect(place.dsn(), autocommit=True) as owner:
            row = owner.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND usename = 'suyuan_reader' AND state LIKE 'idle in transaction%'"
            ).fetchone()
        assert row == (0,)
        assert api.get("/v1/health").status_code == 200


def test_a_group_of_alerts_counts_for_a_stall_what_is_its_own(
    api: httpx.Client, place: Database
) -> None:
    with psycopg.connect(place.dsn()) as owner:
        owner.execute(
            "UPDATE trade.alerts SET grouped = (SELECT min(grouped) FROM trade.alerts"
            " WHERE merchant = 'm-2' AND closed_at IS NULL)"
            " WHERE merchant IN ('m-2', 'm-3') AND closed_at IS NULL"
        )
        # One that was m-3's is over, and goes on for m-2 alone.
        owner.execute(
            "UPDATE trade.alerts SET closed_at = 1, grouped = (SELECT min(grouped) FROM trade.alerts"
            " WHERE merchant = 'm-1' AND closed_at IS NULL) WHERE (kind, subject) ="
            " (SELECT min(kind), min(subject) FROM trade.alerts WHERE merchant = 'm-9')"
        )
    nine = Somebody("stall-9", (Grant("merchant", ("m-9",)),)).header()
    assert api.get("/v1/alert-groups", headers=nine).status_code == 200
    counted = {}
    for who in (PEOPLE_WHO_ASK[1], PEOPLE_WHO_ASK[8]):
        alerts = api.get("/v1/alerts", headers=who.header()).json()["alerts"]
        (group,) = {one["grouped"] for one in alerts if one["merchant"] == "m-2"}
        groups = api.get("/v1/alert-groups", headers=who.header()).json()["groups"]
        (shown,) = [one["open"] for one in groups if one["grouped"] == group]
        assert shown == sum(one["grouped"] == group for one in alerts)
        counted[who.name] = shown
    assert counted["stall-2"] < counted["auditor"]


def test_a_question_with_characters_that_no_record_holds_is_noted_and_answered(
    api: httpx.Client, place: Database
) -> None:
    auditor = PEOPLE_WHO_ASK[8].header()

    answer = api.get("/v1/premises/p-m-1/stock?x=%00%C2%9C%ED%A0%80%E5%A4%8D", headers=auditor)

    assert answer.status_code == 200
    assert "%00" in latest_entry(place)["asked"]
    assert "复" in latest_entry(place)["asked"]


def test_who_may_not_is_told_in_the_log(
    api: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="suyuan.query")

    api.get("/v1/premises/p-m-1/stock", headers=PEOPLE_WHO_ASK[1].header())
    api.get("/v1/alerts")

    told = [(vars(one)["account"], vars(one)["code"], vars(one)["path"]) for one in caplog.records]
    assert told == [
        ("stall-2", "out-of-reach", "/v1/premises/p-m-1/stock"),
        ("", "not-signed-in", "/v1/alerts"),
    ]  # fmt: skip
