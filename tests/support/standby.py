"""A primary and a hot standby of the tests' own, on sockets, with a promotion by hand."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import psycopg

from suyuan.parts.cluster import DATABASE, OWNER, PORT, Cluster
from suyuan.parts.places import make_folder

CATCH_UP_S = 30


class Pair:
    """Two servers of which one is the primary; `synchronous` makes its commits wait for the other."""

    def __init__(self, folder: Path, *, synchronous: bool = True) -> None:
        self.folder = folder
        self.first, self.second = Cluster(folder / "a"), Cluster(folder / "b")
        self.first.start()
        self._copy(self.first, self.second, "second")
        if synchronous:
            self.wait_for("second")

    def dsn(self, role: str = OWNER, database: str = DATABASE) -> str:
        """One address for both: whichever takes writes."""
        hosts = f"{self.first.socket},{self.second.socket}"
        return (
            f"host='{hosts}' port={PORT},{PORT} dbname={database} user={role}"
            # A reader's sessions are read-only by themselves, on the primary too.
            f" target_session_attrs={'primary' if role == 'suyuan_reader' else 'read-write'}"
            " connect_timeout=2"
        )

    def wait_for(self, name: str) -> None:
        """Makes commits wait for a standby from now on."""
        with psycopg.connect(self.first.dsn(database="postgres"), autocommit=True) as admin:
            admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
            admin.execute("SELECT pg_reload_conf()")
            deadline = time.monotonic() + CATCH_UP_S
            query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            while admin.execute(query).fetchone() != (1,):
                assert time.monotonic() < deadline, "the standby does not follow"
                time.sleep(0.05)

    def promote(self) -> None:
        """Makes the standby the primary, waiting for nobody."""
        with psycopg.connect(self.second.dsn(database="postgres"), autocommit=True) as admin:
            admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
            admin.execute("SELECT pg_promote(true, 30)")
            admin.execute("SELECT pg_reload_conf()")

    def pause(self, stopped: bool) -> None:
        """Stops the standby's processes where they are, or lets them go on."""
        assert self.second.process is not None
        number = signal.SIGSTOP if stopped else signal.SIGCONT
        listed = Path(f"/proc/{self.second.process.pid}/task/{self.second.process.pid}/children")
        for pid in [self.second.process.pid, *map(int, listed.read_text().split())]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def close(self) -> None:
        for cluster in (self.first, self.second):
            if cluster.process is not None and cluster.process.poll() is None:
                cluster.kill()

    def _copy(self, source: Cluster, target: Cluster, name: str) -> None:
        """Makes a standby out of a base backup, and starts it."""
        assert source.binaries is not None
        target.binaries = source.binaries
        make_folder(target.data)
        make_folder(target.folder, target._owner)
        target.attach()
        command = [
            str(source.binaries.folder / "pg_basebackup"), "-D", str(target.folder), "-R",
            "-d", f"host='{source.socket}' port={PORT} user={OWNER} application_name={name}",
            "-c", "fast", "-X", "stream",
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True, cwd="/", **target._identity())
        target.run()
