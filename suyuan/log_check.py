"""Checking the record against its published log: rows, leaves and tiles must be one."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from ledger.log.auditing import Auditor, AuditRules, AuditState
from ledger.log.checkpoints import Checkpoint, verify_checkpoint
from ledger.log.files import CHECKPOINT, ReadFiles, read_tiles
from ledger.log.growing import Bundles, Growing, Written
from ledger.log.merkle import ProofWrong
from ledger.log.notes import NoteKey, NoteWrong
from ledger.log.postgres import PgLog
from ledger.log.publishing import Published

# So many leaves are hashed and compared at once.
LEAVES_AT_ONCE = 64 * 256
SHOWN_MAX = 20


class LogReport(NamedTuple):
    """Up to which size rows and tiles were compared, and what does not fit, in words."""

    size: int
    problems: list[str]


def audit_copy(read: ReadFiles, key: str, now: datetime) -> list[str]:
    """Audits a copy of a log, however old it is; returns what is wrong with it, in words."""
    rules = AuditRules(fresh_within=timedelta.max)
    auditor = Auditor(AuditState(key=key), read, rules, now=lambda: now)
    found = auditor.run(lambda _state: None).findings
    # A clock that is wrong makes no copy bad.
    return [f"{one.words} ({one.code})" for one in found if one.code != "from-the-future"]


def check_log(
    record: PgLog, read: ReadFiles, key: NoteKey, stepped: Callable[[int], None] = lambda _n: None
) -> LogReport:
    """Hashes the record's leaves into a tree and compares it with every file that was published.

    The row of the last checkpoint may be ahead of the files: it is committed first.
    """
    try:
        published = verify_checkpoint(read([CHECKPOINT])[0] or b"", key).checkpoint
    except NoteWrong as error:
        return LogReport(0, [f"the published checkpoint: {error}"])
    said = record.last()
    if said is None or said.size < published.size:
        signed = said.size if said else 0
        return LogReport(0, [f"{published.size} entries were published, {signed} were signed"])
    tree, bundles, problems = Growing(), Bundles(), _signed(said, key)
    for goal, root in ((published.size, published.root), (said.size, said.root)):
        while tree.size < goal and len(problems) < SHOWN_MAX:
            rows = record.leaves(tree.size, min(LEAVES_AT_ONCE, goal - tree.size))
            if [p for p, _ in rows] != [*range(tree.size + 1, tree.size + 1 + len(rows))]:
                problems.append(f"positions behind {tree.size} are not without gaps")
            if not rows:
                problems.append(f"{goal} entries were signed, the record ends at {tree.size}")
                return LogReport(tree.size, problems)
            leaves = [leaf for _, leaf in rows]
            full = [*tree.extend(leaves), *bundles.extend(leaves)]
            if goal == published.size:
                problems += _differing(read, full)
            stepped(len(rows))
        if goal == published.size:
            problems += _differing(read, [*tree.partial(), *bundles.partial()])
        if tree.root() != root:
            problems.append(f"the record's {tree.size} leaves lead to another root than was signed")
    return LogReport(published.size, problems[:SHOWN_MAX])


def _signed(said: Published, key: NoteKey) -> list[str]:
    """Compares what the record's row says was signed with what the log's key signed."""
    try:
        signed = verify_checkpoint(said.note, key).checkpoint
    except NoteWrong as error:
        return [f"the row of the last checkpoint: {error}"]
    if signed != Checkpoint(said.origin, said.size, said.root):
        return ["the row of the last checkpoint says other than what was signed"]
    return []


def _differing(read: ReadFiles, made: Iterable[Written]) -> list[str]:
    found = list(made)
    try:
        published = read_tiles(read, [one.tile for one in found])
    except (FileNotFoundError, ProofWrong) as error:
        return [str(error)]
    return [
        f"{tile.path()} is not what the record's leaves make it"
        for (tile, content), there in zip(found, published, strict=True)
        if there != content
    ]
