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


class Logs(NamedTuple):
    """The new log, the old one as it was published last, and what proves a position of the new."""

    new: ReadFiles
    old: ReadFiles
    prove: Prove


class NotCarried(Exception):
    """The new log does not go on from the audited one as a restored ledger's does: this is evidence.

    `proof` is what the new log gave for a restore.
    """

    def __init__(self, words: str, proof: bytes) -> None:
        super().__init__(words)
        self.proof = proof


class CannotCarry(Exception):
    """Nothing can be said yet: a file is missing, or a copy is not the audited log's."""


class Known(NamedTuple):
    """What a restore on record says of the log that ended: its name and size, as far as was known."""

    origin: str
    size: int


class Carried(NamedTuple):
    """How an audit goes on: the new log begins with `kept` of the `audited` entries.

    `known` is what the ledger has on record where audited entries were cut off, else None.
    """

    state: AuditState
    origin: str
    audited: int
    kept: int
    known: Known | None


class Successor(NamedTuple):
    """A later log of an audited ledger: its key, checkpoint and size, the number of the audited one."""

    key: NoteKey
    checkpoint: bytes
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
    number = int(found.origin.rpartition("/")[2])
    return Successor(later, checkpoint, found.size, number - steps)


def carry(state: AuditState, later: Successor, logs: Logs) -> Carried:
    """Returns how the audit goes on with a later log of the ledger.

    The old log and a proof are asked for where audited entries were cut off, and only there.
    What goes on is a tree with the restore's own entry in it: a log without that is not its growth.
    Raises `NotCarried`, or `CannotCarry` where nothing can be said.
    """
    try:
        return _carry(state, later, logs)
    except (FileNotFoundError, ProofWrong) as error:
        raise CannotCarry(f"the logs cannot be compared: {error}") from error


def _carry(state: AuditState, later: Successor, logs: Logs) -> Carried:
    audited, known = Growing(state.verified), None
    kept = audited.size
    tree = _tree(read_entries(logs.new, min(later.size, kept), later.size))
    if tree.root() != audited.root():
        former = _Former(NoteKey(state.key), logs.old, audited)
        tree, entry = former.common(logs.new, later.size)
        kept = tree.size
        if entry is None:
            raise CannotCarry(
                f"the new log ends at {kept}, where the restore is recorded: try again"
            )
        known = former.check(_restored(logs.prove(kept + 1), later, kept, entry), later)
        tree.extend([entry])
    after = AuditState(key=later.key.text, verified=tree.grown())
    return Carried(after, later.key.name, audited.size, kept, known)


class _Former:
    """The audited log, in a copy as it was published last."""

    def __init__(self, key: NoteKey, read: ReadFiles, audited: Growing) -> None:
        self._key, self._read, self._audited = key, read, audited
        (content,) = read([CHECKPOINT])
        try:
            said = verify_checkpoint(content or b"", key).checkpoint
        except NoteWrong as error:
            raise CannotCarry(
                f"the copy of the old log has no checkpoint of it: {error}"
            ) from error
        self._size, self._root = said.size, said.root

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

    def check(self, found: "_Proved", later: Successor) -> Known:
        """Compares what a restore has on record with the copy; returns what it knew of which log."""
        said, base = found.said, later.key.name.rpartition("/")[0]
        ended, begun = (epoch_of(base, origin) for origin in (said.old_origin, said.new_origin))
        newest = later.former + (steps_from(self._key.name, later.key.name) or 0)
        if ended is None or begun is None or not max(ended, later.former) < begun <= newest:
            raise NotCarried(
                f"the restore on record is not of these logs: from {said.old_origin} to {said.new_origin}",
                found.proof,
            )
        if said.old_origin == self._key.name and said.old_size <= self._size:
            self._check_root(found)
        return Known(said.old_origin, said.old_size)

    def _check_root(self, found: "_Proved") -> None:
        said, tree = found.said, _tree(read_entries(self._read, found.said.old_size, self._size))
        whole = _tree(read_entries(self._read, self._size, self._size))
        if whole.root() != self._root:
            raise CannotCarry(
                "the copy of the old log is damaged behind what was audited: name another"
            )
        if tree.root().hex() != said.old_root:
            raise NotCarried(
                f"the restore on record gives {said.old_origin} of {said.old_size} entries a root that"
                " it never had",
                found.proof,
            )


def _tree(entries: Iterable[list[bytes]]) -> Growing:
    tree = Growing()
    for some in entries:
        tree.extend(some)
    return tree


def _same(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Returns how many entries two lists begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


class _Proved(NamedTuple):
    """A restore on record, with its proof."""

    said: _Restored
    proof: bytes


def _restored(proof: bytes | None, later: Successor, kept: int, entry: bytes) -> _Proved:
    """Returns what the first event behind the kept ones says, which must be the new log's entry there."""
    if proof is None:
        raise CannotCarry(
            f"no proof of position {kept + 1} is there, where the new log parts: ask the log's own"
            " address, for a copy has none"
        )
    try:
        proved = check_proof(read_proof(proof), later.key)
    except ProofWrong as error:
        raise CannotCarry(f"what is given as the proof of position {kept + 1}: {error}") from error
    if (proved.position, proved.leaf) != (kept + 1, entry):
        words = f"the proof of position {kept + 1} is not of the entry that is published there"
        raise NotCarried(words, proof)
    try:
        said = msgspec.json.decode(proved.opening.public, type=_Restored)
    except (msgspec.MsgspecError, ValueError):
        said = None
    if said is None or said.position != kept:
        raise NotCarried(
            f"the new log parts from the old one behind position {kept}, and no restore is on record"
            " there",
            proof,
        )
    return _Proved(said, proof)
