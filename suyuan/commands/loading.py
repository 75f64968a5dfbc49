"""`load`: signed batches from files, through intake's own checks, by the million."""

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec
import psycopg

from ledger.errors import JournalUnavailable
from ledger.intake.__main__ import open_committer
from ledger.intake.loading import load
from ledger.rules.requests import decode_requests
from ledger.settings import read_settings
from scanners.asking import EnrolmentRefused, LedgerAway, ask
from suyuan.badge import badge
from suyuan.commands import Failed
from suyuan.commands.this_machine import RunningLedger
from suyuan.progress import Progress


def add_load(verbs: Any) -> None:
    """`load`: what `simulate --batches` wrote, or any file of batches, one a line."""
    verb = verbs.add_parser(
        "load", help="signed batches from a folder of simulate --batches, with a progress bar"
    )
    verb.add_argument("folder", type=Path, help="holds batches.ndjson and perhaps requests.json")
    verb.add_argument("--intake", help="intake's address; else the one of the settings")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_load)


def run_load(stated: argparse.Namespace) -> int:
    """Asks for what the register needs, then commits every batch."""
    settings = read_settings()
    file, requests = stated.folder / "batches.ndjson", stated.folder / "requests.json"
    if not file.is_file():
        raise Failed(f"{file} is not there: suyuan simulate FOLDER --batches writes one")
    ledger = RunningLedger()
    here = msgspec.structs.replace(
        settings, writer_dsn=settings.writer_dsn or ledger.writer, data=settings.data or ledger.data
    )
    if requests.is_file():
        intake = stated.intake or f"http://127.0.0.1:{settings.intake_port}"
        try:
            ask(intake, decode_requests(requests.read_bytes()), auth=badge())
        except (EnrolmentRefused, LedgerAway, msgspec.MsgspecError) as error:
            raise Failed(str(error)) from error
    try:
        with (
            file.open("rb") as lines,
            Progress("bytes loaded", file.stat().st_size, show=not stated.json) as progress,
        ):
            told = load(open_committer(here), lines, progress.step)
    except (JournalUnavailable, psycopg.OperationalError) as error:
        raise Failed(f"the database is away: load the same folder again ({error})") from error
    if stated.json:
        print(json.dumps(msgspec.to_builtins(told)))
    else:
        print(f"{told.reports} reports in {told.batches} batches are on record")
        for words in told.refused:
            print(f"not taken: {words}")
        if told.refusals > len(told.refused):
            print(f"and {told.refusals - len(told.refused)} batches more")
    return int(bool(told.refusals or told.unreadable))


VERBS = [add_load]
