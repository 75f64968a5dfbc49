"""Changes with the database administrator's rights: `suyuan verify` names every one."""

import os
import random
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ledger.journal.keyfile import read_key
from ledger.journal.opening import Openings, PgKnownPersons
from ledger.journal.postgres import COLUMNS, as_stored
from ledger.log.growing import Bundles, Growing
from ledger.log.notes import NoteKey
from ledger.log.postgres import PgLog
from ledger.log.publishing import LogSigner
from ledger.values.leaf import leaf_of
from suyuan.audit_rows import RowsCheck
from suyuan.log_check import check_log
from suyuan.parts.machine import Machine
from suyuan.published import PublishedLog
from tests.support.databases import scratch, turn_fsync_off
from tests.support.make import FakeTape, milk, received, sold
from tests.support.people import chief_of

Connection = psycopg.Connection[tuple[Any, ...]]
Dice = random.Random


class Evidence:
    """A ledger that traded and published, at rest: its database is copied for every attack."""

    def __init__(self, folder: Path) -> None:
        self.machine = Machine(folder)
        self.machine.start(say=lambda text: None)
        with httpx.Client(base_url=self.machine.intake_url, trust_env=False, timeout=30,
                          auth=chief_of(self.machine)) as http:  # fmt: skip
            for device in ("scanner-1", "scanner-2"):
                tape = FakeTape(device)
                wanted = [
                    {"type": "enroll-device", "device": device, "key": tape.key.public, "name": "x"},
                    {"type": "grant-mandate", "device": device, "merchant": "m-1", "valid_from": "2020-01-01"},
                ]  # fmt: skip
                assert http.post("/intake/requests", json=wanted).status_code == 200
                for number in range(1, 20):
                    tape.add((received if number % 2 else sold)(number, milk(f"L{number % 5}")))
                    first = 1 if number == 1 else len(tape.reports)
                    assert (
                        http.post("/intake/batches", content=tape.batch(first)).status_code == 200
                    )
        with psycopg.connect(self.machine.cluster.dsn()) as connection:
            (self.size,) = connection.execute("SELECT position FROM ledger.head").fetchone()  # type: ignore[misc]
        self._wait_published()
        assert self.machine.services is not None
        self.machine.services.stop()
        turn_fsync_off(self.machine.cluster)
        self.key = NoteKey(LogSigner("suyuan.invalid/local", self.signing_key).public)

    @property
    def signing_key(self) -> Any:
        return read_key(self.machine.data / "keys" / "log.key")

    def _wait_published(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            health = httpx.get(f"{self.machine.log_url}/health", trust_env=False).json()
            if health["published"]["size"] >= self.size:
                return
            time.sleep(0.1)
        raise AssertionError("nothing was published")

    @contextmanager
    def copy(self) -> Iterator[str]:
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(
            self.machine.cluster.dsn(database="postgres"), autocommit=True
        ) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE suyuan")
            try:
                yield self.machine.cluster.dsn(database=name)
            finally:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def verify(self, dsn: str, folder: Path) -> list[str]:
        record = PgLog(dsn)
        try:
            with PublishedLog(str(folder)) as log:
                found = check_log(record, log.read, self.key)
        finally:
            record.close()
        return RowsCheck(dsn).run().problems + found.problems

    @property
    def folder(self) -> Path:
        return self.machine.data / "log" / "1"


@pytest.fixture(scope="module")
def evidence() -> Iterator[Evidence]:
    folder = scratch("test-rows-")
    made = Evidence(folder)
    yield made
    made.machine.stop()
    shutil.rmtree(folder, ignore_errors=True)


def pick(dice: Dice, connection: Connection, where: str = "true") -> int:
    found = connection.execute(
        f"SELECT notification_id FROM ledger.events WHERE {where} ORDER BY 1"
    )
    return int(dice.choice(found.fetchall())[0])


def flip(dice: Dice, connection: Connection, column: str) -> None:
    """Changes one bit of a bytea of some row."""
    position = pick(dice, connection)
    (content,) = connection.execute(  # type: ignore[misc]
        f"SELECT {column} FROM ledger.events WHERE notification_id = %s", [position]
    ).fetchone()
    changed = bytearray(content or bytes(32))
    changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    connection.execute(
        f"UPDATE ledger.events SET {column} = %s WHERE notification_id = %s",
        [bytes(changed), position],
    )


def state_flipped(dice: Dice, connection: Connection) -> None:
    flip(dice, connection, "state")


def leaf_flipped(dice: Dice, connection: Connection) -> None:
    flip(dice, connection, "leaf")


def seed_flipped(dice: Dice, connection: Connection) -> None:
    flip(dice, connection, "seed")


def chain_flipped(dice: Dice, connection: Connection) -> None:
    position = pick(dice, connection, "chain IS NOT NULL")
    connection.execute(
        "UPDATE ledger.events SET chain = %s WHERE notification_id = %s",
        [dice.randbytes(32), position],
    )


def received_moved(dice: Dice, connection: Connection) -> None:
    connection.execute(
        "UPDATE ledger.events SET received = received + make_interval(secs => %s)"
        " WHERE notification_id = %s", [dice.randint(1, 10**6), pick(dice, connection)],
    )  # fmt: skip


def flag_added(dice: Dice, connection: Connection) -> None:
    connection.execute(
        "UPDATE ledger.events SET flags = flags || '{no-mandate}' WHERE notification_id = %s",
        [pick(dice, connection)],
    )


def topic_changed(dice: Dice, connection: Connection) -> None:
    connection.execute(
        "UPDATE ledger.events SET topic = 'goods-disposed.v2' WHERE notification_id = %s",
        [pick(dice, connection)],
    )


def row_deleted(dice: Dice, connection: Connection) -> None:
    connection.execute(
        "DELETE FROM ledger.events WHERE notification_id = %s", [pick(dice, connection)]
    )


def row_deleted_and_the_gap_closed(dice: Dice, connection: Connection) -> None:
    position = pick(dice, connection)
    connection.execute("DELETE FROM ledger.events WHERE notification_id = %s", [position])
    shift(connection, position, -1)


def row_inserted(dice: Dice, connection: Connection) -> None:
    """A case's event of the attacker's, with a leaf of its own that fits, somewhere in the middle."""
    position = pick(dice, connection)
    shift(connection, position - 1, 1)
    connection.execute(
        f"INSERT INTO ledger.events ({COLUMNS}) SELECT %s, gen_random_uuid(), 1, topic, state, seed,"
        " leaf, received, flags, NULL FROM ledger.events WHERE chain IS NULL LIMIT 1", [position],
    )  # fmt: skip
    reseal(connection, position)


def shift(connection: Connection, after: int, by: int) -> None:
    """Renumbers what stands behind a position."""
    connection.execute(
        "UPDATE ledger.events SET notification_id = -notification_id - %s WHERE notification_id > %s",
        [by, after],
    )
    connection.execute(
        "UPDATE ledger.events SET notification_id = -notification_id WHERE notification_id < 0"
    )
    connection.execute("UPDATE ledger.head SET position = position + %s", [by])


def rows_swapped(dice: Dice, connection: Connection) -> None:
    one = pick(dice, connection)
    other = pick(dice, connection, f"notification_id <> {one}")
    connection.execute(
        "UPDATE ledger.events SET notification_id = -1 WHERE notification_id = %s", [one]
    )
    connection.execute(
        "UPDATE ledger.events SET notification_id = %s WHERE notification_id = %s", [one, other]
    )
    connection.execute(
        "UPDATE ledger.events SET notification_id = %s WHERE notification_id = -1", [other]
    )


def end_cut_off(dice: Dice, connection: Connection) -> None:
    kept = pick(dice, connection) - 1
    connection.execute("DELETE FROM ledger.events WHERE notification_id > %s", [kept])
    connection.execute("UPDATE ledger.head SET position = %s", [kept])
    connection.execute("UPDATE ledger.heads SET version = 0")


def batch_forged(dice: Dice, connection: Connection) -> None:
    connection.execute(
        "UPDATE ledger.batches SET signature = %s WHERE (tape, first) IN"
        " (SELECT tape, first FROM ledger.batches ORDER BY random() LIMIT 1)", [dice.randbytes(64)],
    )  # fmt: skip


def batch_deleted(dice: Dice, connection: Connection) -> None:
    connection.execute(
        "DELETE FROM ledger.batches WHERE (tape, first) IN"
        " (SELECT tape, first FROM ledger.batches ORDER BY random() LIMIT 1)"
    )


def case_rewritten(dice: Dice, connection: Connection) -> None:
    """A decision changed, with its leaf computed anew: only the published tiles know."""
    position = pick(dice, connection, "topic = 'mandate-granted.v1'")
    connection.execute(
        "UPDATE ledger.events SET state = convert_to(replace(convert_from(state, 'UTF8'), '2020-01-01', %s),"
        " 'UTF8') WHERE notification_id = %s", [f"20{dice.randint(10, 19)}-05-0{dice.randint(1, 9)}", position],
    )  # fmt: skip
    reseal(connection, position)


def checkpoint_row_changed(dice: Dice, connection: Connection) -> None:
    connection.execute("UPDATE ledger.checkpoints SET root = %s", [dice.randbytes(32)])


def checkpoint_row_shrunk(dice: Dice, connection: Connection) -> None:
    connection.execute("UPDATE ledger.checkpoints SET size = size - %s", [dice.randint(1, 20)])


def signed_by_another(dice: Dice, connection: Connection) -> None:
    """The row, the key and the root replaced by those of a signer of the attacker's."""
    from ledger.values.keys import SigningKey
    from tests.support.make import NOON

    (size, root) = connection.execute("SELECT size, root FROM ledger.checkpoints").fetchone()  # type: ignore[misc]
    signer = LogSigner("suyuan.invalid/local", SigningKey(dice.randbytes(32)))
    said = signer.sign(size, bytes(root), NOON)
    connection.execute(
        "UPDATE ledger.checkpoints SET note = %s, key = %s, shown = %s",
        [said.note, signer.public, said.note],
    )


def reseal(connection: Connection, position: int) -> None:
    """Computes a row's leaf anew, as the ledger itself would."""
    row = connection.execute(
        f"SELECT {COLUMNS} FROM ledger.events WHERE notification_id = %s", [position], binary=True
    ).fetchone()
    assert row is not None
    stored = as_stored(row)
    opened = Openings("local", PgKnownPersons(connection)).open(stored)
    connection.execute(
        "UPDATE ledger.events SET leaf = %s WHERE notification_id = %s",
        [leaf_of(opened.parts, stored.seed), position],
    )


ATTACKS: Sequence[Callable[[Dice, Connection], None]] = (
    state_flipped, leaf_flipped, seed_flipped, chain_flipped, received_moved, flag_added,
    topic_changed, row_deleted, row_deleted_and_the_gap_closed, row_inserted, rows_swapped,
    end_cut_off, batch_forged, batch_deleted, case_rewritten, checkpoint_row_changed,
    checkpoint_row_shrunk, signed_by_another,
)  # fmt: skip


def attack(evidence: Evidence, count: int, seed: int) -> Counter[str]:
    caught: Counter[str] = Counter()
    for number in range(count):
        change = ATTACKS[number % len(ATTACKS)]
        with evidence.copy() as dsn:
            with psycopg.connect(dsn) as connection:
                # The administrator switches the guards off.
                connection.execute("SET session_replication_role = replica")
                change(Dice(f"{seed}/{number}"), connection)
            found = evidence.verify(dsn, evidence.folder)
        assert found, f"{change.__name__} was not noticed (seed {seed}, number {number})"
        caught[change.__name__] += 1
    return caught


def test_a_ledger_that_nobody_touched_verifies(evidence: Evidence) -> None:
    with evidence.copy() as dsn:
        assert evidence.verify(dsn, evidence.folder) == []


def test_every_change_of_rows_is_named(evidence: Evidence) -> None:
    caught = attack(evidence, 60, seed=21)

    assert len(caught) == len(ATTACKS)


def test_rows_and_files_changed_alike_lead_to_another_root_than_was_signed(
    evidence: Evidence, tmp_path: Path
) -> None:
    dice = Dice(5)
    with evidence.copy() as dsn:
        with psycopg.connect(dsn) as connection:
            connection.execute("SET session_replication_role = replica")
            case_rewritten(dice, connection)
        folder = tmp_path / "log"
        shutil.copytree(evidence.folder, folder)
        record = PgLog(dsn)
        leaves = [leaf for _, leaf in record.leaves(0, evidence.size)]
        tree, bundles = Growing(), Bundles()
        for one in (
            *tree.extend(leaves),
            *bundles.extend(leaves),
            *tree.partial(),
            *bundles.partial(),
        ):
            (folder / one.tile.path()).write_bytes(one.content)
        record.close()

        found = evidence.verify(dsn, folder)

    assert any("another root" in problem for problem in found)


@pytest.mark.slow
def test_1000_changes_of_rows_are_named(evidence: Evidence) -> None:
    seed = int(os.environ.get("SEED", "1"))

    print({"seed": seed, "caught": dict(attack(evidence, int(os.environ.get("N", "1000")), seed))})
