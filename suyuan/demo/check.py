"""Checking the demonstration: what the ledger says against what the simulator knows."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx
import psycopg

from ledger.events.reports import GoodsReceived
from ledger.log.auditing import Auditor, AuditRules, AuditState
from ledger.log.checkpoints import Checkpoint
from ledger.values.ids import stream_of_tape
from scanners.tape import Tape
from suyuan.assortment import CATALOGUE, PORK
from suyuan.demo.market import Market
from suyuan.participants import gtin_of
from suyuan.published import PublishedLog
from suyuan.receipts_check import check_receipts
from suyuan.simulate import Trade

PAGES = 12
# What comes last is covered a second or two later.
COVERED_S = 15
FRESH_WITHIN = timedelta(minutes=1)


def wait_followed(query: httpx.Client, timeout_s: float) -> bool:
    """Waits until every group of views stands at the head of the record."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        answer = query.get("/v1/health")
        if answer.is_success:
            health = answer.json()
            if len({health[name] for name in ("head", "trade", "edge")}) == 1:
                return True
        time.sleep(0.1)
    return False


def stock_differences(query: httpx.Client, trade: Trade) -> list[str]:
    """Returns where the ledger's stock is not what the reports add up to, in words.

    Nor what is really there: that must lie between what the ledger says at least and at most.
    """
    truth, stored, problems = trade.truth.stock, {}, []
    for merchant in trade.merchants:
        real = {
            (lot.gtin, f"L:{lot.number}"): n for lot, n in trade.truth.held[merchant.id].items()
        }
        for line in _pages(query, f"/v1/premises/{merchant.premises}/stock", "lines"):
            key = (merchant.premises, line["product"], line["lot"], line["unit"])
            stored[key] = _thousandths(line["amount"])
            there = max(0, real.get(key[1:3], 0)) * 1000
            least, most = _thousandths(line["at_least"]), _thousandths(line["at_most"])
            if key[1:3] in real and not least <= there <= most:
                problems.append(f"{'|'.join(key)}: {there} is not between {least} and {most}")
    return problems + [
        f"{'|'.join(key)}: truth {truth.get(key, 0)}, ledger {stored.get(key, 0)}"
        for key in sorted(truth.keys() | stored.keys())
        if truth.get(key, 0) != stored.get(key, 0)
    ]


def _thousandths(amount: str) -> int:
    return int(Decimal(amount) * 1000)


def expected_alerts(market: Market, numbers: dict[int, tuple[str, int]]) -> set[tuple[str, str]]:
    """Returns every alert that must be open; `numbers` says where each action was recorded."""
    trade = market.trade
    wanted = trade.expected_alerts(trade.day, lambda action: numbers[id(action)])
    ahead = market.agents[market.ahead.device].tape.id
    wanted.add(("device-clock", str(stream_of_tape(ahead))))
    wanted.add(("tape-lost", market.retired[0].id))
    wanted.add(("tape-forked", market.agents[market.cloned.device].tape.id))
    return wanted


def alert_differences(
    query: httpx.Client, wanted: set[tuple[str, str]], overdrawn: set[str]
) -> list[str]:
    """Returns the alerts that are missing or too many, in words.

    `overdrawn` are numbers of papers; their alerts name where in the record each was filed.
    """
    wanted = wanted | {
        ("sold-beyond-paper", f"{paper['position']}|{gtin_of(PORK)}")
        for paper in _pages(query, "/v1/documents", "papers", {"gtin": gtin_of(PORK)})
        if paper["number"] in overdrawn
    }
    stored = {(row["kind"], row["subject"]) for row in _pages(query, "/v1/alerts", "alerts")}
    missing = [f"missing: {kind} {subject}" for kind, subject in sorted(wanted - stored)]
    return missing + [f"unexpected: {kind} {subject}" for kind, subject in sorted(stored - wanted)]


# What an officer can look through over a cup of tea.
GROUPS_MAX = 15


def group_problems(query: httpx.Client) -> list[str]:
    """Returns what is wrong with the groups of open alerts: too many, or nothing to do."""
    groups = list(_pages(query, "/v1/alert-groups", "groups"))
    problems = [f"group {g['grouped']}: nothing to do" for g in groups if not g["todo_zh"]]
    if not 0 < len(groups) <= GROUPS_MAX:
        problems.append(f"{len(groups)} groups of open alerts, not 1 to {GROUPS_MAX}")
    return problems


def book_problems(query: httpx.Client, trade: Trade) -> list[str]:
    """Returns where the law's ledgers or the pairs of both sides are not what was traded."""
    problems, day = [], str(trade.day)
    for merchant in trade.merchants:
        if merchant.kind not in ("wholesaler", "retailer"):
            continue
        path, period = f"/v1/merchants/{merchant.id}", {"since": day, "until": day}
        told = {_key_of(p): _said(p) for p in _pages(query, f"{path}/pairs", "pairs", period)}
        meant = {
            tuple(key): (both.status, both.sold or 0, both.received or 0)
            for key, both in trade.truth.books.trades.items()
            if merchant.id in (key.seller, key.buyer) and both.day == trade.day
        }
        for key in sorted(told.keys() | meant.keys()):
            if told.get(key) != meant.get(key):
                problems.append(f"pair {key}: truth {meant.get(key)}, ledger {told.get(key)}")
        bought = [
            line for name in ("purchases", "produce")
            for line in _pages(query, f"{path}/ledgers/{name}", "lines", period)
        ]  # fmt: skip
        received = [
            action for action in trade.actions
            if action.kind is GoodsReceived and action.fields["merchant"] == merchant.id
        ]  # fmt: skip
        lacking = [line for line in bought if set(line["missing"]) - {"vouchers"}]
        if len(bought) != len(received) or lacking:
            said = f"{len(bought)} lines of {len(received)} purchases, {len(lacking)} with gaps"
            problems.append(f"ledger of {merchant.id}: {said}")
    return problems


def _key_of(pair: dict[str, Any]) -> tuple[str, ...]:
    numbers = pair["numbers"]
    return pair["seller"], pair["buyer"], pair["product"], pair["unit"], "|".join(numbers)


def _said(pair: dict[str, Any]) -> tuple[str, int, int]:
    return pair["status"], _thousandths(pair["sold"]), _thousandths(pair["received"])


def page_problems(kiosk_url: str, trade: Trade) -> list[str]:
    """Opens product, lot and unknown pages as a shopper would; returns what is wrong with them."""
    problems = []
    lots = sorted(trade.truth.lots.values(), key=lambda lot: lot.number)[:PAGES]
    with httpx.Client(base_url=kiosk_url, trust_env=False, timeout=10) as kiosk:
        for lot in lots:
            for path in (f"/01/{lot.gtin}/10/{quote(lot.number)}", f"/01/{lot.gtin}"):
                answer = kiosk.get(path, headers={"accept-language": "zh"})
                named = CATALOGUE[lot.product][0] in answer.text
                if answer.status_code != httpx.codes.OK or not named:
                    problems.append(f"{path}: {answer.status_code}")
        unknown = kiosk.get("/01/06901234999990/10/NOBODY", headers={"accept-language": "zh"})
        if unknown.status_code != httpx.codes.NOT_FOUND or "未登记" not in unknown.text:
            problems.append(f"unknown lot: {unknown.status_code}")
    return problems


def log_problems(url: str, tapes: Sequence[Tape], now: Callable[[], datetime]) -> list[str]:
    """Audits the published log as a stranger would, and looks every scanner's receipts up in it."""
    rules = AuditRules(fresh_within=FRESH_WITHIN)
    deadline = time.monotonic() + COVERED_S
    with PublishedLog(url) as log:
        key = (log.read(["key"])[0] or b"").decode().strip()
        while True:
            auditor = Auditor(AuditState(key=key), log.read, rules, now=now)
            report = auditor.run(lambda _state: None)
            tree = Checkpoint(report.origin, report.size, b"")
            receipts = [check_receipts(tape, log.read, tree) for tape in tapes]
            waiting = sum(found.waiting for found in receipts)
            if not waiting or time.monotonic() > deadline:
                break
            time.sleep(0.5)
    problems = [*report.findings, *(one for found in receipts for one in found.findings)]
    late = [f"{waiting} receipts are not in the log of {report.size} entries"] if waiting else []
    return [f"{one.code}: {one.words}" for one in problems] + late


def stored_counts(owner_dsn: str, market: Market) -> dict[str, int]:
    """Counts what the record holds of the market's tapes, and what was kept aside."""
    streams = [str(stream_of_tape(tape.id)) for tape in market.tapes()]
    with psycopg.connect(owner_dsn) as connection:
        row = connection.execute(
            "SELECT count(*), count(*) - count(DISTINCT (originator_id, chain)) FROM ledger.events"
            " WHERE originator_id = ANY(%s::uuid[])",
            [streams],
        ).fetchone()
        aside = connection.execute("SELECT count(*) FROM ledger.quarantine").fetchone()
        strangers = connection.execute("SELECT count(*) FROM ledger.strangers").fetchone()
    assert row and aside and strangers
    return {
        "reports_stored": row[0],
        "stored_twice": row[1],
        "quarantined": aside[0],
        "strangers": strangers[0],
    }


def _pages(
    query: httpx.Client, path: str, name: str, asked: dict[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    after: str | None = None
    while True:
        parameters: dict[str, Any] = {"limit": 200} | (asked or {})
        parameters |= {"after": after} if after else {}
        answer = query.get(path, params=parameters)
        answer.raise_for_status()
        page = answer.json()
        yield from page[name]
        after = page["next"]
        if after is None:
            return


def story_problems(kiosk_url: str) -> list[str]:
    """Tells the guided story once, as its page does, and says what did not come out."""
    with httpx.Client(base_url=kiosk_url, trust_env=False, timeout=90) as page:
        steps = ("cut", "reconnect", "fail", "trace", "publish", "tamper", "bundle")
        told = {step: page.post(f"story/{step}") for step in steps}
        broken = [
            f"story: {step} answers {one.status_code}"
            for step, one in told.items()
            if not one.is_success
        ]
        if broken:
            return broken
        facts = told["bundle"].json()["facts"]
        position = facts["tamper"]["position"]
        came_out = {
            "three sales were kept without a network": facts["cut"]["kept"] >= 3,
            "none of them was left": facts["reconnect"]["kept"] == 0,
            "the trace found holders": facts["trace"]["certain"] > 0,
            "the till turned red": told["publish"].json()["red"],
            "the check named the place": any(
                f"position {position}:" in one for one in facts["tamper"]["problems"]
            ),
            "the bundle holds": facts["bundle"]["records"] > 0 and not facts["bundle"]["problems"],
        }  # fmt: skip
        page.post("story/reset")
    return [f"story: it is not so that {what}" for what, so in came_out.items() if not so]
