"""The Merkle tree of RFC 6962, section 2.1: roots, inclusion and consistency, checked and proved.

Hashes are 32 bytes (SHA-256). A tree of `size` leaves has the indexes 0 to `size` - 1.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from hmac import compare_digest

HASH_BYTES = 32
# The root of the tree of nothing.
EMPTY_ROOT = hashlib.sha256().digest()

# Gives the hash of the perfect subtree of 2**level leaves that begins at index * 2**level.
NodeAt = Callable[[int, int], bytes]


class ProofWrong(ValueError):
    """A proof does not show what it is given for."""


def leaf_hash(entry: bytes) -> bytes:
    """Returns the hash of an entry as a leaf of the tree."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Returns the hash of a node over its children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The perfect subtrees that a tree of a size ends in: all that appending needs to know."""

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        """`hashes` are those of the subtrees, the largest first, one for each bit of the size."""
        if len(hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} ends in {size.bit_count()} subtrees")
        self.size = size
        self.hashes = list(hashes)

    def append(self, found: bytes, level: int = 0) -> list[tuple[int, bytes]]:
        """Takes in a leaf's hash, or that of a perfect subtree where one of its level may begin.

        Returns the larger subtrees it completed, as level and hash.
        """
        left = self.size >> level
        if left << level != self.size:
            raise ValueError(f"no subtree of level {level} begins at leaf {self.size}")
        self.size += 1 << level
        completed = []
        while left & 1:
            found = node_hash(self.hashes.pop(), found)
            level, left = level + 1, left >> 1
            completed.append((level, found))
        self.hashes.append(found)
        return completed

    def root(self) -> bytes:
        """Returns the tree's root."""
        if not self.hashes:
            return EMPTY_ROOT
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root


def subtrees(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Yields the perfect subtrees that leaves `begin` to `end` - 1 fall into, as level and index.

    `begin` MUST be where a subtree of at least that many leaves begins (RFC 6962's splits are).
    """
    while begin < end:
        fitting = (end - begin).bit_length() - 1
        level = fitting if begin == 0 else min(fitting, (begin & -begin).bit_length() - 1)
        yield level, begin >> level
        begin += 1 << level


def root_of(node_at: NodeAt, begin: int, end: int) -> bytes:
    """Returns the hash over leaves `begin` to `end` - 1; see `subtrees` for where they may begin."""
    hashes = [node_at(level, index) for level, index in subtrees(begin, end)]
    if not hashes:
        return EMPTY_ROOT
    root = hashes.pop()
    while hashes:
        root = node_hash(hashes.pop(), root)
    return root


def prove_inclusion(node_at: NodeAt, index: int, size: int) -> list[bytes]:
    """Returns the audit path of a leaf, its sibling first (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} has no leaf {index}")
    path = []
    begin, end = 0, size
    while end - begin > 1:
        split = begin + _split(end - begin)
        if index < split:
            path.append(root_of(node_at, split, end))
            end = split
        else:
            path.append(root_of(node_at, begin, split))
            begin = split
    return path[::-1]


def prove_consistency(node_at: NodeAt, former: int, size: int) -> list[bytes]:
    """Returns the proof that a tree of `former` leaves is the beginning of one of `size` (2.1.2)."""
    if not 0 <= former <= size:
        raise ValueError(f"a tree of {size} did not grow out of one of {former}")
    if former in (0, size):
        return []
    path = []
    begin, end, whole = 0, size, True
    while former != end:
        split = begin + _split(end - begin)
        if former <= split:
            path.append(root_of(node_at, split, end))
            end = split
        else:
            path.append(root_of(node_at, begin, split))
            begin, whole = split, False
    if not whole:
        path.append(root_of(node_at, begin, end))
    return path[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Raises `ProofWrong` unless the path shows a leaf's hash at an index of a tree with this root."""
    if not 0 <= index < size:
        raise ProofWrong(f"a tree of {size} has no leaf {index}")
    _check_hashes(leaf, root, *path)
    inner, border = _shape(index, size)
    if len(path) != inner + border:
        raise ProofWrong(f"leaf {index} of {size} takes {inner + border} hashes, not {len(path)}")
    found = _climb(leaf, path[:inner], index)
    for left in path[inner:]:
        found = node_hash(left, found)
    if not compare_digest(found, root):
        raise ProofWrong("the path leads to another root")


def check_consistency(
    former: int, size: int, path: Sequence[bytes], former_root: bytes, root: bytes
) -> None:
    """Raises `ProofWrong` unless the path shows that one tree is the beginning of the other."""
    if not 0 <= former <= size:
        raise ProofWrong(f"a tree of {size} did not grow out of one of {former}")
    if former == 0:
        raise ProofWrong("every tree grew out of nothing: that proves nothing")
    if former == size:
        if path or not compare_digest(former_root, root):
            raise ProofWrong("one size has one root, and no proof of growth")
        return
    _check_hashes(former_root, root, *path)
    if not path:
        raise ProofWrong("a proof of growth is missing")
    inner, border = _shape(former - 1, size)
    # Where the former tree is one perfect subtree its own root begins the way.
    level = (former & -former).bit_length() - 1
    inner -= level
    begin = [former_root] if former == 1 << level else []
    nodes = [*begin, *path]
    if len(nodes) != 1 + inner + border:
        raise ProofWrong(f"growth from {former} to {size} takes other hashes than these")
    start, rest = nodes[0], nodes[1:]
    index = (former - 1) >> level
    before = _climb_left(start, rest[:inner], index)
    after = _climb(start, rest[:inner], index)
    for left in rest[inner:]:
        before, after = node_hash(left, before), node_hash(left, after)
    if not compare_digest(before, former_root):
        raise ProofWrong("the proof is not of the former tree")
    if not compare_digest(after, root):
        raise ProofWrong("the proof leads to another root")


def _check_hashes(*hashes: bytes) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofWrong(f"a hash has {HASH_BYTES} bytes")


def _split(count: int) -> int:
    """Returns the largest power of two below a count."""
    return 1 << ((count - 1).bit_length() - 1)


def _shape(index: int, size: int) -> tuple[int, int]:
    """Returns how many hashes lead up inside the last perfect subtree of a leaf, and past it."""
    inner = (index ^ (size - 1)).bit_length()
    return inner, (index >> inner).bit_count()


def _climb(found: bytes, path: Sequence[bytes], index: int) -> bytes:
    for level, sibling in enumerate(path):
        on_right = index >> level & 1
        found = node_hash(sibling, found) if on_right else node_hash(found, sibling)
    return found


def _climb_left(found: bytes, path: Sequence[bytes], index: int) -> bytes:
    """Climbs by what stands on the left alone: the tree as it was before the right was there."""
    for level, sibling in enumerate(path):
        if index >> level & 1:
            found = node_hash(sibling, found)
    return found
