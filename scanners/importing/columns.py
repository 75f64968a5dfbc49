"""Matching a file's headings with what a report says; what people chose is remembered."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from scanners.importing.tables import HEADING_ROWS, BadFile, TableRow

# What columns are called in the files merchants have; the first word is what we call it.
WORDS: Final[dict[str, tuple[str, ...]]] = {
    "kind": ("kind", "业务类型", "类型", "单据类型", "操作", "出入库类型", "type"),
    "date": ("date", "日期", "业务日期", "单据日期", "进货日期", "销售日期", "入库日期", "出库日期"),
    "gtin": ("gtin", "条码", "商品条码", "条形码", "商品编码", "barcode", "ean", "69码"),
    "item": ("item", "名称", "品名", "商品名称", "货品名称", "品种", "name", "product"),
    "lot": ("lot", "批号", "生产批号", "批次", "批次号", "lot number", "batch"),
    "produced": ("produced", "生产日期", "制造日期", "production date"),
    "expires": ("expires", "保质期至", "有效期至", "到期日", "到期日期", "expiry date", "best before"),
    "quantity": ("quantity", "数量", "重量", "净重", "件数数量", "qty", "amount"),
    "unit": ("unit", "单位", "计量单位"),
    "pieces": ("pieces", "件数", "箱数", "pcs"),
    "counterparty": ("counterparty", "往来单位", "供货者", "供应商", "供货者名称", "供货商", "客户",
                     "购货者", "购货者名称", "supplier", "customer", "buyer"),
    "delivery": ("delivery", "单号", "送货单号", "票据号", "凭证号", "单据编号", "voucher", "delivery number"),
    "id": ("id", "序号", "流水号", "行号", "row id"),
}  # fmt: skip
NEEDED: Final = ("quantity",)
BRACKETS = re.compile(r"[(（]([^)）]+)[)）]")
# A weight without its unit is no quantity: nobody weighs in pieces.
WEIGHED = "重量"
MATCHES_MIN = 2


class Columns(NamedTuple):
    """Which column holds what, by place; and the headings that nobody could match."""

    places: dict[str, int]
    unmatched: tuple[str, ...]
    headings: tuple[str, ...]

    @property
    def unit(self) -> str:
        """The unit that stands in brackets in the heading of the quantity, such as 数量(斤)."""
        place = self.places.get("quantity")
        heading = self.headings[place] if place is not None else ""
        found = BRACKETS.search(heading)
        if found is not None:
            return found[1].strip()
        return "?" if WEIGHED in heading or "净重" in heading else ""

    @property
    def name(self) -> str:
        """What stands for these headings on a tape that remembers how they were matched."""
        return f"columns:{hashlib.sha256(repr(self.headings).encode()).hexdigest()[:16]}"


def find_headings(rows: Sequence[TableRow], chosen: dict[str, str]) -> tuple[int, Columns]:
    """Returns the index of the row of headings and how it matches, `chosen` before our words.

    Raises `BadFile` when no row among the first has headings, naming what was seen.
    """
    for index, row in enumerate(rows[:HEADING_ROWS]):
        columns = match(row.cells, chosen)
        enough = len(columns.places) >= MATCHES_MIN and any(
            n in columns.places for n in ("gtin", "item")
        )
        if enough and all(name in columns.places for name in NEEDED):
            return index, columns
    seen = "、".join(cell for row in rows[:3] for cell in row.cells if cell)[:200]
    raise BadFile(
        "no row of headings names goods (条码 or 名称) and 数量: say which is which with"
        f" --column quantity=HEADING; seen: {seen or 'nothing'}"
    )


def match(headings: Sequence[str], chosen: dict[str, str]) -> Columns:
    """Matches headings: what somebody chose first, then our words, each column once."""
    places: dict[str, int] = {}
    plain = [_plain(heading) for heading in headings]
    for name, heading in chosen.items():
        if _plain(heading) in plain:
            places[name] = plain.index(_plain(heading))
    for name, words in WORDS.items():
        for word in words:
            index = next((i for i, text in enumerate(plain) if text == _plain(word)), None)
            if index is not None and name not in places and index not in places.values():
                places[name] = index
    taken = set(places.values())
    unmatched = tuple(h for i, h in enumerate(headings) if h and i not in taken)
    return Columns(places, unmatched, tuple(headings))


def _plain(text: str) -> str:
    """Returns a heading without what differs by habit: blanks, brackets with units, stars, case."""
    return text.strip().strip("*:：").partition("(")[0].partition("（")[0].strip().casefold()
