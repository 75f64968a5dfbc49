"""Reading a published log, over HTTP or from a folder that holds a copy of it."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import httpx

from ledger.log.files import FILE_BYTES_MAX
from suyuan.trusted import verify

# As many as a server gives one client gladly.
AT_ONCE = 8
TIMEOUT_S = 20
# No file of a log takes so long, however slow the line; a server that drips does.
FILE_S = 120
# How often, and how long at the most, a server that says wait is waited for.
TRIES, WAIT_MAX_S = 10, 30.0


class NotReadable(Exception):
    """The log cannot be read now; nothing is said about what it holds."""


class _Wait(Exception):
    """The server gives more after a while."""

    def __init__(self, stated: str) -> None:
        super().__init__(stated)
        self.seconds = min(WAIT_MAX_S, float(stated) if stated.isdigit() else 1.0)


class PublishedLog:
    """A log's files by path. Raises `NotReadable` where nobody answers."""

    def __init__(self, place: str) -> None:
        """`place` is the address under which the log is published, or a folder."""
        self._folder = None if place.startswith(("http://", "https://")) else Path(place)
        if self._folder is not None and not self._folder.is_dir():
            raise NotReadable(f"{place} is neither an address nor a folder")
        self._place = place.rstrip("/")
        # As they are: what a server packs could unfold to anything.
        as_it_is = {"accept-encoding": "identity"}
        checked = False if self._folder else verify(place)
        self._client = httpx.Client(
            timeout=TIMEOUT_S, trust_env=False, headers=as_it_is, verify=checked
        )
        self._workers = ThreadPoolExecutor(AT_ONCE)

    def __enter__(self) -> "PublishedLog":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._workers.shutdown()
        self._client.close()

    def read(self, paths: Sequence[str]) -> list[bytes | None]:
        """Returns files in the order asked for, None for what is not there."""
        if self._folder is not None:
            return [_from_folder(self._folder / path) for path in paths]
        return list(self._workers.map(self._fetch, paths))

    def _fetch(self, path: str) -> bytes | None:
        """Reads a file; a server that says wait is asked again after that."""
        for _ in range(TRIES):
            try:
                return self._fetch_once(path)
            except _Wait as wait:
                time.sleep(wait.seconds)
        raise NotReadable(f"{self._place} gives no more files at present: ask again later")

    def _fetch_once(self, path: str) -> bytes | None:
        try:
            with self._client.stream("GET", f"{self._place}/{path}") as answer:
                if answer.status_code in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
                    return None
                if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    raise _Wait(answer.headers.get("retry-after", ""))
                if answer.status_code != httpx.codes.OK:
                    raise NotReadable(f"{answer.url} answered {answer.status_code}")
                if answer.headers.get("content-type", "").startswith("text/html"):
                    raise NotReadable(
                        f"{answer.url} answered with a web page, which no file of a log is: does a sign-in"
                        " page or a proxy stand between?"
                    )
                content, begun = bytearray(), time.monotonic()
                for chunk in answer.iter_raw():
                    content += chunk
                    if len(content) > FILE_BYTES_MAX:
                        raise NotReadable(f"{answer.url} is larger than any file of a log")
                    if time.monotonic() - begun > FILE_S:
                        raise NotReadable(f"{answer.url} takes longer than {FILE_S} s")
                return bytes(content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotReadable(f"{self._place} does not answer: {error}") from error


def _from_folder(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise NotReadable(f"{path} cannot be read: {error}") from error
