"""A segment: who had which lot, and what became what, as arrays on disk that a process maps.

Lots, places and units are numbers; each table is sorted by the number it is asked by, with the
place where each begins. A segment is true for one position and is never changed: what comes after
is an overlay, and at times a new segment.
"""

import contextlib
import errno
import hashlib
import json
import shutil
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ledger.projections.groups import VIEWS_VERSION
from ledger.trace.question import LotName

Array = NDArray[Any]

# Counts up whenever the arrays' form changes: older files, and those of older views, are made anew.
FORM = 2
# How often a folder is put in place beside another service that does the same.
REPLACE_TRIES = 5
# What was being written so long ago is nobody's any more.
STALE_S = 24 * 3600
META = "segment.json"
SUMS = ("taken_in", "made", "sold", "sent_back", "used", "disposed", "to_consumers")


class Stamp(NamedTuple):
    """What a segment is true for: a position of one ledger, and the leaf that stood there."""

    position: int
    leaf: str
    movements: int


class Lines(NamedTuple):
    """Sums per lot, place and unit, with how many rows they are of; sorted by lot."""

    lot: Array
    place: Array
    unit: Array
    n: Array
    sums: Array


class ToldSums(NamedTuple):
    """What others say a merchant got of a lot, less what it gave back; sorted by lot."""

    lot: Array
    merchant: Array
    unit: Array
    n: Array
    amount: Array


class Links(NamedTuple):
    """Which lots an entry used or made, one a row; sorted by entry."""

    entry: Array
    lot: Array


class Names:
    """Names of lots as numbers: found by hash, told by a blob; numbers go by the hash's order."""

    def __init__(self, hashes: Array, starts: Array, blob: Array) -> None:
        self.hashes, self.starts, self.blob = hashes, starts, blob
        # Twenty looks through this cost less than one call into numpy.
        self._hashes = memoryview(hashes)  # type: ignore[arg-type]  # an array is a buffer

    def __len__(self) -> int:
        return len(self.hashes)

    def find(self, lot: LotName) -> int | None:
        """Returns a lot's number, or None for one that is not in the segment."""
        wanted = hash_of(lot)
        place = bisect_left(self._hashes, wanted)
        if place < len(self._hashes) and self._hashes[place] == wanted:
            return place if self[place] == lot else None
        return None

    def __getitem__(self, number: int) -> LotName:
        """Returns the lot of a number."""
        text = self.blob[int(self.starts[number]) : int(self.starts[number + 1])].tobytes().decode()
        product, _, key = text.partition("\x1f")
        return LotName(product, key)

    @classmethod
    def of(cls, lots: Iterable[LotName]) -> "Names":
        """Numbers lots. Raises `ValueError` when two have one hash, which a segment cannot tell."""
        found = sorted((hash_of(lot), lot) for lot in lots)
        hashes = np.fromiter((one for one, _ in found), np.uint64, len(found))
        if len(found) > 1 and (hashes[1:] == hashes[:-1]).any():
            raise ValueError("two lots have one hash")
        texts = [f"{lot.product}\x1f{lot.key}".encode() for _, lot in found]
        starts = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) for text in texts], out=starts[1:])
        return cls(hashes, starts, np.frombuffer(b"".join(texts), np.uint8))


def hash_of(lot: LotName) -> int:
    """Returns 64 bits that stand for a lot's name."""
    text = f"{lot.product}\x1f{lot.key}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


class Segment:
    """The arrays of one position."""

    def __init__(
        self,
        stamp: Stamp,
        lots: Names,
        product: Array,
        words: Mapping[str, Sequence[Any]],
        *,
        lines: Lines,
        told: ToldSums,
        used: Links,
        made: Links,
    ) -> None:
        """`words` holds places (merchant and premises), merchants, units, products and the loose."""
        self.stamp = stamp
        self.lots = lots
        self.product = product
        self.words = words
        self.places = [tuple(place) for place in words["places"]]
        self.merchants = list(words["merchants"])
        self.units = list(words["units"])
        self.products = list(words["products"])
        self.loose = frozenset(words["loose"])
        self.lines, self.told, self.used, self.made = lines, told, used, made
        count = len(lots)
        self.line_at = _starts(lines.lot, count)
        self.told_at = _starts(told.lot, count)
        # Entries by their own numbers, and each lot's entries both ways.
        self.entries = np.unique(np.concatenate((used.entry, made.entry)))
        self.used_of, self.used_at = _by_lot(used, self.entries, count)
        self.made_of, self.made_at = _by_lot(made, self.entries, count)
        self.inputs_at = _starts(np.searchsorted(self.entries, used.entry), len(self.entries))
        self.outputs_at = _starts(np.searchsorted(self.entries, made.entry), len(self.entries))

    @property
    def bytes(self) -> int:
        """What all of its arrays take."""
        own = (self.line_at, self.told_at, self.entries, self.used_of, self.used_at, self.made_of,
               self.made_at, self.inputs_at, self.outputs_at)  # fmt: skip
        tables = (*self.lines, *self.told, *self.used, *self.made)
        names = (self.lots.hashes, self.lots.starts, self.lots.blob, self.product)
        return sum(int(array.nbytes) for array in (*own, *tables, *names))

    def save(self, folder: Path) -> None:
        """Writes the segment whole, or not at all; one that was there before is replaced."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        # Two services may build at once: each writes beside the other.
        partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        digests = {}
        for name, array in self._arrays():
            path = partial / f"{name}.npy"
            np.save(path, array)
            digests[path.name] = _digest(path)
        meta = {
            "form": [FORM, VIEWS_VERSION], "stamp": self.stamp, "words": dict(self.words),
            "sha256": digests,
        }  # fmt: skip
        (partial / META).write_text(json.dumps(meta, ensure_ascii=False))
        former = partial.with_name(f"{partial.name}.old")
        for _ in range(REPLACE_TRIES):
            with contextlib.suppress(FileNotFoundError):
                folder.replace(former)
            try:
                partial.replace(folder)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    former.replace(folder)
                    raise
                # Another service put its own there in between.
                shutil.rmtree(former, ignore_errors=True)
                continue
            break
        shutil.rmtree(former, ignore_errors=True)
        shutil.rmtree(partial, ignore_errors=True)

    @classmethod
    def load(cls, folder: Path) -> "Segment | None":
        """Maps a segment that was saved; None where there is none of this form, or a spoilt one."""
        try:
            meta = json.loads((folder / META).read_text())
            if meta["form"] != [FORM, VIEWS_VERSION]:
                return None

            def read(name: str) -> Array:
                path = folder / f"{name}.npy"
                if _digest(path) != meta["sha256"][path.name]:
                    raise ValueError(f"{path} is not as it was written")
                return _read(path)

            tables = {
                kind: of(*(read(f"{kind}_{column}") for column in of._fields))
                for kind, of in (
                    ("lines", Lines),
                    ("told", ToldSums),
                    ("used", Links),
                    ("made", Links),
                )
            }
            lots = Names(read("lot_hashes"), read("lot_starts"), read("lot_blob"))
            product = read("lot_product")
            return cls(Stamp(*meta["stamp"]), lots, product, meta["words"], **tables)  # type: ignore[arg-type]  # one table each
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _arrays(self) -> Iterable[tuple[str, Array]]:
        for kind in ("lines", "told", "used", "made"):
            table = getattr(self, kind)
            for column in table._fields:
                yield f"{kind}_{column}", getattr(table, column)
        yield "lot_hashes", self.lots.hashes
        yield "lot_starts", self.lots.starts
        yield "lot_blob", self.lots.blob
        yield "lot_product", self.product


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sweep(folder: Path) -> None:
    """Removes what services that were killed while they wrote have left."""
    for left in folder.parent.glob(f"{folder.name}.*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > STALE_S:
                shutil.rmtree(left, ignore_errors=True)


def _read(path: Path) -> Array:
    """Maps an array; an empty one has nothing to map."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, *_ = np.lib.format.read_array_header_1_0(file)
    # As a plain array: numpy's own class for mapped files makes every small question ten times slower.
    found: Array = np.load(path, mmap_mode="r" if all(shape) else None).view(np.ndarray)
    return found


def _starts(numbers: Array, count: int) -> Array:
    """Returns where each number's rows begin in a sorted column, and where the last ends."""
    return np.searchsorted(numbers, np.arange(count + 1)).astype(np.int64)


def _by_lot(links: Links, entries: Array, count: int) -> tuple[Array, Array]:
    """Returns each lot's entries as numbers, and where each lot begins."""
    order = np.lexsort((links.entry, links.lot))
    numbers = np.searchsorted(entries, links.entry[order]).astype(np.int32)
    return numbers, _starts(links.lot[order], count)
