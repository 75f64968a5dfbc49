"""The array engine: maps its segment, catches up with the views, and builds anew when that pays."""

import logging
import threading
from pathlib import Path
from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow

from ledger.trace.answer import Trace, TraceStock
from ledger.trace.array_trace import ArrayTrace
from ledger.trace.overlay import Overlay
from ledger.trace.question import Question
from ledger.trace.rows import TraceRows
from ledger.trace.segment import Segment
from ledger.trace.segment_build import build, leaf_at

log = logging.getLogger("suyuan.trace")

Reader = Connection[DictRow]

# More than this is not caught up with while somebody waits: PostgreSQL answers meanwhile.
CATCH_UP_MAX = 20_000
# An overlay of so many rows is slower to ask, and slower each time: a new segment takes them in.
OVERLAY_MAX = 200_000
BEHIND = (
    "SELECT count(*) AS n FROM (SELECT 1 FROM trade.movements WHERE position > %s LIMIT %s) AS m"
)


class ArraysAt(NamedTuple):
    """How the engine stands: the position it is true for, what it holds and what that takes."""

    position: int
    movements: int
    overlaid: int
    bytes: int


class ArrayEngine:
    """Answers questions of the present out of memory, or returns None for somebody else to.

    Every answer is true for the position of the snapshot that the question came with: the engine
    catches up within it first. One that is ahead of a snapshot, or far behind, hands over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._trace: ArrayTrace | None = None
        self._overlay: Overlay | None = None
        # The leaf at the position it is true for: the same record must stand there next time.
        self._leaf = ""
        # Set when a new segment would pay; whoever keeps the engine waits on it.
        self.wanted = threading.Event()

    @property
    def standing(self) -> ArraysAt | None:
        """Says how it stands; None while it has no segment."""
        overlay = self._overlay
        if overlay is None:
            return None
        segment = overlay.segment
        return ArraysAt(overlay.position, segment.stamp.movements, overlay.changes, segment.bytes)

    def open(self, reader: Reader, head: int) -> bool:
        """Maps the segment of the folder; False where there is none that this ledger agrees with."""
        segment = Segment.load(self._folder)
        if segment is None:
            return False
        stamp = segment.stamp
        if stamp.position > head or leaf_at(reader, stamp.position) != stamp.leaf:
            log.warning("the trace arrays are not of this ledger's record: they are made anew")
            return False
        self._take(segment)
        return True

    def rebuild(self, reader: Reader, head: int) -> None:
        """Builds a segment of the snapshot's position, keeps it on disk and answers from it."""
        self.wanted.clear()
        segment = build(reader, head)
        segment.save(self._folder)
        self._take(Segment.load(self._folder) or segment)

    def answer(
        self, reader: Reader, head: int, question: Question, rows: TraceRows, stock: TraceStock
    ) -> Trace | None:
        """Answers at the snapshot's position, or hands over. `rows` and `stock` are of the same."""
        with self._lock:
            if self._overlay is None or not self._catch_up(reader, head):
                return None
            if self._trace is None:
                self._trace = ArrayTrace(self._overlay)
            found = self._trace.extent(question)
        # What the database adds of a great many places takes its time: others need not wait for it.
        return None if found is None else found.answer(rows, stock)

    def _catch_up(self, reader: Reader, head: int) -> bool:
        overlay = self._overlay
        assert overlay is not None
        found = reader.execute("SELECT position FROM trade.position").fetchone()
        if found is None or found["position"] != head:
            # The snapshot shows movements that the answer must not know of yet.
            return False
        if overlay.position == head:
            return True
        if leaf_at(reader, overlay.position) != self._leaf:
            # Another record stands there now, such as one restored from yesterday.
            self._overlay, self._trace = None, None
            self.wanted.set()
            return False
        if overlay.position > head:
            return False
        behind = reader.execute(BEHIND, [overlay.position, CATCH_UP_MAX + 1]).fetchone()
        if behind is None or behind["n"] > CATCH_UP_MAX:
            self.wanted.set()
            return False
        try:
            overlay.catch_up(reader, head)
        except BaseException:
            # Half of it may be taken in: from the segment on, all of it comes anew.
            self._overlay, self._trace = Overlay(overlay.segment), None
            self._leaf = overlay.segment.stamp.leaf
            raise
        self._leaf = leaf_at(reader, head)
        # What it had worked out before, such as which products are loose, may be so no more.
        self._trace = None
        if overlay.changes > OVERLAY_MAX:
            self.wanted.set()
        return True

    def _take(self, segment: Segment) -> None:
        with self._lock:
            self._overlay, self._trace = Overlay(segment), None
            self._leaf = segment.stamp.leaf
