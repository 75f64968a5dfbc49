"""`bundle`: a merchant's records of some lots in one file, and checking such a file."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.bundles import checking as bundle_check
from ledger.bundles.log_place import log_place
from ledger.bundles.proofs import LogSource
from ledger.bundles.writing import Sources, Wanted, write_bundle
from ledger.journal.documents import DocumentStore
from ledger.log.postgres import PgLog
from suyuan.commands import Failed, name
from suyuan.commands.asking import add_query, ask_page, asking
from suyuan.commands.auditing import note_key
from suyuan.commands.this_machine import RunningLedger
from suyuan.published import NotReadable, PublishedLog


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
    make.add_argument(
        "--log", metavar="URL", help="where the log is published, if not on this machine"
    )
    add_query(make, run_make)
    check = words.add_parser("check", help="open every record and paper of one")
    check.add_argument("file", type=Path)
    check.add_argument("--key", type=note_key, help="the log's key, from a source you trust")
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
        asked = {"product": [gtin for gtin, _, _ in pairs], "lot": [lot for _, _, lot in pairs]}
        found = ask_page(query, "/v1/recall-proposal", asked)
    lots = [tuple(text.split(" ", 1)) for text in found["asked"]]
    ledger = RunningLedger()
    try:
        log = log_place(PgLog(ledger.owner), ledger.data, stated.log)
        if log is None:
            raise Failed("no log was published yet: is the log service running?")
        pictures = DocumentStore(Path(ledger.data) / "documents", ledger.owner)
        sources = Sources(ledger.owner, ledger.owner, pictures)
        with PublishedLog(log.place) as published:
            wanted = Wanted(stated.merchant, lots, LogSource(log.key, log.place, published.read))
            made = write_bundle(sources, wanted, stated.out, datetime.now(UTC))
    except (ValueError, OSError, NotReadable) as error:
        raise Failed(str(error)) from error
    words = f"{stated.out}: {made.records} records, {made.documents} papers"
    words += f", {made.missing} papers never came" if made.missing else ""
    told = {"ok": True, "file": str(stated.out)} | made._asdict()
    print(json.dumps(told) if stated.json else f"{words}; check it: suyuan bundle check FILE")
    return 0


def run_check(stated: argparse.Namespace) -> int:
    """Checks a bundle; exits with 1 when anything does not fit."""
    try:
        found = bundle_check.check(stated.file, stated.key.text if stated.key else None)
    except bundle_check.UNREADABLE as error:
        raise Failed(f"{stated.file} is no bundle: {error}") from error
    if stated.json:
        print(json.dumps({"ok": not found.problems} | found._asdict(), ensure_ascii=False))
    else:
        bundle_check.say(found)
    return 1 if found.problems else 0


VERBS = (add_bundle,)
