"""`trace` and `outbreak`: every holder and source of a lot, and what several have in common."""

import argparse
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from suyuan.commands import Failed, day, name
from suyuan.commands.asking import PAGE, add_query, ask_page, asking, show, write_export


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
    verb.add_argument("--out", type=Path, help="write a sheet: .csv, .xlsx or .html")
    verb.add_argument("--sheet", choices=["holders", "fsma204", "eu931"], default="holders",
                      help="with --out: the holders, or another law's record (%(default)s)")  # fmt: skip
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
        if stated.out is not None:
            return write_export(query, "/v1/trace", asked | {"sheet": stated.sheet}, stated)
        found = ask_page(query, "/v1/trace", asked | {"limit": PAGE})
        page = found
        while page["next"] is not None:
            page = ask_page(query, "/v1/trace", asked | {"limit": PAGE, "after": page["next"]})
            found["holders"] += page["holders"]
    found["next"] = None
    if not stated.json:
        _show_lots("来源 sources", found["behind"], found["lots_behind"])
        _show_lots("流向 became", found["ahead"], found["lots_ahead"])
        _show_sums(found)
    headings = ["怎样 how", "商户 holder", "地点 place", "产品 product", "批 lot", "进 in", "产 made",
                "销 sold", "退 back", "用 used", "毁 disposed", "在手 left", "单位"]  # fmt: skip
    rows = [
        [
            {"certain": "确定 certain", "possible": "可能 possible"}[h["how"]],
            f"{h['merchant']} {h['name'] or ''}".strip(), h["premises"] or "对方说 told", h["product_name"] or h["product"], h["lot"] or "?",
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


def _show_sums(found: dict[str, Any]) -> None:
    """Says how much there is of it at worst and in proportion, and what is doubtful."""
    for worst in found["worst"]:
        print(
            f"最坏 at worst: {worst['product']}: 在手至多 left at most {worst['left_at_most']},"
            f" 已售消费者 with consumers {worst['to_consumers']} {worst['unit']}"
        )
    if (told := found["estimate"]) is not None:
        ended = ("under_way", "to_consumers", "used_up", "thrown_away", "missing", "sent_out")
        words = ", ".join(f"{name.replace('_', ' ')} {told[name]}" for name in ended)
        held = sum(Decimal(share["share"]) for share in told["shares"])
        print(f"按比例 in proportion: of {told['went_in']}: held {held}, {words}")
    for gap in found["gaps"]:
        print(f"记录中断 gap: {gap['kind']} {gap['device']}: {gap['note']}")
    for odd in found["unsettled"]:
        print(
            f"对不上 unsettled: {odd['kind']} {odd['merchant'] or ''} {odd['lot'] or ''}".rstrip()
        )


def _left(holder: dict[str, Any]) -> str:
    least, most = holder["at_least"], holder["at_most"]
    if most is None:
        return ""
    return str(most) if least == most else f"{least}–{most}"


def add_outbreak(verbs: Any) -> None:
    """`outbreak`: what suspects have in common."""
    verb = verbs.add_parser(
        "outbreak", help="what suspect lots or stalls have in common behind them, with the reasons"
    )
    verb.add_argument(
        "--lot", action="append", default=[], metavar="GTIN/LOT", help="a suspect lot"
    )
    verb.add_argument("--stall", action="append", default=[], metavar="MERCHANT",
                      help="a merchant with complaints: all it had from --since until --until")  # fmt: skip
    verb.add_argument("--since", type=day)
    verb.add_argument("--until", type=day)
    verb.add_argument("--places", action="store_true",
                      help="also where goods lay together and may have passed it on")  # fmt: skip
    verb.add_argument("--ending", action="append", default=[], help="a step that ends contamination",
                      choices=["mixed", "repacked", "split", "manufactured"])  # fmt: skip
    add_query(verb, run_outbreak)


def run_outbreak(stated: argparse.Namespace) -> int:
    """Shows sources, the likeliest first."""
    pairs = [text.partition("/") for text in stated.lot]
    if any(not lot for _, _, lot in pairs):
        raise Failed("a lot is named with its product: 06901234567892/A-24/11")
    asked: dict[str, Any] = {
        "product": [product for product, _, _ in pairs], "lot": [lot for _, _, lot in pairs],
        "stall": stated.stall, "ending": stated.ending, "places": str(stated.places).lower(),
        "since": stated.since and stated.since.isoformat(),
        "until": stated.until and stated.until.isoformat(),
    }  # fmt: skip
    with asking(stated) as query:
        found = ask_page(query, "/v1/outbreak", {k: v for k, v in asked.items() if v})
    headings = ["分 score", "产品 product", "批 lot", "地点 place", "理由 reason"]
    rows = [
        [s["score"], s["product"], s["lot"], s["merchant"], s["reason"]] for s in found["sources"]
    ]
    heading = f"{found['found']} 个共同来源 common sources, true at position {found['position']}"
    return show(stated, found, headings, rows, heading)


VERBS = (add_trace, add_outbreak)
