"""`alerts`: what somebody should look at, grouped by cause, and what people say of it."""

import argparse
import json
from typing import Any

from ledger.rules.alert_work import (
    AcknowledgeAlerts,
    AlertRequest,
    AssignAlerts,
    CommentAlerts,
    SilenceAlerts,
)
from suyuan.commands import name
from suyuan.commands.asking import add_query, ask_page, ask_pages, asking, show
from suyuan.commands.requesting import add_who, instant, send

SAYINGS = {
    "acknowledge": "you have seen it",
    "assign": "somebody is to work on it",
    "comment": "put a remark beside it",
    "silence": "keep it quiet until a time",
}


def add_alerts(verbs: Any) -> None:
    """`alerts` with what can be said of a group."""
    verb = verbs.add_parser("alerts", help="what somebody should look at, and who has it in hand")
    verb.add_argument("--each", action="store_true", help="every alert, not grouped by cause")
    verb.add_argument("--kind", help="with --each: one kind only, such as expired-in-stock")
    verb.add_argument("--premises", help="with --each: one premises only")
    verb.add_argument("--all", action="store_true", help="closed ones too")
    verb.add_argument("--awake", action="store_true", help="leave out what is silenced")
    add_query(verb, run_alerts)
    words = verb.add_subparsers(dest="word", metavar="show|acknowledge|assign|comment|silence")
    one = words.add_parser("show", help="a group's alerts and what was said of it")
    one.add_argument("group", help="its id, such as g-0123456789abcdef")
    add_query(one, run_show)
    for word, means in SAYINGS.items():
        say = words.add_parser(word, help=means)
        say.add_argument("group", help="its id, such as g-0123456789abcdef")
        add_who(say)
        say.add_argument("--note", required=word in ("comment", "silence"), help="why, or what")
        say.add_argument("--intake", help="intake's address; else the one of the settings")
        if word == "assign":
            say.add_argument("--to", type=name, required=True, help="who works on it")
        if word == "silence":
            say.add_argument("--until", type=instant, required=True, help="2026-12-01T08:00+08:00")
        add_query(say, run_say, who=False)


def run_alerts(stated: argparse.Namespace) -> int:
    """Shows groups of alerts, or each alert."""
    only_open = str(not stated.all).lower()
    if stated.each or stated.kind or stated.premises:
        asked = {"only_open": only_open, "kind": stated.kind, "premises": stated.premises}
        wanted = {key: value for key, value in asked.items() if value is not None}
        with asking(stated) as query:
            found = [a for page in ask_pages(query, "/v1/alerts", wanted) for a in page["alerts"]]
        names = ["kind", "premises", "product", "lot", "opened_at", "closed_at", "times", "detail"]
        rows = [[alert[name] for name in names] for alert in found]
        return show(stated, {"alerts": found}, names, rows, f"{len(found)} alerts")
    asked = {"only_open": only_open, "silenced": str(not stated.awake).lower()}
    with asking(stated) as query:
        groups = [g for page in ask_pages(query, "/v1/alert-groups", asked) for g in page["groups"]]
    headings = ["组 group", "件", "什么 what", "涉及 about", "怎么办 to do", "在手 in hand"]
    rows = [
        [g["grouped"], g["open"], g["zh"], _about(g), g["todo_zh"], _in_hand(g)] for g in groups
    ]
    return show(stated, {"groups": groups}, headings, rows, f"{len(groups)} groups")


def run_show(stated: argparse.Namespace) -> int:
    """Shows one group: its alerts with their evidence, and what was said."""
    with asking(stated) as query:
        found = ask_page(query, f"/v1/alert-groups/{stated.group}", {})
    group = found["group"]
    if not stated.json:
        print(f"{group['zh']} {group['en']}: {_about(group)}")
        print(f"{group['todo_zh']} {group['todo_en']}")
        for said in found["said"]:
            words = [
                said["said_at"],
                said["by"],
                said["what"],
                said["to"],
                said["until"],
                said["note"],
            ]
            print("  ".join(str(word) for word in words if word is not None))
    names = ["kind", "merchant", "premises", "product", "lot", "evidence", "opened_at", "detail"]
    rows = [[alert[name] for name in names] for alert in found["alerts"]]
    return show(stated, found, names, rows, f"{group['open']} open")


def run_say(stated: argparse.Namespace) -> int:
    """Puts on record what somebody says of a group."""
    with asking(stated) as query:
        # Words about a group that never was would be kept and found by nobody.
        ask_page(query, f"/v1/alert-groups/{stated.group}", {})
    send(stated, [_request(stated)])
    said = {"ok": True, "group": stated.group, "said": stated.word, "by": stated.by}
    print(json.dumps(said) if stated.json else f"{stated.group}: {stated.word}, by {stated.by}")
    return 0


def _request(stated: argparse.Namespace) -> AlertRequest:
    common = {"group": stated.group, "by": stated.by, "note": stated.note}
    match stated.word:
        case "acknowledge":
            return AcknowledgeAlerts(**common)
        case "assign":
            return AssignAlerts(to=stated.to, **common)
        case "comment":
            return CommentAlerts(**common)
    return SilenceAlerts(until=stated.until, **common)


def _about(group: dict[str, Any]) -> str:
    goods = group["name_zh"] or group["product"] or ""
    lot = (group["lot"] or "").partition(":")[2]
    who = group["merchant_name"] or group["merchant"] or ""
    if group["places"] > 1:
        who = f"{group['places']} 处"
    return " ".join(word for word in (goods, lot, who) if word)


def _in_hand(group: dict[str, Any]) -> str:
    words = []
    if group["acknowledged_by"]:
        new = f" (+{group['since_acknowledged']})" if group["since_acknowledged"] else ""
        words.append(f"{group['acknowledged_by']} 已阅{new}")
    if group["assigned_to"]:
        words.append(f"交 {group['assigned_to']}")
    if group["silenced"]:
        words.append(f"静默至 {group['silenced_until']} ({group['silenced_by']})")
    return " ".join(words)


VERBS = (add_alerts,)
