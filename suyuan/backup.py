"""Backups: record, documents, keys and published log of one moment, each byte under a digest.

The keys of persons lie apart, in a folder with a retention of its own: once that has passed, no
backup opens a person's card any more.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.durable import sync
from ledger.journal.commitments import commitments_in
from ledger.journal.documents import DocumentStore
from ledger.journal.erasing import erased_in
from ledger.journal.keyfile import read_key
from ledger.log.checkpoints import read_checkpoint
from ledger.log.files import CHECKPOINT, FolderFiles, copy_log, reading
from suyuan.backup_reading import (
    COMMITMENTS,
    DUMP,
    ERASED,
    KEYS,
    SERVICE_KEYS,
    Manifest,
    digest_of,
    write_manifest,
)

STATE = """
SELECT h.ledger, h.position, c.epoch, c.origin, c.shown
FROM ledger.head h LEFT JOIN LATERAL
  (SELECT * FROM ledger.checkpoints ORDER BY epoch DESC LIMIT 1) c ON true
"""


class BackupPlace(NamedTuple):
    """Where backups go: all but the keys of persons, and these, with the days they are kept."""

    folder: Path
    personal_keys: Path
    keep_days: int


class BackupSource(NamedTuple):
    """What is backed up, and PostgreSQL's program for it."""

    owner_dsn: str
    data: Path
    pg_dump: Path


def make_backup(
    source: BackupSource, place: BackupPlace, *, now: datetime
) -> tuple[Path, Manifest]:
    """Writes a backup of one state of a running ledger; returns its folder. Old personal keys go."""
    place.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (place.folder / ".lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(f"another backup is being written into {place.folder}") from error
        return _make(source, place, now)


def _make(source: BackupSource, place: BackupPlace, now: datetime) -> tuple[Path, Manifest]:
    forget_personal_keys(place, now)
    for left in place.folder.glob(".*.part"):
        shutil.rmtree(left, ignore_errors=True)
    place.personal_keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    name, keys = free_name(place, now)
    partial, target = place.folder / f".{name}.part", place.folder / name
    # What a backup holds is for its owner alone, from the first byte on.
    partial.mkdir(mode=0o700)
    try:
        manifest = _fill(source, place.folder, partial, keys, now=now)
        write_manifest(partial, manifest, read_key(source.data / "keys" / "ledger.key"))
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


def free_name(place: BackupPlace, now: datetime) -> tuple[str, Path]:
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
    source: BackupSource, folder: Path, partial: Path, keys: Path, *, now: datetime
) -> Manifest:
    data = source.data
    with psycopg.connect(source.owner_dsn) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        (snapshot,) = _one(connection, "SELECT pg_export_snapshot()")
        ledger, position, epoch, origin, shown = _one(connection, STATE)
        _dump(source, partial / DUMP, str(snapshot))
        persons = _copy_persons(connection, keys)
        unopened = _write_commitments(connection, ledger, partial / COMMITMENTS)
        (partial / ERASED).write_bytes(msgspec.json.encode(erased_in(connection)))
        rows = connection.execute("SELECT digest FROM ledger.documents ORDER BY digest").fetchall()
    documents = _copy_documents(data, folder, [row[0] for row in rows])
    # What the files say, not what is merely signed: that may not be published yet.
    size, root = 0, b""
    if shown is not None:
        (partial / CHECKPOINT).write_bytes(shown)
        _, size, root = read_checkpoint(bytes(shown))[0]
    _copy_log(data, folder, epoch or 1, size)
    (partial / KEYS).mkdir(mode=0o700)
    for name in SERVICE_KEYS:
        if (data / "keys" / name).exists():
            shutil.copy(data / "keys" / name, partial / KEYS / name)
    return Manifest(
        ledger=ledger, made_at=now, position=position, epoch=epoch or 1,
        origin=origin or "", size=size, root=root.hex(), documents=documents,
        missing=len(rows) - len(documents), unopened=unopened, personal_keys=persons,
        files={str(one.relative_to(partial)): digest_of(one) for one in _files(partial)},
    )  # fmt: skip


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


def _dump(source: BackupSource, out: Path, snapshot: str) -> None:
    """Dumps the record; views are derived, and personal keys lie apart."""
    dsn, environment = apart(source.owner_dsn)
    command = [
        str(source.pg_dump), "-d", dsn, "-Fc", "-n", "ledger", "-n", "personal", "-n", "accounts", "-n", "access",
        "--exclude-table-data=personal.keys", "--exclude-table-data=accounts.sign_ins", "--exclude-table-data=accounts.invitations", "--exclude-table-data=ledger.document_copies", f"--snapshot={snapshot}",
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
    return digest_of(out)


def _write_commitments(connection: psycopg.Connection[Any], ledger: str, out: Path) -> int:
    """Writes what a record needs to verify without the keys of persons, as lines of COPY.

    Returns how many events did not open.
    """
    unopened = 0
    with out.open("w") as file:
        for position, person in commitments_in(connection, ledger):
            if person is None:
                unopened += 1
            else:
                file.write(f"{position}\t\\\\x{person.hex()}\n")
    return unopened


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


def _copy_log(data: Path, folder: Path, epoch: int, size: int) -> None:
    """Copies the published log of a size, and how older logs ended; what is there already stays."""
    logs = folder / "log"
    for old in (data / "log").glob("[0-9]*"):
        if old.name != str(epoch):
            for source in _files(old):
                if not (target := logs / source.relative_to(data / "log")).exists():
                    _copy(source, target)
    # Tile by tile: the publisher clears parts of them away that are full by now, at any moment.
    read, into = reading(FolderFiles(data / "log" / str(epoch))), logs / str(epoch)
    copy_log(read, size, FolderFiles(into), there=lambda path: (into / path).exists())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    shutil.copy(source, partial)
    sync(partial)
    partial.rename(target)


def _files(folder: Path) -> Iterator[Path]:
    return (one for one in sorted(folder.rglob("*")) if one.is_file())
