"""A bundle's page: what it holds, for people, and how to check it without trusting anybody."""

import base64
import json
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from ledger.values.day import ZONE_DEFAULT

STYLE = (
    'body{font:15px/1.5 "Noto Sans CJK SC","Microsoft YaHei",sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}'
    "table{border-collapse:collapse;width:100%;font-size:13px}td,th{border:1px solid #777;padding:2px 6px;text-align:left;"
    "vertical-align:top}code{word-break:break-all}.no{background:#fdd}"
)
NAMES = {
    "goods-received": "进货 received", "goods-sold": "销售 sold", "goods-returned": "退货 returned",
    "goods-disposed": "销毁 disposed", "goods-used": "耗用 used", "stock-counted": "盘点 counted",
    "day-sales": "日汇总 day's sales", "goods-transformed": "加工 made",
    "entry-corrected": "更正 corrected", "certificate-filed": "索证 certificate",
    "test-report-filed": "检验报告 test report", "officer-corrected": "执法更正 officer's correction",
}  # fmt: skip
CHECK = """
<h2>怎样核对 How to check it</h2>
<ol>
<li><code>python3 check.py 本文件.zip KEY</code> (Python 3 and its package cryptography): opens every record against its
leaf, follows every leaf to the root that the ledger's published log signed, compares every picture with its digest.
check.py is short: read it first. KEY is the log's key, from the authority or an auditor.</li>
<li>Nobody needs to ask the ledger: the checkpoint, its signature and the path of every leaf are in bundle.json.</li>
<li>What a leaf is: SHA-256(0x01 ‖ C(public) ‖ C(trade) ‖ C(person)), each C = SHA-256(its own salt ‖ its text). The
public and trade parts are opened here; persons stay shut, and their commitment is shown as it is.</li>
</ol>
<h2>它不证明什么 What it does not prove</h2>
<p>That what was entered is true; that nothing was left out by whoever entered it; that the food is safe. It proves that
these entries were in the record, unchanged, with these papers.</p>
"""


def bundle_page(told: dict[str, Any]) -> str:
    """Returns the page of a bundle, as HTML without anything from elsewhere."""
    names = told["names"]
    lots = "; ".join(
        f"{_named(names, product)} {key.partition(':')[2] or '?'}" for product, key in told["lots"]
    )
    records = "".join(_record(record, names) for record in told["records"])
    documents = "".join(_document(one) for one in told["documents"])
    return (
        f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{escape(told["merchant"])}'
        f"</title><style>{STYLE}</style></head><body><h1>进货查验记录 Records of {escape(_named(names, told['merchant']))}</h1>"
        f"<p>食品安全法第一百三十六条 Food Safety Law of the PRC, article 136. {escape(lots)}.<br>"
        f"Ledger {escape(told['ledger'])}, position {told['position']}, made {escape(_market_time(told['made_at']))} (UTC+8).</p>"
        "<table><tr><th>位置 position</th><th>事件 event</th><th>日期 day</th><th>商品 goods</th><th>数量 quantity</th>"
        f"<th>对方 with</th><th>单号 delivery</th><th>收到 received (UTC+8)</th></tr>{records}</table>"
        "<h2>凭证 Papers</h2><table><tr><th>文件 file</th><th>记录 of</th><th>SHA-256</th></tr>"
        f"{documents}</table>{CHECK}</body></html>"
    )


def _named(names: dict[str, str], number: str) -> str:
    return f"{names[number]} ({number})" if number in names else number


def _market_time(instant: str) -> str:
    """Writes an instant as the markets' clocks show it."""
    return f"{datetime.fromisoformat(instant).astimezone(ZoneInfo(ZONE_DEFAULT)):%Y-%m-%d %H:%M:%S}"


def _record(record: dict[str, Any], names: dict[str, str]) -> str:
    said = json.loads(base64.b64decode(record["state"]))
    goods, quantity = said.get("goods") or {}, said.get("quantity") or {}
    parts = [
        _named(names, goods["gtin"]) if goods.get("gtin") else goods.get("item"),
        goods.get("lot"),
        goods.get("produced"),
    ]
    parts += [said.get("number"), said.get("reason")]
    cells = (
        record["position"], NAMES.get(record["name"].partition(".")[0], record["name"]),
        said.get("business_date") or "", " ".join(str(part) for part in parts if part),
        f"{quantity.get('amount', '')} {quantity.get('unit', '')}", _named(names, said.get("counterparty") or ""),
        said.get("delivery") or "", _market_time(record["received"]),
    )  # fmt: skip
    return "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells) + "</tr>\n"


def _document(one: dict[str, Any]) -> str:
    link = (
        f'<a href="{escape(one["file"])}">{escape(one["media"])}</a>'
        if one["file"]
        else "未收到 never came"
    )
    of = ", ".join(map(str, one["of"]))
    kind = "" if one["file"] else ' class="no"'
    return f"<tr{kind}><td>{link}</td><td>{of}</td><td><code>{one['digest']}</code></td></tr>\n"
