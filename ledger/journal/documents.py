"""Documents: pictures of papers, kept under the SHA-256 of their bytes."""

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from ledger.durable import write_whole
from ledger.errors import Malformed
from ledger.papers.copies import CleanCopy, Unfit, copy_path
from ledger.papers.kinds import kind_of
from ledger.replication import committing
from ledger.values.bigrams import bigrams

log = logging.getLogger("suyuan.intake")

# A phone's photograph of a certificate is 2 to 6 MB.
DOCUMENT_BYTES_MAX = 12 * 1024 * 1024
ADD = "INSERT INTO ledger.documents VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
ADD_SENDER = "INSERT INTO ledger.document_senders VALUES (%s, %s) ON CONFLICT DO NOTHING"
ADD_COPY = """
INSERT INTO ledger.document_copies (digest, media, pages, text, bigrams) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
# One that came before copies were made, or back from a backup, which holds none.
WITHOUT_COPY = """
SELECT digest FROM ledger.documents d
WHERE NOT EXISTS (SELECT FROM ledger.document_copies c WHERE c.digest = d.digest) LIMIT 1
"""


class Document(NamedTuple):
    """A document with what its sender signed about it."""

    digest: str
    media: str
    device: str
    key: str
    signature: bytes


class DocumentStore:
    """A folder named by content, with a row per document beside the journal, and one of clean copies.

    The original is kept as its device signed it and shown to nobody; what is shown is drawn anew.
    """

    def __init__(
        self, folder: Path, dsn: str, read: Callable[[bytes], CleanCopy] | None = None
    ) -> None:
        """`read` makes a clean copy, or raises `Unfit`; without it none are made."""
        self._folder = folder
        self._dsn = dsn
        self._read = read

    def keep(self, document: Document, content: bytes, received: datetime) -> bool:
        """Keeps a document durably; the same one twice changes nothing. True when it is new.

        Raises `Malformed` when the bytes do not have the digest, kind or size they claim, or are no
        paper that can be read, with the reason.
        """
        if len(content) > DOCUMENT_BYTES_MAX:
            raise Malformed(f"a document has at most {DOCUMENT_BYTES_MAX} bytes: make it smaller")
        if hashlib.sha256(content).hexdigest() != document.digest:
            raise Malformed("the bytes do not have the digest that was signed: send them again")
        known = self.path(document.digest).is_file()
        # Who sends again what is here already costs no reading.
        copy = None if known else self._copied(document, content)
        if not known:
            write_whole(self.path(document.digest), content)
        with committing(self._dsn) as connection:
            done = connection.execute(
                ADD,
                [
                    document.digest,
                    document.media,
                    len(content),
                    document.device,
                    document.key,
                    document.signature,
                    received,
                ],
            )
            connection.execute(ADD_SENDER, [document.digest, document.device])
            if copy is not None:
                self._keep_copy(connection, document.digest, copy)
        return done.rowcount == 1

    def copy_one(self) -> bool:
        """Makes the clean copy of a document that has none yet; False where there is none such.

        What is no paper gets an empty copy: it was kept once, and is shown to nobody. Raises `OSError`
        where its bytes cannot be had now, and whatever reading raises for a reason of its own.
        """
        assert self._read is not None
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            row = connection.execute(WITHOUT_COPY).fetchone()
        if row is None:
            return False
        digest = str(row[0])
        try:
            copy = self._read(self.path(digest).read_bytes())
        except Unfit as error:
            log.warning("no copy of a paper could be made: %s", error, extra={"digest": digest})
            copy = CleanCopy("", b"", 0, "")
        with committing(self._dsn) as connection:
            self._keep_copy(connection, digest, copy)
        return True

    def _copied(self, document: Document, content: bytes) -> CleanCopy | None:
        try:
            media = kind_of(content)
            if media != document.media:
                raise Malformed(f"this is a {media}, and was signed as {document.media[:40]}")
            return self._read(content) if self._read is not None else None
        except Unfit as error:
            raise Malformed(str(error)) from error

    def _keep_copy(self, connection: psycopg.Connection[Any], digest: str, copy: CleanCopy) -> None:
        if copy.content:
            write_whole(copy_path(self._folder, digest), copy.content)
        found = [digest, copy.media, copy.pages, copy.text, list(bigrams(copy.text))]
        connection.execute(ADD_COPY, found)

    def path(self, digest: str) -> Path:
        """Returns where a document's bytes are, or would be."""
        return self._folder / digest[:2] / digest
