"""`trace`: every holder and every source of a lot."""

import argparse
from datetime import datetime
from typing import Any

from suyuan.commands import name
from suyuan.commands.asking import PAGE, add_query, ask_page, asking, show


def add_trace(verbs: Any) -> None:
    """`trace`: where lots came from, what became of them, who has them."""
    verb = verbs.add_parser(
        "trace", help="where lots came from, what became of them, who has or had them"
    )
    verb.add_argument("product", help="its GTIN, or item:NAME of goods without a code")
    verb.add_argument("lot", nargs="+", help="lot numbers, or keys such as D:2026-11-20")
    verb.add_argument("--as-of", type=int, metavar="POSITION", help="as it was known there")
    verb.add_argument("--at", type=datetime.fromisoformat, help="true then: 2026-11-22T08:00+08:00")
    verb.add_argument(
        "--from", dest="merchant", type=name, help="only what spread from this merchant"
    )
    verb.add_argument("--since", type=datetime.fromisoformat, help="with --from: from then on")
    add_query(verb, run_trace)


def run_trace(stated: argparse.Namespace) -> int:
    """Shows lots and holders, what is certain before what is possible."""
    asked: dict[str, Any] = {
        "product": [stated.product] * len(stated.lot), "lot": stated.lot, "as_of": stated.as_of,
        "at": stated.at and stated.at.isoformat(), "merchant": stated.merchant,
        "since": stated.since and stated.since.isoformat(),
    }  # fmt: skip
    asked = {key: value for key, value in asked.items() if value is not None}
    with asking(stated) as query:
        found = ask_page(query, "/v1/trace", asked | {"limit": PAGE})
        page = found
        while page["next"] is not None:
            page = ask_page(query, "/v1/trace", asked | {"limit": PAGE, "after": page["next"]})
            found["holders"] += page["holders"]
    found["next"] = None
    if not stated.json:
        _show_lots("来源 sources", found["behind"], found["lots_behind"])
        _show_lots("流向 became", found["ahead"], found["lots_ahead"])
    headings = ["怎样 how", "商户 holder", "地点 place", "产品 product", "批 lot", "进 in", "产 made",
                "销 sold", "退 back", "用 used", "毁 disposed", "在手 left", "单位"]  # fmt: skip
    rows = [
        [
            {"certain": "确定 certain", "possible": "可能 possible"}[h["how"]],
            h["name"] or h["merchant"], h["premises"] or "对方说 told", h["product"], h["lot"] or "?",
            h["told"] or h["taken_in"], h["made"], h["sold"], h["sent_back"], h["used"],
            h["disposed"], _left(h), h["unit"],
        ]
        for h in found["holders"]
    ]  # fmt: skip
    heading = f"{found['holders_in_all']} 处 holders, true at position {found['position']}"
    return show(stated, found, headings, rows, heading)


def _show_lots(what: str, lots: list[dict[str, Any]], count: int) -> None:
    words = [
        f"{lot['product']}/{lot['lot']}{'' if lot['how'] == 'certain' else ' ?'}" for lot in lots
    ]
    shown = ", ".join(words[:12])
    print(f"{what}: {count} 批 lots: {shown}{' …' if len(words) > len(words[:12]) else ''}")


def _left(holder: dict[str, Any]) -> str:
    least, most = holder["at_least"], holder["at_most"]
    if most is None:
        return ""
    return str(most) if least == most else f"{least}–{most}"


VERBS = (add_trace,)
