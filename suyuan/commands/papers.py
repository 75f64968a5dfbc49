"""`file`: a certificate or a test report with its picture."""

import argparse
import json
from pathlib import Path
from typing import Any

from ledger.events.base import Event
from ledger.events.reports import (
    CertificateFiled,
    TestReportFiled,
)
from ledger.values.gtin import Gtin
from suyuan.commands import day, quantity, today
from suyuan.commands.device import AtWork, add_device, at_work

KINDS = ("licence", "permit", "release", "quarantine", "meat-inspection", "origin", "other")


def add_file(verbs: Any) -> None:
    """`file`: papers that came along."""
    verb = verbs.add_parser("file", help="file a supplier's certificate or a test report")
    papers = verb.add_subparsers(dest="paper", required=True, metavar="certificate|test-report")
    certificate = papers.add_parser("certificate", help="a supplier's certificate was obtained")
    certificate.add_argument("--kind", choices=KINDS, default="other")
    certificate.add_argument("--issuer", required=True, help="who issued it")
    certificate.add_argument("--valid-from", required=True, type=day)
    certificate.add_argument("--valid-until", type=day)
    certificate.add_argument("--supplier", help="the merchant it was issued to")
    certificate.add_argument("--covers", type=quantity, help="how much it covers: 500kg, 20case")
    report = papers.add_parser("test-report", help="a test report was obtained")
    report.add_argument("--laboratory", required=True)
    report.add_argument("--result", required=True, choices=["passed", "failed"])
    report.add_argument("--tested-on", required=True, type=day)
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
        fields = common_of(work) | {
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
        keep(work, event, stated.json)
    return 0


def common_of(work: AtWork) -> dict[str, Any]:
    """Returns what every report of a device at work says."""
    return {
        "merchant": work.merchant,
        "premises": work.premises,
        "business_date": today(),
        "clock": work.agent.clocks.read(),
        "session": work.session.id,
    }


def keep(work: AtWork, event: Event, as_json: bool, *, about: str = "") -> None:
    """Puts a report on the tape, says under which number and what it is about, and sends it."""
    kept = work.tape.append(event)
    words = {"number": kept.number, "tape": work.tape.id}
    said = f"kept as number {kept.number} of this tape{about and ': '}{about}"
    print(json.dumps(words) if as_json else said)
    work.begin_sending()


VERBS = [add_file]
