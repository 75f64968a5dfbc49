"""Searching products: digits that are no number of any name nothing, and a slip in a word still finds."""

from ledger.events.cases import MerchantRegistered, ProductRegistered
from ledger.values.gtin import check_digit
from tests.support.asked import asking
from tests.support.databases import Database
from tests.support.line import Line
from tests.support.make import MILK, YOGHURT, registered


def test_a_shops_own_scale_code_is_not_taken_for_a_product_with_such_digits_in_its_name(
    database: Database,
) -> None:
    line = Line()
    yoghurt: ProductRegistered = registered(
        YOGHURT, name_zh="原味酸奶 200 克", name_en="Plain yoghurt"
    )
    line.case("product", YOGHURT, yoghurt)

    with asking(database, line) as api:
        digits = api.get("/v1/products", params={"q": "2000000000000"}).json()
        slip = api.get("/v1/products", params={"q": "yogurt"}).json()

    assert (digits["products"], digits["similar"]) == ([], False)
    assert ([one["gtin"] for one in slip["products"]], slip["similar"]) == ([YOGHURT], True)


def test_chinese_names_are_found_by_how_they_are_said(database: Database) -> None:
    line = Line()
    line.case(
        "product", YOGHURT, registered(YOGHURT, name_zh="张记长粒香米酸奶", name_en="Rice yoghurt")
    )
    line.case("product", MILK, registered(MILK, name_zh="旅行装牛奶", name_en="Milk"))
    stall = MerchantRegistered(merchant="m-1", name="重庆张记奶品", kind="retailer", district="d-1")
    line.case("merchant", "m-1", stall)

    with asking(database, line) as api:

        def goods(text: str) -> list[str]:
            page = api.get("/v1/products", params={"q": text}).json()
            return [] if page["similar"] else [one["gtin"] for one in page["products"]]

        def stalls(text: str) -> list[str]:
            page = api.get("/v1/merchants", params={"q": text}).json()
            return [one["merchant"] for one in page["merchants"]]

        # Whole, by first letters, broken off, with either reading, and as people type ü.
        for text in ("suannai", "zjcl", "Zhang Ji", "changli", "zlx", "suann"):
            assert goods(text) == [YOGHURT], text
        assert goods("lvxing") == goods("lü xing") == goods("niun") == [MILK]
        assert sorted(goods("nai")) == sorted([YOGHURT, MILK])
        # Letters that stand in it, and not one behind the other.
        assert goods("naisuan") == goods("annai") == []
        assert stalls("chongqing") == stalls("cqzj") == stalls("zhangji") == ["m-1"]
        assert stalls("jizhang") == []


def test_a_case_is_not_listed_beside_what_it_holds(database: Database) -> None:
    """A shopper saw the same milk twice, and did not know that one was a box of it."""
    line = Line()
    case = "1" + YOGHURT[1:-1]
    case += str(check_digit(case))
    line.case("product", YOGHURT, registered(YOGHURT, name_zh="原味酸奶"))
    line.case(
        "product", case, registered(case, name_zh="原味酸奶 12 盒", base=YOGHURT, contains=12)
    )

    with asking(database, line) as api:

        def found(text: str) -> list[str]:
            products = api.get("/v1/products", params={"q": text}).json()["products"]
            return [one["gtin"] for one in products]

        assert found("酸奶") == found("suannai") == [YOGHURT]
        assert found("12 盒") == found(case) == [case]
