"""Where a log is published: files by path, which anyone may read and nobody changes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

from ledger.durable import write_whole
from ledger.log.tiles import (
    ENTRY_BYTES_MAX,
    WIDTH,
    ReadTile,
    Tile,
    bundles_of,
    part_of,
    tiles_between,
    unpack_entries,
)

CHECKPOINT = "checkpoint"
# No file of a log is larger: a full bundle of the longest entries.
FILE_BYTES_MAX = WIDTH * (2 + ENTRY_BYTES_MAX)


# So many tiles are asked for at once.
TILES_AT_ONCE = 64
# Reads files by path, None for one that is not published.
ReadFiles = Callable[[Sequence[str]], list[bytes | None]]


class LogFiles(Protocol):
    """Keeps a log's files."""

    def read(self, path: str) -> bytes:
        """Returns a file's bytes. Raises `FileNotFoundError` where there is none."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Writes a file whole and durably, instead of what was there."""
        ...

    def forget(self, folder: str) -> None:
        """Takes a folder of partial tiles away; nothing where there is none."""
        ...


def read_tiles(read: ReadFiles, tiles: Sequence[Tile]) -> list[bytes]:
    """Returns tiles; a part that is gone is cut out of the full one (tlog-tiles, "Partial Tiles").

    Raises `FileNotFoundError` naming one that is not there at all, `ProofWrong` for a damaged one.
    """
    found = read([tile.path() for tile in tiles])
    gone = [n for n, content in enumerate(found) if content is None and tiles[n].width < WIDTH]
    full = read([tiles[n]._replace(width=WIDTH).path() for n in gone]) if gone else []
    for n, content in zip(gone, full, strict=True):
        found[n] = part_of(tiles[n], content) if content is not None else None
    for tile, content in zip(tiles, found, strict=True):
        if content is None:
            raise FileNotFoundError(f"{tile.path()} is not published, and must be")
    return [content for content in found if content is not None]


def read_entries(read: ReadFiles, count: int, size: int) -> Iterator[list[bytes]]:
    """Yields the first entries of a log of a size, many at a time. Raises as `read_tiles`."""
    for some in in_groups(bundles_of(size, until=count)):
        found = zip(some, read_tiles(read, some), strict=True)
        entries = [one for bundle, content in found for one in unpack_entries(bundle, content)]
        yield entries[: count - some[0].number * WIDTH]


def in_groups(tiles: Iterable[Tile]) -> Iterator[list[Tile]]:
    """Yields tiles as many at a time as are asked for at once."""
    rest = iter(tiles)
    while some := list(islice(rest, TILES_AT_ONCE)):
        yield some


def copy_log(
    read: ReadFiles,
    size: int,
    into: LogFiles,
    there: Callable[[str], bool] = lambda _path: False,
) -> None:
    """Copies the tiles and entries of a log of a size, but for those that are `there`.

    Raises as `read_tiles`.
    """
    tiles = chain(tiles_between(0, size), bundles_of(size))
    for some in in_groups(tile for tile in tiles if not there(tile.path())):
        for tile, content in zip(some, read_tiles(read, some), strict=True):
            into.write(tile.path(), content)


def reading(files: LogFiles) -> ReadFiles:
    """Returns what reads many of a log's files at once."""

    def read(paths: Sequence[str]) -> list[bytes | None]:
        found: list[bytes | None] = []
        for path in paths:
            try:
                found.append(files.read(path))
            except FileNotFoundError:
                found.append(None)
        return found

    return read


def tiles_in(files: LogFiles) -> ReadTile:
    """Returns what reads single tiles of a log's files, as `read_tiles` does."""
    read = reading(files)
    return lambda tile: read_tiles(read, [tile])[0]


class FolderFiles:
    """A log's files in a folder, which a web server may show as it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes:
        """See `LogFiles.read`."""
        return (self._folder / path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """See `LogFiles.write`."""
        write_whole(self._folder / path, content)

    def forget(self, folder: str) -> None:
        """See `LogFiles.forget`."""
        place = self._folder / folder
        if place.is_dir():
            for file in place.iterdir():
                file.unlink()
            place.rmdir()
