"""Turning a row into a report: dates, numbers and units as people write them."""

import hashlib
import re
from collections import Counter
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

from ledger.errors import Malformed
from ledger.events.catalogue import encode, read_report
from ledger.events.reports import (
    DaySalesTotalled,
    GoodsAsRead,
    GoodsDisposed,
    GoodsMoved,
    GoodsReceived,
    GoodsReturned,
    GoodsSold,
    GoodsUsed,
    Portion,
    StockCounted,
)
from ledger.values.cards import Card
from ledger.values.clock import DeviceClock
from ledger.values.gtin import Gtin
from ledger.values.ids import is_id
from ledger.values.quantity import StatedQuantity, Unit
from scanners.cards import CardBox, plain_name
from scanners.importing.columns import Columns
from scanners.importing.tables import TableRow

KINDS: Final[dict[str, tuple[type[GoodsMoved], dict[str, Any], tuple[str, ...]]]] = {
    "receive": (GoodsReceived, {}, ("进货", "入库", "采购", "采购入库", "收货", "purchase", "in")),
    "sell": (GoodsSold, {}, ("销售", "出库", "销售出库", "批发", "发货", "sale", "out")),
    "return": (GoodsReturned, {"direction": "to-supplier"}, ("退货", "退供应商", "采购退货")),
    "take-back": (GoodsReturned, {"direction": "from-customer"}, ("销售退货", "客户退货")),
    "dispose": (GoodsDisposed, {"reason": "other"}, ("报损", "销毁", "损耗")),
    "use": (GoodsUsed, {}, ("领用", "耗用", "自用")),
    "count": (StockCounted, {}, ("盘点", "库存", "期初", "stock")),
}  # fmt: skip
# A row of a day's total: what was sold of one product, by whom nobody asks.
DAY_SALES: Final = ("day-sales", "日销售", "日销售汇总", "销售汇总", "零售汇总", "daily sales")
UNITS: Final[dict[Unit, tuple[str, ...]]] = {
    Unit.PIECE: ("piece", "pcs", "件", "个", "只", "枚", "份", "条", "块", "根"),
    Unit.CASE: ("case", "箱", "整箱", "ctn"), Unit.BAG: ("bag", "袋", "包"),
    Unit.BOX: ("box", "盒"), Unit.BOTTLE: ("bottle", "瓶", "罐"),
    Unit.KILOGRAM: ("kg", "公斤", "千克"), Unit.GRAM: ("g", "克"),
    Unit.JIN: ("jin", "斤", "市斤"), Unit.LITRE: ("l", "升"),
}  # fmt: skip
_KIND_OF = dict.fromkeys(DAY_SALES, "day-sales") | {
    word: kind for kind, (_, _, words) in KINDS.items() for word in (kind, *words)
}
_UNIT_OF = {word: unit for unit, words in UNITS.items() for word in words}
DAY = re.compile(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[ T]\d{1,2}:\d{2}.*)?$")
DIGITS_DAY = re.compile(r"^(\d{4})(\d{2})(\d{2})$")
# A comma groups thousands or it is a mistake: 1,5 is not fifteen.
NUMBER = re.compile(
    r"^([0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(\D*)$"
)
TOTALS = ("合计", "总计", "小计", "累计")


class Common(NamedTuple):
    """What every row of an import shares unless it says otherwise."""

    merchant: str
    premises: str
    day: date
    session: str
    clock: DeviceClock
    kind: str
    cards: CardBox
    # Whether a name nobody knows becomes a card, once its row is understood otherwise.
    make_cards: bool = False


class Understood(NamedTuple):
    """A row as it was understood: its report under a key that is used but once, or why not."""

    row: TableRow
    event: GoodsMoved | DaySalesTotalled | None
    key: str
    problem: str


def understand_row(
    row: TableRow, columns: Columns, common: Common, seen: Counter[str]
) -> Understood:
    """Turns a row into a report, or says in words what is wrong with which cell.

    Rows that say the same are told apart by how many came before in `seen`, so that the same
    file, or one that repeats and continues it, adds nothing twice.
    """
    cells = {
        name: row.cells[place] if place < len(row.cells) else ""
        for name, place in columns.places.items()
    }
    said = {h: c for h, c in zip(columns.headings, row.cells, strict=False) if c}
    key = _key(said, cells, common, seen)
    if row.problem:
        return Understood(row, None, key, row.problem)
    try:
        event = _event(cells, columns.unit, common)
        # As the ledger will read it: what it could not, is said here and not kept.
        read_report(encode(event))
        return Understood(row, event, key, "")
    except (ValueError, Malformed) as error:
        return Understood(row, None, key, str(error))


def _key(stated: dict[str, str], cells: dict[str, str], common: Common, seen: Counter[str]) -> str:
    """Returns what a row is known by: the sender's own number, else all that it says.

    Not by how its columns were matched, nor by columns it leaves empty, so that the same row stays
    the same; but by the kind and day it is given where it states none.
    """
    place = f"{common.merchant}|{common.premises}"
    kind = cells.get("kind") or common.kind
    said = f"{place}|{kind}|{cells.get('date') or common.day}|{sorted(stated.items())}"
    if own := cells.get("id"):
        content = hashlib.sha256(repr(sorted(stated.items())).encode()).hexdigest()
        return f"{own_number(common, own)}:{content[:16]}"
    seen[said] += 1
    return hashlib.sha256(f"{said}|{seen[said]}".encode()).hexdigest()


def own_number(common: Common, own: str) -> str:
    """Returns what a row that bears a number of its own is known by, whatever else it says."""
    place = f"{common.merchant}|{common.premises}"
    return hashlib.sha256(f"{place}|{own}".encode()).hexdigest()


def _event(cells: dict[str, str], unit: str, common: Common) -> GoodsMoved | DaySalesTotalled:
    kind_word = cells.get("kind", "").casefold() or common.kind
    kind = _KIND_OF.get(kind_word)
    if kind is None:
        raise ValueError(f"业务类型 {kind_word!r}: say {', '.join(KINDS)} or day-sales")
    day = _day("日期", cells.get("date", ""))
    if kind == "day-sales":
        portion = Portion(goods=_goods(cells), quantity=_quantity(cells, unit))
        return DaySalesTotalled(
            merchant=common.merchant, premises=common.premises, business_date=day or common.day,
            clock=common.clock, session=common.session, lines=(portion,),
        )  # fmt: skip
    event, extra, _ = KINDS[kind]
    goods, quantity = _goods(cells), _quantity(cells, unit)
    if not quantity.amount and kind != "count":
        raise ValueError("数量 0: nothing moved; leave the row out, or count what is there")
    counterparty, card = _counterparty(cells.get("counterparty", ""), common)
    return event(
        merchant=common.merchant, premises=common.premises, business_date=day or common.day,
        clock=common.clock, session=common.session, goods=goods, quantity=quantity,
        counterparty=counterparty, counterparty_card=card,
        delivery=cells.get("delivery") or None, **extra,
    )  # fmt: skip


def _goods(cells: dict[str, str]) -> GoodsAsRead:
    code, item = cells.get("gtin", "").replace(" ", ""), cells.get("item", "")
    if not code and item in TOTALS:
        raise ValueError(f"{item}: a line of totals is no goods, and is left out")
    if not code and not item:
        raise ValueError("neither 条码 nor 名称: say what it is")
    gtin = str(Gtin(code)) if code else None
    produced = _day("生产日期", cells.get("produced", ""))
    expires = _day("保质期至", cells.get("expires", ""))
    dated = produced or expires or cells.get("lot")
    return GoodsAsRead(
        gtin=gtin, item=None if gtin else item[:60], lot=cells.get("lot") or None,
        produced=produced, expires=expires, dates_from="keyed" if dated else None,
    )  # fmt: skip


def _quantity(cells: dict[str, str], of_heading: str) -> StatedQuantity:
    text = cells.get("quantity", "")
    found = NUMBER.match(text.strip())
    if found is None:
        raise ValueError(f"数量 {text[:40]!r} is no number")
    try:
        amount = Decimal(found[1].replace(",", ""))
    except InvalidOperation as error:
        raise ValueError(f"数量 {text[:40]!r} is no number") from error
    word = (cells.get("unit") or found[2] or of_heading or "piece").strip().casefold()
    if word == "?":
        raise ValueError(f"重量 {text[:20]} says no unit: add a column 单位, or call it 重量(千克)")
    unit = _UNIT_OF.get(word)
    if unit is None:
        raise ValueError(f"单位 {word[:20]!r}: say 件, 箱, 袋, 盒, 瓶, 千克, 克, 斤 or 升")
    pieces = cells.get("pieces", "")
    if pieces and not pieces.isdecimal():
        raise ValueError(f"件数 {pieces[:20]!r} is no whole number")
    return StatedQuantity(amount=amount, unit=unit, pieces=int(pieces) if pieces else None)


def _day(what: str, text: str) -> date | None:
    if not text:
        return None
    found = DAY.match(text) or DIGITS_DAY.match(text)
    if found is None:
        raise ValueError(f"{what} {text[:30]!r}: write a day as 2026-11-22")
    year, month, day = (int(part) for part in found.groups()[:3])
    try:
        return date(year, month, day)
    except ValueError as error:
        raise ValueError(f"{what} {text[:30]!r} is no day: {error}") from error


def _counterparty(text: str, common: Common) -> tuple[str | None, str | None]:
    """Returns a merchant's id, or the card under which a name is known to this device."""
    if not text:
        return None, None
    if is_id(text):
        return text, None
    if common.make_cards and plain_name(text) not in common.cards.refs():
        common.cards.keep(Card(name=text))
    try:
        ref = common.cards.ref_of(text)
    except ValueError as error:
        raise ValueError(f"往来单位 {error}") from error
    return None, ref


def describe(event: Any) -> str:
    """Says a report as a person can check it in a preview."""
    said = event.lines[0] if isinstance(event, DaySalesTotalled) else event
    goods, quantity = said.goods, said.quantity
    parts = [type(event).__name__, str(event.business_date), goods.gtin or goods.item]
    parts += [f"lot {goods.lot}"] if goods.lot else []
    parts += [f"made {goods.produced}"] if goods.produced else []
    parts += [f"until {goods.expires}"] if goods.expires else []
    parts.append(f"{quantity.amount} {quantity.unit.value}")
    parts += [f"({quantity.pieces} pieces)"] if quantity.pieces is not None else []
    if isinstance(event, GoodsMoved):
        parts += [f"with {event.counterparty}"] if event.counterparty else []
        parts += [f"delivery {event.delivery}"] if event.delivery else []
    return " ".join(str(part) for part in parts)
