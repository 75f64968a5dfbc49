"""Restoring a backup: verified to the last leaf, and going on as the same log or as a new one."""

import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg

from ledger.events.cases import LedgerRestored
from ledger.intake.__main__ import open_recorder
from ledger.journal import schema
from ledger.journal.cases import CaseEvent, Cases
from ledger.journal.keyfile import read_key
from ledger.journal.personal import PgPersonalStore
from ledger.journal.sealing import Sealer
from ledger.log.checkpoints import Checkpoint, verify_checkpoint
from ledger.log.files import CHECKPOINT
from ledger.log.growing import Growing
from ledger.log.merkle import EMPTY_ROOT
from ledger.log.notes import NoteKey, NoteWrong
from ledger.log.origins import next_origin
from ledger.log.postgres import PgLog
from ledger.log.publishing import LogSigner
from ledger.values.ids import stream_of_case
from suyuan.audit_rows import RowsCheck
from suyuan.backup import (
    DUMP,
    KEYS,
    SERVICE_KEYS,
    BackupDamaged,
    Manifest,
    check_backup,
    check_personal_keys,
)
from suyuan.log_check import check_log
from suyuan.published import PublishedLog

LEAVES_AT_ONCE = 65_536


class RestoreTarget(NamedTuple):
    """An empty database by the DSNs of its owner and writer, and an empty data folder."""

    owner_dsn: str
    writer_dsn: str
    data: Path


class RestoreWish(NamedTuple):
    """What is restored and how it goes on.

    `published` is where the log is still to be read as it was published last, if anywhere;
    `same_log` says that nothing was published after this backup.
    """

    backup: Path
    personal_keys: Path | None
    published: str | None
    same_log: bool
    by: str
    why: str


class Restored(NamedTuple):
    """Where a restored ledger stands: its position and root, and the log as which it goes on."""

    position: int
    root: str
    origin: str
    key: str
    new_log: bool


def restore(
    wish: RestoreWish, target: RestoreTarget, *, pg_restore: Path, now: datetime
) -> Restored:
    """Restores a backup into an empty place and verifies it. Raises `BackupDamaged`."""
    manifest = check_backup(wish.backup)
    if wish.personal_keys is not None:
        check_personal_keys(manifest, wish.personal_keys)
    _fill_database(wish, target, manifest, pg_restore)
    _fill_folder(wish.backup, target.data, manifest)
    _verify(target, manifest, persons=wish.personal_keys is not None)
    signer = LogSigner(manifest.origin, read_key(target.data / "keys" / "log.key"))
    last = _last_known(wish, manifest, NoteKey(signer.public))
    if _goes_on(target.owner_dsn, last, wish, manifest):
        return Restored(
            manifest.position, _root(target.owner_dsn, manifest.position), manifest.origin,
            signer.public, new_log=False,
        )  # fmt: skip
    return _begin_log(wish, target, manifest, last, now)


def _fill_database(
    wish: RestoreWish, target: RestoreTarget, manifest: Manifest, pg_restore: Path
) -> None:
    with psycopg.connect(target.owner_dsn, autocommit=True) as connection:
        if connection.execute("SELECT to_regnamespace('ledger')").fetchone() != (None,):
            raise BackupDamaged("the database is not empty: restore into a new one")
        schema.create_roles(connection)
    command = [str(pg_restore), "-d", target.owner_dsn, "--no-owner", "--exit-on-error",
               str((wish.backup / DUMP).absolute())]  # fmt: skip
    done = subprocess.run(command, capture_output=True, cwd="/", check=False)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()[-400:]
        raise BackupDamaged(f"pg_restore failed: {words}")
    with psycopg.connect(target.owner_dsn) as connection:
        schema.create(connection, manifest.ledger)
        if wish.personal_keys is not None:
            with connection.cursor().copy("COPY personal.keys FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(wish.personal_keys.read_bytes())


def _fill_folder(backup: Path, data: Path, manifest: Manifest) -> None:
    keys = data / "keys"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in SERVICE_KEYS:
        if (backup / KEYS / name).exists():
            shutil.copy(backup / KEYS / name, keys / name)
            (keys / name).chmod(0o600)
    for digest in manifest.documents:
        there = Path("documents") / digest[:2] / digest
        (data / there).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(backup.parent / there, data / there)
    if (backup.parent / "log").exists():
        shutil.copytree(backup.parent / "log", data / "log", dirs_exist_ok=True)
    log = data / "log" / str(manifest.epoch)
    log.mkdir(parents=True, exist_ok=True)
    shutil.copy(backup / CHECKPOINT, log / CHECKPOINT)


def _verify(target: RestoreTarget, manifest: Manifest, *, persons: bool) -> None:
    """Compares the restored record with itself, with the manifest and with the published tiles."""
    report = RowsCheck(target.owner_dsn).run()
    problems = [one for one in report.problems if persons or "there is no key" not in one]
    if report.events != manifest.position:
        problems.append(f"{report.events} events were restored, not {manifest.position}")
    if manifest.size:
        signer = LogSigner(manifest.origin, read_key(target.data / "keys" / "log.key"))
        record = PgLog(target.owner_dsn)
        with PublishedLog(str(target.data / "log" / str(manifest.epoch))) as log:
            problems += check_log(record, log.read, NoteKey(signer.public)).problems
        record.close()
        if _root(target.owner_dsn, manifest.size) != manifest.root:
            problems.append("the restored leaves lead to another root than was signed")
    if problems:
        raise BackupDamaged("the restored ledger does not verify: " + "; ".join(problems))


def _root(owner_dsn: str, size: int) -> str:
    """Returns the root over a record's first leaves."""
    record, tree = PgLog(owner_dsn), Growing()
    while tree.size < size:
        rows = record.leaves(tree.size, min(LEAVES_AT_ONCE, size - tree.size))
        tree.extend([leaf for _, leaf in rows])
    record.close()
    return tree.root().hex()


def _last_known(wish: RestoreWish, manifest: Manifest, key: NoteKey) -> Checkpoint:
    """Returns the last checkpoint of the old log that can still be read."""
    own = Checkpoint(manifest.origin, manifest.size, bytes.fromhex(manifest.root))
    if wish.published is None:
        return own
    with PublishedLog(wish.published) as log:
        (content,) = log.read([CHECKPOINT])
    try:
        found = verify_checkpoint(content or b"", key).checkpoint
    except NoteWrong as error:
        raise BackupDamaged(f"the checkpoint at {wish.published}: {error}") from error
    return max(own, found, key=lambda one: one.size)


def _goes_on(owner_dsn: str, last: Checkpoint, wish: RestoreWish, manifest: Manifest) -> bool:
    """Tells whether the record still holds all that was published, so that the log can go on."""
    if wish.published is None and not wish.same_log:
        return False
    return last.size <= manifest.position and _root(owner_dsn, last.size) == last.root.hex()


def _begin_log(
    wish: RestoreWish, target: RestoreTarget, manifest: Manifest, last: Checkpoint, now: datetime
) -> Restored:
    """Goes on as a new log over the same positions; the first event after them names the old one."""
    origin = next_origin(manifest.origin, manifest.epoch)
    signer = LogSigner(origin, read_key(target.data / "keys" / "log.key"))
    event = LedgerRestored(
        position=manifest.position, old_origin=last.origin, old_size=last.size,
        old_root=last.root.hex(), new_origin=origin, by=wish.by, note=wish.why,
    )  # fmt: skip
    persons = PgPersonalStore(target.writer_dsn, _no_person)
    sealer = Sealer(manifest.ledger, entropy=os.urandom, persons=persons)
    recorder = open_recorder(target.writer_dsn, sealer, lambda: now)
    stream = stream_of_case("ledger", manifest.ledger)
    try:
        known = [*recorder.select_events(stream)]
        Cases(recorder).save(CaseEvent(stream, len(known) + 1, event))
    finally:
        recorder.datastore.close()
    first = signer.sign(0, EMPTY_ROOT, now)
    with psycopg.connect(target.owner_dsn) as connection:
        connection.execute(
            "INSERT INTO ledger.checkpoints (epoch, origin, size, root, note, time)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [manifest.epoch + 1, *first],
        )
    root = _root(target.owner_dsn, manifest.position)
    return Restored(manifest.position, root, origin, signer.public, new_log=True)


def _no_person(size: int) -> bytes:
    raise BackupDamaged(f"a restore meets no new persons, and {size} random bytes were asked for")
