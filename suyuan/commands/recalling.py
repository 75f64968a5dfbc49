"""`recall`: draft, check, publish, change and close it, and see how far it has got."""

import argparse
from decimal import Decimal
from typing import Any

from ledger.events.holds import StoppedGoods
from ledger.events.recalls import (
    RecallChecked,
    RecallClosed,
    RecallDrafted,
    RecallNarrowed,
    RecallWidened,
    RecallWithdrawn,
)
from ledger.rules.recalls import (
    CheckRecall,
    CloseRecall,
    DraftRecall,
    NarrowRecall,
    PublishRecall,
    WidenRecall,
    WithdrawRecall,
)
from suyuan.commands import Failed, name
from suyuan.commands.asking import add_query, ask_page, ask_pages, asking, local, rehearsed, show
from suyuan.commands.goods_named import (
    LINE_HEADINGS,
    add_goods,
    goods_from,
    goods_of,
    is_meant,
    line_words,
    names_goods,
)
from suyuan.commands.holding import COLOURS
from suyuan.commands.recall_field import add_field_work
from suyuan.commands.recall_outputs import add_outputs
from suyuan.commands.requesting import (
    add_request,
    draft_read,
    instant,
    ledger_time,
    say,
    send,
    words_of,
)
from suyuan.commands.working_days import add_calendar

STAGES_ZH = {
    "drafted": "草稿", "returned": "退回", "checked": "已复核", "published": "已公布",
    "withdrawn": "已撤回", "closed": "已结束",
}  # fmt: skip
# Lines that one request carries.
LINES_MAX = 1000
LINES_OF_RECALL = 100_000


def add_recall(verbs: Any) -> None:
    """`recall` with all its words."""
    verb = verbs.add_parser("recall", help="recall goods (召回), from the draft to the report")
    words = verb.add_subparsers(dest="word", required=True, metavar="WORD")
    _add_questions(words)
    _add_decisions(words)
    add_field_work(words)
    add_outputs(words)


def _add_questions(words: Any) -> None:
    every = words.add_parser("list", help="recalls, the newest first, with their deadlines")
    every.add_argument("--stage", choices=list(STAGES_ZH))
    add_query(every, run_list)
    one = words.add_parser("show", help="a recall's goods, progress, deadlines and history")
    score = words.add_parser("score", help="how it went, or its rehearsal: stopwatch and shares")
    for question, run in ((one, run_show), (score, run_score)):
        question.add_argument("recall", type=name)
        add_query(question, run)


def _add_decisions(words: Any) -> None:
    draft = words.add_parser(
        "draft", help="draft it: from a trace of lots, from a hold, or by name"
    )
    draft.add_argument("recall", type=name, help="a name for it, such as r-2026-11-22")
    draft.add_argument("--grade", required=True, choices=["I", "II", "III"])
    draft.add_argument("--trace", action="append", default=[], metavar="GTIN/LOT",
                       help="a lot; all that it became is recalled with it")  # fmt: skip
    draft.add_argument("--possible", action="store_true", help="also what it possibly became")
    draft.add_argument("--hold", type=name, help="the hold it follows, whose goods it takes over")
    draft.add_argument("--reason", required=True, type=words_of(400))
    draft.add_argument("--authority", required=True, type=words_of(60), help="in whose name")
    draft.add_argument("--known-at", type=instant, help="when the risk became known; else now")
    draft.add_argument("--responsible", type=name, help="the merchant that has to carry it out")
    add_goods(draft)
    add_request(draft, run_draft)
    check = words.add_parser("check", help="a second officer checks the draft")
    check.add_argument("recall", type=name)
    check.add_argument("--draft", type=draft_read, required=True,
                       help="which draft was read, as recall show writes it")  # fmt: skip
    check.add_argument("--send-back", action="store_true", help="it must be drafted anew")
    check.add_argument("--note")
    add_request(check, run_check)
    publish = words.add_parser("publish", help="announce it; scanners refuse its goods from now on")
    publish.add_argument("recall", type=name)
    publish.add_argument(
        "--notice", required=True, type=words_of(400), help="what consumers are told to do"
    )
    add_request(publish, run_publish)
    widen = words.add_parser("widen", help="recall more goods")
    narrow = words.add_parser("narrow", help="recall some of its lines no longer")
    for change, run in ((widen, run_widen), (narrow, run_narrow)):
        change.add_argument("recall", type=name)
        change.add_argument("--reason", required=True, type=words_of(400))
        add_goods(change)
        add_request(change, run, second=change is narrow)
    widen.add_argument("--trace", action="append", default=[], metavar="GTIN/LOT")
    widen.add_argument("--possible", action="store_true")
    withdraw = words.add_parser("withdraw", help="take it back as a whole, a draft too")
    withdraw.add_argument("recall", type=name)
    withdraw.add_argument("--reason", required=True, type=words_of(400))
    add_request(withdraw, run_withdraw, second=True)
    close = words.add_parser("close", help="it is done; what turns up later is still stopped")
    close.add_argument("recall", type=name)
    close.add_argument("--summary", required=True, type=words_of(400))
    close.add_argument(
        "--unaccounted", type=words_of(400), help="what nobody could account for, and why"
    )
    add_request(close, run_close, second=True)
    add_calendar(words)


def run_list(stated: argparse.Namespace) -> int:
    """Shows recalls and how late they are."""
    asked = {"stage": stated.stage} if stated.stage else {}
    with asking(stated) as query:
        found = [r for page in ask_pages(query, "/v1/recalls", asked) for r in page["recalls"]]
    headings = [
        "名 recall",
        "级 grade",
        "状态 stage",
        "时限 due",
        "",
        "原因 reason",
        "机关 authority",
    ]
    rows = []
    for one in found:
        due = _open_deadline(one)
        rows.append([
            one["recall"], one["grade"], f"{STAGES_ZH[one['stage']]} {one['stage']}",
            due and local(due["due"]), due and COLOURS[due["colour"]], one["reason"], one["authority"],
        ])  # fmt: skip
    return show(stated, {"recalls": found}, headings, rows, f"{len(found)} recalls")


def run_show(stated: argparse.Namespace) -> int:
    """Shows one recall."""
    with asking(stated) as query:
        found = ask_page(query, f"/v1/recalls/{stated.recall}", {})
    if not stated.json:
        _show_state(found)
    sums = found["counts"]["sums"]
    names = list(sums[0]) if sums else ["product"]
    rows = [[one[key] for key in names] for one in sums]
    return show(
        stated, found, names, rows, f"数量 quantities, true at position {found['position']}"
    )


def _show_state(found: dict[str, Any]) -> None:
    told, counts = found["recall"], found["counts"]
    print(f"{rehearsed(found)}{told['recall']}: {STAGES_ZH[told['stage']]} {told['stage']}, grade {told['grade']};"
          f" {told['authority']}: {told['reason']}")  # fmt: skip
    about = {"hold": told["hold"], "责任者 responsible": told["responsible"],
             "公告 notice": told["notice"], "总结 summary": told["summary"],
             "未查清 unaccounted": told["unaccounted"]}  # fmt: skip
    for what, said in about.items():
        if said:
            print(f"  {what}: {said}")
    if told["stage"] in ("drafted", "checked"):
        print(f"  草稿 draft: {told['draft_digest'][:DRAFT_DIGITS]}")
    for due in told["deadlines"]:
        done = f", done {local(due['done_at'])}" if due["done_at"] else ""
        note = f" ({due['calendar']})" if due["calendar"] else ""
        print(f"  {due['what']} by {local(due['due'])}{done}: {COLOURS[due['colour']]}{note}")
    for said in found["words"]:
        parts = [local(said["said_at"]), said["what"], said["by"], said["holder"], said["note"]]
        print("  " + "  ".join(str(part) for part in parts if part is not None))
    rows = [line_words(line) for line in found["lines"]]
    shown = argparse.Namespace(json=False)
    show(shown, {}, LINE_HEADINGS, rows, f"召回 {found['lines_in_all']} lines")
    words = [f"{key} {value}" for key, value in counts.items() if key != "sums"]
    known = ", ".join(words) if found["reach_known"] else "whom it reaches is not known yet"
    print(f"进展 progress: {known}")
    if found["beyond"]:
        print(f"未含 a trace reaches more, widen it: {', '.join(found['beyond'][:12])}")


def run_score(stated: argparse.Namespace) -> int:
    """Shows how a recall, or its rehearsal, went."""
    with asking(stated) as query:
        found = ask_page(query, f"/v1/recalls/{stated.recall}/score", {})
    if not stated.json:
        names = {
            "found": "找到",
            "reached": "通知到",
            "acknowledged": "已阅",
            "accounted": "交代清",
        }
        shares = [f"{zh} {key} {_share(found[key])}" for key, zh in names.items()]
        print(f"{found['holders']} 户 holders: {', '.join(shares)}")
    rows = [[step["step"], local(step["at"]), step["seconds"]] for step in found["stopwatch"]]
    headings = ["步骤 step", "时间 at", "秒 s since known"]
    return show(stated, found, headings, rows, f"秒表 stopwatch of {stated.recall}")


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value} %"


def _open_deadline(one: dict[str, Any]) -> dict[str, Any] | None:
    waiting = [due for due in one["deadlines"] if due["done_at"] is None]
    return waiting[-1] if waiting and one["stage"] not in ("withdrawn", "closed") else None


def run_draft(stated: argparse.Namespace) -> int:
    """Drafts a recall of what its lots became, of a hold's goods, or of goods as they are named."""
    goods, position, asked = _goods(stated)
    # What one request cannot carry is added once it is published.
    entry = RecallDrafted(
        recall=stated.recall, grade=stated.grade, goods=goods[:LINES_MAX], reason=stated.reason,
        authority=stated.authority, known_at=stated.known_at or ledger_time(stated), by=stated.by,
        hold=stated.hold, responsible=stated.responsible, trace_position=position, asked=asked,
    )  # fmt: skip
    send(stated, [DraftRecall(entry)])
    left = len(goods) - LINES_MAX
    more = f"; {left} more lines do not fit: publish it, then widen it" if left > 0 else ""
    words = (
        f"{stated.recall}: drafted with {len(entry.goods)} lines{more}; another officer checks it"
    )
    return say(stated, words, recall=stated.recall, lines=len(entry.goods), left=max(0, left))


def _goods(
    stated: argparse.Namespace,
) -> tuple[tuple[StoppedGoods, ...], int | None, tuple[str, ...]]:
    """Returns the lines, and the trace they come from: its position and what it was asked."""
    goods: tuple[StoppedGoods, ...] = ()
    position, asked = None, ()
    with asking(stated) as query:
        if stated.trace:
            pairs = [text.partition("/") for text in stated.trace]
            if any(not lot for _, _, lot in pairs):
                raise Failed("a lot is named with its product: 06901234567892/A-24/11")
            wanted = {
                "product": [gtin for gtin, _, _ in pairs], "lot": [lot for _, _, lot in pairs],
                "possible": str(stated.possible).lower(),
            }  # fmt: skip
            found = ask_page(query, "/v1/recall-proposal", wanted)
            goods = goods_from(found["lines"])
            position, asked = found["position"], tuple(text[:60] for text in found["asked"])
            _warn(stated, found)
        elif getattr(stated, "hold", None) and not names_goods(stated):
            held = ask_page(query, f"/v1/holds/{stated.hold}", {})
            goods = goods_from(held["lines"])
    if names_goods(stated):
        goods += goods_of(stated)
    if not goods:
        raise Failed("of what? say --trace GTIN/LOT, --hold NAME, or name goods: --product GTIN")
    return goods, position, asked


def _warn(stated: argparse.Namespace, found: dict[str, Any]) -> None:
    """Says what the draft leaves out, so that nobody thinks it whole."""
    if stated.json:
        return
    if found["possible"] and not stated.possible:
        print(f"{found['possible']} lots are possible and left out: --possible takes them in")
    for what in found["unnamed"]:
        print(f"no label names {what}: look at that entry")


def run_check(stated: argparse.Namespace) -> int:
    """Puts on record what the second officer says."""
    approved = not stated.send_back
    with asking(stated) as query:
        found = ask_page(query, f"/v1/recalls/{stated.recall}", {})
    read = found["recall"]["draft_digest"]
    if not read.startswith(stated.draft):
        raise Failed(
            f"{stated.recall} is not the draft {stated.draft} you read: suyuan recall show"
            f" {stated.recall} shows it as it is now, and its --draft"
        )
    entry = RecallChecked(
        recall=stated.recall, approved=approved, by=stated.by, note=stated.note, draft_digest=read
    )
    send(stated, [CheckRecall(entry)])
    words = "may be published" if approved else "goes back to be drafted anew"
    return say(stated, f"{stated.recall} {words}", recall=stated.recall, approved=approved)


def run_publish(stated: argparse.Namespace) -> int:
    """Announces a recall."""
    send(stated, [PublishRecall(recall=stated.recall, notice=stated.notice, by=stated.by)])
    return say(
        stated, f"{stated.recall} is published; scanners hear of it now", recall=stated.recall
    )


def run_widen(stated: argparse.Namespace) -> int:
    """Recalls more goods, in as many steps as they need."""
    goods = _goods(stated)[0]
    for first in range(0, len(goods), LINES_MAX):
        entry = RecallWidened(
            recall=stated.recall, goods=goods[first : first + LINES_MAX], reason=stated.reason,
            by=stated.by,
        )  # fmt: skip
        send(stated, [WidenRecall(entry)])
    return say(stated, f"{stated.recall}: {len(goods)} lines more", recall=stated.recall)


# So much of a draft's digest tells it from any other of its name.
DRAFT_DIGITS = 12


def run_narrow(stated: argparse.Namespace) -> int:
    """Recalls some lines no longer, and says which; a product alone is its line, never its lots."""
    wanted = goods_of(stated)
    with asking(stated) as query:
        asked = {"lines": LINES_OF_RECALL}
        lines = goods_from(ask_page(query, f"/v1/recalls/{stated.recall}", asked)["lines"])
    meant = tuple(line for line in lines if any(is_meant(line, one) for one in wanted))
    if not meant:
        raise Failed(f"{stated.recall} has no such line: suyuan recall show {stated.recall}")
    entry = RecallNarrowed(
        recall=stated.recall, goods=meant, reason=stated.reason, by=stated.by,
        checked_by=stated.checked_by,
    )  # fmt: skip
    send(stated, [NarrowRecall(entry)])
    gone = "; ".join(f"{one.product or one.supplier} {one.lot or ''}".strip() for one in meant[:9])
    words = f"{stated.recall} no longer recalls {len(meant)} of its lines: {gone}"
    return say(stated, words, recall=stated.recall, lines=len(meant))


def run_withdraw(stated: argparse.Namespace) -> int:
    """Takes a recall back."""
    entry = RecallWithdrawn(
        recall=stated.recall, reason=stated.reason, by=stated.by, checked_by=stated.checked_by
    )
    send(stated, [WithdrawRecall(entry)])
    words = f"{stated.recall} is withdrawn; other holds and recalls still count: suyuan check GTIN"
    return say(stated, words, recall=stated.recall)


def run_close(stated: argparse.Namespace) -> int:
    """Closes a recall at the position its report is true for; what is open must be said."""
    with asking(stated) as query:
        found = ask_page(query, f"/v1/recalls/{stated.recall}", {})
    left = _left_open(found["counts"])
    if left and not stated.unaccounted:
        raise Failed(f"{left}: say what of it stays open and why, with --unaccounted")
    entry = RecallClosed(
        recall=stated.recall, by=stated.by, checked_by=stated.checked_by,
        position=found["position"], summary=stated.summary, unaccounted=stated.unaccounted,
    )  # fmt: skip
    send(stated, [CloseRecall(entry)])
    words = f"{stated.recall} is closed: suyuan recall report {stated.recall} --out report.html"
    return say(stated, words, recall=stated.recall, position=found["position"])


def _left_open(counts: dict[str, Any]) -> str:
    """Says what of a recall is not done; empty when all of it is."""
    silent = counts["holders"] - counts["answered"]
    missing = [one for one in counts["sums"] if Decimal(one["unaccounted"]) > 0]
    words = [f"{silent} holders have not answered"] if silent > 0 else []
    words += [f"{one['unaccounted']} {one['unit']} of {one['product']} missing" for one in missing]
    return ", ".join(words)


VERBS = (add_recall,)
