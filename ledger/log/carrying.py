"""Carrying an audit over a restore: what the new log kept of the audited one, and where it says so.

The auditor's own memory is a few hashes. With them the old log's copy is checked, and with the copy
the new log; see `ledger.events.cases.LedgerRestored`.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec

from ledger.log.auditing import AuditState
from ledger.log.checkpoints import read_checkpoint, verify_checkpoint
from ledger.log.files import CHECKPOINT, ReadFiles, read_entries
from ledger.log.growing import Growing
from ledger.log.merkle import ProofWrong
from ledger.log.notes import NoteKey, NoteWrong
from ledger.log.origins import epoch_of, steps_from
from ledger.log.proofs import check_proof, read_proof

# Returns the proof of a position of the new log, None where there is none.
Prove = Callable[[int], bytes | None]


class NotCarried(Exception):
    """The new log does not go on from the audited one as a restored ledger's does: this is evidence."""


class CannotCarry(Exception):
    """Nothing can be said yet: a file is missing, or a copy is not the audited log's."""


class Carried(NamedTuple):
    """How an audit goes on: the new log begins with `kept` of the `audited` entries.

    `old_size` is what the ledger has on record of the old log, None where nothing audited was cut off.
    """

    state: AuditState
    origin: str
    audited: int
    kept: int
    old_size: int | None


class Successor(NamedTuple):
    """A later log of an audited ledger: its key, its size, and the number of the audited one."""

    key: NoteKey
    size: int
    former: int


class _Restored(msgspec.Struct):
    """What the public part of a restore on record says."""

    type: Literal["ledger-restored.v1"]
    position: int
    old_origin: str
    old_size: Annotated[int, msgspec.Meta(ge=0)]
    old_root: str
    new_origin: str


def successor(state: AuditState, checkpoint: bytes) -> Successor | None:
    """Returns the log that a checkpoint is of, if that is a later one of the audited ledger."""
    key = NoteKey(state.key)
    try:
        found = read_checkpoint(checkpoint)[0]
        steps = steps_from(key.name, found.origin)
        if not steps:
            return None
        later = key.under(found.origin)
        verify_checkpoint(checkpoint, later)
    except NoteWrong:
        return None
    return Successor(later, found.size, int(found.origin.rpartition("/")[2]) - steps)


def carry(state: AuditState, new: ReadFiles, old: ReadFiles, prove: Prove) -> Carried:
    """Returns how the audit goes on with the new log, whose checkpoint `successor` took for one.

    `old` reads the old log as it was published last, which is needed where audited entries were cut
    off. What goes on is a tree with the restore's own entry in it: a log without that is not its
    growth. Raises `NotCarried`, or `CannotCarry` where nothing can be said.
    """
    try:
        return _carry(state, new, old, prove)
    except (FileNotFoundError, ProofWrong) as error:
        raise CannotCarry(f"the logs cannot be compared: {error}") from error


def _carry(state: AuditState, new: ReadFiles, old: ReadFiles, prove: Prove) -> Carried:
    found = successor(state, new([CHECKPOINT])[0] or b"")
    if found is None:
        raise CannotCarry("the log that is published here is no later log of the audited one")
    audited, old_size = Growing(state.verified), None
    kept = audited.size
    tree = _tree(read_entries(new, min(found.size, kept), found.size))
    if tree.root() != audited.root():
        former = _Former(NoteKey(state.key), old, audited)
        tree, entry = former.common(new, found.size)
        kept = tree.size
        if entry is None:
            raise CannotCarry(
                f"the new log ends at {kept}, where the restore is recorded: try again"
            )
        old_size = former.check(_restored(prove(kept + 1), found.key, kept, entry), found.key)
        tree.extend([entry])
    after = AuditState(key=found.key.text, verified=tree.grown())
    return Carried(after, found.key.name, audited.size, kept, old_size)


class _Former:
    """The audited log, in a copy as it was published last."""

    def __init__(self, key: NoteKey, read: ReadFiles, audited: Growing) -> None:
        self._key, self._read, self._audited = key, read, audited
        (content,) = read([CHECKPOINT])
        try:
            self._size = verify_checkpoint(content or b"", key).checkpoint.size
        except NoteWrong as error:
            raise CannotCarry(
                f"the copy of the old log has no checkpoint of it: {error}"
            ) from error

    def common(self, new: ReadFiles, size: int) -> tuple[Growing, bytes | None]:
        """Returns the tree that both logs begin with, and the new one's entry behind it."""
        copy, common, apart, entry = Growing(), Growing(), False, None
        ours = read_entries(new, min(size, self._audited.size), size)
        try:
            for theirs in read_entries(self._read, self._audited.size, self._size):
                copy.extend(theirs)
                if not apart:
                    mine = next(ours, [])
                    same = _same(theirs, mine)
                    common.extend(theirs[:same])
                    apart = same < len(theirs)
                    entry = mine[same] if same < len(mine) else None
        except FileNotFoundError as error:
            words = f"the copy of the old log is not whole ({error}): name another"
            raise CannotCarry(words) from error
        if copy.root() != self._audited.root():
            raise CannotCarry(
                "the copy of the old log is not the log that was audited: name another"
            )
        return common, entry

    def check(self, said: _Restored, new: NoteKey) -> int:
        """Compares what a restore has on record with the copy; returns the old log's size there."""
        base = new.name.rpartition("/")[0]
        named = [epoch_of(base, origin) for origin in (said.old_origin, said.new_origin)]
        if None in named:
            raise NotCarried(f"the restore on record is of other logs: {said.old_origin}")
        if said.old_origin == self._key.name and said.old_size <= self._size:
            root = _tree(read_entries(self._read, said.old_size, self._size)).root()
            if root.hex() != said.old_root:
                raise NotCarried(
                    f"the restore on record gives {said.old_origin} of {said.old_size} entries a root"
                    " that it never had"
                )
        return said.old_size


def _tree(entries: Iterable[list[bytes]]) -> Growing:
    tree = Growing()
    for some in entries:
        tree.extend(some)
    return tree


def _same(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Returns how many entries two lists begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _restored(proof: bytes | None, new: NoteKey, kept: int, entry: bytes) -> _Restored:
    """Returns what the first event behind the kept ones says, which must be the new log's entry there."""
    if proof is None:
        raise CannotCarry(
            f"no proof of position {kept + 1} is there, where the new log parts: ask the log's own"
            " address, for a copy has none"
        )
    try:
        proved = check_proof(read_proof(proof), new)
    except ProofWrong as error:
        raise NotCarried(f"the proof of position {kept + 1}: {error}") from error
    if (proved.position, proved.leaf) != (kept + 1, entry):
        raise NotCarried(
            f"the proof of position {kept + 1} is not of the entry that is published there"
        )
    try:
        said = msgspec.json.decode(proved.opening.public, type=_Restored)
    except (msgspec.MsgspecError, ValueError):
        said = None
    if said is None or said.position != kept:
        raise NotCarried(
            f"the new log parts from the old one behind position {kept}, and no restore is on record"
            " there"
        )
    return said
