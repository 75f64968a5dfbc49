"""Verbs for what is no scan: file a certificate or a test report, correct an entry."""

import argparse
import json
import uuid
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from ledger.events.base import Event
from ledger.events.reports import (
    CertificateFiled,
    EntryCorrected,
    GoodsAsRead,
    TestReportFiled,
)
from ledger.values.gtin import Gtin
from ledger.values.ids import is_id
from ledger.values.quantity import StatedQuantity, Unit
from scanners.cards import CardBox
from suyuan.commands import Failed, quantity, today
from suyuan.commands.device import AtWork, add_device, at_work

KINDS = ("licence", "permit", "release", "quarantine", "meat-inspection", "origin", "other")


def add_file(verbs: Any) -> None:
    """`file`: papers that came along."""
    verb = verbs.add_parser("file", help="file a supplier's certificate or a test report")
    papers = verb.add_subparsers(dest="paper", required=True, metavar="certificate|test-report")
    certificate = papers.add_parser("certificate", help="a supplier's certificate was obtained")
    certificate.add_argument("--kind", choices=KINDS, default="other")
    certificate.add_argument("--issuer", required=True, help="who issued it")
    certificate.add_argument("--valid-from", required=True, type=date.fromisoformat)
    certificate.add_argument("--valid-until", type=date.fromisoformat)
    certificate.add_argument("--supplier", help="the merchant it was issued to")
    certificate.add_argument("--covers", type=quantity, help="how much it covers: 500kg, 20case")
    report = papers.add_parser("test-report", help="a test report was obtained")
    report.add_argument("--laboratory", required=True)
    report.add_argument("--result", required=True, choices=["passed", "failed"])
    report.add_argument("--tested-on", required=True, type=date.fromisoformat)
    for paper in (certificate, report):
        paper.add_argument("picture", type=Path, help="its picture: .jpg, .png or .pdf")
        paper.add_argument("--number", required=True, help="the number on the paper")
        paper.add_argument("--gtin", action="append", default=[], help="goods it is about")
        paper.add_argument("--lot", action="append", default=[], help="a lot it is about")
        add_device(paper)
        paper.set_defaults(run=run_file)


def run_file(stated: argparse.Namespace) -> int:
    """Puts the paper on the tape and sends it with its picture."""
    with at_work(stated) as work:
        fields = _common(work) | {
            "document": work.keep_picture(stated.picture),
            "number": stated.number,
            "gtins": tuple(str(Gtin(gtin)) for gtin in stated.gtin),
            "lots": tuple(stated.lot),
        }
        if stated.paper == "certificate":
            event: Event = CertificateFiled(
                kind=stated.kind, issuer=stated.issuer, valid_from=stated.valid_from,
                valid_until=stated.valid_until, supplier=stated.supplier, quantity=stated.covers,
                **fields,
            )  # fmt: skip
        else:
            event = TestReportFiled(
                laboratory=stated.laboratory, result=stated.result, tested_on=stated.tested_on,
                **fields,
            )  # fmt: skip
        _keep(work, event, stated.json)
    return 0


def add_correct(verbs: Any) -> None:
    """`correct`: void or replace an entry."""
    verb = verbs.add_parser(
        "correct", help="void an entry, replace what a line says, or with whom a delivery was"
    )
    verb.add_argument("number", type=int, help="the entry's number on its tape")
    verb.add_argument("--reason", required=True)
    verb.add_argument("--of", type=uuid.UUID, metavar="TAPE", help="another tape's id, if not this")
    verb.add_argument("--scope", choices=["line", "session", "delivery"], default="line",
                      help="this line, its scan session, or its delivery")  # fmt: skip
    verb.add_argument("--was-with", metavar="WHO",
                      help="the right supplier or buyer: a merchant's id, or a card's name")  # fmt: skip
    verb.add_argument("--amount", help="replace: the right amount")
    verb.add_argument("--unit", choices=[unit.value for unit in Unit], default="piece")
    verb.add_argument("--gtin", help="replace: the goods, 8 to 14 digits")
    verb.add_argument("--item", help="replace: the goods, where they have no code")
    verb.add_argument("--lot")
    verb.add_argument("--produced", type=date.fromisoformat)
    verb.add_argument("--expires", type=date.fromisoformat)
    add_device(verb)
    verb.set_defaults(run=run_correct)


def run_correct(stated: argparse.Namespace) -> int:
    """Puts the correction on the tape; what was entered stays on record beside it."""
    with at_work(stated) as work:
        if stated.of is None and not 2 <= stated.number <= work.tape.last():
            raise Failed(f"this tape has the entries 2 to {work.tape.last()}, not {stated.number}")
        goods, quantity = _replacement(stated)
        correction = EntryCorrected(
            target_tape=str(stated.of or work.tape.id), target_number=stated.number,
            scope=stated.scope, reason=stated.reason, goods=goods, quantity=quantity,
            **_party(stated, work), **_common(work),
        )  # fmt: skip
        _keep(work, correction, stated.json)
    return 0


def _party(stated: argparse.Namespace, work: AtWork) -> dict[str, Any]:
    """Returns with whom it was, where that is what was wrong."""
    if stated.was_with is None:
        return {}
    if is_id(stated.was_with):
        return {"counterparty": stated.was_with}
    return {"counterparty_card": CardBox(work.tape).ref_of(stated.was_with)}


def _replacement(stated: argparse.Namespace) -> tuple[GoodsAsRead | None, StatedQuantity | None]:
    """Returns what a line should say, or nothing when it is voided."""
    named = (stated.gtin, stated.item, stated.amount)
    rest = (stated.lot, stated.produced, stated.expires)
    if all(word is None for word in named + rest):
        return None, None
    if not stated.amount or not (stated.gtin or stated.item):
        raise Failed("a replacement says the whole line: --gtin or --item, and --amount")
    try:
        amount = Decimal(stated.amount)
    except InvalidOperation:
        raise Failed(f"an amount is a number, not {stated.amount!r}") from None
    goods = GoodsAsRead(
        gtin=str(Gtin(stated.gtin)) if stated.gtin else None, item=stated.item, lot=stated.lot,
        produced=stated.produced, expires=stated.expires,
        dates_from="keyed" if stated.produced or stated.expires else None,
    )  # fmt: skip
    return goods, StatedQuantity(amount=amount, unit=Unit(stated.unit))


def _common(work: AtWork) -> dict[str, Any]:
    return {
        "merchant": work.merchant,
        "premises": work.premises,
        "business_date": today(),
        "clock": work.agent.clocks.read(),
        "session": work.session.id,
    }


def _keep(work: AtWork, event: Event, as_json: bool) -> None:
    kept = work.tape.append(event)
    words = {"number": kept.number, "tape": work.tape.id}
    print(json.dumps(words) if as_json else f"kept as number {kept.number} of this tape")
    work.begin_sending()


VERBS = [add_file, add_correct]
