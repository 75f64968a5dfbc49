"""Cosigning: asks the witnesses of a log to cosign what it publishes (C2SP tlog-witness)."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import httpx

from ledger.errors import BadSetting
from ledger.log.files import LogFiles, tiles_in
from ledger.log.merkle import prove_consistency
from ledger.log.notes import NoteKey, NoteWrong, read_note, signed_by
from ledger.log.publishing import Published
from ledger.log.tiles import TileTree
from ledger.log.witnessing import CosignRequest, write_request

log = logging.getLogger("suyuan.log")

# A checkpoint waits no longer for a witness; it is published without that one.
TIMEOUT_S, DEADLINE_S = 1.0, 2.0
# How long a witness that did not answer is left alone.
LEFT_ALONE_S = 30.0
ANSWER_BYTES_MAX = 10_000


class RemoteWitness:
    """A witness by its address and key, and the size of the tree it cosigned last."""

    def __init__(self, url: str, key: NoteKey, files: LogFiles) -> None:
        self._url = f"{url.rstrip('/')}/add-checkpoint"
        self._key, self.name = key, key.name
        self._files = files
        self._client = httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self._old = 0
        self._not_before = 0.0

    def cosign(self, published: Published) -> str:
        """Returns the witness's signature line; nothing where it gives none."""
        if time.monotonic() < self._not_before:
            return ""
        try:
            status, text = self._ask(published)
            if status == httpx.codes.CONFLICT:
                self._old = int(text)
                status, text = self._ask(published)
            if status == httpx.codes.OK:
                line = self._checked(published, text)
                self._old = published.size
                return line
            log.warning("%s: %s %s", self._key.name, status, text[:200])
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            log.warning("the witness %s cosigned nothing: %s", self._key.name, error)
        self._not_before = time.monotonic() + LEFT_ALONE_S
        return ""

    def _ask(self, published: Published) -> tuple[int, str]:
        if self._old > published.size:
            raise NoteWrong(f"it knows {self._old} entries of this log, beyond {published.size}")
        tree = TileTree(tiles_in(self._files), published.size)
        path = prove_consistency(tree.node_at, self._old, published.size)
        body = write_request(CosignRequest(self._old, path, published.note))
        content = b""
        with self._client.stream("POST", self._url, content=body) as answer:
            for chunk in answer.iter_bytes():
                content += chunk
                if len(content) > ANSWER_BYTES_MAX:
                    raise NoteWrong(f"its answer has more than {ANSWER_BYTES_MAX} bytes")
        return answer.status_code, content.decode(errors="replace")

    def _checked(self, published: Published, lines: str) -> str:
        """Returns the witness's own line among those it sent. Raises `NoteWrong` without one."""
        for line in lines.splitlines(keepends=True):
            note = read_note(published.note + line.encode())
            own = note.signatures[-1]
            if (own.name, own.id) == (self._key.name, self._key.id):
                signed_by(note, [self._key])
                return line
        raise NoteWrong("its answer bears no signature of its key")


class Cosigners:
    """All witnesses of a log, asked at once."""

    def __init__(self, witnesses: Sequence[RemoteWitness]) -> None:
        self._workers = {one: ThreadPoolExecutor(1) for one in witnesses}
        self._asked: dict[RemoteWitness, Future[tuple[bytes, str]]] = {}
        # By name, whether it cosigned the last checkpoint.
        self.standing = {one.name: False for one in witnesses}

    def __call__(self, published: Published) -> Sequence[str]:
        """Returns the signature lines of those that cosigned in time; the slow are not waited for."""
        for one, worker in self._workers.items():
            if one not in self._asked or self._asked[one].done():
                self._asked[one] = worker.submit(_cosigned, one, published)
        done, _late = wait(self._asked.values(), timeout=DEADLINE_S)
        # An answer that came late is of a checkpoint before this one.
        found = {
            one: self._asked[one].result() for one in self._workers if self._asked[one] in done
        }
        given = {
            one: line for one, (note, line) in found.items() if line and note == published.note
        }
        self.standing = {one.name: one in given for one in self._workers}
        return list(given.values())


def _cosigned(witness: RemoteWitness, published: Published) -> tuple[bytes, str]:
    return published.note, witness.cosign(published)


def witnesses_of(text: str, files: LogFiles) -> Cosigners:
    """Reads the setting `log_witnesses`: an address and a key each, with commas between."""
    witnesses = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        url, _, key = part.partition(" ")
        try:
            witnesses.append(RemoteWitness(url, NoteKey(key), files))
        except NoteWrong as error:
            raise BadSetting(f"log_witnesses names an address and a key each: {error}") from error
    return Cosigners(witnesses)
