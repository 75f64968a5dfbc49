"""Carrying an audit over a restore: what the new log kept of the audited one, and where it says so.

The auditor's own memory is a few hashes. With them the old log's copy is checked, and with the copy
the new log; see `ledger.events.cases.LedgerRestored`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ledger.log.auditing import AuditState
from ledger.log.checkpoints import read_checkpoint, verify_checkpoint
from ledger.log.files import CHECKPOINT, ReadFiles, read_entries
from ledger.log.growing import Growing
from ledger.log.merkle import ProofWrong
from ledger.log.notes import NoteKey, NoteWrong
from ledger.log.origins import steps_from
from ledger.log.proofs import check_proof, read_proof

# Returns the proof of a position of the new log, None where there is none.
Prove = Callable[[int], bytes | None]


class NotCarried(Exception):
    """The new log does not go on from the audited one as a restored ledger's does: this is evidence."""


class CannotCarry(Exception):
    """Nothing can be said yet: a file is missing, or a copy is not the audited log's."""


class Carried(NamedTuple):
    """How an audit goes on: the new log begins with `kept` of the `audited` entries.

    `old_size` is what the ledger has on record of the old log, 0 where nothing audited was cut off.
    """

    state: AuditState
    origin: str
    audited: int
    kept: int
    old_size: int


def successor(state: AuditState, checkpoint: bytes) -> tuple[NoteKey, int] | None:
    """Returns the key of a later log of the audited ledger, and the audited one's number, if it is one."""
    key = NoteKey(state.key)
    try:
        origin = read_checkpoint(checkpoint)[0].origin
        steps = steps_from(key.name, origin)
        if not steps:
            return None
        later = key.under(origin)
        verify_checkpoint(checkpoint, later)
    except NoteWrong:
        return None
    return later, int(origin.rpartition("/")[2]) - steps


def carry(state: AuditState, new: ReadFiles, old: ReadFiles, prove: Prove) -> Carried:
    """Returns how the audit goes on with the new log, whose checkpoint `successor` took for one.

    `old` reads the old log as it was published last, which is needed where audited entries were cut
    off. Raises `NotCarried`, or `CannotCarry` where nothing can be said.
    """
    try:
        return _carry(state, new, old, prove)
    except (FileNotFoundError, ProofWrong) as error:
        raise CannotCarry(f"the logs cannot be compared: {error}") from error


def _carry(state: AuditState, new: ReadFiles, old: ReadFiles, prove: Prove) -> Carried:
    content = new([CHECKPOINT])[0] or b""
    found = successor(state, content)
    if found is None:
        raise CannotCarry("the log that is published here is no later log of the audited one")
    key, size = found[0], read_checkpoint(content)[0].size
    audited = Growing(state.verified)
    tree = _tree(read_entries(new, min(size, audited.size), size))
    old_size = 0
    if tree.root() != audited.root():
        tree, entry = _common(new, old, size, audited)
        if tree.size == size:
            raise CannotCarry(
                f"the new log ends at {size}, where the restore is recorded: try again"
            )
        restored = _restored(prove(tree.size + 1), key, tree.size, entry)
        old_size = _old_size(restored, NoteKey(state.key), tree.size)
    after = AuditState(key=key.text, verified=tree.grown())
    return Carried(after, key.name, audited.size, tree.size, old_size)


def _tree(entries: Iterator[list[bytes]]) -> Growing:
    tree = Growing()
    for some in entries:
        tree.extend(some)
    return tree


def _common(
    new: ReadFiles, old: ReadFiles, size: int, audited: Growing
) -> tuple[Growing, bytes | None]:
    """Returns the tree that both logs begin with, and the new one's entry behind it.

    The copy of the old log must be what was audited.
    """
    copy, common, apart, entry = Growing(), Growing(), False, None
    ours = read_entries(new, min(size, audited.size), size)
    try:
        for theirs in read_entries(old, audited.size, _size(old)):
            copy.extend(theirs)
            if not apart:
                mine = next(ours, [])
                same = _same(theirs, mine)
                common.extend(theirs[:same])
                apart = same < len(theirs)
                entry = mine[same] if same < len(mine) else None
    except FileNotFoundError as error:
        raise CannotCarry(
            f"the copy of the old log is not whole ({error}): name another"
        ) from error
    if copy.root() != audited.root():
        raise CannotCarry("the copy of the old log is not the log that was audited: name another")
    return common, entry


def _size(old: ReadFiles) -> int:
    """Returns the size that a copy of the old log says it has; its entries will tell."""
    (content,) = old([CHECKPOINT])
    try:
        return read_checkpoint(content or b"")[0].size
    except NoteWrong as error:
        raise CannotCarry(f"the copy of the old log has no checkpoint: {error}") from error


def _same(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Returns how many entries two lists begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _restored(proof: bytes | None, new: NoteKey, kept: int, entry: bytes | None) -> dict[str, Any]:
    """Returns what the first event behind the kept ones says, which must be the new log's entry there."""
    if proof is None:
        raise CannotCarry(f"the new log shows no proof of position {kept + 1}, where it parts")
    try:
        proved = check_proof(read_proof(proof), new)
        said = json.loads(proved.opening.public)
    except (ProofWrong, ValueError) as error:
        raise NotCarried(f"the proof of position {kept + 1}: {error}") from error
    if (proved.position, proved.leaf) != (kept + 1, entry):
        raise NotCarried(
            f"the proof of position {kept + 1} is not of the entry that is published there"
        )
    return dict(said)


def _old_size(said: dict[str, Any], old: NoteKey, kept: int) -> int:
    """Returns the size of the old log as a restore on record has it."""
    restored = said.get("type") == "ledger-restored.v1" and said.get("position") == kept
    if not restored or steps_from(old.name, said["old_origin"]) is None:
        raise NotCarried(
            f"the new log parts from the old one behind position {kept}, and no restore is on record"
            " there"
        )
    return int(said["old_size"])
