"""The ledgers that the law prescribes: their fields in its words and order, as data.

Food Safety Law of the PRC (2015, as amended), articles 50(2), 51, 53(2), 53(4), 54(1), 65 and 98. The
text of article 98 is from an explanation of it.
"""

from datetime import date, timedelta
from typing import Final, NamedTuple

LAW = "中华人民共和国食品安全法"
LAW_EN = "Food Safety Law of the PRC"
IN_FORCE = date(2015, 10, 1)


class LawField(NamedTuple):
    """A field as the law names it, and how a gap in it is mended.

    Of the fields of one `group` a single one suffices (生产日期或者生产批号).
    """

    key: str
    zh: str
    en: str
    mend_zh: str
    mend_en: str
    group: str = ""


class LawLedger(NamedTuple):
    """A ledger: who must keep it of which entries, with which fields, and for how long.

    `goods` is `packed`, `produce` (食用农产品) or `all`; `kinds` the movements that are its lines;
    `merchants` the kinds of merchant it is asked of.
    """

    name: str
    article: str
    article_en: str
    zh: str
    en: str
    kinds: tuple[str, ...]
    merchants: tuple[str, ...]
    goods: str
    fields: tuple[LawField, ...]
    source: str = LAW
    source_en: str = LAW_EN
    valid_from: date = IN_FORCE
    months_past_shelf_life: int = 6
    months_without_one: int = 24


_REGISTER = (
    "请生产者或监管部门在产品登记中补上",
    "its maker or the office adds it to the register of products",
)
_LABEL = ("照包装补正这一笔", "correct the entry by the pack")
_PARTY = (
    "补正这一笔的往来单位, 或请对方登记", "say who it was with; have them registered",
)  # fmt: skip
_CARD = (
    "请对方或市场补上登记的地址和电话",
    "they or their market complete their entry in the register",
)
_PAPER = ("拍下凭证并归档", "photograph the paper and file it")

NAME = LawField("name", "名称", "name", *_REGISTER)
SPEC = LawField("spec", "规格", "specification", *_REGISTER)
QUANTITY = LawField("quantity", "数量", "quantity", *_LABEL)
PRODUCED = LawField("produced", "生产日期", "production date", *_LABEL, group="date-or-lot")
LOT = LawField("lot", "生产批号", "lot number", *_LABEL, group="date-or-lot")
SHELF_LIFE = LawField("shelf_life", "保质期", "shelf life", *_REGISTER)
RELEASE = LawField("release", "检验合格证号", "release certificate number", *_PAPER)
VOUCHERS = LawField("vouchers", "凭证", "vouchers", *_PAPER)


def _party(zh: str, en: str) -> tuple[LawField, ...]:
    return (
        LawField("party_name", f"{zh}名称", f"{en}'s name", *_PARTY),
        LawField("party_address", f"{zh}地址", f"{en}'s address", *_CARD),
        LawField("party_contact", f"{zh}联系方式", f"{en}'s contact", *_CARD),
    )


def _day(zh: str, en: str) -> LawField:
    return LawField("date", zh, en, *_LABEL)


_GOODS = (NAME, SPEC, QUANTITY, PRODUCED, LOT, SHELF_LIFE)
_BOUGHT = (_day("进货日期", "date of purchase"), *_party("供货者", "supplier"))
_SOLD = (_day("销售日期", "date of sale"), *_party("购货者", "buyer"))
_TRADERS = ("wholesaler", "retailer", "canteen", "importer")
_MAKERS = ("producer", "processor")

LEDGERS: Final = {
    ledger.name: ledger
    for ledger in (
        LawLedger("purchases", "第五十三条第二款", "article 53(2)", "进货查验记录", "purchase check record",
                  ("goods-received",), _TRADERS, "packed", (*_GOODS, *_BOUGHT, VOUCHERS)),
        LawLedger("sales", "第五十三条第四款", "article 53(4)", "批发销售记录", "wholesale sales record",
                  ("goods-sold",), ("wholesaler", "importer"), "all", (*_GOODS, *_SOLD, VOUCHERS)),
        LawLedger("release", "第五十一条", "article 51", "食品出厂检验记录", "release inspection record",
                  ("goods-sold",), _MAKERS, "all", (*_GOODS, RELEASE, *_SOLD, VOUCHERS)),
        LawLedger("materials", "第五十条第二款", "article 50(2)", "原料进货查验记录", "raw materials check record",
                  ("goods-received",), _MAKERS, "all", (*_GOODS, *_BOUGHT, VOUCHERS)),
        LawLedger("produce", "第六十五条", "article 65", "食用农产品进货查验记录", "farm produce check record",
                  ("goods-received",), _TRADERS, "produce", (NAME, QUANTITY, *_BOUGHT, VOUCHERS),
                  months_past_shelf_life=6, months_without_one=6),
        LawLedger("imports", "第九十八条", "article 98", "进口和销售记录", "import and sales record",
                  ("goods-received", "goods-sold"), ("importer",), "all",
                  (NAME, SPEC, QUANTITY, PRODUCED,
                   LawField("lot", "生产或者进口批号", "production or import lot", *_LABEL),
                   SHELF_LIFE, *_party("境外出口商和购货者", "foreign exporter or buyer"),
                   _day("交货日期", "date of delivery"), VOUCHERS)),
        # The article asks to look and to clear; what was cleared, and what went back, is shown here.
        LawLedger("clearings", "第五十四条第一款", "article 54(1)", "库存清理和退货记录", "clearing of stock and returns",
                  ("goods-disposed", "goods-returned"), (), "all",
                  (*_GOODS, _day("清理日期", "date"),
                   LawField("what", "处理方式", "what was done", *_LABEL),
                   LawField("party_name", "退货往来", "returned to or from", *_PARTY))),
    )
}  # fmt: skip

# Categories of the register that are edible farm produce (食用农产品); goods without a code are.
PRODUCE_CATEGORIES: Final = (
    "vegetables",
    "fruit",
    "mushrooms",
    "eggs",
    "meat",
    "pork",
    "poultry",
    "fish",
    "seafood",
)


def keep_until(ledger: LawLedger, day: date, expires: date | None) -> date:
    """Returns the last day on which a line must be kept: months past its goods' shelf life.

    Goods that state no end, or had passed it when they were entered, count from the day of the entry.
    """
    start = max(day, expires or day)
    months = ledger.months_past_shelf_life if expires is not None else ledger.months_without_one
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    # The same day of that month, or its last.
    following = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    last = following - timedelta(days=1)
    return last.replace(day=min(start.day, last.day))
