"""Checking the record against its published log: rows, leaves and tiles must be one."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

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


def check_log(
    record: PgLog, read: ReadFiles, key: NoteKey, stepped: Callable[[int], None] = lambda _n: None
) -> LogReport:
    """Hashes the record's leaves into a tree and compares it with every file that was published."""
    said = record.last()
    if said is None:
        return LogReport(0, ["nothing was ever published: is the log service running?"])
    problems: list[str] = []
    tree, bundles = Growing(), Bundles()
    while tree.size < said.size and len(problems) < SHOWN_MAX:
        rows = record.leaves(tree.size, min(LEAVES_AT_ONCE, said.size - tree.size))
        if [position for position, _ in rows] != [*range(tree.size + 1, tree.size + 1 + len(rows))]:
            problems.append(f"positions behind {tree.size} are not without gaps")
        if not rows:
            problems.append(f"{said.size} entries were published, the record ends at {tree.size}")
            break
        leaves = [leaf for _, leaf in rows]
        problems += _differing(read, [*tree.extend(leaves), *bundles.extend(leaves)])
        stepped(len(rows))
    problems += _differing(read, [*tree.partial(), *bundles.partial()])
    if tree.root() != said.root:
        problems.append(f"the record's {tree.size} leaves lead to another root than was signed")
    problems += [*_signed(said, key), *_published(read, key, tree)]
    return LogReport(tree.size, problems[:SHOWN_MAX])


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


def _published(read: ReadFiles, key: NoteKey, tree: Growing) -> list[str]:
    """Compares the published checkpoint, which may be a little ahead by now, with the tree."""
    (content,) = read([CHECKPOINT])
    try:
        checkpoint = verify_checkpoint(content or b"", key).checkpoint
    except NoteWrong as error:
        return [f"the published checkpoint: {error}"]
    if checkpoint.size < tree.size:
        return [f"the published checkpoint has {checkpoint.size} entries, {tree.size} were signed"]
    if checkpoint.size == tree.size and checkpoint.root != tree.root():
        return ["the published checkpoint has another root than the record's leaves"]
    return []
