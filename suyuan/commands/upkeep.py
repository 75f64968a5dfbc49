"""Verbs that keep a ledger honest: verify, rebuild."""

import argparse
import json
from collections.abc import Callable
from typing import Any

import psycopg

from ledger.accounts.access_log import check_access_log
from ledger.bundles.log_place import log_place
from ledger.log.postgres import PgLog
from ledger.projections.groups import GROUPS, group_of
from suyuan.audit_rows import RowsCheck
from suyuan.commands import Failed
from suyuan.commands.this_machine import RunningLedger, database_answers
from suyuan.log_check import LogReport, check_log
from suyuan.progress import Progress
from suyuan.published import NotReadable, PublishedLog
from suyuan.upkeep import Upkeep

NAMES = sorted(p.name for group in GROUPS for p in group.projections)


def add_verify(verbs: Any) -> None:
    """`verify`: replay equals rows and leaves."""
    verb = verbs.add_parser("verify", help="compare rows, leaves and the log; replay every view")
    verb.add_argument(
        "--log", metavar="URL", help="where the log is published, if not on this machine"
    )
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_verify)


def run_verify(stated: argparse.Namespace) -> int:
    """Checks the record against itself and the views against a replay."""
    ledger, show = RunningLedger(), not stated.json
    with database_answers():
        with Progress("events checked", 0, show=show) as bar:
            report = RowsCheck(ledger.owner).run(bar.step)
        with Progress("events replayed", len(GROUPS) * report.events, show=show) as bar:
            tables = Upkeep(ledger.follower).compare(bar.step)
        with Progress("leaves compared", 0, show=show) as bar:
            log = _check_log(ledger, stated.log, bar.step)
        with psycopg.connect(ledger.owner) as owner:
            looked = check_access_log(owner)
    bad = [t for t in tables if t.missing or t.unexpected]
    ok = not (report.problems or bad or log.problems or looked.problems)
    if stated.json:
        words = report._asdict() | {"tables": [t._asdict() for t in tables], "ok": ok}
        words |= {"log": log._asdict(), "access_log": looked._asdict()}
        print(json.dumps(words, ensure_ascii=False))
    else:
        print(f"{report.events} events, {report.batches} signed batches: ", end="")
        print("; ".join(report.problems) or "positions, chains, signatures and leaves fit")
        print(f"{log.size} entries of the published log: ", end="")
        print("; ".join(log.problems) or "rows, leaves, tiles and checkpoint are one")
        print(f"{looked.entries} entries of the access log: ", end="")
        print("; ".join(looked.problems) or "their chain is whole")
        for table in tables:
            line = f"{table.rows} rows, {table.missing} missing, {table.unexpected} unexpected"
            print(f"  {table.table:<22} {line}")
    return 0 if ok else 1


def _check_log(ledger: RunningLedger, url: str | None, stepped: Callable[[int], None]) -> LogReport:
    record = PgLog(ledger.owner)
    try:
        found = log_place(record, ledger.data, url)
        if found is None:
            return LogReport(0, [])
        with PublishedLog(found.place) as log:
            return check_log(record, log.read, found.key, stepped)
    except NotReadable as error:
        raise Failed(f"{error}: name where the log is published with --log") from error
    finally:
        record.close()


def add_rebuild(verbs: Any) -> None:
    """`rebuild`: fill a new version of a view and swap it in."""
    verb = verbs.add_parser("rebuild", help="rebuild a view beside the old one and swap them")
    verb.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_rebuild)


def run_rebuild(stated: argparse.Namespace) -> int:
    """Rebuilds the group a view belongs to."""
    ledger = RunningLedger()
    group = group_of(stated.name)
    if group is None:
        raise Failed(f"no view is called {stated.name}")
    with database_answers(), Progress("events folded", 0, show=not stated.json) as bar:
        position = Upkeep(ledger.follower).rebuild(group, bar.step)
    views = [p.name for p in group.projections]
    if stated.json:
        print(json.dumps({"views": views, "position": position}))
    else:
        print(f"{', '.join(views)} are rebuilt, true up to position {position}")
    return 0


VERBS = (add_verify, add_rebuild)
