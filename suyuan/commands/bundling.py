"""`bundle`: a merchant's records of some lots in one file, and checking such a file."""

import argparse
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from suyuan import bundle_check
from suyuan.bundle import Wanted, write_bundle
from suyuan.commands import Failed, name
from suyuan.commands.asking import add_query, ask_page, asking
from suyuan.commands.upkeep import RunningLedger


def add_bundle(verbs: Any) -> None:
    """`bundle` with make and check."""
    verb = verbs.add_parser(
        "bundle",
        help="a merchant's records of some lots, with papers and leaf openings (article 136)",
    )
    words = verb.add_subparsers(dest="word", required=True, metavar="make|check")
    make = words.add_parser("make", help="write one, on the ledger's own machine")
    make.add_argument("--merchant", type=name, required=True)
    make.add_argument("--lot", action="append", required=True, metavar="GTIN/LOT")
    make.add_argument("--out", type=Path, required=True, help="a new .zip file")
    add_query(make, run_make)
    check = words.add_parser("check", help="open every record and paper of one")
    check.add_argument("file", type=Path)
    check.add_argument("--json", action="store_true")
    check.set_defaults(run=run_check)


def run_make(stated: argparse.Namespace) -> int:
    """Writes a bundle; the query API says which lots are meant."""
    if stated.out.suffix != ".zip":
        raise Failed(f"name a file that ends in .zip, not {stated.out.name!r}")
    pairs = [text.partition("/") for text in stated.lot]
    if any(not lot for _, _, lot in pairs):
        raise Failed("a lot is named with its product: 06901234567892/A-24/11")
    with asking(stated) as query:
        wanted = {"product": [gtin for gtin, _, _ in pairs], "lot": [lot for _, _, lot in pairs]}
        found = ask_page(query, "/v1/recall-proposal", wanted)
    lots = [tuple(text.split(" ", 1)) for text in found["asked"]]
    ledger = RunningLedger()
    try:
        made = write_bundle(
            ledger.owner, Path(ledger.data), Wanted(stated.merchant, lots), stated.out,
            datetime.now(UTC),
        )  # fmt: skip
    except (ValueError, OSError) as error:
        raise Failed(str(error)) from error
    words = f"{stated.out}: {made.records} records, {made.documents} papers"
    words += f", {made.missing} papers never came" if made.missing else ""
    told = {"ok": True, "file": str(stated.out)} | made._asdict()
    print(json.dumps(told) if stated.json else f"{words}; check it: suyuan bundle check FILE")
    return 0


def run_check(stated: argparse.Namespace) -> int:
    """Checks a bundle; exits with 1 when anything does not fit."""
    try:
        records, documents, problems = bundle_check.check(stated.file)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise Failed(f"{stated.file} is no bundle: {error}") from error
    told = {"ok": not problems, "records": records, "documents": documents, "problems": problems}
    if stated.json:
        print(json.dumps(told, ensure_ascii=False))
    else:
        for problem in problems:
            print(problem)
        print(f"{records} records and {documents} documents checked, {len(problems)} problems")
    return 1 if problems else 0


VERBS = (add_bundle,)
