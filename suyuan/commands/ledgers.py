"""Verbs for the books: the law's ledgers, and stock then and now. The same answers as the API's."""

import argparse
from datetime import timedelta
from pathlib import Path
from typing import Any

from ledger.rules.law_ledgers import LEDGERS
from suyuan.commands import Failed, day, today
from suyuan.commands.asking import FORMS, add_query, ask_page, ask_pages, asking, show, write_export


def add_ledger(verbs: Any) -> None:
    """`ledger`: the ledgers the law asks for, and stock."""
    verb = verbs.add_parser("ledger", help="a ledger the law asks for, or stock, of any period")
    which = verb.add_subparsers(dest="ledger", required=True, metavar="LEDGER")
    for law in LEDGERS.values():
        one = which.add_parser(law.name, help=f"{law.zh} ({law.article}): {law.en}")
        one.add_argument("--merchant", required=True, help="whose ledger")
        one.add_argument("--since", type=day, help="first day; else 30 days back")
        one.add_argument("--until", type=day, help="last day; else today")
        one.add_argument("--gaps", action="store_true", help="what is missing, and how to mend it")
        one.add_argument("--out", type=Path, help=f"write it all to FILE.{'|'.join(FORMS)}")
        add_query(one, run_ledger)
    pairs = which.add_parser("pairs", help="what both sides say of the same deliveries")
    pairs.add_argument("--merchant", required=True, help="one of the two")
    pairs.add_argument("--since", type=day, help="first day; else 30 days back")
    pairs.add_argument("--until", type=day, help="last day; else today")
    add_query(pairs, run_pairs)
    kept = which.add_parser("retention", help="until when each lot's records must be kept")
    kept.add_argument("--merchant", required=True)
    add_query(kept, run_retention)
    stock = which.add_parser("stock", help="what a premises has, or had")
    stock.add_argument("--premises", required=True)
    stock.add_argument("--as-of", type=int, metavar="POSITION", help="as it was known there")
    stock.add_argument("--at", metavar="TIME", help="as it was true at 2026-11-22T04:00+08:00")
    stock.add_argument("--product", help="a GTIN, or item:NAME")
    stock.add_argument("--lot", help="with --entries: one lot's, by its key such as L:A2411")
    stock.add_argument("--entries", action="store_true", help="the entries that made it")
    add_query(stock, run_stock)


def run_ledger(stated: argparse.Namespace) -> int:
    """Shows a ledger, what it lacks, or writes it to a file."""
    until = stated.until or today()
    period = {"since": str(stated.since or until - timedelta(days=30)), "until": str(until)}
    path = f"/v1/merchants/{stated.merchant}/ledgers/{stated.ledger}"
    with asking(stated) as query:
        if stated.out is not None:
            return write_export(query, path, period, stated)
        if stated.gaps:
            found = ask_page(query, f"{path}/completeness", period)
            rows = [[f["zh"], f["en"], f["missing"], f["mend_zh"]] for f in found["fields"]]
            heading = f"{found['lines']} 笔 lines, position {found['position']}"
            return show(stated, found, ["字段", "field", "缺", "补正 mend"], rows, heading)
        pages = list(ask_pages(query, path, period))
    law, lines = pages[0]["ledger"], [line for page in pages for line in page["lines"]]
    headings = [field["zh"] for field in law["fields"]] + [
        "保存至",
        "账本位置",
        "设备 device",
        "笔号 no.",
    ]
    rows = [
        [*line["fields"].values(), line["keep_until"], line["position"], line["device"], line["number"]]
        for line in lines
    ]  # fmt: skip
    books = pages[0]["merchant"]
    whose = stated.merchant if books == stated.merchant else f"{stated.merchant} = {books}"
    heading = (
        f"{law['zh']} {law['en']} ({law['article']}) {whose}"
        f" {period['since']} 至 {period['until']}: {len(lines)} 笔 lines"
    )
    if not pages[0]["asked_of"]:
        heading += " — 法律不要求该商户记此账 the law does not ask this of it"
    return show(stated, {"ledger": law, "lines": lines}, headings, rows, heading)


def run_pairs(stated: argparse.Namespace) -> int:
    """Shows what seller and buyer say, and by how much they differ."""
    until = stated.until or today()
    period = {"since": str(stated.since or until - timedelta(days=30)), "until": str(until)}
    with asking(stated) as query:
        pages = list(ask_pages(query, f"/v1/merchants/{stated.merchant}/pairs", period))
    found = [pair for page in pages for pair in page["pairs"]]
    names = ["status", "seller", "buyer", "product", "numbers", "lot", "sold", "received",
             "difference", "unit", "last_day", "contested"]  # fmt: skip
    shown = [
        pair | {"numbers": " ".join(pair["numbers"]), "contested": _contested(pair)}
        for pair in found
    ]
    rows = [[pair[name] for name in names] for pair in shown]
    heading = f"{len(found)} pairs, true at position {pages[0]['position']}"
    return show(stated, {"pairs": found}, names, rows, heading)


def _contested(pair: dict[str, Any]) -> str:
    """Writes what was taken back after both sides had agreed: whose, how much, corrected where."""
    return "; ".join(
        f"{c['merchant']} 曾记 said {c['amount']} (更正 corrected @{c['corrected_at']})"
        for c in pair["contested"]
    )


def run_retention(stated: argparse.Namespace) -> int:
    """Shows until when the records of a merchant's lots are kept."""
    with asking(stated) as query:
        pages = list(ask_pages(query, f"/v1/merchants/{stated.merchant}/retention", {}))
    lots = [lot for page in pages for lot in page["lots"]]
    names = ["product", "name_zh", "lot", "entries", "keep_until", "may_be_archived"]
    rows = [[lot[name] for name in names] for lot in lots]
    return show(stated, {"lots": lots}, names, rows, f"{len(lots)} lots")


def run_stock(stated: argparse.Namespace) -> int:
    """Shows a premises' stock, or the entries behind it."""
    path = f"/v1/premises/{stated.premises}/stock"
    moment = {"as_of": stated.as_of, "at": stated.at, "product": stated.product}
    asked = {name: str(value) for name, value in moment.items() if value is not None}
    with asking(stated) as query:
        if stated.entries:
            if stated.product is None:
                raise Failed("--entries needs --product: whose figure is it?")
            asked |= {"lot": stated.lot} if stated.lot is not None else {}
            found = ask_page(query, f"{path}/entries", asked)
            names = ["position", "number", "happened", "kind", "stated", "stated_unit", "delta", "unit",
                     "counted", "counterparty", "delivery"]  # fmt: skip
            rows = [[entry[name] for name in names] for entry in found["entries"]]
            return show(stated, found, names, rows, f"true at position {found['position']}")
        pages = (
            [ask_page(query, f"{path}/then", asked)] if asked else list(ask_pages(query, path, {}))
        )
    lines = [line for page in pages for line in page["lines"]]
    names = [
        "product",
        "lot",
        "unit",
        "amount",
        "at_least",
        "at_most",
        "expires",
        "state",
        "stopped",
    ]
    heading = f"{stated.premises} ({pages[0]['mode']}): true at position {pages[0]['position']}"
    told = {"lines": lines, "position": pages[0]["position"], "mode": pages[0]["mode"]}
    return show(stated, told, names, [[line[name] for name in names] for line in lines], heading)


VERBS = (add_ledger,)
