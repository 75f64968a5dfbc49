"""Publishing: follows the record and signs what it holds, never less and never otherwise.

A plain state machine. The row of the last checkpoint is committed after the leaves under it were
read and before any file says so; what a file says, the record outlives.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from ledger.errors import JournalDamaged
from ledger.log.checkpoints import Checkpoint, verify_checkpoint
from ledger.log.files import CHECKPOINT, LogFiles, tiles_in
from ledger.log.growing import Bundles, Growing, Written
from ledger.log.merkle import ProofWrong
from ledger.log.notes import COSIGNATURE, NoteKey, NoteSigner, NoteWrong
from ledger.log.tiles import WIDTH, Tile, tiles_between, unpack_entries
from ledger.values.keys import SigningKey

# How many leaves a checkpoint adds at most: so many are held until its row is committed.
LEAVES_MAX = 64 * WIDTH
# A checkpoint that nothing joins is signed again, so that it tells when it was last true.
STAMP = timedelta(seconds=60)


class Published(NamedTuple):
    """The last checkpoint a log has signed, as the record keeps it."""

    origin: str
    size: int
    root: bytes
    note: bytes
    time: datetime


class Leaves(Protocol):
    """The record's leaves by position, from 1 on, as they are durable."""

    def head(self) -> int:
        """Returns the last position."""
        ...

    def leaves(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Returns positions with their leaves behind a position, in order."""
        ...


class CheckpointRow(Protocol):
    """The row in the record that says what was signed last."""

    def last(self) -> Published | None:
        """Returns it; None before the first."""
        ...

    def advance(self, former: Published | None, to: Published) -> bool:
        """Writes the next one in a commit of its own; False when another publisher was first.

        On return it is durable, and so is every leaf that was read before. Raises
        `JournalUnavailable` when that cannot be said: then nothing may be published.
        """
        ...

    def show(self, said: Published, key: str, content: bytes) -> None:
        """Notes what the files say of it now, for receipts and devices, and under which key."""
        ...

    def confirm(self, said: Published) -> bool:
        """Makes sure, in a commit of its own, that what `last` returned is durable; as `advance`."""
        ...


# Asks witnesses to cosign a checkpoint whose tiles are published; returns their signature lines.
Cosign = Callable[[Published], Sequence[str]]


class LogSigner:
    """Signs checkpoints under an origin: once as the log, once with the time it does."""

    def __init__(self, origin: str, key: SigningKey) -> None:
        self.origin = origin
        self._log = NoteSigner(origin, key)
        self._timed = NoteSigner(origin, key, COSIGNATURE)
        self.public = self._log.public

    def sign(self, size: int, root: bytes, now: datetime) -> Published:
        """Returns a signed checkpoint."""
        text = Checkpoint(self.origin, size, root).text()
        lines = self._log.sign(text) + self._timed.sign(text, int(now.timestamp()))
        return Published(self.origin, size, root, f"{text}\n{lines}".encode(), now)


class _Taken(NamedTuple):
    """A tree with what the record holds behind the published one, and the tiles that this filled."""

    tree: Growing
    bundles: Bundles
    full: list[Written]
    last: bytes | None


class Publisher:
    """Publishes one log. Several may run, each with files of its own: the row keeps them at one.

    Raises `JournalDamaged` where the record holds less than, or other than, what was published.
    """

    def __init__(
        self,
        signer: LogSigner,
        leaves: Leaves,
        row: CheckpointRow,
        files: LogFiles,
        *,
        now: Callable[[], datetime],
        cosign: Cosign = lambda _published: (),
    ) -> None:
        self._signer = signer
        self._leaves = leaves
        self._row = row
        self._files = files
        self._now = now
        self._cosign = cosign
        self._tree: Growing | None = None
        self._bundles = Bundles()
        # The leaf at the end of the tree, which the record must still hold there.
        self._last: bytes | None = None
        self._from_files = False
        self.published: Published | None = None

    def step(self) -> int:
        """Publishes what is new and returns by how many entries the log grew."""
        said = self._row.last()
        if self._tree is None:
            self._open(said)
        assert self._tree is not None
        before = self._tree.size
        self._refuse_less(said, before)
        if said is not None and said != self.published:
            # Committed and not published by a publisher that was ended, or by another.
            self._reach(said)
        self._grow(said)
        return self._tree.size - before

    def _grow(self, said: Published | None) -> None:
        assert self._tree is not None
        taken = self._take(LEAVES_MAX)
        size, now = taken.tree.size, self._now()
        if said is not None and size == said.size and now - said.time < STAMP:
            return
        to = self._signer.sign(size, taken.tree.root(), now)
        if self._row.advance(said, to):
            self._write(taken)
            self._publish(to)

    def _reach(self, said: Published) -> None:
        """Publishes up to what the record says was signed."""
        assert self._tree is not None
        self._refuse_other_origin(said)
        if not self._row.confirm(said):
            return
        if self._fill(said) != said.root and self._from_files:
            # Files are derived: what does not lead to the root that was signed is made anew.
            self._begin()
            self._fill(said)
        if self._tree.root() != said.root:
            raise JournalDamaged(
                f"the log {said.origin} of {said.size} entries was signed with another root than"
                " the record's leaves have: run suyuan verify, and call a human"
            )
        self._publish(said)

    def _fill(self, said: Published) -> bytes:
        """Writes the tiles up to what was signed; returns the root they have."""
        assert self._tree is not None
        while self._tree.size < said.size:
            taken = self._take(min(LEAVES_MAX, said.size - self._tree.size))
            if taken.tree.size == self._tree.size:
                raise JournalDamaged(
                    f"{said.size} entries were signed and the record ends at {self._tree.size}: it"
                    " was cut or restored. Call a human"
                )
            self._write(taken)
        return self._tree.root()

    def _take(self, limit: int) -> _Taken:
        """Returns the tree with what the record holds behind it, and what that filled."""
        assert self._tree is not None
        tree, bundles, last = Growing(self._tree.grown()), self._bundles.copy(), self._last
        since = max(0, tree.size - 1)
        rows = self._leaves.leaves(since, limit + tree.size - since)
        if tree.size:
            # The leaf that was published last must stand where it stood.
            if not rows or rows[0] != (tree.size, last):
                raise JournalDamaged(
                    f"the log holds {tree.size} entries and the record's leaf {tree.size} is not"
                    f" the last of them: the record ends at {self._leaves.head()}; it was cut,"
                    " changed or restored. Run suyuan verify, and call a human"
                )
            rows = rows[1:]
        for expected, (position, _leaf) in enumerate(rows, tree.size + 1):
            if position != expected:
                raise JournalDamaged(f"position {expected} is missing: run suyuan verify")
        leaves = [leaf for _position, leaf in rows]
        full = tree.extend(leaves) + bundles.extend(leaves)
        return _Taken(tree, bundles, full, leaves[-1] if leaves else last)

    def _publish(self, said: Published) -> None:
        lines = "".join(self._cosign(said))
        content = said.note + lines.encode()
        self._files.write(CHECKPOINT, content)
        self.published = said
        self._row.show(said, self._signer.public, content)

    def _write(self, taken: _Taken) -> None:
        """Writes the tiles that a larger tree has and this one had not; goes on from that tree."""
        assert self._tree is not None
        new = set(tiles_between(self._tree.size, taken.tree.size))
        ends = taken.tree.partial()
        if taken.tree.size > self._tree.size:
            ends += taken.bundles.partial()
        for tile, content in [*taken.full, *ends]:
            if tile in new or tile.level < 0:
                self._files.write(tile.path(), content)
        for tile, _content in taken.full:
            # Who still asks for a part of it takes it from the full tile.
            self._files.forget(f"{tile.path()}.p")
        self._tree, self._bundles, self._last = taken.tree, taken.bundles, taken.last

    def _open(self, said: Published | None) -> None:
        """Takes up the tree where the files end; where there are none it is made anew."""
        self._begin()
        told = self._told()
        self._refuse_less(said, told.size if told else 0)
        if told is None or not told.size:
            return
        try:
            tree = Growing.of_tiles(told.size, tiles_in(self._files))
            number, width = divmod(told.size, WIDTH)
            last = Tile(-1, number, width) if width else Tile(-1, number - 1)
            entries = self._entries(last)
        except (FileNotFoundError, ProofWrong):
            return
        if tree.root() == told.root:
            self._tree, self._last, self._from_files = tree, entries[-1], True
            self._bundles = Bundles(told.size, entries if width else [])

    def _begin(self) -> None:
        self._tree, self._bundles, self._last = Growing(), Bundles(), None
        self._from_files = False

    def _told(self) -> Checkpoint | None:
        """Returns what the files say was published, if they say so under this log's key."""
        try:
            content = self._files.read(CHECKPOINT)
            return verify_checkpoint(content, NoteKey(self._signer.public)).checkpoint
        except (FileNotFoundError, NoteWrong):
            return None

    def _refuse_less(self, said: Published | None, size: int) -> None:
        known = said.size if said else 0
        if known < size:
            raise JournalDamaged(
                f"{size} entries were published and the record says that {known} were signed: it"
                " was restored from before. suyuan restore makes it go on as a new log"
            )

    def _entries(self, bundle: Tile) -> list[bytes]:
        return unpack_entries(bundle, tiles_in(self._files)(bundle))

    def _refuse_other_origin(self, said: Published) -> None:
        if said.origin != self._signer.origin:
            raise JournalDamaged(
                f"the record says that {said.origin} was published, not {self._signer.origin}:"
                " set log_origin as it was"
            )
