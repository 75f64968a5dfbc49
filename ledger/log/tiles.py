"""Tiles (C2SP tlog-tiles): the tree's hashes and entries as files that never change.

A full tile holds 256 hashes of one level; the last one of a level may be partial and names its width.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from ledger.log.merkle import HASH_BYTES, ProofWrong, leaf_hash, node_hash

HEIGHT = 8
WIDTH = 2**HEIGHT
LEVELS_MAX = 63
ENTRY_BYTES_MAX = 2**16 - 1


class Tile(NamedTuple):
    """Which tile: its level, -1 for the entries of a leaf tile; its index; its width."""

    level: int
    number: int
    width: int = WIDTH

    def path(self) -> str:
        """Returns where it is published, below the log's prefix."""
        level = "entries" if self.level < 0 else str(self.level)
        digits = f"{self.number:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        parts = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        index = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
        return f"tile/{level}/{index}" + (f".p/{self.width}" if self.width < WIDTH else "")


# Gives the bytes of a tile, or of the full one where a partial one is gone.
ReadTile = Callable[[Tile], bytes]


def tiles_between(former: int, size: int) -> Iterator[Tile]:
    """Yields the tiles of hashes that a tree of a size has and one of the former size had not."""
    level, before, now = 0, former, size
    while now:
        for index in range(before // WIDTH, -(-now // WIDTH)):
            width = min(WIDTH, now - index * WIDTH)
            if width != min(WIDTH, max(0, before - index * WIDTH)):
                yield Tile(level, index, width)
        level, before, now = level + 1, before // WIDTH, now // WIDTH


def bundles_of(size: int, since: int = 0, until: int | None = None) -> Iterator[Tile]:
    """Yields the bundles that hold entries `since` to `until` - 1, or the last, of a log of a size."""
    end = size if until is None else min(until, size)
    for number in range(since // WIDTH, -(-end // WIDTH)):
        yield Tile(-1, number, min(WIDTH, size - number * WIDTH))


def tile_of(level: int, index: int, size: int) -> tuple[Tile, int, int]:
    """Returns the tile from which a subtree's hash follows, in a tree of a size.

    With it the first of the tile's hashes that the subtree is over, and how many they are.
    """
    row, inner = divmod(level, HEIGHT)
    first = index << inner
    at = first // WIDTH
    width = min(WIDTH, (size >> (row * HEIGHT)) - at * WIDTH)
    if width <= 0 or row > LEVELS_MAX:
        raise ProofWrong(f"a tree of {size} has no subtree {index} of level {level}")
    return Tile(row, at, width), first % WIDTH, 1 << inner


class TileTree:
    """Reads subtrees of a tree of a size out of its tiles, each tile once.

    Raises `ProofWrong` for a tile that is too short or no row of hashes.
    """

    def __init__(self, read: ReadTile, size: int) -> None:
        self._read = read
        self._size = size
        self._known: dict[tuple[int, int], list[bytes]] = {}

    def node_at(self, level: int, index: int) -> bytes:
        """Returns the hash of a perfect subtree."""
        tile, first, count = tile_of(level, index, self._size)
        hashes = self._row(tile)[first : first + count]
        if len(hashes) != count:
            raise ProofWrong(f"{tile.path()} does not hold what a tree of {self._size} has")
        return subtree_root(hashes)

    def _row(self, tile: Tile) -> list[bytes]:
        key = tile.level, tile.number
        if key not in self._known:
            self._known[key] = hashes_of(tile, self._read(tile))
        return self._known[key]


def subtree_root(hashes: Sequence[bytes]) -> bytes:
    """Returns the root over the hashes of a perfect subtree's nodes."""
    while len(hashes) > 1:
        hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def hashes_of(tile: Tile, content: bytes) -> list[bytes]:
    """Returns a tile's hashes. Raises `ProofWrong` when it is not as wide as it must be."""
    if len(content) != tile.width * HASH_BYTES:
        raise ProofWrong(
            f"{tile.path()} has {len(content)} bytes, not {tile.width * HASH_BYTES}: it is damaged"
        )
    return [content[i : i + HASH_BYTES] for i in range(0, tile.width * HASH_BYTES, HASH_BYTES)]


def pack_entries(entries: Iterable[bytes]) -> bytes:
    """Writes entries as a bundle, each behind its length. Raises `ValueError` for one too long."""
    packed = bytearray()
    for entry in entries:
        if len(entry) > ENTRY_BYTES_MAX:
            raise ValueError(f"an entry has at most {ENTRY_BYTES_MAX} bytes, not {len(entry)}")
        packed += struct.pack(">H", len(entry)) + entry
    return bytes(packed)


def unpack_entries(tile: Tile, content: bytes) -> list[bytes]:
    """Reads a bundle's entries. Raises `ProofWrong` when they are cut off, too few or too many."""
    entries: list[bytes] = []
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + 2])
        entry = content[at + 2 : at + 2 + length]
        if len(content) < at + 2 or len(entry) != length:
            raise ProofWrong(f"{tile.path()} is cut off in entry {len(entries)}")
        entries.append(entry)
        at += 2 + length
    if len(entries) != tile.width:
        raise ProofWrong(f"{tile.path()} has {len(entries)} entries, not {tile.width}")
    return entries


def part_of(tile: Tile, full: bytes) -> bytes:
    """Returns a partial tile or bundle out of the full one. Raises `ProofWrong` for a damaged one."""
    whole = tile._replace(width=WIDTH)
    if tile.level < 0:
        return pack_entries(unpack_entries(whole, full)[: tile.width])
    return b"".join(hashes_of(whole, full)[: tile.width])


def check_entries(tile: Tile, entries: Iterable[bytes], hashes: Iterable[bytes]) -> None:
    """Raises `ProofWrong` unless each entry is the one whose leaf the tile of hashes holds."""
    for number, (entry, leaf) in enumerate(zip(entries, hashes, strict=True)):
        if leaf_hash(entry) != leaf:
            index = tile.number * WIDTH + number
            raise ProofWrong(f"entry {index} is not the one that the tree holds")
