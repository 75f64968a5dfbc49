"""A recall's field work: holders read it, answer, are called and checked, and destroy goods."""

import argparse
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import httpx

from ledger.events.recalls import (
    AnswerLine,
    ChecksDrawn,
    DrawnCheck,
    HolderCalled,
    HolderChecked,
    RecallAcknowledged,
    RecallAnswered,
)
from ledger.events.reports import GoodsAsRead, GoodsDisposed
from ledger.rules.recall_holders import (
    AcknowledgeRecall,
    AnswerRecall,
    CallHolder,
    CheckHolder,
    DrawChecks,
)
from ledger.values.cards import Card
from ledger.values.ids import is_id
from ledger.values.quantity import Unit
from scanners.agent import Home
from scanners.cards import CardBox
from scanners.trust import checking
from suyuan.commands import Failed, day, name, quantity
from suyuan.commands.asking import add_query, ask_page, ask_pages, asking, rehearsed, show
from suyuan.commands.device import AtWork, add_device, at_work, common_of, keep
from suyuan.commands.goods_named import lot_number, product
from suyuan.commands.requesting import add_request, say, send

CALL_RESULTS = ("reached", "no-answer", "wrong-number", "refused")
CHECK_RESULTS = ("effective", "still-there", "still-sold", "not-met")
AMOUNT = re.compile(r"^(found|sold|returned|destroyed)=([0-9]+(?:\.[0-9]{1,3})?)(?!\n)$")


def add_field_work(words: Any) -> None:
    """Adds what is done at and with holders."""
    holders = words.add_parser("holders", help="who has or had its goods, and what became of them")
    calls = words.add_parser("calls", help="whom to call: in no register, or in another district")
    calls.add_argument("--mine", dest="district", type=name, metavar="DISTRICT",
                       help="your own: buyers of other districts are called too")  # fmt: skip
    for question, run in ((holders, run_holders), (calls, run_calls)):
        question.add_argument("recall", type=name)
        add_query(question, run)
    read = words.add_parser("acknowledge", help="a holder has read it")
    answer = words.add_parser("answer", help="what a holder found and what became of it")
    answer.add_argument("--line", action="append", default=[], metavar="'GTIN[/LOT] found=3 sold=5'",
                        help="also returned=, destroyed= and unit=; none: nothing found")  # fmt: skip
    visit = words.add_parser("visit", help="what an officer saw at a holder")
    visit.add_argument("--result", required=True, choices=CHECK_RESULTS)
    for said, run in ((read, run_acknowledge), (answer, run_answer), (visit, run_visit)):
        said.add_argument("recall", type=name)
        said.add_argument("--merchant", type=name, required=True)
        said.add_argument("--note")
        add_request(said, run)
    call = words.add_parser("call", help="what came of calling a buyer")
    call.add_argument("recall", type=name)
    who = call.add_mutually_exclusive_group(required=True)
    who.add_argument("--merchant", type=name)
    who.add_argument("--card", help="the reference of a buyer's card, as the call list shows it")
    call.add_argument("--result", required=True, choices=CALL_RESULTS)
    call.add_argument("--note")
    add_request(call, run_call)
    draw = words.add_parser("draw", help="draw holders to be checked, the risky first")
    draw.add_argument("recall", type=name)
    draw.add_argument("--share", type=int, default=10, help="of all, in percent (%(default)s)")
    draw.add_argument("--seed", type=int, default=1, help="draws the same again (%(default)s)")
    add_request(draw, run_draw)
    _add_destroy(words)


def _add_destroy(words: Any) -> None:
    destroy = words.add_parser("destroy", help="goods were destroyed: picture, witness and place")
    destroy.add_argument("recall", type=name)
    destroy.add_argument("product", help="its GTIN, or item:NAME")
    destroy.add_argument("amount", type=quantity, help="how much: 12piece, 3.5kg")
    destroy.add_argument("--lot")
    destroy.add_argument("--produced", type=day)
    destroy.add_argument("--expires", type=day)
    destroy.add_argument("--picture", type=Path, action="append", required=True,
                         help="of the destruction; may be repeated")  # fmt: skip
    destroy.add_argument("--witness", required=True, help="who saw it: an id, or a person's name")
    destroy.add_argument("--place", dest="where", required=True, help="where it was done")
    add_device(destroy)
    destroy.set_defaults(run=run_destroy)


def run_holders(stated: argparse.Namespace) -> int:
    """Shows holders, page by page."""
    with asking(stated) as query:
        try:
            found, position = _holders(query, stated.recall)
        except Failed as error:
            if "begin it again" not in str(error):
                raise
            found, position = _holders(query, stated.recall)
    headings = ["怎样 how", "持有者 holder", "产品 product", "经手 handled", "或许 maybe", "在手至多 left", "找到 found",
                "已售 sold", "退回 returned", "销毁 destroyed", "不明 unaccounted", "已阅 read", "回访 check"]  # fmt: skip
    rows = [
        [
            holder["how"], f"{holder['holder']} {holder['name'] or ''}".strip(),
            line["product_name"] or line["product"],
            f"{line['had']} {line['unit']}", _maybe(line), line["left"], line["found"], line["sold"],
            line["returned"], line["destroyed"], line["unaccounted"],
            "✓" if holder["acknowledged_at"] else "", holder["check_result"] or holder["drawn"],
        ]
        for holder in found for line in holder["lines"]
    ]  # fmt: skip
    heading = f"{len(found)} 户 holders, true at position {position}"
    return show(stated, {"holders": found, "position": position}, headings, rows, heading)


def _holders(query: httpx.Client, recall: str) -> tuple[list[dict[str, Any]], int]:
    """Returns all holders, page by page, and the position they are true for."""
    pages = list(ask_pages(query, f"/v1/recalls/{recall}/holders", {}))
    return [holder for page in pages for holder in page["holders"]], pages[-1]["position"]


def _maybe(line: dict[str, Any]) -> str | None:
    return line["maybe_had"] if line["maybe_had"] != "0" else None


def run_calls(stated: argparse.Namespace) -> int:
    """Shows whom to call, those not reached first."""
    asked = {"district": stated.district} if stated.district else {}
    with asking(stated) as query:
        found = ask_page(query, f"/v1/recalls/{stated.recall}/calls", asked)
    headings = ["名称 name", "编号 holder", "电话 phone", "地址 address", "数量 got", "原因 why", "次 calls", "结果 result"]  # fmt: skip
    rows = [
        [c["name"], c["holder"], c["phone"], c["address"], "; ".join(c["got"]), c["why"],
         c["calls"], c["call_result"]]
        for c in found["calls"]
    ]  # fmt: skip
    return show(stated, found, headings, rows, f"{rehearsed(found)}{len(rows)} to call")


def run_acknowledge(stated: argparse.Namespace) -> int:
    """Puts on record that a holder has read it."""
    entry = RecallAcknowledged(
        recall=stated.recall, merchant=stated.merchant, by=stated.by, note=stated.note
    )
    send(stated, [AcknowledgeRecall(entry)])
    words = f"{stated.merchant} has read {stated.recall}{_unknown(stated, stated.merchant)}"
    return say(stated, words, merchant=stated.merchant)


def run_answer(stated: argparse.Namespace) -> int:
    """Puts on record what a holder found; nothing is an answer."""
    lines = tuple(answer_line(text) for text in stated.line)
    entry = RecallAnswered(
        recall=stated.recall, merchant=stated.merchant, by=stated.by, lines=lines, note=stated.note
    )
    send(stated, [AnswerRecall(entry)])
    said = "; ".join(f"{line.product} {line.lot or ''} {_figures(line)}" for line in lines)
    words = (
        f"{stated.merchant}: {said or 'nothing found'}; its latest answer is the one that counts"
        f"{_unknown(stated, stated.merchant)}"
    )
    return say(stated, words, merchant=stated.merchant, lines=len(lines))


def _figures(line: AnswerLine) -> str:
    names = ("found", "sold", "returned", "destroyed")
    return ", ".join(f"{name} {getattr(line, name)}" for name in names) + f" {line.unit.value}"


def answer_line(text: str) -> AnswerLine:
    """Reads `GTIN[/LOT] found=3 sold=5 unit=case`. Raises `Failed` with how it is written."""
    goods, *parts = text.split()
    code, _, lot = goods.partition("/")
    unit = next((part[5:] for part in parts if part.startswith("unit=")), "piece")
    amounts: dict[str, Decimal] = {}
    try:
        for part in (part for part in parts if not part.startswith("unit=")):
            if (match := AMOUNT.match(part)) is None:
                raise ValueError(f"{part!r} is none of found=, sold=, returned=, destroyed=, unit=")
            amounts[match[1]] = Decimal(match[2])
        number = lot_number(lot) if lot else None
        return AnswerLine(product=product(code) or "", lot=number, unit=Unit(unit), **amounts)
    except (ValueError, InvalidOperation) as error:
        raise Failed(
            f"a line is written 'GTIN[/LOT] found=3 sold=5 unit=piece': {error}"
        ) from error


def run_visit(stated: argparse.Namespace) -> int:
    """Puts on record what an officer saw."""
    entry = HolderChecked(
        recall=stated.recall, merchant=stated.merchant, result=stated.result, by=stated.by,
        note=stated.note,
    )  # fmt: skip
    send(stated, [CheckHolder(entry)])
    words = f"{stated.merchant}: {stated.result}{_unknown(stated, stated.merchant)}"
    return say(stated, words, merchant=stated.merchant)


def run_call(stated: argparse.Namespace) -> int:
    """Puts on record what came of a call."""
    entry = HolderCalled(
        recall=stated.recall, merchant=stated.merchant, card=stated.card, result=stated.result,
        by=stated.by, note=stated.note,
    )  # fmt: skip
    send(stated, [CallHolder(entry)])
    who = stated.merchant or stated.card
    warned = _unknown(stated, stated.merchant) if stated.merchant else ""
    return say(stated, f"{who}: {stated.result}{warned}", holder=who, result=stated.result)


def _unknown(stated: argparse.Namespace, merchant: str) -> str:
    """Returns words about a holder that had none by the record: it may be a slip of the hand."""
    try:
        with asking(stated) as query:
            found = ask_page(query, f"/v1/recalls/{stated.recall}/holders/{merchant}", {})
    except Failed:
        # It is on record; nobody can be asked about it now.
        return ""
    if found["known"]:
        return ""
    return f". Look again 请核对: by the record {merchant} had none of it; it is on record all the same"


def run_draw(stated: argparse.Namespace) -> int:
    """Draws holders to be checked, and puts the draw on record."""
    asked = {"share": stated.share, "seed": stated.seed}
    with asking(stated) as query:
        found = ask_page(query, f"/v1/recalls/{stated.recall}/checks", asked)
    if not found["drawn"]:
        raise Failed(f"{stated.recall} has no holders to draw from")
    drawn = tuple(DrawnCheck(merchant=d["holder"], reason=d["reason"]) for d in found["drawn"])
    for first in range(0, len(drawn), 1000):
        some = drawn[first : first + 1000]
        entry = ChecksDrawn(recall=stated.recall, seed=stated.seed, holders=some, by=stated.by)
        send(stated, [DrawChecks(entry)])
    rows = [[d["holder"], d["name"], d["risk"], d["reason"]] for d in found["drawn"]]
    headings = ["持有者 holder", "名称 name", "风险 risk", "理由 reason"]
    return show(stated, found, headings, rows, f"{len(rows)} of {found['of']} drawn")


def run_destroy(stated: argparse.Namespace) -> int:
    """Puts a destruction on the tape with its proof, and sends it with the pictures."""
    with at_work(stated) as work:
        goods_code = product(stated.product) or ""
        doubt = _refuse_wrong(stated, work, goods_code)
        item = goods_code.removeprefix("item:") if goods_code.startswith("item:") else None
        goods = GoodsAsRead(
            gtin=None if item else goods_code, item=item, lot=stated.lot,
            produced=stated.produced, expires=stated.expires,
            dates_from="keyed" if stated.lot or stated.produced or stated.expires else None,
        )  # fmt: skip
        pictures = tuple(work.keep_picture(path) for path in stated.picture)
        event = GoodsDisposed(
            goods=goods, quantity=stated.amount, reason="recalled", recall=stated.recall,
            documents=pictures, place=stated.where, **_witness(work, stated.witness),
            **common_of(work),
        )  # fmt: skip
        keep(work, event, stated.json, about=f"destroyed under {stated.recall}{doubt}")
    return 0


def _refuse_wrong(stated: argparse.Namespace, work: AtWork, code: str) -> str:
    """Refuses a recall that nobody knows, and one of another ledger; returns words of doubt.

    What was destroyed is recorded whatever is known of it; a device that is offline cannot ask.
    """
    if stated.offline:
        return ""
    try:
        with asking(argparse.Namespace(query=None)) as query:
            found = ask_page(query, f"/v1/recalls/{stated.recall}", {"lines": 0})
            stops = None if code.startswith("item:") else _stops(query, stated, code)
    except Failed as error:
        if "no recall is called" in str(error):
            raise
        return ""
    home = work.agent.home
    if found["rehearsal"] != _rehearses(home):
        raise Failed(
            f"{stated.recall} was looked up at another ledger than {home.intake_url}, to which this tape reports,"
            " a rehearsal and a real one: nothing was recorded; practise with a tape of the rehearsal"
        )
    if stops is None or f"recall {stated.recall}" in stops:
        return ""
    goods = f"{code} {stated.lot or ''}".strip()
    return f". Look again 请核对: {stated.recall} is not known to recall {goods}; proof of it alone counts"


def _rehearses(home: Home) -> bool:
    """Tells whether a ledger is a copy to rehearse on; one that is away is taken for a real one."""
    try:
        answer = httpx.get(
            f"{home.intake_url}/intake/ledger", timeout=5, trust_env=False,
            verify=checking(home.intake_url, home.authority),
        )  # fmt: skip
        return bool(answer.json().get("rehearsal"))
    except (httpx.HTTPError, ValueError):
        return False


def _stops(query: httpx.Client, stated: argparse.Namespace, code: str) -> list[str]:
    """Returns what stops goods, as a till is told."""
    about = {"lot": stated.lot, "produced": stated.produced, "expires": stated.expires}
    asked = {"gtin": code} | {key: str(value) for key, value in about.items() if value}
    stops: list[str] = ask_page(query, "/v1/check", asked)["stops"]
    return stops


def _witness(work: AtWork, who: str) -> dict[str, Any]:
    """Names a witness by the register, or by the card this device keeps of a person."""
    if is_id(who):
        return {"witness": who}
    box = CardBox(work.tape)
    known = box.keep(Card(name=who))
    box.hand_in(work.agent.home)
    return {"witness_card": known.ref}
