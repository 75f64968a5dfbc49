"""Reading backups: what one holds, byte for byte, and what those beside it know since."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from ledger.journal.documents import DocumentStore
from ledger.journal.erasing import Erasure
from ledger.log.files import CHECKPOINT
from ledger.log.publishing import LogSigner
from ledger.values.keys import PublicKey, SigningKey
from suyuan.log_check import audit_copy

DUMP, MANIFEST, KEYS = "database.dump", "manifest.json", "keys"
COMMITMENTS, ERASED = "person-commitments", "erased.json"
SERVICE_KEYS = (
    "ledger.key",
    "log.key",
    "accounts.key",
    "authority.pem",
    "devices.pem",
    # One that a rotation was cut off with: it may be announced, or have sealed, already.
    "ledger.key.next",
    "accounts.key.next",
)
MESSAGE = b"suyuan/backup/v1\n"


class BackupDamaged(ValueError):
    """A backup is not what was written: a file is missing, or a byte is another one."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds; `files` are its own, `documents` lie beside all backups."""

    ledger: str
    made_at: datetime
    position: int
    epoch: int
    origin: str
    size: int
    root: str
    files: dict[str, str]
    documents: list[str]
    # Documents whose bytes were not there to be copied.
    missing: int
    # Events that did not open when their persons' commitments were written: suyuan verify names them.
    unopened: int
    personal_keys: str


class SignedManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest's bytes under the ledger's own key."""

    manifest: bytes
    key: str
    signature: bytes


class ErasedSince(NamedTuple):
    """Who was erased by the time of later backups, and the later backups that cannot be read."""

    erased: list[Erasure]
    unread: list[str]


def check_backup(folder: Path) -> Manifest:
    """Reads a backup's manifest and compares every byte of it. Raises `BackupDamaged`."""
    manifest = read_manifest(folder)
    for name in manifest.files:
        _check_file(folder, manifest, name)
    for digest in manifest.documents:
        document = DocumentStore(folder.parent / "documents", "").path(digest)
        if not document.is_file() or digest_of(document) != digest:
            raise BackupDamaged(f"the document {document} is missing, or not what was written")
    if manifest.size:
        _check_log(folder, manifest)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Returns what a backup says it holds, once its signature fits. Raises `BackupDamaged`."""
    try:
        signed = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=SignedManifest)
        manifest = msgspec.json.decode(signed.manifest, type=Manifest)
        own, key = key_of(folder), PublicKey(signed.key)
    except (OSError, ValueError) as error:
        raise BackupDamaged(f"{folder / MANIFEST} is missing or damaged: {error}") from error
    if signed.key != own or not key.signed(signed.signature, MESSAGE + signed.manifest):
        raise BackupDamaged(f"{folder / MANIFEST} is not what the ledger signed")
    return manifest


def write_manifest(folder: Path, manifest: Manifest, key: SigningKey) -> None:
    """Writes what a backup holds, under the ledger's own key."""
    content = msgspec.json.encode(manifest)
    signed = SignedManifest(manifest=content, key=key.public, signature=key.sign(MESSAGE + content))
    (folder / MANIFEST).write_bytes(msgspec.json.encode(signed))


def key_of(folder: Path) -> str:
    """Returns the public key of the ledger that a backup is of. Raises `OSError` or `ValueError`."""
    return SigningKey((folder / KEYS / "ledger.key").read_bytes()).public


def erased_since(backup: Path, manifest: Manifest) -> ErasedSince:
    """Returns whom the later backups of this ledger that lie beside one know to be erased."""
    erased: dict[str, Erasure] = {}
    unread = []
    for folder in sorted(one.parent for one in backup.parent.glob(f"*/{MANIFEST}")):
        if folder.name == backup.name:
            continue
        try:
            later = read_manifest(folder)
            ours = (later.ledger, key_of(folder)) == (manifest.ledger, key_of(backup))
            if not ours or later.made_at <= manifest.made_at:
                continue
            _check_file(folder, later, ERASED)
            told = msgspec.json.decode((folder / ERASED).read_bytes(), type=list[Erasure])
        except (OSError, ValueError) as error:
            unread.append(f"who was erased by the time of {folder.name} is not known: {error}")
        else:
            erased |= {erasure.ref: erasure for erasure in told}
    return ErasedSince(list(erased.values()), unread)


def check_personal_keys(manifest: Manifest, file: Path) -> None:
    """Raises `BackupDamaged` for a file of personal keys that is not this backup's."""
    if not file.is_file() or digest_of(file) != manifest.personal_keys:
        raise BackupDamaged(f"{file} is missing, or does not hold this backup's personal keys")


def digest_of(path: Path) -> str:
    """Returns a file's SHA-256 in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_file(folder: Path, manifest: Manifest, name: str) -> None:
    file = folder / name
    if not file.is_file() or digest_of(file) != manifest.files.get(name):
        raise BackupDamaged(f"{file} is missing, or not what was written")


def _check_log(folder: Path, manifest: Manifest) -> None:
    """Audits the tiles that lie beside the backups, up to this backup's checkpoint."""
    log = folder.parent / "log" / str(manifest.epoch)

    def read(paths: Sequence[str]) -> list[bytes | None]:
        files = [folder / CHECKPOINT if path == CHECKPOINT else log / path for path in paths]
        return [file.read_bytes() if file.is_file() else None for file in files]

    key = SigningKey((folder / KEYS / "log.key").read_bytes())
    for words in audit_copy(read, LogSigner(manifest.origin, key).public, manifest.made_at):
        raise BackupDamaged(f"the published log in {log}: {words}")
