"""A tree that grows, held by the rows of hashes it ends in; what it fills comes out as tiles."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ledger.log.merkle import Frontier, leaf_hash, subtrees
from ledger.log.tiles import (
    HEIGHT,
    WIDTH,
    ReadTile,
    Tile,
    TileTree,
    hashes_of,
    pack_entries,
    subtree_root,
)

ENTRIES = -1


class Written(NamedTuple):
    """A tile with its bytes."""

    tile: Tile
    content: bytes


class Grown(NamedTuple):
    """All that a tree needs in order to go on growing: a few hashes for every level."""

    size: int
    ends: list[bytes]
    rows: list[list[bytes]]


class Growing:
    """A tree of a size, able to take more entries."""

    def __init__(self, grown: Grown | None = None) -> None:
        """Raises `ValueError` for what no tree grew into."""
        size, ends, rows = grown or (0, [], [])
        if size < 0 or [len(row) for row in rows] != [tile.width for tile in _ends(size)]:
            raise ValueError(f"these are not the rows that a tree of {size} ends in")
        self._frontier = Frontier(size, ends)
        self._rows = [[*row] for row in rows]

    @classmethod
    def of_tiles(cls, size: int, read: ReadTile) -> "Growing":
        """Takes up a tree where its tiles end. Raises `ProofWrong` for other tiles."""
        tree = TileTree(read, size)
        ends = [tree.node_at(level, at) for level, at in subtrees(0, size)]
        rows = [hashes_of(tile, read(tile)) if tile.width else [] for tile in _ends(size)]
        return cls(Grown(size, ends, rows))

    @property
    def size(self) -> int:
        """How many entries it has."""
        return self._frontier.size

    def root(self) -> bytes:
        """Returns its root."""
        return self._frontier.root()

    def grown(self) -> Grown:
        """Returns what it needs in order to go on, here or in a copy."""
        return Grown(self.size, [*self._frontier.hashes], [[*row] for row in self._rows])

    def last_leaves(self) -> list[bytes]:
        """Returns the hashes of the entries in the last leaf tile, none where that is full."""
        return [*self._rows[0]] if self._rows else []

    def extend(self, entries: Sequence[bytes]) -> list[Written]:
        """Takes entries in; returns the tiles of hashes that are full now."""
        full: list[Written] = []
        at = 0
        while at < len(entries):
            count = WIDTH - self.size % WIDTH
            leaves = [leaf_hash(entry) for entry in entries[at : at + count]]
            # A whole tile at once saves most of the walking up and down.
            full += self._append_tile(leaves) if len(leaves) == WIDTH else self._append(leaves)
            at += count
        return full

    def partial(self) -> list[Written]:
        """Returns the tiles of hashes that are not full."""
        ends = zip(_ends(self.size), self._rows, strict=True)
        return [Written(tile, b"".join(row)) for tile, row in ends if row]

    def _append(self, leaves: Iterable[bytes]) -> list[Written]:
        full = []
        for leaf in leaves:
            full += self._climb([(0, leaf), *self._frontier.append(leaf)])
        return full

    def _append_tile(self, leaves: list[bytes]) -> list[Written]:
        first = Written(Tile(0, self.size // WIDTH), b"".join(leaves))
        if not self._rows:
            self._rows.append([])
        root = subtree_root(leaves)
        larger = self._frontier.append(root, HEIGHT)
        return [first, *self._climb([(HEIGHT, root), *larger])]

    def _climb(self, larger: Iterable[tuple[int, bytes]]) -> list[Written]:
        full = []
        for level, found in larger:
            if level % HEIGHT == 0:
                full += self._take(level // HEIGHT, found)
        return full

    def _take(self, row: int, found: bytes) -> list[Written]:
        """Puts a hash at the end of a row, which the size counts already; returns the tile it fills."""
        if row == len(self._rows):
            self._rows.append([])
        self._rows[row].append(found)
        if len(self._rows[row]) < WIDTH:
            return []
        tile = Tile(row, (self.size >> HEIGHT * (row + 1)) - 1)
        content, self._rows[row] = b"".join(self._rows[row]), []
        return [Written(tile, content)]


class Bundles:
    """The entries of a log's last leaf tile, until they are full."""

    def __init__(self, size: int = 0, entries: Iterable[bytes] = ()) -> None:
        self._size = size
        self._entries = list(entries)

    def copy(self) -> "Bundles":
        """Returns the same, to go on apart."""
        return Bundles(self._size, self._entries)

    def extend(self, entries: Sequence[bytes]) -> list[Written]:
        """Takes entries in; returns the bundles they fill."""
        waiting = [*self._entries, *entries]
        first = (self._size - len(self._entries)) // WIDTH
        count = len(waiting) // WIDTH
        self._entries, self._size = waiting[count * WIDTH :], self._size + len(entries)
        return [
            Written(Tile(ENTRIES, first + n), pack_entries(waiting[n * WIDTH : (n + 1) * WIDTH]))
            for n in range(count)
        ]

    def partial(self) -> list[Written]:
        """Returns the bundle that is not full, if there is one."""
        if not self._entries:
            return []
        bundle = Tile(ENTRIES, self._size // WIDTH, len(self._entries))
        return [Written(bundle, pack_entries(self._entries))]


def _ends(size: int) -> Iterator[Tile]:
    """Yields the last tile of each level of a tree, of width 0 where all of them are full."""
    level = 0
    while size:
        yield Tile(level, size // WIDTH, size % WIDTH)
        level, size = level + 1, size // WIDTH
