"""Register routes (经济户口): every food business and where it trades, for everybody to look up."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from ledger.values.ids import ID_FORM
from query_api.inquiries import Inquiry, asks
from query_api.ledgers import known_as
from query_api.parameters import Cursor, Limit
from query_api.problems import Problem
from query_api.register_schemas import (
    MerchantLine,
    MerchantList,
    MerchantPage,
    PlaceLine,
    ShelfPage,
)
from query_api.search import SAID_MERCHANTS, said_so
from query_api.shelves import SHELF_DAYS, shelf
from query_api.views import cursor_of, key_of, position, rows, today

# As people order names that end in numbers: stall 9 before stall 10.
BY_NUMBERS = r"regexp_replace(regexp_replace({name}, '\d+', '0000000000\&', 'g'), '\d*(\d{{10}})', '\1', 'g')"
MERCHANTS = f"""
SELECT m.merchant, m.name, m.kind, m.district, m.licence,
       ARRAY(SELECT DISTINCT market FROM trade.premises p WHERE p.merchant = m.merchant
             ORDER BY market) AS markets
FROM trade.merchants m
WHERE ({BY_NUMBERS.format(name="m.name")}, m.merchant) > ({BY_NUMBERS.format(name="%(name)s")}, %(merchant)s)
  AND (%(exact)s = '' OR m.merchant = %(exact)s OR replace(m.name, ' ', '') ILIKE %(like)s OR m.licence = %(exact)s OR m.merchant = ANY(%(said)s))
  AND (%(district)s::text IS NULL OR m.district = %(district)s)
  AND (%(market)s::text IS NULL OR EXISTS (
      SELECT FROM trade.premises p WHERE p.merchant = m.merchant AND p.market = %(market)s))
ORDER BY {BY_NUMBERS.format(name="m.name")}, m.merchant LIMIT %(limit)s
"""
PREMISES = """
SELECT premises, name, market, mode FROM trade.premises WHERE merchant = %s ORDER BY premises LIMIT 500
"""

PublicInquiry = Annotated[Inquiry, asks("product")]
IdQuery = Annotated[str | None, Query(pattern=f"^{ID_FORM}$")]

router = APIRouter(prefix="/v1/merchants", tags=["public"])


@router.get("")
def search(
    asked: PublicInquiry,
    q: Annotated[
        str, Query(max_length=60, examples=["张记"], description="name, id or licence")
    ] = "",
    district: IdQuery = None,
    market: IdQuery = None,
    after: Cursor = None,
    limit: Limit = 50,
) -> MerchantList:
    """Finds merchants by a part of their name or how it is said (pinyin), by id or licence; all of a district or market."""
    name, merchant = key_of(after, 2)
    text = q.strip().replace("\x00", "")
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    values = {
        "exact": text, "like": f"%{escaped.replace(' ', '')}%", "district": district, "market": market,
        "name": name, "merchant": merchant, "limit": limit + 1,
    }  # fmt: skip
    with asked.snapshot() as reader:
        said = said_so(reader, SAID_MERCHANTS, text)
        found = [MerchantLine(**row) for row in rows(reader, MERCHANTS, values | {"said": said})]
    last = found[limit - 1] if len(found) > limit else None
    more = cursor_of(last.name, last.merchant) if last else None
    return MerchantList(merchants=found[:limit], next=more)


@router.get("/{merchant}")
def one(
    asked: PublicInquiry, merchant: Annotated[str, Path(pattern=f"^{ID_FORM}$")]
) -> MerchantPage:
    """A merchant and its places, by whichever of its names."""
    with asked.snapshot() as reader:
        known = known_as(reader, merchant)
        query = "SELECT merchant, name, kind, district, licence FROM trade.merchants WHERE merchant = %s"
        if not (found := rows(reader, query, [known])):
            raise Problem(404, "merchant-unknown", f"no merchant {merchant} is in the register")
        places = [PlaceLine(**row) for row in rows(reader, PREMISES, [known])]
        return MerchantPage(**found[0], premises=places, position=position(reader))


@router.get("/{merchant}/shelf")
def on_the_shelf(
    asked: PublicInquiry,
    merchant: Annotated[str, Path(pattern=f"^{ID_FORM}$")],
    product: Annotated[str | None, Query(max_length=80, examples=["item:小白菜"])] = None,
) -> ShelfPage:
    """What a merchant took in lately that is still good: which lots, never how much or from whom."""
    with asked.snapshot() as reader:
        known = known_as(reader, merchant)
        lines = shelf(reader, known, today(reader), product)
        return ShelfPage(merchant=known, days=SHELF_DAYS, lines=lines, position=position(reader))
