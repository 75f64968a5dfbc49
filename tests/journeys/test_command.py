"""The command as people type it: up, enroll, label, decode, scan, verify, rebuild, doctor."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from suyuan.parts.places import free_port
from tests.support.databases import scratch
from tests.support.make import MILK

ROOT = Path(__file__).parents[2]


class Shell:
    """Somebody at a terminal, with a ledger running in another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | {"SUYUAN_DATA": str(folder), "PYTHONPATH": str(ROOT)}
        for name in ("MQTT", "INTAKE", "QUERY"):
            self.env[f"SUYUAN_{name}_PORT"] = str(free_port())
        self.up = subprocess.Popen(
            [sys.executable, "-m", "suyuan.cli", "up", "--json", "--port", "0"],
            cwd=folder, env=self.env, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.up.stdout is not None
        self.told: dict[str, Any] = json.loads(self.up.stdout.readline())

    def run(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "suyuan.cli", *words],
            cwd=self.folder, env=self.env, capture_output=True, text=True, input=typed,
            check=False, timeout=120,
        )  # fmt: skip

    def stop(self) -> None:
        self.up.send_signal(signal.SIGTERM)
        self.up.wait(30)


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    folder = scratch("test-command-")
    made = Shell(folder)
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_stallholders_first_day_by_hand(shell: Shell) -> None:
    enrolled = shell.run(
        "enroll", "stall-7", "--tape", "stall.tape", "--intake", shell.told["intake"],
        "--mqtt", shell.told["mqtt"], "--merchant", "m-7",
    )  # fmt: skip
    assert enrolled.returncode == 0, enrolled.stderr
    made = shell.run(
        "label",
        "milk.png",
        "--kind",
        "datamatrix",
        "--gtin",
        "6901234567892",
        "--lot",
        "A1",
        "--expires",
        "2030-12-01",
    )
    assert made.returncode == 0, made.stderr
    decoded = json.loads(shell.run("decode", "--json", "milk.png").stdout)
    assert decoded["codes"][0]["lot"] == "A1"

    scanned = shell.run("scan", "--tape", "stall.tape", "--for", "m-7:m-7-a", "--file", "milk.png")

    assert scanned.returncode == 0, scanned.stdout + scanned.stderr
    assert "kept, not yet confirmed" in scanned.stdout
    assert "everything on the tape is confirmed" in scanned.stdout
    lot = httpx.get(f"{shell.told['query']}/v1/lots/{MILK}/A1", trust_env=False)
    assert lot.json()["steps"][0]["premises"] == "m-7-a"


def test_a_wedge_on_standard_input_asks_and_takes_the_answer(shell: Shell) -> None:
    shell.run(
        "enroll",
        "stall-8",
        "--tape",
        "w.tape",
        "--intake",
        shell.told["intake"],
        "--mqtt",
        shell.told["mqtt"],
    )

    done = shell.run(
        "scan", "--tape", "w.tape", "--for", "m-8:m-8-a", "--offline",
        typed="6901234567892\n301201\nnonsense\n]C10106901234567893\n",
    )  # fmt: skip

    assert done.returncode == 1, "the hand saw red"
    assert "which date is on it" in done.stdout
    assert "check digit" in done.stdout
    assert "not yet confirmed; they are kept and sent later" in done.stdout


def test_verify_and_rebuild_work_on_the_running_ledger(shell: Shell) -> None:
    rebuilt = shell.run("rebuild", "lots", "--json")
    verified = shell.run("verify", "--json")

    assert json.loads(rebuilt.stdout)["position"] > 0, rebuilt.stderr
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert json.loads(verified.stdout)["ok"] is True


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["enroll", "x", "--intake", "http://127.0.0.1:1", "--mqtt", "127.0.0.1:1"],
            "no ledger answers",
        ),
        (["enroll", "x", "--mqtt", "nowhere"], "host:port"),
        (["scan", "--tape", "missing.tape"], "suyuan enroll"),
        (["label", "x.gif", "--gtin", "6901234567892"], "ends in .svg"),
        (["label", "x.png", "--gtin", "6901234567893"], "check digit"),
        (["label", "x.png"], "needs --gtin"),
        (["decode", "/dev/null"], "no picture"),
        (["simulate", "/proc/nowhere"], "simulate"),
        (["simulate", "out", "--merchants", "2"], "at least 8"),
    ],
)
def test_a_mistake_is_answered_in_a_line_without_a_traceback(
    shell: Shell, words: list[str], said: str
) -> None:
    done = shell.run(*words)

    assert done.returncode == 1
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_the_doctor_and_the_help_can_be_read(shell: Shell) -> None:
    doctor = shell.run("doctor")

    assert "database" in doctor.stdout
    assert "market's day" in shell.run("--help").stdout
    assert shell.run("nonsense").returncode == 2


def test_simulated_trade_comes_with_its_truth(shell: Shell) -> None:
    done = shell.run("simulate", "trade", "--merchants", "10", "--seed", "3", "--json")

    reports = (shell.folder / "trade" / "reports.ndjson").read_text().splitlines()
    truth = json.loads((shell.folder / "trade" / "truth.json").read_text())
    assert json.loads(done.stdout)["reports"] == len(reports) > 100
    assert truth["stock"]


def test_a_second_up_does_not_touch_the_ledger_that_runs(shell: Shell) -> None:
    again = shell.run("up", "--port", "0")

    assert again.returncode == 1
    assert "is taken" in again.stderr or "in use by process" in again.stderr
    assert httpx.get(f"{shell.told['query']}/v1/health", trust_env=False).status_code == 200
