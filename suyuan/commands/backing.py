"""`backup` and `restore`: a ledger's record, documents, keys and log, and back again."""

import argparse
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ledger.settings import Settings, read_settings
from suyuan.backup import BackupPlace, BackupSource, make_backup
from suyuan.backup_reading import (
    BackupDamaged,
    check_backup,
    check_personal_keys,
    read_manifest,
)
from suyuan.commands import Failed, name
from suyuan.commands.this_machine import RunningLedger, database_answers
from suyuan.parts.cluster import Cluster, find_binaries
from suyuan.parts.places import data_root, database_user, port_taken
from suyuan.published import NotReadable
from suyuan.restore import Restored, RestoreTarget, RestoreWish, restore

# Long enough to restore from, short enough that who was erased is soon gone from every backup.
KEEP_DAYS, KEEP_DAYS_MAX = 30, 3650


def add_backup(verbs: Any) -> None:
    """`backup`: on the ledger's own machine, while it runs."""
    verb = verbs.add_parser("backup", help="write a backup of the running ledger, or check one")
    verb.add_argument("folder", type=Path, help="where backups go; with --check, one backup")
    verb.add_argument("--personal-keys", type=Path, metavar="FOLDER",
                      help="another place for the keys of persons; deleted after --keep-days")  # fmt: skip
    verb.add_argument("--keep-days", type=_days, default=KEEP_DAYS, metavar="N",
                      help="how long the keys of persons are kept (%(default)s)")  # fmt: skip
    verb.add_argument("--check", action="store_true", help="compare every byte of a backup")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_backup)


def run_backup(stated: argparse.Namespace) -> int:
    """Writes a backup, or checks one."""
    try:
        folder, manifest = (
            (stated.folder, check_backup(stated.folder)) if stated.check else _make(stated)
        )
    except (BackupDamaged, OSError) as error:
        raise Failed(str(error)) from error
    told = {
        "ok": True, "backup": str(folder), "position": manifest.position, "size": manifest.size,
        "root": manifest.root, "origin": manifest.origin, "documents": len(manifest.documents),
        "missing": manifest.missing, "unopened": manifest.unopened,
    }  # fmt: skip
    words = (
        f"{folder}: position {manifest.position}, {len(manifest.documents)} documents, the log"
        f" {manifest.origin} of {manifest.size} entries with root {manifest.root[:16]}…"
    )
    if manifest.unopened:
        words += f"; {manifest.unopened} events do not open: suyuan verify says which"
    if manifest.missing:
        words += f"; {manifest.missing} documents were not there to be copied"
    print(json.dumps(told) if stated.json else words)
    return 0


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= KEEP_DAYS_MAX:
        raise argparse.ArgumentTypeError(f"1 to {KEEP_DAYS_MAX} days, not {text!r}")
    return int(text)


def _make(stated: argparse.Namespace) -> tuple[Path, Any]:
    ledger = RunningLedger()
    if stated.personal_keys is None:
        raise Failed("name another place for the keys of persons: --personal-keys FOLDER")
    keys = stated.personal_keys.resolve()
    if stated.folder.resolve() in (keys, *keys.parents):
        raise Failed("the keys of persons belong apart from the rest: name another folder")
    place = BackupPlace(stated.folder.absolute(), stated.personal_keys.absolute(), stated.keep_days)
    program = _program("pg_dump", _version_of(Path(ledger.data)))
    with database_answers():
        source = BackupSource(ledger.owner, Path(ledger.data), program)
        return make_backup(source, place, now=datetime.now(UTC))


def add_restore(verbs: Any) -> None:
    """`restore`: into an empty place, before `up`."""
    verb = verbs.add_parser(
        "restore",
        help="restore a backup into an empty place, verify it, and say as which log it goes on",
        epilog="It goes on as a new log over the same positions, and the devices bring what is missing"
        " from their tapes. Only where nothing was recorded after the backup does --same-log let the"
        " old log go on. --published PLACE, the old log where it can still be read, tells what it held"
        " last.",
    )
    verb.add_argument("backup", type=Path, help="a backup's folder")
    verb.add_argument("--personal-keys", type=Path, metavar="FILE", help="the file of that backup")
    verb.add_argument("--without-personal-keys", action="store_true",
                      help="they are gone: nobody's card can be opened again")  # fmt: skip
    verb.add_argument("--published", metavar="PLACE", help="the log as it was published last")
    verb.add_argument("--same-log", action="store_true", help="nothing was recorded since")
    verb.add_argument("--as", dest="by", type=name, required=True, help="who restores")
    verb.add_argument("--note", required=True, help="why, on record for ever")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run_restore)


def run_restore(stated: argparse.Namespace) -> int:
    """Restores, verifies and says how it goes on."""
    if (stated.personal_keys is None) != stated.without_personal_keys:
        raise Failed("name the backup's file with --personal-keys, or say --without-personal-keys")
    wish = RestoreWish(
        stated.backup.absolute(), stated.personal_keys, stated.published, stated.same_log,
        stated.by, stated.note,
    )  # fmt: skip
    settings = read_settings()
    try:
        with database_answers():
            found = _into_given(wish, settings) if settings.owner_dsn else _into_private(wish)
    except (BackupDamaged, OSError, NotReadable) as error:
        raise Failed(str(error)) from error
    if stated.json:
        print(json.dumps({"ok": True} | found._asdict()))
        return 0
    print(f"Restored up to position {found.position}, root {found.root}; it verifies.")
    print(f"The log goes on as {found.origin}: {'a new log' if found.new_log else 'as it was'}.")
    if found.new_log:
        print(f"The old one, {found.old_origin}, is known to have held {found.old_size} entries.")
        print(f"Tell auditors and witnesses its key: {found.key}")
        print("Devices bring what is missing once suyuan up runs; see docs/operating.md, Restore.")
    for warning in found.warnings:
        print(f"Warning: {warning}")
    if found.erased_again:
        print(f"{found.erased_again} persons who were erased since this backup were erased again.")
    print("Whoever was erased after the newest backup is known again: erase them again.")
    return 0


def _into_private(wish: RestoreWish) -> Restored:
    """Restores into this machine's data folder and a private cluster, which is stopped again."""
    folder = data_root() / "ledger"
    if folder.exists() and any(folder.iterdir()):
        raise Failed(
            f"{folder} is not empty: move it aside, and keep it. Its log/ may be the newest there is of"
            " what was published: name it with --published"
        )
    if port_taken(port := read_settings().intake_port):
        # Moved aside while it runs, its database would go on writing here.
        raise Failed(
            f"something answers at port {port}: stop the ledger that runs here first, or set SUYUAN_INTAKE_PORT"
        )
    # What is no backup is refused before a database is made for it.
    manifest = read_manifest(wish.backup)
    if wish.personal_keys is not None:
        check_personal_keys(manifest, wish.personal_keys)
    cluster = Cluster(folder)
    try:
        cluster.start()
        assert cluster.binaries is not None
        target = RestoreTarget(cluster.dsn(), cluster.dsn("suyuan_writer"), folder)
        program = cluster.binaries.folder / "pg_restore"
        return restore(wish, target, pg_restore=program, now=datetime.now(UTC))
    except BaseException:
        # What did not verify must not be taken for a ledger.
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        cluster.stop()


def _into_given(wish: RestoreWish, settings: Settings) -> Restored:
    if not settings.data or not settings.writer_dsn:
        raise Failed("owner_dsn is given, so data and writer_dsn must be too")
    data = Path(settings.data)
    if data.exists() and any(data.iterdir()):
        raise Failed(f"{data} is not empty: name another folder, and keep this one")
    target = RestoreTarget(settings.owner_dsn, settings.writer_dsn, data)
    program = _program("pg_restore", None)
    return restore(wish, target, pg_restore=program, now=datetime.now(UTC))


def _version_of(data: Path) -> int | None:
    version = data / "postgres" / "PG_VERSION"
    return int(version.read_text()) if version.exists() else None


def _program(program: str, version: int | None) -> Path:
    """Finds PostgreSQL's own program beside the server's, else on the path."""
    found = shutil.which(program)
    if version is None and found is not None and not os.environ.get("SUYUAN_POSTGRES"):
        return Path(found)
    return find_binaries(version, database_user()).folder / program


VERBS = (add_backup, add_restore)
