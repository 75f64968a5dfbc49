"""Searching products: digits that are no number of any name nothing, and a slip in a word still finds."""

from ledger.events.cases import ProductRegistered
from tests.support.asked import asking
from tests.support.databases import Database
from tests.support.line import Line
from tests.support.make import YOGHURT, registered


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
