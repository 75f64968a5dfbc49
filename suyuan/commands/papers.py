"""`file`: a certificate or a test report with its picture."""

import argparse
from pathlib import Path
from typing import Any

from ledger.events.base import Event
from ledger.events.reports import (
    CertificateFiled,
    TestReportFiled,
)
from ledger.values.gtin import Gtin
from suyuan.commands import Failed, day, quantity
from suyuan.commands.device import add_device, at_work, common_of, keep

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
    until = getattr(stated, "valid_until", None)
    if until is not None and until < stated.valid_from:
        raise Failed(
            f"it would end on {until}, before it begins on {stated.valid_from}: look at the paper"
        )
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
    return 1 if work.refused else 0


VERBS = [add_file]
