"""Databases of the tests' own, on a cluster they start themselves."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from shutil import disk_usage
from typing import NamedTuple

import psycopg

from ledger.accounts.schema import create_accounts
from ledger.journal import schema
from suyuan.parts.cluster import Cluster
from suyuan.parts.machine import Machine
from suyuan.parts.places import data_root

# What is thrown away after a test needs no disk: to make the thousand files of a database takes one a third of a second.
MEMORY, ROOM_BYTES = Path("/dev/shm"), 6 << 30


def scratch(prefix: str, *, on_disk: bool = False) -> Path:
    """A folder that the database's user can reach, unlike most temporary ones.

    It is in memory where there is room, unless what is measured in it is the disk.
    """
    in_memory = not on_disk and MEMORY.is_dir() and disk_usage(MEMORY).free > ROOM_BYTES
    root = MEMORY if in_memory else data_root()
    root.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"suyuan-{prefix}", dir=root))
    folder.chmod(0o755)
    return folder


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    folder = scratch("test-")
    cluster = Cluster(folder)
    try:
        cluster.start()
        turn_fsync_off(cluster)
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def turn_fsync_off(cluster: Cluster) -> None:
    """Lets a cluster spare the disk: some hundreds of databases are made in it, and nobody pulls the plug on these."""
    with psycopg.connect(cluster.dsn(database="postgres"), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def running_machine(prefix: str) -> Iterator[Machine]:
    """A ledger with all its services, in a folder that goes with it."""
    folder = scratch(prefix)
    made = Machine(folder)
    try:
        made.start(say=lambda text: None)
        turn_fsync_off(made.cluster)
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Database(NamedTuple):
    """A fresh ledger's database."""

    cluster: Cluster
    name: str

    def dsn(self, role: str = "suyuan_owner") -> str:
        return self.cluster.dsn(role, self.name)


def fresh(cluster: Cluster) -> Database:
    """Returns a database of a test's own: a copy of one whose tables were made once."""
    template = _template(cluster)
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(cluster.dsn(database="postgres"), autocommit=True) as connection:
        # Copied file by file: in a cluster that spares the disk a quarter of the time that logging each page takes.
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        # The only right that a copy does not bring.
        connection.execute(f"GRANT CREATE ON DATABASE {name} TO suyuan_follower")
    return Database(cluster, name)


def drop(database: Database) -> None:
    """Throws a test's database away, whoever is still connected."""
    dsn = database.cluster.dsn(database="postgres")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {database.name} WITH (FORCE)")


@cache
def _template(cluster: Cluster) -> str:
    name = "t_template"
    with psycopg.connect(cluster.dsn(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(cluster.dsn(database=name)) as connection:
        schema.create(connection, "test")
        create_accounts(connection)
    return name
