"""`voucher`: a wholesale delivery as a code that its buyer receives with one scan."""

import argparse
import json
from pathlib import Path
from typing import Any

from scanners.vouchers import BadVoucher, codes_of, voucher_of
from suyuan.commands import Failed, say_line
from suyuan.commands.device import add_device, at_work


def add_voucher(verbs: Any) -> None:
    """`voucher`: print or show what was sold under a delivery's number."""
    verb = verbs.add_parser("voucher", help="a sold delivery as a code for its buyer's scanner")
    verb.add_argument("delivery", help="its number, as it was sold: scan --delivery")
    verb.add_argument("--with", dest="buyer", help="of several it was sold to under this number")
    verb.add_argument("--out", type=Path, help="FILE.html to print or show; else the codes' texts")
    add_device(verb)
    verb.set_defaults(run=run_voucher)


def run_voucher(stated: argparse.Namespace) -> int:
    """Writes the voucher; nothing is sent for it, and no network is needed."""
    with at_work(stated, quiet=True) as work:
        try:
            voucher = voucher_of(work.tape, work.merchant, stated.delivery, stated.buyer)
            codes = codes_of(voucher)
        except BadVoucher as error:
            raise Failed(str(error)) from error
    told = {"delivery": voucher.delivery, "lines": len(voucher.lines), "codes": codes}
    if stated.out is not None:
        from scanners.voucher_sheet import voucher_sheet

        try:
            stated.out.write_text(voucher_sheet(voucher, codes), encoding="utf-8")
        except OSError as error:
            raise Failed(f"{stated.out} cannot be written: {error.strerror}") from error
    if stated.json:
        say_line(json.dumps(told, ensure_ascii=False))
    elif stated.out is not None:
        say_line(f"{stated.out}: {len(voucher.lines)} lines in {len(codes)} codes")
    else:
        say_line("\n".join(codes))
    return 0


VERBS = (add_voucher,)
