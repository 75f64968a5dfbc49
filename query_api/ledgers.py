"""The law's ledgers as lines: the entries of a merchant and period, field by field."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ledger.rules.law_ledgers import PRODUCE_CATEGORIES, LawLedger, keep_until
from ledger.rules.paper_scope import covers_day, covers_lot, covers_supplier
from ledger.values.cards import Card, open_card
from ledger.values.day import ZONE_DEFAULT, day_at
from query_api.problems import Problem
from query_api.views import Reader, rows

PAGE = 2000
# The notebook is entered in the evening or next morning; what comes later is marked as late.
LATE_AFTER_DAYS = 1
# What is read of a person who was erased; nobody is asked to mend what must not be known.
ERASED = Card(name="已删除 erased", address="已删除 erased", phone="已删除 erased")
# What is read of a person by who may see a ledger, and no persons.
WITHHELD = Card(name="不予显示 withheld", address="不予显示 withheld", phone="不予显示 withheld")
LINES = """
SELECT m.merchant, m.position, m.original, m.leg, m.stream, m.number, m.kind, m.business_date, m.received,
       m.premises, m.read_product, m.read_lot, m.stated_unit, m.stated, m.pieces, m.produced,
       m.sign AS direction,
       m.product, m.lot, m.counterparty, m.card, m.delivery,
       p.name_zh, p.name_en, p.pack, b.shelf_life_days, b.category,
       l.produced AS lot_produced, l.expires AS lot_expires,
       r.name AS party_name, r.owner_card, t.device
FROM trade.movements m
LEFT JOIN edge.tapes t ON t.stream = m.stream
LEFT JOIN trade.products p ON p.gtin = m.read_product
LEFT JOIN trade.products b ON b.gtin = m.product
LEFT JOIN trade.lots l ON l.product = m.product AND l.lot = m.lot
LEFT JOIN trade.merchants r ON r.merchant = m.counterparty
WHERE m.merchant = %(merchant)s AND m.kind = ANY(%(kinds)s) AND m.believed_to IS NULL
  AND m.business_date BETWEEN %(since)s AND %(until)s
  AND m.counterparty IS DISTINCT FROM m.merchant
  AND (%(goods)s = 'all' OR (%(goods)s = 'produce') =
       (m.product LIKE 'item:%%' OR coalesce(b.category, '') = ANY(%(produce)s)))
  AND (m.business_date, m.original, m.leg) > (%(day)s, %(original)s, %(at_leg)s)
ORDER BY m.business_date, m.original, m.leg LIMIT %(limit)s
"""
# The same from its end: what was entered last is looked for first.
LATEST = LINES.replace("m.leg) > (%(day)s", "m.leg) < (%(day)s").replace(
    "ORDER BY m.business_date, m.original, m.leg",
    "ORDER BY m.business_date DESC, m.original DESC, m.leg DESC",
)
# Whoever was merged into another has one set of books with it.
KINDS = "SELECT kind FROM trade.merchants WHERE merchant = ANY(%s)"
PAPERS = """
SELECT gtins, lots, kind, number, coalesce(a.merchant, supplier) AS supplier, valid_from,
       valid_until
FROM trade.papers LEFT JOIN trade.merchant_aliases a ON a.alias = supplier
WHERE believed_to IS NULL AND gtins && %(gtins)s::text[] AND kind IN ('release', 'test', 'origin',
  'quarantine', 'meat-inspection', 'other')
  AND result IS DISTINCT FROM 'failed' ORDER BY position
"""
ATTACHED = """
SELECT stream, number, count(*) AS n FROM trade.attachments
WHERE (stream, number) IN (SELECT * FROM unnest(%(streams)s::text[], %(numbers)s::bigint[]))
GROUP BY stream, number
"""
UNITS_ZH = {
    "piece": "件", "case": "箱", "bag": "袋", "box": "盒", "bottle": "瓶",
    "kg": "千克", "g": "克", "jin": "斤", "l": "升",
}  # fmt: skip
UNITS_EN = {unit: unit for unit in UNITS_ZH} | {"jin": "jin (500 g)"}
# What became of goods that were cleared: a movement's kind and direction, in Chinese and in English.
NOBODY = {
    ("clearings", "party_name", "goods-disposed", -1), ("clearings", "party_name", "goods-returned", 1),
}  # fmt: skip
DONE = {
    ("goods-disposed", -1): ("销毁处理", "disposed of"),
    ("goods-returned", -1): ("退给供货者", "returned to the supplier"),
    ("goods-returned", 1): ("顾客退回", "taken back from a buyer"),
}


def names_of(reader: Reader, merchant: str) -> list[str]:
    """Returns every name a merchant goes by, its own first."""
    query = "SELECT alias FROM trade.merchant_aliases WHERE merchant = %s ORDER BY alias"
    return [merchant, *(str(row["alias"]) for row in rows(reader, query, [merchant]))]


def known_as(reader: Reader, name: str) -> str:
    """Returns the merchant that a name stands for: itself, or whom it was merged into."""
    query = "SELECT merchant FROM trade.merchant_aliases WHERE alias = %s"
    found = rows(reader, query, [name])
    return str(found[0]["merchant"]) if found else name


class Registered(NamedTuple):
    """A merchant of the register, under the name its books go by."""

    merchant: str
    kinds: frozenset[str]


class Period(NamedTuple):
    """From day to day, both included, as people stated their business dates."""

    since: date
    until: date


class LinePlace(NamedTuple):
    """Where in a ledger a page ended."""

    day: date
    original: int
    leg: int


START, END = LinePlace(date.min, 0, 0), LinePlace(date.max, 2**62, 2**30)


Opens = Callable[[Collection[str], Collection[str]], None]


class WantedLines(NamedTuple):
    """Which lines of a ledger are wanted, and with what cards say of persons where `opens` is given.

    It is told the merchants and cards before these are opened.
    """

    after: LinePlace
    limit: int
    opens: Opens | None = None
    latest_first: bool = False


class LawLine(NamedTuple):
    """One line of a ledger: its fields by key, as text; which are missing; where it stands.

    `fields_en` are those whose words an English reader is told otherwise.
    """

    position: int
    stream: str
    number: int
    device: str
    premises: str
    product: str
    delivery: str
    fields: dict[str, str]
    fields_en: dict[str, str]
    missing: tuple[str, ...]
    late_days: int
    keep_until: date
    place: LinePlace


def registered(reader: Reader, name: str) -> Registered:
    """Returns the merchant behind a name of the register; a problem for one that is not there."""
    merchant = known_as(reader, name)
    found = rows(reader, KINDS, [names_of(reader, merchant)])
    if not found:
        raise Problem(404, "merchant-unknown", f"no merchant is registered as {name}")
    return Registered(merchant, frozenset(row["kind"] for row in found))


def page(
    reader: Reader, law: LawLedger, merchant: str, period: Period, wanted: WantedLines
) -> list[LawLine]:
    """Returns the lines of a ledger behind a place, in the order of their business dates or from their end."""
    after, limit = wanted.after, wanted.limit
    query = LATEST if wanted.latest_first else LINES
    found = rows(reader, query, {
        "merchant": merchant, "kinds": list(law.kinds), "since": period.since,
        "until": period.until, "goods": law.goods, "produce": list(PRODUCE_CATEGORIES),
        "day": after.day, "original": after.original,
        "at_leg": after.leg, "limit": limit,
    })  # fmt: skip
    refs = {ref for row in found if (ref := row["card"] or row["owner_card"])}
    cards = dict.fromkeys(refs, WITHHELD)
    if wanted.opens is not None:
        owners = {row["counterparty"] for row in found if row["owner_card"] and not row["card"]}
        wanted.opens(owners, refs)
        cards = open_cards(reader, refs, f"ledger {law.name} of {merchant}")
    papers = _papers(reader, found)
    attached = _attached(reader, found)
    return [_line(law, row, cards, papers, attached) for row in found]


def at_most(reader: Reader, merchant: str, period: Period) -> int:
    """Returns how many lines a ledger of a merchant and period can have at the most."""
    query = (
        "SELECT count(*) AS n FROM trade.movements WHERE merchant = %s"
        " AND business_date BETWEEN %s AND %s AND believed_to IS NULL"
    )
    return int(rows(reader, query, [merchant, *period])[0]["n"])


def every(
    reader: Reader,
    law: LawLedger,
    merchant: str,
    period: Period,
    *,
    opens: Opens | None = None,
    after: LinePlace = START,
    latest_first: bool = False,
) -> Iterator[LawLine]:
    """Returns all lines behind a place, page by page; without `opens` they say nothing of persons."""
    while lines := page(
        reader, law, merchant, period, WantedLines(after, PAGE, opens, latest_first)
    ):
        yield from lines
        after = lines[-1].place


def _line(
    law: LawLedger,
    row: dict[str, Any],
    cards: dict[str, Card],
    papers: dict[str, list[dict[str, Any]]],
    attached: dict[tuple[str, int], int],
) -> LawLine:
    party = cards.get(str(row["card"] or row["owner_card"] or ""))
    covering = [paper for paper in papers.get(row["product"], []) if _covers(paper, row)]
    pictures = attached.get((row["stream"], row["number"]), 0)
    numbers = [paper["number"] for paper in covering]
    produced = row["produced"] or row["lot_produced"]
    expires = row["lot_expires"]
    known = {
        "name": row["name_zh"] or row["read_product"].removeprefix("item:"),
        "spec": row["pack"],
        "quantity": stated(row),
        "produced": produced and produced.isoformat(),
        # What a delivery named is a name of ours, and no maker's lot number.
        "lot": _lot(row, " (按日期对应)"),
        "shelf_life": _shelf_life(row["shelf_life_days"], expires),
        "date": row["business_date"].isoformat(),
        "party_name": row["party_name"] or (party and party.name),
        "party_address": party and party.address,
        "party_contact": party and party.phone,
        "release": "、".join(p["number"] for p in covering if p["kind"] == "release"),
        "vouchers": "、".join([*numbers, *([f"{pictures} 张照片"] if pictures else [])]),
        "what": DONE.get((row["kind"], row["direction"]), ("", ""))[0],
    }
    if row["name_zh"] is None and not row["read_product"].startswith("item:"):
        # A number nobody registered names no goods.
        known["name"] = None
    fields = {field.key: str(known[field.key] or "") for field in law.fields}
    groups = {field.group for field in law.fields if field.group and fields[field.key]}
    missing = tuple(
        field.key
        for field in law.fields
        if not fields[field.key]
        and field.group not in groups
        # What was destroyed went to nobody, and what a shopper brings back comes from nobody known.
        and (law.name, field.key, row["kind"], row["direction"]) not in NOBODY
    )
    return LawLine(
        row["original"], row["stream"], row["number"], row["device"] or "", row["premises"],
        row["read_product"], row["delivery"] or "", fields, _in_english(fields, row, numbers, pictures), missing,
        _late_days(row["received"], row["business_date"]),
        keep_until(law, row["business_date"], expires),
        LinePlace(row["business_date"], row["original"], row["leg"]),
    )  # fmt: skip


def _lot(row: dict[str, Any], presumed: str) -> str | None:
    """Returns a lot's number; of one that nobody read off the label, and a date alone led to, with that word."""
    if not row["lot"].startswith("L:"):
        return None
    number = str(row["lot"][2:])
    return number if row["read_lot"].startswith("L:") else number + presumed


def _in_english(
    fields: dict[str, str], row: dict[str, Any], numbers: Sequence[str], pictures: int
) -> dict[str, str]:
    """Returns those of a line's fields that are words, in English."""
    days, expires = row["shelf_life_days"], row["lot_expires"]
    until = f"until {expires}" if expires is not None else ""
    said = {
        "name": fields.get("name") and (row["name_en"] or fields["name"]),
        "quantity": _stated(row, UNITS_EN),
        "lot": _lot(row, " (by its date)"),
        "shelf_life": " ".join(filter(None, [f"{days} days" if days is not None else "", until])),
        "vouchers": ", ".join([*numbers, *([f"{pictures} pictures"] if pictures else [])]),
        "what": DONE.get((row["kind"], row["direction"]), ("", ""))[1],
    }
    return {key: str(text or "") for key, text in said.items() if key in fields}


def _late_days(received: datetime, day: date) -> int:
    """Returns how many days after its business date an entry came; 0 for the day after."""
    days = (day_at(received, ZoneInfo(ZONE_DEFAULT)) - day).days
    return days if days > LATE_AFTER_DAYS else 0


def stated(row: dict[str, Any]) -> str:
    """Writes a quantity as it was stated, pieces beside a weight."""
    return _stated(row, UNITS_ZH)


def _stated(row: dict[str, Any], units: dict[str, str]) -> str:
    amount = format((Decimal(row["stated"]) / 1000).normalize(), "f")
    text = f"{amount} {units[row['stated_unit']]}"
    return text if row["pieces"] is None else f"{text}({row['pieces']} {units['piece']})"


def _shelf_life(days: int | None, expires: date | None) -> str | None:
    until = f"至 {expires}" if expires is not None else ""
    if days is None:
        return until or None
    return f"{days} 天({until})" if until else f"{days} 天"


def _covers(paper: dict[str, Any], row: dict[str, Any]) -> bool:
    # What a merchant sells, comes with the papers it was itself issued.
    own = paper["supplier"] == row["merchant"]
    return (
        covers_lot(paper["lots"], row["lot"])
        and (own or covers_supplier(paper["supplier"], row["counterparty"]))
        and covers_day(
            paper["kind"], paper["valid_from"], paper["valid_until"], row["business_date"]
        )
    )


def open_cards(reader: Reader, refs: Iterable[str | None], why: str) -> dict[str, Card]:
    """Opens the cards of these references, which leaves a line of it that says why."""
    wanted = sorted({ref for ref in refs if ref})
    if not wanted:
        return {}
    opened = rows(
        reader, "SELECT ref::text, key, card FROM personal.open_cards(%s::uuid[], %s)",
        [wanted, why],
    )  # fmt: skip
    return {
        row["ref"]: open_card(row["card"], key=row["key"], ref=row["ref"]) if row["key"] else ERASED
        for row in opened
    }


def _papers(reader: Reader, found: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Returns the papers that speak of each product, under whichever GTIN of its cases."""
    read = {row["read_product"]: row["product"] for row in found}
    gtins = [gtin for pair in read.items() for gtin in pair if not gtin.startswith("item:")]
    known: dict[str, list[dict[str, Any]]] = {}
    for paper in rows(reader, PAPERS, {"gtins": sorted(set(gtins))}):
        for product in {read.get(gtin, gtin) for gtin in paper["gtins"]}:
            known.setdefault(product, []).append(paper)
    return known


def _attached(reader: Reader, found: Sequence[dict[str, Any]]) -> dict[tuple[str, int], int]:
    places = {"streams": [r["stream"] for r in found], "numbers": [r["number"] for r in found]}
    return {(r["stream"], r["number"]): r["n"] for r in rows(reader, ATTACHED, places)}
