"""Restoring a backup: verified to the last leaf, and going on as the same log or as a new one."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from ledger.accounts.schema import create_accounts
from ledger.durable import write_whole
from ledger.events.cases import LedgerRestored
from ledger.intake.__main__ import open_recorder
from ledger.journal import schema
from ledger.journal.cases import CaseEvent, Cases
from ledger.journal.erasing import erase_all
from ledger.journal.keyfile import read_key
from ledger.journal.personal import PgPersonalStore
from ledger.journal.sealing import Sealer
from ledger.log.checkpoints import Checkpoint, read_checkpoint, verify_checkpoint
from ledger.log.files import CHECKPOINT, FolderFiles, copy_log, reading
from ledger.log.growing import Growing
from ledger.log.merkle import EMPTY_ROOT, ProofWrong
from ledger.log.notes import NoteKey, NoteWrong
from ledger.log.origins import base_of, epoch_of
from ledger.log.postgres import PgLog
from ledger.log.publishing import LogSigner
from ledger.settings import UNFINISHED
from ledger.values.ids import stream_of_case
from suyuan.audit_rows import RowsCheck
from suyuan.backup import apart
from suyuan.backup_reading import (
    COMMITMENTS,
    DUMP,
    KEYS,
    SERVICE_KEYS,
    BackupDamaged,
    Manifest,
    check_backup,
    check_personal_keys,
    erased_since,
)
from suyuan.log_check import audit_copy, check_log
from suyuan.published import NotReadable, PublishedLog

LEAVES_AT_ONCE, CHUNK = 65_536, 1 << 20
LOST = """
INSERT INTO personal.erased (ref, at, by, why, lost)
SELECT ref, clock_timestamp(), %s, %s, true FROM personal.subjects ON CONFLICT DO NOTHING
"""


class RestoreTarget(NamedTuple):
    """An empty database by the DSNs of its owner and writer, and an empty data folder."""

    owner_dsn: str
    writer_dsn: str
    data: Path


class RestoreWish(NamedTuple):
    """What is restored and how it goes on.

    `published` is where the log is still to be read as it was published last, if anywhere;
    `same_log` says that nothing was recorded after this backup.
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
    old_origin: str
    old_size: int
    # Persons who had been erased since this backup, and were known again for a moment.
    erased_again: int = 0
    # What could not be done, and does not keep the ledger from going on.
    warnings: Sequence[str] = ()


class LastKnown(NamedTuple):
    """The last checkpoint of the old log that can still be read, and the number of the newest log.

    `content` is the checkpoint as it was published; empty where the backup's own is the last.
    """

    checkpoint: Checkpoint
    newest: int
    content: bytes = b""


def restore(
    wish: RestoreWish, target: RestoreTarget, *, pg_restore: Path, now: datetime
) -> Restored:
    """Restores a backup into an empty place and verifies it. Raises `BackupDamaged`."""
    manifest = check_backup(wish.backup)
    if wish.personal_keys is not None:
        check_personal_keys(manifest, wish.personal_keys)
    # Read before anything is written: it may be the folder of the machine that is restored.
    last = _last_known(wish, manifest)
    since = erased_since(wish.backup, manifest)
    with psycopg.connect(target.owner_dsn, autocommit=True) as connection:
        if connection.execute("SELECT to_regnamespace('ledger')").fetchone() != (None,):
            raise BackupDamaged("the database is not empty: restore into a new one")
    unfinished = target.data / UNFINISHED
    write_whole(unfinished, b"")
    try:
        _fill_database(wish, target, manifest, pg_restore)
        _fill_folder(wish.backup, target.data, manifest)
        _verify(target, manifest)
        # Without the keys of persons there is nobody to erase.
        wanted = since.erased if wish.personal_keys is not None else []
        again = erase_all(target.owner_dsn, wanted).persons if wanted else 0
        found = (
            _go_on(target, manifest, last.checkpoint)
            if wish.same_log
            else _begin_log(wish, target, manifest, last=last, now=now)
        )
    except BaseException:
        # What did not verify must not be taken for a ledger.
        with psycopg.connect(target.owner_dsn) as connection:
            connection.execute("DROP SCHEMA IF EXISTS ledger, personal, accounts, access CASCADE")
        raise
    kept = [] if wish.same_log else _keep_old_log(wish, target.data, manifest, last=last, now=now)
    unfinished.unlink()
    return found._replace(erased_again=again, warnings=[*since.unread, *kept])


def _fill_database(
    wish: RestoreWish, target: RestoreTarget, manifest: Manifest, pg_restore: Path
) -> None:
    with psycopg.connect(target.owner_dsn, autocommit=True) as connection:
        schema.create_roles(connection)
    dsn, environment = apart(target.owner_dsn)
    command = [str(pg_restore), "-d", dsn, "--no-owner", "--exit-on-error",
               str((wish.backup / DUMP).absolute())]  # fmt: skip
    done = subprocess.run(command, capture_output=True, cwd="/", check=False, env=environment)
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()[-400:]
        raise BackupDamaged(f"pg_restore failed: {words}")
    with psycopg.connect(target.owner_dsn) as connection:
        schema.create(connection, manifest.ledger)
        create_accounts(connection)
        if wish.personal_keys is None:
            # Nobody's card can be opened; late events that name them are sealed as of nobody.
            connection.execute(LOST, [wish.by, wish.why])
            connection.execute("DELETE FROM personal.subjects")
            _copy_in(connection, "COPY personal.shut FROM STDIN", wish.backup / COMMITMENTS)
        else:
            keys = "COPY personal.keys FROM STDIN (FORMAT BINARY)"
            _copy_in(connection, keys, wish.personal_keys)


def _copy_in(connection: psycopg.Connection[Any], statement: str, file: Path) -> None:
    with file.open("rb") as content, connection.cursor().copy(statement) as copy:
        while chunk := content.read(CHUNK):
            copy.write(chunk)


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
    if manifest.size:
        shutil.copy(backup / CHECKPOINT, log / CHECKPOINT)


def _verify(target: RestoreTarget, manifest: Manifest) -> None:
    """Compares the restored record with itself, with the manifest and with the published tiles."""
    report = RowsCheck(target.owner_dsn).run()
    problems = [*report.problems]
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


def _last_known(wish: RestoreWish, manifest: Manifest) -> LastKnown:
    own = Checkpoint(manifest.origin, manifest.size, bytes.fromhex(manifest.root) or EMPTY_ROOT)
    logs = (wish.backup.parent / "log").glob("[0-9]*")
    epoch = max([manifest.epoch, *(int(one.name) for one in logs if one.name.isdigit())])
    if wish.published is None:
        return LastKnown(own, epoch)
    key = NoteKey(LogSigner(manifest.origin, read_key(wish.backup / KEYS / "log.key")).public)
    with PublishedLog(wish.published) as log:
        (content,) = log.read([CHECKPOINT])
    try:
        origin = read_checkpoint(content or b"")[0].origin
        found = verify_checkpoint(content or b"", key.under(origin)).checkpoint
    except NoteWrong as error:
        raise BackupDamaged(f"the checkpoint at {wish.published}: {error}") from error
    seen = epoch_of(base_of(manifest.origin, manifest.epoch), origin)
    if seen is None:
        raise BackupDamaged(f"{wish.published} is the log {origin}, not one of this ledger's")
    if (seen, found.size) <= (manifest.epoch, own.size):
        return LastKnown(own, max(epoch, seen))
    return LastKnown(found, max(epoch, seen), content or b"")


def _go_on(target: RestoreTarget, manifest: Manifest, last: Checkpoint) -> Restored:
    """Goes on as the same log. Raises `BackupDamaged` where more was published than the record holds."""
    root = _root(target.owner_dsn, min(last.size, manifest.position))
    if last.origin != manifest.origin or last.size > manifest.position or root != last.root.hex():
        raise BackupDamaged(
            f"{last.origin} was published up to {last.size}, which this backup does not hold: leave out"
            " --same-log, and it goes on as a new log"
        )
    signer = LogSigner(manifest.origin, read_key(target.data / "keys" / "log.key"))
    whole = _root(target.owner_dsn, manifest.position)
    return Restored(
        manifest.position, whole, manifest.origin, signer.public, new_log=False,
        old_origin=last.origin, old_size=last.size,
    )  # fmt: skip


def _begin_log(
    wish: RestoreWish,
    target: RestoreTarget,
    manifest: Manifest,
    *,
    last: LastKnown,
    now: datetime,
) -> Restored:
    """Goes on as a new log over the same positions; the first event after them names the old one."""
    epoch, old = last.newest + 1, last.checkpoint
    origin = f"{base_of(manifest.origin, manifest.epoch)}/{epoch}"
    # Whoever restores from these backups again sees that this number was given.
    (wish.backup.parent / "log" / str(epoch)).mkdir(parents=True, exist_ok=True)
    signer = LogSigner(origin, read_key(target.data / "keys" / "log.key"))
    event = LedgerRestored(
        position=manifest.position, old_origin=old.origin, old_size=old.size,
        old_root=old.root.hex(), new_origin=origin, by=wish.by, note=wish.why,
    )  # fmt: skip
    persons = PgPersonalStore(target.writer_dsn, _no_person)
    sealer = Sealer(manifest.ledger, entropy=os.urandom, persons=persons.remembered)
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
            [epoch, *first],
        )
    root = _root(target.owner_dsn, manifest.position)
    return Restored(
        manifest.position, root, origin, signer.public, new_log=True, old_origin=old.origin,
        old_size=old.size,
    )  # fmt: skip


def _keep_old_log(
    wish: RestoreWish, data: Path, manifest: Manifest, *, last: LastKnown, now: datetime
) -> list[str]:
    """Keeps the old log as it was published last, for auditors to see what was cut off.

    Returns why that cannot be; a restore does not fail for it.
    """
    if wish.published is None or not last.content:
        return []
    old = last.checkpoint
    folder = data / "log" / str(epoch_of(base_of(manifest.origin, manifest.epoch), old.origin))
    # Beside, until it is known to be whole: what the backup had of it is good.
    aside = folder.with_name(f".{folder.name}.part")
    key = LogSigner(old.origin, read_key(data / "keys" / "log.key")).public
    try:
        write_whole(aside / CHECKPOINT, last.content)
        with PublishedLog(wish.published) as log:
            copy_log(log.read, old.size, FolderFiles(aside))
        if not (wrong := audit_copy(reading(FolderFiles(aside)), key, now)):
            shutil.rmtree(folder, ignore_errors=True)
            aside.rename(folder)
            return []
    except (NotReadable, OSError, ProofWrong) as error:
        wrong = [str(error)]
    shutil.rmtree(aside, ignore_errors=True)
    return [f"the old log could not be kept as it was published last: {'; '.join(wrong)}"]


def _no_person(size: int) -> bytes:
    raise BackupDamaged(f"a restore meets no new persons, and {size} random bytes were asked for")
