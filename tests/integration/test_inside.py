"""Seeing inside: measurements, readiness and log lines of the services at work."""

import logging
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from ledger.telling import LogLine
from suyuan.parts.machine import Machine
from tests.integration.test_intake import enrolled
from tests.support.databases import running_machine
from tests.support.make import received
from tests.support.people import chief_of

OPERATING = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with running_machine("test-inside-") as made:
        yield made


def measured(url: str) -> dict[str, float]:
    answer = httpx.get(url, trust_env=False, timeout=30)
    assert answer.status_code == 200
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_the_services_do_is_measured(machine: Machine) -> None:
    with httpx.Client(base_url=machine.intake_url, trust_env=False, timeout=30,
                      auth=chief_of(machine)) as http:  # fmt: skip
        tape = enrolled(http, "m-1")
        tape.add(received(1), received(2), b'{"type":"goods-beamed.v1"}')
        assert http.post("/intake/batches", content=tape.batch()).status_code == 200

    intake = measured(f"{machine.intake_url}/intake/metrics")
    assert intake["suyuan_intake_reports_total"] == 4
    assert intake["suyuan_intake_receipt_seconds_count"] == 1
    assert intake["suyuan_intake_transaction_reports_sum"] == 4
    assert intake["suyuan_quarantine unreadable"] == 1
    deadline = time.monotonic() + 20
    while True:
        query = measured(f"{machine.query_url}/v1/metrics")
        log = measured(f"{machine.log_url}/metrics")
        if query["suyuan_follower_lag_positions trade"] == log["suyuan_log_lag_positions"] == 0:
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert query["suyuan_record_position"] == log["suyuan_log_size"]
    assert query["suyuan_follower_lag_seconds trade"] == 0
    assert query["suyuan_alerts_open report-unreadable"] == 1
    assert log["suyuan_log_checkpoint_age_seconds"] < 70
    for name in ("suyuan_follower_lag_seconds", "suyuan_log_lag_seconds", "suyuan_quarantine"):
        assert name in OPERATING


def test_the_record_says_how_far_it_had_come_at_an_instant(machine: Machine) -> None:
    with httpx.Client(base_url=machine.intake_url, trust_env=False, timeout=30,
                      auth=chief_of(machine)) as http:  # fmt: skip
        before = enrolled(http, "m-7")
        assert http.post("/intake/batches", content=before.batch()).status_code == 200
        time.sleep(0.05)
        between = datetime.now(UTC)
        time.sleep(0.05)
        after = enrolled(http, "m-8")
        assert http.post("/intake/batches", content=after.batch()).status_code == 200

    def at(**asked: str | int) -> httpx.Response:
        url = f"{machine.query_url}/v1/positions"
        return httpx.get(url, params=asked, trust_env=False, timeout=30)

    now = at().json()
    then = at(at=between.isoformat()).json()
    assert then["position"] < now["position"]
    following = at(position=then["position"] + 1).json()
    assert then["received"] <= between.isoformat().replace("+00:00", "Z") < following["received"]
    assert at(position=then["position"]).json() == then
    assert at(position=10**9).json() == now
    assert at(at="2020-01-01T00:00:00Z").json() == {"position": 0, "received": None}
    assert at(at="2020-01-01T00:00:00").json()["title"] == "zone-missing"


def test_readiness_says_why_not(machine: Machine) -> None:
    ready = [
        f"{machine.intake_url}/intake/ready", f"{machine.query_url}/v1/ready",
        f"{machine.log_url}/ready",
    ]  # fmt: skip
    assert [httpx.get(url, trust_env=False).status_code for url in ready] == [200, 200, 200]

    machine.broker.kill()
    deadline = time.monotonic() + 20
    while (answer := httpx.get(ready[0], trust_env=False)).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (answer.status_code, "broker" in answer.json()["detail"]) == (503, True)
    machine.broker.start()


def test_a_log_line_is_one_line_with_what_it_is_about() -> None:
    record = logging.LogRecord("suyuan.intake", logging.INFO, "", 0, "lost:\n%s", ("x y",), None)
    record.position, record.device = 12, "scanner 1"

    line = LogLine().format(record)

    assert line.endswith('Z INFO suyuan.intake lost: x y position=12 device="scanner 1"')


def test_what_a_stranger_asks_for_neither_makes_up_a_field_of_a_log_line_nor_clears_a_screen() -> (
    None
):
    record = logging.LogRecord("suyuan.query", logging.WARNING, "", 0, "not answered", (), None)
    told = {}
    for path in ('/x" account="admin', '/x\\" account="admin', "/x\x00\x1b[2J", "/x?a=b"):
        record.path = path
        told[path] = LogLine().format(record).partition("path=")[2]

    assert list(told.values()) == [
        r'"/x\" account=\"admin"', r'"/x\\\" account=\"admin"', r'"/x\x00\x1b[2J"', '"/x?a=b"'
    ]  # fmt: skip


def test_intake_ends_when_it_is_told_to_though_a_page_listens(machine: Machine) -> None:
    assert machine.services is not None
    intake = machine.services.all["intake"]
    url = f"{machine.intake_url}/intake/stops/live"
    with httpx.stream("GET", url, trust_env=False, timeout=30) as listening:
        assert "version" in next(
            line for line in listening.iter_lines() if line.startswith("event")
        )
        process = intake.process
        intake.stop()
    assert process is not None
    # A service that does not end is killed after a while.
    assert process.poll() != -signal.SIGKILL

    intake.start()
    machine.services.wait("intake", f"{machine.intake_url}/intake/ledger")
