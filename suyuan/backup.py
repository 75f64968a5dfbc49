"""Backups: record, documents, keys and published log of one moment, each byte under a digest.

The keys of persons lie apart, in a folder with a retention of its own: once that has passed, no
backup opens a person's card any more.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.durable import sync
from ledger.events.base import fields_by_part
from ledger.events.catalogue import BY_NAME
from ledger.journal.documents import DocumentStore
from ledger.journal.erasing import Erasure, erased_in
from ledger.journal.keyfile import read_key
from ledger.journal.opening import Openings, PgKnownPersons
from ledger.journal.postgres import COLUMNS, as_stored
from ledger.log.auditing import Auditor, AuditRules, AuditState
from ledger.log.checkpoints import read_checkpoint
from ledger.log.publishing import LogSigner
from ledger.values.keys import PublicKey, SigningKey

DUMP, MANIFEST, CHECKPOINT, KEYS = "database.dump", "manifest.json", "checkpoint", "keys"
COMMITMENTS, ERASED = "person-commitments", "erased.json"
SERVICE_KEYS = ("ledger.key", "log.key")
MESSAGE = b"suyuan/backup/v1\n"
STATE = """
SELECT h.ledger, h.position, c.epoch, c.origin, c.shown
FROM ledger.head h LEFT JOIN LATERAL
  (SELECT * FROM ledger.checkpoints ORDER BY epoch DESC LIMIT 1) c ON true
"""


# Events that may name persons: members may be spelt with escapes, for the bytes are the device's own.
NAMING = f"""
SELECT {COLUMNS} FROM ledger.events e WHERE topic = ANY(%s)
  AND (position('\\x5c'::bytea in state) > 0
       OR EXISTS (SELECT FROM unnest(%s::bytea[]) member WHERE position(member in state) > 0))
  AND NOT EXISTS (SELECT FROM personal.shut s WHERE s.position = e.notification_id)
"""
PAGE = 5000


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
    personal_keys: str


class SignedManifest(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest's bytes under the ledger's own key."""

    manifest: bytes
    key: str
    signature: bytes


class BackupPlace(NamedTuple):
    """Where backups go: all but the keys of persons, and these, with the days they are kept."""

    folder: Path
    personal_keys: Path
    keep_days: int


def make_backup(
    owner_dsn: str, data: Path, place: BackupPlace, *, pg_dump: Path, now: datetime
) -> tuple[Path, Manifest]:
    """Writes a backup of one state of a running ledger; returns its folder. Old personal keys go."""
    place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place.folder / ".lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f"another backup is being written into {place.folder}") from error
        return _make(owner_dsn, data, place, pg_dump=pg_dump, now=now)


def _make(
    owner_dsn: str, data: Path, place: BackupPlace, *, pg_dump: Path, now: datetime
) -> tuple[Path, Manifest]:
    forget_personal_keys(place, now)
    for left in place.folder.glob(".*.part"):
        shutil.rmtree(left, ignore_errors=True)
    place.personal_keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    name, keys = _name(place, now)
    partial, target = place.folder / f".{name}.part", place.folder / name
    # What a backup holds is for its owner alone, from the first byte on.
    partial.mkdir(mode=0o700)
    try:
        manifest = _fill(owner_dsn, data, place, partial, keys, pg_dump=pg_dump, now=now)
    except BaseException:
        # Nothing of it stays to fill a disk that is full.
        shutil.rmtree(partial, ignore_errors=True)
        keys.unlink(missing_ok=True)
        raise
    for one in [*_files(partial), partial]:
        sync(one)
    partial.rename(target)
    sync(place.folder)
    return target, manifest


def _name(place: BackupPlace, now: datetime) -> tuple[str, Path]:
    """Returns a name that no backup has, and the new file for its personal keys.

    Several folders of backups may share the place for these.
    """
    while True:
        name = f"{now:%Y%m%dT%H%M%SZ}"
        keys = place.personal_keys / f"{name}.keys"
        with contextlib.suppress(FileExistsError):
            os.close(os.open(keys, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            if not (place.folder / name).exists():
                return name, keys
            keys.unlink()
        now += timedelta(seconds=1)


def _fill(
    owner_dsn: str, data: Path, place: BackupPlace, partial: Path, keys: Path, *, pg_dump: Path,
    now: datetime,
) -> Manifest:  # fmt: skip
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        (snapshot,) = _one(connection, "SELECT pg_export_snapshot()")
        ledger, position, epoch, origin, shown = _one(connection, STATE)
        _dump(owner_dsn, pg_dump, partial / DUMP, str(snapshot))
        persons = _copy_persons(connection, keys)
        _write_commitments(connection, ledger, partial / COMMITMENTS)
        (partial / ERASED).write_bytes(msgspec.json.encode(erased_in(connection)))
        rows = connection.execute("SELECT digest FROM ledger.documents ORDER BY digest").fetchall()
    documents = _copy_documents(data, place.folder, [row[0] for row in rows])
    _copy_log(data, place.folder, epoch or 1)
    # What the files say, not what is merely signed: that may not be published yet.
    size, root = 0, b""
    if shown is not None:
        (partial / CHECKPOINT).write_bytes(shown)
        _, size, root = read_checkpoint(bytes(shown))[0]
    (partial / KEYS).mkdir(mode=0o700)
    for name in SERVICE_KEYS:
        if (data / "keys" / name).exists():
            shutil.copy(data / "keys" / name, partial / KEYS / name)
    manifest = Manifest(
        ledger=ledger, made_at=now, position=position, epoch=epoch or 1, origin=origin or "",
        size=size, root=root.hex(), documents=documents, missing=len(rows) - len(documents),
        personal_keys=persons,
        files={str(one.relative_to(partial)): _digest(one) for one in _files(partial)},
    )  # fmt: skip
    _sign(partial / MANIFEST, manifest, read_key(data / "keys" / "ledger.key"))
    return manifest


def check_backup(folder: Path) -> Manifest:
    """Reads a backup's manifest and compares every byte of it. Raises `BackupDamaged`."""
    manifest = read_manifest(folder)
    for name in manifest.files:
        _check_file(folder, manifest, name)
    for digest in manifest.documents:
        document = DocumentStore(folder.parent / "documents", "").path(digest)
        if not document.is_file() or _digest(document) != digest:
            raise BackupDamaged(f"the document {document} is missing, or not what was written")
    if manifest.size:
        _check_log(folder, manifest)
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Returns what a backup says it holds, once its signature fits. Raises `BackupDamaged`."""
    try:
        signed = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=SignedManifest)
        manifest = msgspec.json.decode(signed.manifest, type=Manifest)
        own = read_key(folder / KEYS / "ledger.key").public if (folder / KEYS).exists() else ""
        key = PublicKey(signed.key)
    except (OSError, ValueError) as error:
        raise BackupDamaged(f"{folder / MANIFEST} is missing or damaged: {error}") from error
    if signed.key != own or not key.signed(signed.signature, MESSAGE + signed.manifest):
        raise BackupDamaged(f"{folder / MANIFEST} is not what the ledger signed")
    return manifest


def erased_after(backup: Path, manifest: Manifest) -> list[Erasure]:
    """Returns who was erased by the time of the newest backup beside this one.

    Raises `BackupDamaged` where that one is not what was written.
    """
    later = [one for one in backup.parent.iterdir()
             if one.name > backup.name and (one / MANIFEST).exists()]  # fmt: skip
    for folder in sorted(later, reverse=True):
        newer = read_manifest(folder)
        if newer.ledger == manifest.ledger:
            _check_file(folder, newer, ERASED)
            return msgspec.json.decode((folder / ERASED).read_bytes(), type=list[Erasure])
    return []


def _check_file(folder: Path, manifest: Manifest, name: str) -> None:
    file = folder / name
    if not file.is_file() or _digest(file) != manifest.files.get(name):
        raise BackupDamaged(f"{file} is missing, or not what was written")


def _check_log(folder: Path, manifest: Manifest) -> None:
    """Audits the tiles that lie beside the backups, up to this backup's checkpoint."""
    log = folder.parent / "log" / str(manifest.epoch)

    def read(paths: Sequence[str]) -> list[bytes | None]:
        files = [folder / CHECKPOINT if path == CHECKPOINT else log / path for path in paths]
        return [file.read_bytes() if file.is_file() else None for file in files]

    key = LogSigner(manifest.origin, read_key(folder / KEYS / "log.key")).public
    rules = AuditRules(fresh_within=timedelta.max)
    auditor = Auditor(AuditState(key=key), read, rules, now=lambda: manifest.made_at)
    for found in auditor.run(lambda _state: None).findings:
        raise BackupDamaged(f"the published log in {log}: {found.words} ({found.code})")


def check_personal_keys(manifest: Manifest, file: Path) -> None:
    """Raises `BackupDamaged` for a file of personal keys that is not this backup's."""
    if not file.is_file() or _digest(file) != manifest.personal_keys:
        raise BackupDamaged(f"{file} is missing, or does not hold this backup's personal keys")


def forget_personal_keys(place: BackupPlace, now: datetime) -> list[str]:
    """Deletes the personal keys of backups that are older than they may be; returns their names."""
    oldest = f"{now - timedelta(days=place.keep_days):%Y%m%dT%H%M%SZ}"
    old = [one for one in place.personal_keys.glob("*.keys") if one.stem < oldest]
    for one in old:
        one.unlink()
    return [one.name for one in old]


def _one(connection: psycopg.Connection[Any], query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(row)


def _dump(owner_dsn: str, pg_dump: Path, out: Path, snapshot: str) -> None:
    """Dumps the record; views are derived, and personal keys lie apart."""
    dsn, environment = apart(owner_dsn)
    command = [
        str(pg_dump), "-d", dsn, "-Fc", "-n", "ledger", "-n", "personal",
        "--exclude-table-data=personal.keys", f"--snapshot={snapshot}",
    ]  # fmt: skip
    with out.open("wb") as file:
        done = subprocess.run(
            command, stdout=file, stderr=subprocess.PIPE, cwd="/", check=False, env=environment
        )
    if done.returncode != 0:
        words = (
            done.stderr.decode(errors="replace").strip()[-400:]
            or f"it ended with {done.returncode}"
        )
        raise OSError(f"pg_dump into {out} failed: {words}")


def apart(dsn: str) -> tuple[str, dict[str, str]]:
    """Returns a DSN without its password, and the environment that has it: others read our arguments."""
    said = conninfo_to_dict(dsn)
    password = said.pop("password", None)
    own = {"PGPASSWORD": str(password)} if password else {}
    return make_conninfo("", **said), {**os.environ, **own}


def _copy_persons(connection: psycopg.Connection[Any], out: Path) -> str:
    with (
        out.open("wb") as file,
        connection.cursor().copy("COPY personal.keys TO STDOUT (FORMAT BINARY)") as copy,
    ):
        for chunk in copy:
            file.write(chunk)
    sync(out)
    return _digest(out)


def _write_commitments(connection: psycopg.Connection[Any], ledger: str, out: Path) -> None:
    """Writes what every leaf needs of persons, and nothing that tells who they are.

    With it a record verifies and proves without the keys of persons. The lines are COPY's text format.
    """
    naming = {name: fields for name, kind in BY_NAME.items() if (fields := fields_by_part(kind)[2])}
    members = sorted({field.encode() for fields in naming.values() for field in fields})
    openings = Openings(ledger, PgKnownPersons(connection))
    with out.open("w") as file, connection.cursor("naming", binary=True) as cursor:
        cursor.execute(NAMING, [list(naming), members])
        while page := [as_stored(row) for row in cursor.fetchmany(PAGE)]:
            for stored, opened in zip(page, openings.open_all(page), strict=True):
                if opened.parts.person:
                    file.write(f"{stored.position}\t\\\\x{opened.person.hex()}\n")


def _copy_documents(data: Path, folder: Path, digests: list[str]) -> list[str]:
    """Copies papers' pictures that no backup holds yet; returns those that are there."""
    store, kept = DocumentStore(data / "documents", ""), DocumentStore(folder / "documents", "")
    found = []
    for digest in digests:
        source, target = store.path(digest), kept.path(digest)
        if not target.exists() and source.exists():
            _copy(source, target)
        if target.exists():
            found.append(digest)
    return found


def _copy_log(data: Path, folder: Path, epoch: int) -> None:
    """Copies what no backup holds yet and never changes: tiles, and how older logs ended."""
    for source in _files(data / "log"):
        path = source.relative_to(data / "log")
        final = "tile" in path.parts or path.parts[0] != str(epoch)
        target = folder / "log" / path
        hidden = any(part.startswith(".") for part in path.parts)
        if final and not hidden and not target.exists():
            _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    shutil.copy(source, partial)
    sync(partial)
    partial.rename(target)


def _sign(out: Path, manifest: Manifest, key: SigningKey) -> None:
    content = msgspec.json.encode(manifest)
    signed = SignedManifest(manifest=content, key=key.public, signature=key.sign(MESSAGE + content))
    out.write_bytes(msgspec.json.encode(signed))


def _files(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.rglob("*")) if one.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
