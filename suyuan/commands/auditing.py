"""`audit`: checks a published log from outside, with no database and no trust."""

import argparse
import contextlib
import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ledger.durable import write_whole
from ledger.errors import EXIT_DAMAGED
from ledger.log.auditing import (
    Auditor,
    AuditReport,
    AuditRules,
    AuditState,
    LogFinding,
    LogFindingCode,
)
from ledger.log.carrying import (
    CannotCarry,
    Carried,
    Logs,
    NotCarried,
    Successor,
    carry,
    successor,
)
from ledger.log.checkpoints import Checkpoint, read_checkpoint
from ledger.log.files import CHECKPOINT
from ledger.log.growing import Growing
from ledger.log.merkle import ProofWrong
from ledger.log.notes import NoteKey, NoteWrong
from suyuan.audit_words import MEANS
from suyuan.commands import Failed
from suyuan.progress import Progress
from suyuan.published import NotReadable, PublishedLog

if TYPE_CHECKING:
    from suyuan.receipts_check import ReceiptsReport

FRESH_S = 600
# What may be the network's doing, or a pause's; all else is evidence.
HARMLESS: tuple[LogFindingCode, ...] = (
    "stale", "too-few-witnesses", "no-checkpoint", "missing-file", "restored",
)  # fmt: skip


def add_audit(verbs: Any) -> None:
    """`audit`: a published log against a pinned key and the last audit."""
    verb = verbs.add_parser(
        "audit",
        help="check a published log: signatures, growth, tiles, entries, freshness",
        epilog="Exits with 0 when all is well, 1 when it could not be checked or is not fresh,"
        f" {EXIT_DAMAGED} when the log was tampered with.",
    )
    verb.add_argument(
        "url",
        help="where it is published: http://…/log, or a folder with a copy of it: checkpoint and all of tile/",
    )
    verb.add_argument("--key", type=note_key, help="the log's key, from a source you trust; pinned")
    verb.add_argument("--state", type=Path, help="what to remember between audits")
    verb.add_argument("--witness", type=note_key, action="append", default=[], metavar="KEY")
    verb.add_argument("--quorum", type=int, metavar="K", help="how many of the witnesses (all)")
    verb.add_argument("--fresh-within", type=int, default=FRESH_S, metavar="SECONDS",
                      help=f"how old the last checkpoint may be ({FRESH_S})")  # fmt: skip
    verb.add_argument("--tape", type=Path, help="a scanner's tape: are its receipts in the log?")
    verb.add_argument("--restored", action="store_true",
                      help="the ledger was restored: go on with its new log, and say what was cut off")  # fmt: skip
    verb.add_argument("--old", metavar="PLACE",
                      help="with --restored: the old log as it was published last (URL/old/NUMBER)")  # fmt: skip
    verb.add_argument("--all", action="store_true", help="read again what was audited before")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_audit)


def note_key(text: str) -> NoteKey:
    """Reads a key of a log or witness for argparse."""
    try:
        return NoteKey(text)
    except NoteWrong as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run_audit(stated: argparse.Namespace) -> int:
    """Audits once and says what was found."""
    path = stated.state or _state_path(stated.url)
    state, rules = _read_state(path, stated.key, stated.url), _rules(stated)
    if NoteKey(state.key).name in {one.name for one in rules.witnesses}:
        raise Failed("the log's own key is no witness's: name the key of somebody else, from them")
    carried = None
    try:
        if stated.restored:
            carried = _carry(state, stated.url, stated.old)
            # What was signed of the old log stays in the auditor's hands.
            number = carried.origin.rpartition("/")[2]
            _keep(_beside(path, f"before-{number}"), msgspec.json.encode(state))
        audit = _audit(carried.state if carried else state, rules, stated, path)
    except NotReadable as error:
        raise Failed(str(error)) from error
    except NotCarried as error:
        audit = _Audit(_not_carried(state, str(error)), error.proof, None)
    _keep_evidence(path, audit, state.checkpoint)
    _say(stated, audit, path, carried)
    return EXIT_DAMAGED if _evidence(audit.report) else int(bool(audit.report.findings))


class _Audit(NamedTuple):
    """What an audit found, the checkpoint or proof that it read, what it says of a tape's receipts."""

    report: AuditReport
    seen: bytes
    receipts: "ReceiptsReport | None"


def _rules(stated: argparse.Namespace) -> AuditRules:
    quorum = len(stated.witness) if stated.quorum is None else stated.quorum
    if quorum > len(stated.witness):
        raise Failed(f"{quorum} of {len(stated.witness)} witnesses cannot be: name more --witness")
    fresh = timedelta(seconds=stated.fresh_within)
    return AuditRules(fresh, stated.witness, quorum, everything=stated.all)


def _audit(state: AuditState, rules: AuditRules, stated: argparse.Namespace, path: Path) -> _Audit:
    with PublishedLog(stated.url) as log, Progress("entries", 0, show=not stated.json) as bar:
        auditor = Auditor(state, log.read, rules, now=lambda: datetime.now(UTC))
        report = auditor.run(lambda found: _keep(path, msgspec.json.encode(found)), bar.step)
        if stated.tape is None or _evidence(report):
            return _Audit(report, auditor.seen, None)
        receipts = _receipts(stated.tape, log, report)
    report = report._replace(findings=[*report.findings, *receipts.findings])
    return _Audit(report, auditor.seen, receipts)


def _not_carried(state: AuditState, words: str) -> AuditReport:
    """Reports a log that does not go on from the one that was audited."""
    found = LogFinding("not-its-growth", words)
    return AuditReport(NoteKey(state.key).name, state.verified.size, 0, None, [], [found])


def _carry(state: AuditState, url: str, old: str | None) -> Carried:
    """Takes what was audited over to the log as which a restored ledger goes on."""
    with PublishedLog(url) as log, contextlib.ExitStack() as stack:
        later = successor(state, log.read([CHECKPOINT])[0] or b"")
        if later is None:
            raise Failed(f"{url} is no later log of the one that was audited: leave out --restored")

        opened: list[PublishedLog] = []

        def former(paths: Sequence[str]) -> list[bytes | None]:
            if not opened:
                opened.append(stack.enter_context(PublishedLog(_old_place(url, old, later))))
            return opened[0].read(paths)

        def prove(position: int) -> bytes | None:
            return log.read([f"proof/{position}"])[0]

        try:
            return carry(state, later, Logs(log.read, former, prove))
        except CannotCarry as error:
            raise Failed(str(error)) from error


def _old_place(url: str, old: str | None, later: Successor) -> str:
    if old is None and not url.startswith(("http://", "https://")):
        raise Failed("name a copy of the old log with --old, or audit at the log's own address")
    return old or f"{url.rstrip('/')}/old/{later.former}"


def _receipts(tape: Path, log: PublishedLog, report: AuditReport) -> "ReceiptsReport":
    from scanners.asking import EnrolmentRefused
    from scanners.tape import NoTape, Tape
    from suyuan.receipts_check import check_receipts

    try:
        verified = Checkpoint(report.origin, report.size, b"")
        return check_receipts(Tape.open(tape), log.read, verified)
    except (OSError, NoTape, EnrolmentRefused, ProofWrong) as error:
        raise Failed(f"the receipts cannot be checked: {error}") from error


def _evidence(report: AuditReport) -> list[LogFinding]:
    return [one for one in report.findings if one.code not in HARMLESS]


def _keep_evidence(path: Path, audit: _Audit, audited: bytes) -> None:
    if found := _evidence(audit.report):
        told = {"findings": found, "seen": audit.seen, "audited": audited}
        _keep(_beside(path, "evidence"), msgspec.json.encode(told))


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}")


def _say(stated: argparse.Namespace, audit: _Audit, path: Path, carried: Carried | None) -> None:
    report, receipts = audit.report, audit.receipts
    if stated.json:
        found = [one._asdict() | {"means": MEANS[one.code]} for one in report.findings]
        told = report._asdict() | {"findings": found, "ok": not found, "state": str(path)}
        if receipts is not None:
            told |= {"receipts_covered": receipts.covered, "receipts_waiting": receipts.waiting}
            told["receipts_former"] = receipts.former
        if carried is not None:
            told |= {"audited": carried.audited, "kept": carried.kept, "known": carried.known}
        print(msgspec.json.encode(told).decode())
        return
    if carried is not None:
        _say_carried(carried)
    signed = f", signed {report.time:%Y-%m-%d %H:%M:%S} UTC" if report.time else ""
    cosigned = f", cosigned by {', '.join(report.witnesses)}" if report.witnesses else ""
    grown = f"{report.size} entries verified, {report.grown} of them new"
    print(f"{report.origin}: {grown}{signed}{cosigned}")
    if receipts is not None:
        print(f"  {receipts.covered} receipts are covered by it, {receipts.waiting} not yet")
        if receipts.former:
            print(
                f"  {receipts.former} receipts are of an older log of this ledger, and not given again"
            )
    for one in report.findings:
        print(f"  {one.code}: {one.words}")
        print(f"    {MEANS[one.code]}")
    if _evidence(report):
        print(
            f"  Keep {_beside(path, 'evidence')}: it holds what was read and the checkpoint audited before."
        )
    elif not report.findings and (report.grown or stated.all or carried is not None):
        print("  signatures, growth, tiles and entries fit")
    elif report.size and not report.grown and not stated.all:
        print("  nothing new; what was audited before was not read again: --all does that")


def _say_carried(carried: Carried) -> None:
    known = carried.known
    if known is None:
        print(
            f"{carried.origin} begins with all {carried.kept} entries that were audited before; what was"
            " published after that audit is not compared"
        )
        return
    print(
        f"{carried.origin} begins with {carried.kept} of the {carried.audited} entries that were audited"
        f" before; position {carried.kept + 1} has the restore on record, and that {known.origin} held"
        f" {known.size}. What was cut off must come again from the devices: audit with --tape"
    )
    if known.size < carried.audited:
        print(f"  The ledger knows less than you: you audited {carried.audited} entries")


def _state_path(url: str) -> Path:
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "suyuan" / f"audit-{hashlib.sha256(url.encode()).hexdigest()[:12]}.json"


def _read_state(path: Path, key: NoteKey | None, url: str) -> AuditState:
    """Returns what was verified before. A key that was pinned is not replaced by another."""
    try:
        state = msgspec.json.decode(path.read_bytes(), type=AuditState)
        _check_state(state)
    except FileNotFoundError:
        if key is None:
            raise Failed(
                "name the log's key with --key the first time. The log says its own at URL/key:"
                " compare it with one from elsewhere, on paper or from the authority"
            ) from None
        return AuditState(key=key.text)
    except (OSError, ValueError) as error:
        raise Failed(
            f"{path} cannot be read: {error}. Name another --state to begin anew"
        ) from error
    if key is not None and key.text != state.key:
        raise Failed(
            f"this is not the key that was trusted before, which {path} holds: {state.key}; compare it"
            " with the poster. If this is another log, name another --state"
        )
    return state


def _check_state(state: AuditState) -> None:
    """Raises `ValueError` for a memory that no audit wrote: it must not accuse a log."""
    NoteKey(state.key)
    Growing(state.reached)
    root = Growing(state.verified).root()
    if state.checkpoint and read_checkpoint(state.checkpoint)[0].root != root:
        raise ValueError("its tree is not the one that was signed")


def _keep(path: Path, content: bytes) -> None:
    """Writes a file whole, or not at all."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error}") from error


VERBS = (add_audit,)
