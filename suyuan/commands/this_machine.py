"""The ledger that runs on this machine, for the verbs that work on it without asking its APIs."""

import contextlib
from collections.abc import Iterator

import psycopg

from ledger.errors import BadSetting
from ledger.settings import read_settings
from suyuan.commands import Failed
from suyuan.parts.cluster import Cluster
from suyuan.parts.places import data_root


@contextlib.contextmanager
def database_answers() -> Iterator[None]:
    """Says it in a line when the database is away."""
    try:
        yield
    except psycopg.OperationalError as error:
        words = str(error).strip().splitlines()[0]
        raise Failed(f"the database does not answer: {words}") from error


class RunningLedger:
    """The ledger of this machine: named by DSNs, else this machine's running one."""

    def __init__(self) -> None:
        settings = read_settings()
        if settings.owner_dsn and settings.follower_dsn:
            self.owner, self.follower = settings.owner_dsn, settings.follower_dsn
            self.writer, self.data = settings.writer_dsn, settings.data
            return
        folder = data_root() / "ledger"
        if not (folder / "postgres" / "postmaster.pid").exists():
            folder = data_root() / "demo"
        if not (folder / "postgres" / "postmaster.pid").exists():
            raise BadSetting(
                "no ledger runs here: start suyuan up, or set SUYUAN_OWNER_DSN and"
                " SUYUAN_FOLLOWER_DSN"
            )
        cluster = Cluster(folder)
        cluster.attach()
        self.owner, self.follower = cluster.dsn(), cluster.dsn("suyuan_follower")
        self.writer, self.data = cluster.dsn("suyuan_writer"), str(folder)
