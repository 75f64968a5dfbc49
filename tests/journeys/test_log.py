"""The published log as outsiders use it: audit, witness, prove, with commands alone."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.errors import EXIT_DAMAGED
from ledger.settings import Settings
from scanners.agent import Agent, enroll, learn_home
from scanners.identity import Clocks
from suyuan.cli import main
from suyuan.parts.machine import Machine
from suyuan.parts.places import free_port
from tests.support.databases import scratch
from tests.support.make import received
from tests.support.people import chief_of


class Outsiders:
    """A market's ledger, its witness on the other side of town, and somebody who asks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.witness_port = free_port()
        # The witness must know the log's key, and the log the witness's: the log begins alone.
        self.machine = Machine(folder)
        self.machine.start(say=lambda text: None)
        self.key = httpx.get(f"{self.machine.log_url}/key", trust_env=False).text.strip()
        self.witness, self.witness_key = self.start_witness()
        home = learn_home(self.machine.intake_url, *self.machine.mqtt)
        self.tape_path = folder / "scanner-1.tape"
        tape = enroll(self.tape_path, "scanner-1", home, ["m-1"], since=date(2026, 1, 1),
                      auth=chief_of(self.machine))  # fmt: skip
        self.agent = Agent(tape, Clocks())
        self.agent.link.start()

    def start_witness(self) -> tuple[subprocess.Popen[str], str]:
        command = [
            sys.executable, "-m", "suyuan.cli", "witness", "wei.example/1", "--log", self.key,
            "--folder", str(self.folder / "witness"), "--listen", f"127.0.0.1:{self.witness_port}",
        ]  # fmt: skip
        (self.folder / "witness").mkdir(exist_ok=True)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = process.stdout.readline().split()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.witness_port)) == 0:
                    break
            time.sleep(0.05)
        return process, said[1]

    def cosigned(self) -> None:
        """Lets the log ask the witness from now on."""
        services = self.machine.services
        assert services is not None
        given = f"http://127.0.0.1:{self.witness_port} {self.witness_key}"
        services.all["log"]._environment["SUYUAN_LOG_WITNESSES"] = given
        services.all["log"].stop()
        services.all["log"].start()
        services.wait("log", f"{self.machine.log_url}/health")

    def trade(self, count: int) -> int:
        """Scans, waits for receipts and the checkpoint over them; returns the last position."""
        for number in range(1, count + 1):
            report = received(number)
            self.agent.keep(report)
        assert self.agent.link.wait_drained(30)
        position = self.agent.tape.last_position()
        deadline = time.monotonic() + 20
        while self.agent.covering.size < position:
            assert time.monotonic() < deadline, "no checkpoint came to the scanner"
            time.sleep(0.05)
        return position

    def close(self) -> None:
        self.witness.kill()
        self.witness.wait(10)
        self.agent.link.stop()
        self.machine.stop()


@pytest.fixture(scope="module")
def town() -> Iterator[Outsiders]:
    folder = scratch("test-log-")
    made = Outsiders(folder)
    yield made
    made.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def asked(
    town: Outsiders,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def ask(*words: str) -> tuple[int, Any]:
        code = main([*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ask


def test_a_scanner_hears_that_its_receipts_are_in_the_log_and_an_auditor_bears_it_out(
    town: Outsiders, asked: Any
) -> None:
    position = town.trade(40)

    code, told = asked(
        "audit", town.machine.log_url, "--key", town.key, "--tape", str(town.tape_path)
    )

    assert (code, told["ok"], told["receipts_waiting"]) == (0, True, 0)
    assert told["receipts_covered"] == town.agent.tape.last()
    assert told["size"] >= position
    town.trade(5)
    code, told = asked("audit", town.machine.log_url)
    assert (code, told["grown"] >= 5) == (0, True)
    copy = town.machine.data / "log" / "1"
    assert asked("audit", str(copy), "--key", town.key, "--all")[0] == 0


def test_a_proof_is_checked_offline_also_from_a_picture_of_its_code(
    town: Outsiders, asked: Any, tmp_path: Path
) -> None:
    position = town.trade(1)

    for name in ("slip.png", "slip.tlog-proof", "slip.svg"):
        assert (
            asked(
                "proof", str(position), "--log", town.machine.log_url, "--out", str(tmp_path / name)
            )[0]
            == 0
        )
    for name in ("slip.png", "slip.tlog-proof"):
        code, told = asked("verify-proof", str(tmp_path / name), "--key", town.key)
        assert (code, told["position"], told["public"]["goods"]["lot"]) == (0, position, "L1")

    text = (tmp_path / "slip.tlog-proof").read_text()
    forged = tmp_path / "forged.tlog-proof"
    forged.write_text(text.replace(f"index {position - 1}", f"index {position - 2}"))
    assert asked("verify-proof", str(forged), "--key", town.key)[0] == EXIT_DAMAGED
    forged.write_text(text.rsplit("\n\n", 1)[0])
    code, told = asked("verify-proof", str(forged), "--key", town.key)
    assert (code, "save it again" in told["means"]) == (EXIT_DAMAGED, True)
    other = town.key.replace("/local", "/other")
    with pytest.raises(SystemExit):
        asked("verify-proof", str(forged), "--key", other)
    assert asked("proof", "99999999", "--log", town.machine.log_url)[0] == 1
    assert asked("proof", "0", "--log", town.machine.log_url)[0] == 1
    assert asked("proof", "1", "--log", "http://127.0.0.1:9/log")[0] == 1


def test_a_witness_cosigns_and_an_auditor_may_ask_for_it(town: Outsiders, asked: Any) -> None:
    quorum = ("audit", town.machine.log_url, "--key", town.key, "--witness", town.witness_key)
    code, told = asked(*quorum)
    assert (code, [one["code"] for one in told["findings"]]) == (1, ["too-few-witnesses"])

    town.cosigned()
    town.trade(3)
    code, told = asked(*quorum)
    assert (code, told["witnesses"]) == (0, ["wei.example/1"])
    measured = httpx.get(f"{town.machine.log_url}/metrics", trust_env=False).text
    assert 'suyuan_log_cosigned{witness="wei.example/1"} 1.0' in measured

    # Killed and started again, it remembers; away, the log goes on without it.
    town.witness.kill()
    town.witness.wait(10)
    town.trade(2)
    assert asked(*quorum)[0] == 1
    town.witness, key = town.start_witness()
    assert key == town.witness_key
    town.cosigned()
    town.trade(1)
    assert asked(*quorum)[0] == 0


def test_a_witness_refuses_what_it_was_not_asked_rightly(town: Outsiders) -> None:
    url = f"http://127.0.0.1:{town.witness_port}/add-checkpoint"
    checkpoint = httpx.get(f"{town.machine.log_url}/checkpoint", trust_env=False).content

    def status(content: bytes) -> int:
        return httpx.post(url, content=content, trust_env=False).status_code

    assert status(b"") == 400
    assert status(b"old 1\n" * 100) == 400
    assert status(b"x" * 200_000) == 413
    assert status(b"old 0\n\n" + checkpoint.replace(b"/local\n", b"/other\n", 1)) == 404
    assert status(b"old 0\n\n" + checkpoint.replace(b"=\n\n", b"A=\n\n", 1)) == 400
    assert status(b"old 999999\n\n" + checkpoint) == 400
    assert status(b"old 0\n\n" + checkpoint) == 409
    answer = httpx.post(url, content=b"old 0\n\n" + checkpoint, trust_env=False)
    assert answer.headers["content-type"] == "text/x.tlog.size"
    assert answer.text.endswith("\n")


def test_what_is_not_the_log_is_refused_in_a_line(
    town: Outsiders, asked: Any, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(town.machine.data / "log" / "1", copy)
    state = ("--state", str(tmp_path / "state.json"))

    def findings(*words: str) -> tuple[int, list[str]]:
        code, told = asked("audit", str(copy), "--key", town.key, *state, *words)
        assert all(one["means"] for one in told["findings"])
        return code, [one["code"] for one in told["findings"]]

    # A log vouches for itself: who names its key as a witness's would believe that somebody else did.
    assert asked("audit", str(copy), "--key", town.key, *state, "--witness", town.key)[0] == 1
    (copy / "checkpoint").write_bytes(b"x" * 200_000)
    assert findings() == (EXIT_DAMAGED, ["forged-checkpoint"])
    shutil.copy(town.machine.data / "log" / "1" / "checkpoint", copy)
    for tile in (copy / "tile" / "0").rglob("*"):
        if tile.is_file():
            tile.write_bytes(tile.read_bytes()[:-5])
    assert findings() == (EXIT_DAMAGED, ["damaged-file"])
    assert (tmp_path / "state.json.evidence").exists()
    (copy / "checkpoint").unlink()
    assert findings() == (1, ["no-checkpoint"])
    code, told = asked("audit", str(tmp_path / "nowhere"), "--key", town.key, *state)
    assert (code, "neither an address nor a folder" in told["error"]) == (1, True)
    code, told = asked("audit", "http://127.0.0.1:9/log", "--key", town.key, *state)
    assert (code, "does not answer" in told["error"]) == (1, True)
    code, told = asked("audit", str(copy), "--key", town.witness_key, *state)
    assert (code, "not the key that was trusted before" in told["error"]) == (1, True)
    whole = town.machine.data / "log" / "1"
    assert asked("audit", str(whole), "--key", town.key, *state)[0] == 0
    kept = json.loads((tmp_path / "state.json").read_text())
    size, ends, rows = kept["verified"]
    for damaged in (
        "{", json.dumps(kept | {"verified": [-1, ends, rows]}), json.dumps(kept | {"key": "foo"}),
        json.dumps(kept | {"verified": [size, ends, []]}),
        json.dumps(kept | {"verified": [size, ends[::-1] + ends[:1], rows]}),
    ):  # fmt: skip
        (tmp_path / "state.json").write_text(damaged)
        code, told = asked("audit", str(whole), *state)
        assert (code, "cannot be read" in told["error"]) == (1, True), damaged
    code, told = asked(
        "audit", str(whole), "--key", town.key, "--restored", "--state", str(tmp_path / "s")
    )
    assert (code, "no later log" in told["error"]) == (1, True)


def test_settings_name_witnesses_that_can_be(town: Outsiders) -> None:
    from ledger.errors import BadSetting
    from ledger.log.memory import MemoryFiles
    from ledger.publisher.cosigning import witnesses_of

    assert Settings().log_witnesses == ""
    with pytest.raises(BadSetting, match="log_witnesses"):
        witnesses_of("http://127.0.0.1:1 nokey", MemoryFiles())
