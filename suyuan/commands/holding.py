"""`hold` and `check`: stop goods at once, let them go again, and ask whether some are stopped."""

import argparse
import time
from datetime import timedelta
from typing import Any

from ledger.rules.holds import ExtendHold, PlaceHold, ReleaseHold
from suyuan.commands import Failed, day, name
from suyuan.commands.asking import add_query, ask_page, ask_pages, asking, local, rehearsed, show
from suyuan.commands.goods_named import LINE_HEADINGS, add_goods, goods_of, line_words
from suyuan.commands.requesting import add_request, instant, ledger_time, say, send, words_of

DAYS = 14
# How often, and how far apart, the views are asked whether they know a hold that was just placed.
SEEN_TRIES, SEEN_S = 10, 0.2
STAGES_ZH = {"placed": "暂停中", "released": "已解除", "lapsed": "到期未决", "recalled": "已转召回"}
COLOURS = {"green": "绿 green", "yellow": "黄 yellow", "red": "红 red", None: ""}


def add_hold(verbs: Any) -> None:
    """`hold` with what can be done of it."""
    verb = verbs.add_parser(
        "hold", help="stop the sale of goods at once (暂停销售), and release it"
    )
    words = verb.add_subparsers(
        dest="word", required=True, metavar="list|show|place|extend|release"
    )
    every = words.add_parser("list", help="holds, the newest first")
    every.add_argument("--stage", choices=list(STAGES_ZH))
    add_query(every, run_list)
    one = words.add_parser("show", help="what a hold stops, and where that is in stock")
    one.add_argument("hold", type=name)
    add_query(one, run_show)
    place = words.add_parser("place", help="stop goods: a lot, a date range, a product, a supplier")
    place.add_argument("hold", type=name, help="a name for it, such as h-2026-11-22")
    add_goods(place)
    place.add_argument("--authority", required=True, type=words_of(60), help="in whose name")
    place.add_argument("--reason", required=True, type=words_of(400))
    ends = place.add_mutually_exclusive_group()
    ends.add_argument("--until", type=instant, help="its end: 2026-12-01T08:00+08:00")
    ends.add_argument("--days", type=int, default=DAYS, help="or in so many days (%(default)s)")
    add_request(place, run_place)
    extend = words.add_parser("extend", help="let it end later")
    extend.add_argument("hold", type=name)
    extend.add_argument("--until", type=instant, required=True)
    extend.add_argument("--reason", required=True, type=words_of(400))
    add_request(extend, run_extend)
    release = words.add_parser("release", help="let its goods be sold again")
    release.add_argument("hold", type=name)
    release.add_argument("--reason", required=True, type=words_of(400))
    add_request(release, run_release)


def run_list(stated: argparse.Namespace) -> int:
    """Shows holds."""
    asked = {"stage": stated.stage} if stated.stage else {}
    with asking(stated) as query:
        found = [h for page in ask_pages(query, "/v1/holds", asked) for h in page["holds"]]
    headings = [
        "名 hold",
        "状态 stage",
        "到期 until",
        "",
        "机关 authority",
        "原因 reason",
        "召回 recall",
    ]
    rows = [
        [h["hold"], STAGES_ZH[h["stage"]], local(h["until"]), COLOURS[h["colour"]], h["authority"],
         h["reason"], h["recall"]]
        for h in found
    ]  # fmt: skip
    return show(stated, {"holds": found}, headings, rows, f"{len(found)} holds")


def run_show(stated: argparse.Namespace) -> int:
    """Shows one hold: its lines, its history, and the stock it keeps."""
    with asking(stated) as query:
        found = ask_page(query, f"/v1/holds/{stated.hold}", {})
    hold = found["hold"]
    if not stated.json:
        print(f"{rehearsed(found)}{hold['hold']}: {STAGES_ZH[hold['stage']]} {hold['stage']}, until {local(hold['until'])}"
              f" {COLOURS[hold['colour']]}; {hold['authority']}: {hold['reason']}")  # fmt: skip
        for said in found["words"]:
            parts = [local(said["said_at"]), said["what"], said["by"], said["note"]]
            print("  ".join(str(part) for part in parts if part is not None))
        rows = [line_words(line) for line in found["lines"]]
        show(stated, found, LINE_HEADINGS, rows, f"停售 stops {len(rows)} lines")
    names = [
        "merchant",
        "name",
        "premises",
        "product",
        "product_name",
        "lot",
        "amount",
        "unit",
        "how",
    ]
    rows = [[stock[key] for key in names] for stock in found["stock"]]
    return show(stated, found, names, rows, f"在库 in stock at {found['places']} places")


def run_place(stated: argparse.Namespace) -> int:
    """Stops goods until a time."""
    until = stated.until or ledger_time(stated) + timedelta(days=stated.days)
    goods = goods_of(stated)
    send(stated, [
        PlaceHold(hold=stated.hold, goods=goods, authority=stated.authority,
                  reason=stated.reason, until=until, by=stated.by)
    ])  # fmt: skip
    ends, places = local(until.isoformat()), _places(stated)
    words = f"{stated.hold}: {len(goods)} lines are stopped until {ends}; scanners hear of it now"
    words += {None: "", 0: "; nothing in stock matches so far"}.get(
        places, f"; in stock at {places} places"
    )
    return say(stated, words, hold=stated.hold, until=until.isoformat(), places=places)


def _places(stated: argparse.Namespace) -> int | None:
    """Returns at how many places the stopped goods are in stock; None while the views do not know."""
    with asking(stated) as query:
        for _ in range(SEEN_TRIES):
            try:
                return int(ask_page(query, f"/v1/holds/{stated.hold}", {})["places"])
            except Failed:
                time.sleep(SEEN_S)
    return None


def run_extend(stated: argparse.Namespace) -> int:
    """Lets a hold end later."""
    request = ExtendHold(hold=stated.hold, until=stated.until, reason=stated.reason, by=stated.by)
    send(stated, [request])
    ends = local(stated.until.isoformat())
    return say(stated, f"{stated.hold} goes on until {ends}", hold=stated.hold, until=ends)


def run_release(stated: argparse.Namespace) -> int:
    """Lets the goods of a hold be sold again."""
    send(stated, [ReleaseHold(hold=stated.hold, reason=stated.reason, by=stated.by)])
    words = f"{stated.hold} is released; other holds and recalls still count: suyuan check GTIN"
    return say(stated, words, hold=stated.hold)


def add_check(verbs: Any) -> None:
    """`check`: may this be sold?"""
    verb = verbs.add_parser(
        "check",
        help="whether goods may be sold, as a cash register asks it; exits with 0 for sell alone",
    )
    verb.add_argument("gtin")
    verb.add_argument("--lot")
    verb.add_argument("--produced", type=day)
    verb.add_argument("--expires", type=day)
    verb.add_argument("--supplier", type=name)
    add_query(verb, run_check)


def run_check(stated: argparse.Namespace) -> int:
    """Says stop, look or sell; exits with 0 for sell alone."""
    asked = {key: getattr(stated, key) for key in ("gtin", "lot", "supplier")}
    for key in ("produced", "expires"):
        told = getattr(stated, key)
        asked[key] = told.isoformat() if told else None
    with asking(stated) as query:
        found = ask_page(query, "/v1/check", {k: v for k, v in asked.items() if v is not None})
    heading = f"[{found['verdict']}] {found['words']} {', '.join(found['stops'])}".rstrip()
    show(stated, found, LINE_HEADINGS, [line_words(line) for line in found["look_for"]], heading)
    return int(found["verdict"] != "sell")


VERBS = (add_hold, add_check)
