"""Backup and restore: the same position and root again; a flipped byte is noticed; devices refill."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from ledger.errors import BadSetting
from ledger.events import wire
from ledger.journal.erasing import Erasure
from ledger.log.notes import NoteKey
from ledger.log.proofs import check_proof, read_proof
from ledger.values.keys import SigningKey
from scanners.agent import Agent, Home, enroll, home_of, keep_document, learn_home, point
from scanners.identity import Clocks
from suyuan.audit_rows import RowsCheck
from suyuan.backup import BackupPlace, free_name
from suyuan.backup_reading import (
    Manifest,
    digest_of,
    erased_since,
    read_manifest,
    write_manifest,
)
from suyuan.cli import main
from suyuan.parts.machine import Machine
from tests.support.databases import scratch
from tests.support.make import NOON, received
from tests.support.paper_files import picture
from tests.support.people import chief_of

PNG = picture("PNG")


class Office:
    """A ledger that is backed up, lost, and restored somewhere else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = Machine(folder / "old")
        self.machine.start(say=lambda text: None)
        home = learn_home(self.machine.intake_url, *self.machine.mqtt)
        tape = enroll(folder / "s.tape", "scanner-1", home, ["m-1"], since=date(2026, 1, 1),
                      auth=chief_of(self.machine))  # fmt: skip
        self.agent = Agent(tape, Clocks())
        self.agent.link.start()
        keep_document(tape, "image/png", PNG)

    def trade(self, count: int) -> int:
        for number in range(1, count + 1):
            self.agent.keep(received(number))
        assert self.agent.link.wait_drained(60)
        assert self.agent.send_documents() == []
        position = self.agent.tape.last_position()
        deadline = time.monotonic() + 30
        while self.agent.covering.size < position:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return position

    def person(self) -> str:
        """Lets the scanner make somebody's card; returns its reference."""
        ref, card = str(uuid.uuid4()), msgspec.json.encode({"name": "李大山"})
        key = self.agent.tape.key
        signed = wire.SignedCard(
            device="scanner-1", ref=ref, card=card, key=key.id,
            signature=key.sign(wire.card_message(ref, card)),
        )  # fmt: skip
        url = f"{self.machine.intake_url}/intake/cards"
        assert httpx.put(url, content=wire.encode(signed), trust_env=False).status_code == 200
        return ref

    def key(self) -> str:
        return httpx.get(f"{self.machine.log_url}/key", trust_env=False).text.strip()

    def move(self, data: Path) -> None:
        """Starts the restored ledger; the scanner learns where it is now."""
        self.machine = Machine(data)
        self.machine.start(say=lambda text: None)
        tape = self.agent.tape
        here = learn_home(self.machine.intake_url, *self.machine.mqtt)
        point(tape, Home(**{**vars_of(home_of(tape)), "intake_url": here.intake_url,
                            "mqtt_host": here.mqtt_host, "mqtt_port": here.mqtt_port}))  # fmt: skip
        self.agent = Agent(tape, Clocks())
        self.agent.link.start()

    def close(self) -> None:
        self.agent.link.stop()
        self.machine.stop()


@contextlib.contextmanager
def trading(office: Office) -> Iterator[None]:
    """Goes on scanning while something is done, from a moment before to a moment after."""
    over = threading.Event()

    def scan() -> None:
        while not over.is_set():
            office.agent.keep(received(1))
            time.sleep(0.01)

    scanning = threading.Thread(target=scan)
    scanning.start()
    try:
        time.sleep(0.3)
        yield
        time.sleep(0.3)
    finally:
        over.set()
        scanning.join()


def vars_of(home: Home) -> dict[str, Any]:
    return {name: getattr(home, name) for name in home.__struct_fields__}


@pytest.fixture
def office() -> Iterator[Office]:
    folder = scratch("test-backup-")
    made = Office(folder)
    yield made
    made.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Any:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def ask(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main([*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ask


def at(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets commands work on a machine of the test's."""
    for name in ("owner", "writer", "follower"):
        monkeypatch.setenv(f"SUYUAN_{name.upper()}_DSN", machine.dsn(f"suyuan_{name}"))
    monkeypatch.setenv("SUYUAN_DATA", str(machine.data))


def nowhere(monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    """Lets commands work in a data root of their own, where nothing is yet."""
    for name in ("owner", "writer", "follower"):
        monkeypatch.delenv(f"SUYUAN_{name.upper()}_DSN")
    data.mkdir()
    data.chmod(0o755)
    monkeypatch.setenv("SUYUAN_DATA", str(data))


def test_a_restored_ledger_has_the_same_position_and_root_and_goes_on_as_the_same_log(
    office: Office, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    position, key = office.trade(30), office.key()
    url, backups = office.machine.log_url, office.folder / "backups"
    assert asked("audit", url, "--key", key)[0] == 0
    at(office.machine, monkeypatch)
    command = ("backup", str(backups), "--personal-keys", str(office.folder / "persons"))
    code, made = asked(*command)
    assert (code, made["position"] >= position, made["documents"]) == (0, True, 1)
    backup = Path(made["backup"])
    assert asked("backup", str(backup), "--check")[0] == 0
    published = office.folder / "published"
    shutil.copytree(office.machine.data / "log" / "1", published)
    office.agent.link.stop()
    office.machine.stop()

    nowhere(monkeypatch, office.folder / "new")
    keys = next((office.folder / "persons").glob("*.keys"))
    restore = (
        "restore",
        str(backup),
        "--personal-keys",
        str(keys),
        "--as",
        "o-1",
        "--note",
        "drill",
    )
    code, told = asked(*restore, "--published", str(published), "--same-log")
    assert code == 0, told
    assert (told["position"], told["new_log"], told["key"]) == (made["position"], False, key)
    if made["size"] == made["position"]:
        assert told["root"] == made["root"]

    office.move(office.folder / "new" / "ledger")
    later = office.trade(5)
    code, audited = asked("audit", str(office.machine.data / "log" / "1"), "--key", key, "--all",
                          "--state", str(office.folder / "state.json"))  # fmt: skip
    assert (code, audited["size"] >= later) == (0, True)
    assert RowsCheck(office.machine.cluster.dsn()).run().problems == []
    assert office.machine.cluster.dsn()
    found = office.machine.data / "documents"
    assert len([one for one in found.rglob("*") if one.is_file()]) == 1


def test_a_ledger_restored_to_before_is_filled_again_and_goes_on_as_a_new_log(
    office: Office, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = office.person()
    office.agent.keep(received(1, counterparty_card=ref))
    office.trade(20)
    key, backups = office.key(), office.folder / "backups"
    at(office.machine, monkeypatch)
    with trading(office):
        made = asked("backup", str(backups), "--personal-keys", str(office.folder / "persons"))[1]
    # Ten minutes later: what is traded now is in no backup, and was published.
    office.trade(25)
    url = office.machine.log_url
    assert asked("erase", ref, "--as", "o-1", "--note", "asked", "--although-kept")[0] == 0
    newer = asked("backup", str(backups), "--personal-keys", str(office.folder / "persons"))[1]
    assert newer["backup"] > made["backup"]
    state = ("--state", str(office.folder / "audited"))
    tape = ("--tape", str(office.folder / "s.tape"))
    code, before = asked("audit", url, "--key", key, *tape, *state)
    assert code == 0
    published = office.folder / "published"
    shutil.copytree(office.machine.data / "log" / "1", published)
    last = int((published / "checkpoint").read_text().splitlines()[1])
    office.agent.link.stop()
    office.machine.stop()

    nowhere(monkeypatch, office.folder / "new")
    keys = office.folder / "persons" / f"{Path(made['backup']).name}.keys"
    restore = (
        "restore",
        made["backup"],
        "--personal-keys",
        str(keys),
        "--as",
        "o-1",
        "--note",
        "drill",
    )
    code, told = asked(*restore, "--published", str(published))
    assert (code, told["new_log"], told["origin"]) == (0, True, f"{key.split('+')[0]}/2")
    assert (told["warnings"], told["erased_again"]) == ([], 1)

    office.move(office.folder / "new" / "ledger")
    office.trade(3)
    with psycopg.connect(office.machine.cluster.dsn()) as connection:
        first = connection.execute(
            "SELECT topic, state FROM ledger.events WHERE notification_id = %s",
            [told["position"] + 1],
        ).fetchone()
        count = connection.execute(
            "SELECT count(*) FROM ledger.events WHERE chain IS NOT NULL"
        ).fetchone()
    assert first is not None
    event = json.loads(first[1])
    assert (first[0], event["old_origin"], event["old_size"]) == (
        "ledger-restored.v1", key.split("+")[0], last,
    )  # fmt: skip
    assert event["old_root"] == base64_to_hex(
        (published / "checkpoint").read_text().splitlines()[2]
    )
    at(office.machine, monkeypatch)
    assert [one["ref"] for one in asked("erase", "--list")[1]["erased"]] == [ref]
    # The tape brought everything back: nothing is missing, nothing is there twice.
    assert count == (office.agent.tape.last(),)
    assert RowsCheck(office.machine.cluster.dsn()).run().problems == []
    new = office.key()
    assert new == told["key"]
    code, audited = asked(
        "audit", office.machine.log_url, "--key", new, "--tape", str(office.folder / "s.tape")
    )
    assert (code, audited["receipts_waiting"]) == (0, 0)
    # What was restored kept the receipts of the old log.
    assert 0 < audited["receipts_former"] <= told["position"]
    # The old log is there as it was published last, and whoever pinned it is told that this is another.
    kept = httpx.get(f"{office.machine.log_url}/old/1/checkpoint", trust_env=False)
    assert kept.content == (published / "checkpoint").read_bytes()
    assert asked("audit", office.machine.log_url, *state)[1]["findings"][0]["code"] == "restored"
    code, audited = asked("audit", office.machine.log_url, *state, "--restored")
    assert code == 0, audited
    assert (audited["audited"], audited["kept"]) == (before["size"], told["position"])
    assert audited["known"] == [key.split("+")[0], last]
    assert asked("audit", office.machine.log_url, *state)[0] == 0
    code, audited = asked("audit", office.machine.log_url, *state, "--restored")
    assert (code, "leave out --restored" in audited["error"]) == (1, True)


def test_a_second_restore_takes_another_name_and_lost_keys_of_persons_stop_nobody(
    office: Office, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = office.person()
    office.agent.keep(received(1, counterparty_card=ref))
    named, key = office.trade(2) - 2, office.key()
    at(office.machine, monkeypatch)
    made = asked(
        "backup", str(office.folder / "backups"), "--personal-keys", str(office.folder / "persons")
    )[1]
    office.agent.keep(received(1, counterparty_card=ref))
    office.trade(1)
    office.agent.link.stop()
    office.machine.stop()
    # The newest copy of the old log that there is, and it is damaged.
    published = office.folder / "published"
    shutil.copytree(office.machine.data / "log" / "1", published)
    for bundle in (published / "tile" / "entries").rglob("*"):
        if bundle.is_file():
            bundle.write_bytes(bundle.read_bytes()[:-1] + b"x")
    restore = (
        "restore",
        made["backup"],
        "--without-personal-keys",
        "--as",
        "o-1",
        "--note",
        "drill",
    )

    origins = []
    for name in ("new", "newer"):
        if name == "new":
            nowhere(monkeypatch, office.folder / name)
        else:
            (office.folder / name).mkdir(mode=0o755)
            monkeypatch.setenv("SUYUAN_DATA", str(office.folder / name))
        code, told = asked(*restore, "--published", str(published))
        assert (code, "lead to another root" in told["warnings"][0]) == (0, True), told
        origins.append(told["origin"].rpartition("/")[2])
    assert origins == ["2", "3"]
    # What the backup had of the old log is good, and stays.
    old = office.folder / "newer" / "ledger" / "log" / "1"
    checkpoint = ("--state", str(office.folder / "x"), "--key", key)
    assert asked("audit", str(old), *checkpoint)[0] == 0
    assert not list(old.parent.glob(".*"))

    office.move(office.folder / "newer" / "ledger")
    office.trade(1)
    at(office.machine, monkeypatch)
    # Nobody erased them, and nobody shall be erased for it when the keys are found again.
    assert asked("erase", "--list")[1]["erased"] == []
    # Whoever they were, what was said of them still fits, and is proved.
    assert RowsCheck(office.machine.cluster.dsn()).run().problems == []
    answer = httpx.get(f"{office.machine.log_url}/proof/{named}", trust_env=False)
    proved = check_proof(read_proof(answer.content), NoteKey(office.key()))
    assert proved.position == named


def base64_to_hex(text: str) -> str:
    import base64

    return base64.b64decode(text).hex()


def test_a_flipped_byte_in_a_backup_is_noticed_wherever_it_is(
    office: Office, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.trade(3)
    at(office.machine, monkeypatch)
    persons = office.folder / "persons"
    made = asked("backup", str(office.folder / "backups"), "--personal-keys", str(persons))[1]
    backup = Path(made["backup"])
    digest = next((office.folder / "backups" / "documents").rglob("*"), None)
    assert digest is not None
    names = [one for one in backup.rglob("*") if one.is_file()]
    names += [one for one in (office.folder / "backups" / "documents").rglob("*") if one.is_file()]

    for file in names:
        content = file.read_bytes()
        changed = bytearray(content or b"\0")
        changed[len(changed) // 2] ^= 4
        file.write_bytes(bytes(changed))
        code, told = asked("backup", str(backup), "--check")
        assert (code, str(file.name) in told["error"] or "ledger signed" in told["error"]) == (
            1,
            True,
        ), file
        file.write_bytes(content)
    assert asked("backup", str(backup), "--check")[0] == 0

    nowhere(monkeypatch, office.folder / "new")
    (keys,) = persons.glob("*.keys")
    keys.write_bytes(keys.read_bytes() + b"x")
    restore = ("restore", str(backup), "--as", "o-1", "--note", "drill")
    code, told = asked(*restore, "--personal-keys", str(keys))
    assert (code, "personal keys" in told["error"]) == (1, True)
    assert asked(*restore)[0] == 1
    log = office.folder / "backups" / "log" / "1"
    size = made["size"]
    tile = log / "tile" / "entries" / f"000.p/{size}"
    tile.write_bytes(tile.read_bytes()[:-1] + b"x")
    code, told = asked("backup", str(backup), "--check")
    assert (code, "published log" in told["error"]) == (1, True)
    code, told = asked(*restore, "--without-personal-keys")
    assert (code, "published log" in told["error"]) == (1, True)
    assert not (office.folder / "new" / "ledger").exists()


def test_a_restore_that_was_cut_off_is_not_taken_for_a_ledger(
    office: Office, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.trade(2)
    at(office.machine, monkeypatch)
    made = asked(
        "backup", str(office.folder / "backups"), "--personal-keys", str(office.folder / "persons")
    )[1]
    listening = socket.create_server(("127.0.0.1", 0))
    taken = str(listening.getsockname()[1])
    held = (office.folder / "backups" / ".lock").open("w")
    fcntl.flock(held, fcntl.LOCK_EX)
    code, told = asked(
        "backup", str(office.folder / "backups"), "--personal-keys", str(office.folder / "persons")
    )
    assert (code, "another backup" in told["error"]) == (1, True)
    nowhere(monkeypatch, office.folder / "new")
    with monkeypatch.context() as running:
        running.setenv("SUYUAN_INTAKE_PORT", taken)
        wish = ("restore", made["backup"], "--without-personal-keys", "--as", "o-1", "--note", "d")
        code, told = asked(*wish)
    assert (code, "stop the ledger that runs here" in told["error"]) == (1, True)
    listening.close()
    # As kill -9 before the end: nothing takes away what is there.
    command = [
        sys.executable, "-c",
        "import os, sys, suyuan.restore as r\n"
        "r._verify = lambda *a: os.kill(os.getpid(), 9)\n"
        "from suyuan.cli import main\n"
        "main(sys.argv[1:])", "restore", made["backup"], "--without-personal-keys", "--as", "o-1",
        "--note", "drill",
    ]  # fmt: skip
    assert subprocess.run(command, check=False, capture_output=True).returncode == -9
    cut_off = office.folder / "new" / "ledger"
    pid = int((cut_off / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)

    with pytest.raises(BadSetting, match="was cut off"):
        Machine(cut_off).start(say=lambda text: None)
    code, told = asked(
        "restore", made["backup"], "--without-personal-keys", "--as", "o-1", "--note", "d"
    )
    assert (code, "not empty" in told["error"]) == (1, True)


def test_every_later_backup_of_this_ledger_says_who_was_erased(tmp_path: Path) -> None:
    ours, stranger = SigningKey(bytes([1]) * 32), SigningKey(bytes([2]) * 32)
    refs = [str(uuid.uuid4()) for _ in range(5)]
    back_up(tmp_path / "b", hours=1, key=ours, erased=refs[:1])
    back_up(tmp_path / "renamed", hours=2, key=ours, erased=refs[1:2])
    back_up(tmp_path / "a", hours=3, key=ours, erased=refs[2:3])
    back_up(tmp_path / "c", hours=4, key=stranger, erased=refs[3:4])
    back_up(tmp_path / "d", hours=5, key=ours, erased=refs[4:])
    (tmp_path / "d" / "erased.json").write_text("[]")

    since = erased_since(tmp_path / "b", read_manifest(tmp_path / "b"))

    assert [one.ref for one in since.erased] == [*refs[2:3], *refs[1:2]]
    assert len(since.unread) == 1
    assert "by the time of d is not known" in since.unread[0]


def back_up(folder: Path, *, hours: int, key: SigningKey, erased: list[str]) -> None:
    """Writes as much of a backup as tells who was erased."""
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / "ledger.key").write_bytes(key.seed)
    told = [Erasure(ref, "o-1", "asked", NOON) for ref in erased]
    (folder / "erased.json").write_bytes(msgspec.json.encode(told))
    manifest = Manifest(
        ledger="local", made_at=NOON + timedelta(hours=hours), position=0, epoch=1, origin="o", size=0,
        root="", files={"erased.json": digest_of(folder / "erased.json")}, documents=[], missing=0,
        unopened=0, personal_keys="",
    )  # fmt: skip
    write_manifest(folder, manifest, key)


def test_two_folders_of_backups_share_a_place_for_the_keys_of_persons(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    places = [BackupPlace(tmp_path / one, tmp_path / "keys", 30) for one in ("a", "b")]

    names = [free_name(place, NOON)[0] for place in places]

    assert len(set(names)) == 2
    assert sorted(one.stem for one in (tmp_path / "keys").iterdir()) == sorted(names)


def test_the_keys_of_persons_go_from_backups_when_their_time_is_over(
    office: Office, asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(office.machine, monkeypatch)
    persons = office.folder / "persons"
    persons.mkdir()
    (persons / "20200101T000000Z.keys").write_bytes(b"old")

    code, made = asked("backup", str(office.folder / "backups"), "--personal-keys", str(persons))

    assert code == 0
    assert [one.stem for one in persons.iterdir()] == [Path(made["backup"]).name]
    assert asked("backup", str(office.folder / "b"))[0] == 1
    for days in ("-1", "0", "99999999999", "x"):
        with pytest.raises(SystemExit):
            main([*("backup", "b", "--personal-keys", "k"), f"--keep-days={days}"])
    inside = ("backup", str(office.folder / "b"), "--personal-keys", str(office.folder / "b" / "k"))
    assert asked(*inside)[0] == 1
