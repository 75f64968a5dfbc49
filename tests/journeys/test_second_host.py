"""From another machine, by name and over TLS alone: sign in, ask, join, scan, audit."""

import json
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.rules.access import Grant
from ledger.settings import Settings
from suyuan.parts.machine import Machine
from tests.support.databases import scratch
from tests.support.people import PASSWORD, add_account
from tests.support.second_host import HERE, SecondHost, second_host

NAME = "suyuan.lan"


class Elsewhere:
    """A terminal on the other machine."""

    def __init__(self, host: SecondHost, machine: Machine, folder: Path) -> None:
        self._host, self.machine, self.folder = host, machine, folder
        assert machine.certificates is not None
        self.fingerprint = machine.certificates.fingerprint
        self._env = {"XDG_STATE_HOME": str(folder), "HOME": str(folder)}

    def suyuan(self, *words: str, said: str = "") -> tuple[int, Any, str]:
        """Runs the command; returns its exit code, its JSON and what it complained about."""
        done = self._host.run(
            sys.executable, "-m", "suyuan.cli", *words, "--json", env=self._env, said=said
        )
        last = done.stdout.strip().splitlines()[-1:]
        return done.returncode, json.loads(last[0]) if last else None, done.stderr

    def reaches(self, port: int) -> bool:
        """Tells whether a port of the ledger's machine can be reached from there."""
        program = f"import socket; socket.create_connection(('{NAME}', {port}), 2)"
        return self._host.run(sys.executable, "-c", program, env=self._env).returncode == 0


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    with second_host(NAME) as host:
        folder = scratch("second-")
        machine = Machine(folder, given=Settings(public_name=NAME))
        try:
            machine.start(say=lambda _: None)
            owner = machine.dsn("suyuan_owner")
            add_account(owner, "stall-1", Grant("merchant", ("m-1",)))
            add_account(owner, "auditor-1", Grant("auditor"))
            yield Elsewhere(host, machine, tmp_path_factory.mktemp("there"))
        finally:
            machine.stop()
            shutil.rmtree(folder, ignore_errors=True)


def test_only_what_is_over_tls_and_the_public_pages_are_reached_from_another_machine(
    elsewhere: Elsewhere,
) -> None:
    machine = elsewhere.machine

    reached = {name: elsewhere.reaches(port) for name, port in machine.ports.items()}
    over_tls = {name: elsewhere.reaches(port) for name, port in machine.tls_ports.items()}

    assert reached == {"intake": False, "query": False, "kiosk": True, "log": False}
    assert all(over_tls.values()), over_tls
    assert not elsewhere.reaches(machine.broker.port), "the broker's plain port"
    with socket.socket() as probe:
        assert probe.connect_ex((HERE, machine.ports["intake"])) != 0


def test_a_stall_signs_in_asks_a_scanner_in_and_scans_from_another_machine(
    elsewhere: Elsewhere,
) -> None:
    intake, tape = elsewhere.machine.https("intake"), str(elsewhere.folder / "s.tape")
    trusting = ("--intake", intake, "--fingerprint", elsewhere.fingerprint)

    code, told, words = elsewhere.suyuan("sign-in", "stall-1", *trusting, said=f"{PASSWORD}\n")
    assert code == 0, words
    code, invited, words = elsewhere.suyuan(
        "devices", "invite", "till-1", "--merchant", "m-1", "--out", str(elsewhere.folder / "c.png")
    )
    assert code == 0, words
    code, joined, words = elsewhere.suyuan(
        "enroll", "--code", str(elsewhere.folder / "c.png"), "--tape", tape
    )
    assert code == 0, words
    code, scanned, words = elsewhere.suyuan(
        "scan", "--tape", tape, "--for", "m-1:m-1-a", "--mode", "count",
        said="06901234567892\n261201\n",
    )  # fmt: skip
    assert code == 0, words
    code, stock, words = elsewhere.suyuan("ledger", "stock", "--premises", "m-1-a")

    assert told["ok"]
    assert invited["link"].startswith(f"https://{NAME}:")
    assert joined["device"] == "till-1"
    assert scanned["confirmed"], (scanned, words)
    assert code == 0, words
    assert "lines" in stock


def test_an_auditor_elsewhere_checks_the_log_and_believes_no_other_host(
    elsewhere: Elsewhere,
) -> None:
    log = f"{elsewhere.machine.https('log')}/log"
    trusting = ("--intake", elsewhere.machine.https("intake"))

    key = httpx.get(f"{elsewhere.machine.log_url}/key", trust_env=False).text.strip()
    code, told, _ = elsewhere.suyuan("audit", log, "--key", key)
    assert code == 0, told
    shutil.rmtree(elsewhere.folder / "suyuan" / "authorities")
    code, told, unknown = elsewhere.suyuan("audit", log)
    assert code == 1
    assert "certificate" in f"{told} {unknown}".lower()
    code, told, words = elsewhere.suyuan(
        "sign-in", "auditor-1", *trusting, "--fingerprint", "00" * 32, said=f"{PASSWORD}\n"
    )
    assert code == 1
    assert "not the ledger that you were told of" in f"{told}", words


def test_no_password_goes_over_an_open_line(elsewhere: Elsewhere) -> None:
    address = f"http://{NAME}:{elsewhere.machine.ports['kiosk']}"

    code, told, words = elsewhere.suyuan(
        "sign-in", "stall-1", "--intake", address, said=f"{PASSWORD}\n"
    )

    assert code == 1
    assert "over https:// alone" in f"{told}", words
