"""Documents: pictures of papers, kept under the SHA-256 of their bytes."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ledger.durable import write_whole
from ledger.errors import Malformed
from ledger.replication import committing

# A phone's photograph of a certificate is 2 to 6 MB.
DOCUMENT_BYTES_MAX = 12 * 1024 * 1024
_BEGINNINGS = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n",
    "application/pdf": b"%PDF-",
}


class Document(NamedTuple):
    """A document with what its sender signed about it."""

    digest: str
    media: str
    device: str
    key: str
    signature: bytes


class DocumentStore:
    """A folder named by content, with a row per document beside the journal."""

    def __init__(self, folder: Path, dsn: str) -> None:
        self._folder = folder
        self._dsn = dsn

    def keep(self, document: Document, content: bytes, received: datetime) -> bool:
        """Keeps a document durably; the same one twice changes nothing. True when it is new.

        Raises `Malformed` when the bytes do not have the digest, kind or size they claim.
        """
        if len(content) > DOCUMENT_BYTES_MAX:
            raise Malformed(f"a document has at most {DOCUMENT_BYTES_MAX} bytes: make it smaller")
        if hashlib.sha256(content).hexdigest() != document.digest:
            raise Malformed("the bytes do not have the digest that was signed: send them again")
        if not content.startswith(_BEGINNINGS.get(document.media, b"\0never")):
            raise Malformed(f"this is no {document.media[:40]}: send JPEG, PNG or PDF")
        write_whole(self.path(document.digest), content)
        with committing(self._dsn) as connection:
            done = connection.execute(
                "INSERT INTO ledger.documents VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT DO NOTHING",
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
        return done.rowcount == 1

    def path(self, digest: str) -> Path:
        """Returns where a document's bytes are, or would be."""
        return self._folder / digest[:2] / digest
