"""Auditing: checks a published log by its files, a pinned key and the last audit alone.

Every entry since the last audit is hashed into the tree that was verified then; what comes out must
be the root that the log signs now, and the tiles that it publishes.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import msgspec

from ledger.log.checkpoints import Checkpoint, Verified, read_checkpoint, verify_checkpoint
from ledger.log.files import CHECKPOINT, ReadFiles, in_groups, read_tiles
from ledger.log.growing import Growing, Grown, Written
from ledger.log.merkle import HASH_BYTES, ProofWrong, leaf_hash
from ledger.log.notes import NoteKey, NoteWrong, signed_by
from ledger.log.origins import steps_from
from ledger.log.tiles import WIDTH, Tile, bundles_of, hashes_of, unpack_entries

# Clocks differ a little; a checkpoint from later than this is from a clock that is wrong.
AHEAD = timedelta(minutes=5)

LogFindingCode = Literal[
    "no-checkpoint", "forged-checkpoint", "shrunk", "split-view", "not-its-growth", "missing-file",
    "damaged-file", "swapped-tile", "stale", "from-the-future", "too-few-witnesses",
    "receipt-broken",
    "restored",
]  # fmt: skip


class AuditState(msgspec.Struct, frozen=True, kw_only=True):
    """What an auditor remembers: the pinned key, what it verified last, how far it got since."""

    key: str
    checkpoint: bytes = b""
    verified: Grown = Grown(0, [], [])
    reached: Grown | None = None


class LogFinding(NamedTuple):
    """What is wrong with a published log."""

    code: LogFindingCode
    words: str


class AuditReport(NamedTuple):
    """What an audit found: `grown` entries were checked, up to `size`, as signed at `time`."""

    origin: str
    size: int
    grown: int
    time: datetime | None
    witnesses: list[str]
    findings: list[LogFinding]


class AuditRules(NamedTuple):
    """What an auditor asks of a checkpoint beyond the log's signature."""

    fresh_within: timedelta
    witnesses: Sequence[NoteKey] = ()
    quorum: int = 0
    # Reads again what was audited before: files change behind an auditor's back.
    everything: bool = False


# Gets the state to remember; gets how many entries were hashed.
Keep = Callable[[AuditState], None]
Stepped = Callable[[int], None]


class Auditor:
    """One audit of one log."""

    def __init__(
        self, state: AuditState, read: ReadFiles, rules: AuditRules, *, now: Callable[[], datetime]
    ) -> None:
        self.state = state
        self._key = NoteKey(state.key)
        self._read = read
        self._rules = rules
        self._now = now
        self._found: list[LogFinding] = []
        self._signed_at: datetime | None = None
        # The checkpoint as it was read, which may be evidence.
        self.seen = b""

    def run(self, keep: Keep, stepped: Stepped = lambda _count: None) -> AuditReport:
        """Audits; `keep` gets the state to remember whenever there is more of it.

        A log in which anything but its age or its witnesses is wrong is not remembered as verified.
        """
        size, verified = self.state.verified.size, None
        try:
            content = self._checkpoint()
            verified = self._verified(content)
            self._judge(verified)
            tree = self._grow(verified.checkpoint, keep, stepped)
            self.state = msgspec.structs.replace(
                self.state, checkpoint=content, verified=tree.grown(), reached=None
            )
        except _Stop as stop:
            self._found.append(stop.finding)
            self.state = msgspec.structs.replace(self.state, reached=None)
        keep(self.state)
        return AuditReport(
            self._key.name, self.state.verified.size, self.state.verified.size - size,
            self._signed_at,
            [one.name for one in verified.witnesses] if verified else [], self._found,
        )  # fmt: skip

    def _checkpoint(self) -> bytes:
        (content,) = self._read([CHECKPOINT])
        if content is None:
            raise _Stop("no-checkpoint", "no checkpoint is published there: is this a log?")
        self.seen = content
        return content

    def _verified(self, content: bytes) -> Verified:
        try:
            origin = read_checkpoint(content)[0].origin
            if steps_from(self._key.name, origin):
                verify_checkpoint(content, self._key.under(origin))
                raise _Stop(
                    "restored",
                    f"the ledger was restored: {self._key.name} ended, and it goes on as {origin} under"
                    " the same key. suyuan audit --restored goes on with that one, and says what was cut off",
                )
            return verify_checkpoint(content, self._key, self._rules.witnesses)
        except NoteWrong as error:
            raise _Stop("forged-checkpoint", str(error)) from error

    def _judge(self, verified: Verified) -> None:
        """Notes a checkpoint's age and witnesses; what it says may be true all the same."""
        self._signed_at = time = self._time(verified)
        now = self._now()
        if time is None:
            self._note("stale", "the checkpoint does not say when it was signed")
        elif time > now + AHEAD:
            self._note("from-the-future", f"the checkpoint says {time}, and it is {now} here")
        elif now - time > self._rules.fresh_within:
            self._note("stale", f"the last checkpoint is of {time}, and it is {now} here")
        if len(verified.witnesses) < self._rules.quorum:
            self._note(
                "too-few-witnesses",
                f"{len(verified.witnesses)} of the {len(self._rules.witnesses)} witnesses cosigned"
                f" this checkpoint, {self._rules.quorum} are asked for",
            )

    def _time(self, verified: Verified) -> datetime | None:
        timed = self._key.timed()
        if (timed.name, timed.id) not in {(one.name, one.id) for one in verified.note.signatures}:
            return None
        try:
            return signed_by(verified.note, [timed])[0].at()
        except NoteWrong as error:
            raise _Stop("forged-checkpoint", str(error)) from error

    def _grow(self, goal: Checkpoint, keep: Keep, stepped: Stepped) -> Growing:
        """Returns the verified tree, grown to the checkpoint; stops where it is another tree."""
        verified = Growing(self.state.verified)
        if goal.size < verified.size:
            raise _Stop(
                "shrunk",
                f"the log had {verified.size} entries when it was audited last, and says"
                f" {goal.size} now",
            )
        if goal.size == verified.size and goal.root != verified.root():
            raise _Stop("split-view", f"two trees of {goal.size} entries were signed: see both")
        if self._rules.everything:
            return self._walk(Growing(), goal, stepped)
        if goal.size == verified.size:
            return verified
        reached = self.state.reached
        tree = Growing(reached) if reached and reached.size <= goal.size else verified

        def remember(count: int) -> None:
            self.state = msgspec.structs.replace(self.state, reached=tree.grown())
            keep(self.state)
            stepped(count)

        return self._walk(tree, goal, remember)

    def _walk(self, tree: Growing, goal: Checkpoint, stepped: Stepped) -> Growing:
        """Hashes what is published into a tree until it has the checkpoint's size, and its root."""
        for bundles in in_groups(bundles_of(goal.size, tree.size)):
            before = tree.size
            self._take(tree, bundles)
            stepped(tree.size - before)
        self._must_be(tree, goal.root)
        self._compare(tree.partial())
        return tree

    def _take(self, tree: Growing, bundles: Sequence[Tile]) -> None:
        """Hashes the entries of some bundles into the tree and compares the tiles they fill."""
        known, entries = tree.last_leaves(), []
        for bundle, content in zip(bundles, self._files(bundles), strict=True):
            entries += _entries(bundle, content)
        # The first bundle may begin with entries that are in the tree already.
        if [leaf_hash(entry) for entry in entries[: len(known)]] != known:
            words = f"{bundles[0].path()} holds other entries than were audited before"
            raise _Stop("swapped-tile", words)
        del entries[: len(known)]
        audited = Growing(self.state.verified)
        until = audited.size - tree.size
        if 0 < until <= len(entries):
            # Read again from the beginning, it passes through the tree that was audited before.
            self._compare(tree.extend(entries[:until]))
            self._must_be(tree, audited.root())
            del entries[:until]
        self._compare(tree.extend(entries))

    def _must_be(self, tree: Growing, root: bytes) -> None:
        if tree.root() != root:
            raise _Stop(
                "not-its-growth",
                f"the {tree.size} entries that are published lead to another root than the one"
                " that was signed for them",
            )

    def _compare(self, made: Sequence[Written]) -> None:
        tiles = [one.tile for one in made]
        for (tile, content), published in zip(made, self._files(tiles), strict=True):
            try:
                same = b"".join(hashes_of(tile, published)) == content
            except ProofWrong as error:
                raise _Stop("damaged-file", str(error)) from error
            if not same:
                raise _Stop(
                    "swapped-tile",
                    f"{tile.path()} is not what the entries below it add up to: it was exchanged, or they",
                )

    def _files(self, tiles: Sequence[Tile]) -> list[bytes]:
        try:
            return read_tiles(self._read, tiles)
        except FileNotFoundError as error:
            raise _Stop("missing-file", str(error)) from error
        except ProofWrong as error:
            raise _Stop("damaged-file", str(error)) from error

    def _note(self, code: LogFindingCode, words: str) -> None:
        self._found.append(LogFinding(code, words))


class _Stop(Exception):
    """What is wrong is such that the rest need not be looked at."""

    def __init__(self, code: LogFindingCode, words: str) -> None:
        super().__init__(words)
        self.finding = LogFinding(code, words)


def _entries(bundle: Tile, content: bytes) -> list[bytes]:
    """Returns a bundle's entries."""
    try:
        entries = unpack_entries(bundle, content)
    except ProofWrong as error:
        raise _Stop("damaged-file", str(error)) from error
    for number, entry in enumerate(entries):
        if len(entry) != HASH_BYTES:
            words = f"entry {bundle.number * WIDTH + number} has {len(entry)} bytes, a leaf has {HASH_BYTES}"
            raise _Stop("damaged-file", words)
    return entries
