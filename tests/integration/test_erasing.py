"""Erasing a person: what was known is gone for good, the record and every proof stay."""

import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import msgspec
import psycopg
import pytest

from ledger.errors import Conflict
from ledger.events import wire
from ledger.events.catalogue import encode
from ledger.journal.erasing import Erasure, erase
from ledger.journal.personal import PgPersonalStore
from ledger.log.notes import NoteKey
from ledger.log.proofs import check_proof, read_proof
from suyuan.audit_rows import RowsCheck
from suyuan.cli import main
from suyuan.parts.machine import Machine
from suyuan.upkeep import Upkeep
from tests.integration.test_intake import enrolled
from tests.support.databases import running_machine
from tests.support.make import FakeTape, received
from tests.support.people import chief_of

NAME, PHONE = "李大山甲乙丙", "13800001234"


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with running_machine("test-erase-") as made:
        entry = {
            "type": "merchant-registered.v1", "merchant": "m-1", "name": "张记奶品", "kind": "retailer",
            "district": "d",
        }  # fmt: skip
        wanted = [{"type": "register-merchant", "entry": entry}]
        asked = f"{made.intake_url}/intake/requests"
        chief = chief_of(made)
        assert httpx.post(asked, json=wanted, trust_env=False, auth=chief).status_code == 200
        yield made


@pytest.fixture
def http(machine: Machine) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=machine.intake_url, trust_env=False, timeout=30,
                      auth=chief_of(machine)) as client:  # fmt: skip
        yield client


def put_card(http: httpx.Client, tape: FakeTape, ref: str) -> int:
    card = msgspec.json.encode({"name": NAME, "phone": PHONE})
    signed = wire.SignedCard(
        device=tape.device, ref=ref, card=card, key=tape.key.id,
        signature=tape.key.sign(wire.card_message(ref, card)),
    )  # fmt: skip
    return http.put("/intake/cards", content=wire.encode(signed)).status_code


def send(http: httpx.Client, tape: FakeTape) -> tuple[wire.Verdict, ...]:
    answer = http.post("/intake/batches", content=tape.batch())
    body = wire.decode_answer(answer.content)[1]
    assert isinstance(body, wire.Receipt), body
    return body.verdicts


def proof(machine: Machine, position: int) -> str:
    deadline = time.monotonic() + 15
    while True:
        answer = httpx.get(f"{machine.log_url}/proof/{position}", trust_env=False)
        if answer.status_code == 200:
            return answer.text
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.2)


def log_key(machine: Machine) -> NoteKey:
    return NoteKey(httpx.get(f"{machine.log_url}/key", trust_env=False).text)


def dump(machine: Machine) -> bytes:
    assert machine.cluster.binaries is not None
    command = [str(machine.cluster.binaries.folder / "pg_dump"), "-d", machine.cluster.dsn()]
    return subprocess.run(command, capture_output=True, check=True, cwd="/").stdout


def test_a_person_is_erased_and_the_record_still_fits(http: httpx.Client, machine: Machine) -> None:
    ref, tape = str(uuid.uuid4()), enrolled(http, "m-1")
    assert put_card(http, tape, ref) == 200
    tape.add(received(1, counterparty_card=ref))
    position = send(http, tape)[-1].position
    earlier = proof(machine, position)
    with psycopg.connect(machine.cluster.dsn()) as connection:
        keys = "SELECT salt, key FROM personal.keys WHERE ref = %s"
        salt, key = connection.execute(keys, [ref]).fetchone()  # type: ignore[misc]
    assert key.hex().encode() in dump(machine)

    at = datetime.now(UTC)
    assert erase(machine.cluster.dsn(), Erasure(ref, "officer-1", "their request", at)) == 1

    store = PgPersonalStore(machine.cluster.dsn("suyuan_writer"), bytes)
    assert store.card(ref) is None
    dumped = dump(machine)
    for gone in (NAME.encode(), PHONE.encode(), key.hex().encode(), salt.hex().encode()):
        assert gone not in dumped
    for content in (earlier, proof(machine, position)):
        proved = check_proof(read_proof(content.encode()), log_key(machine))
        assert proved.position == position

    # A scanner that was offline names them again; intake had their salt in memory.
    tape.add(received(2, counterparty_card=ref))
    late = send(http, tape)[-1].position
    assert late > position
    assert put_card(http, tape, ref) == 200
    assert store.card(ref) is None
    assert check_proof(read_proof(proof(machine, late).encode()), log_key(machine)).position == late
    assert RowsCheck(machine.cluster.dsn()).run().problems == []
    tables = Upkeep(machine.cluster.dsn("suyuan_follower")).compare()
    assert [one for one in tables if one.missing or one.unexpected] == []
    with pytest.raises(Conflict, match="erased before"):
        erase(machine.cluster.dsn(), Erasure(ref, "officer-1", "again", at))


def test_a_person_is_erased_also_where_a_scanner_spelt_the_reference_with_escapes(
    http: httpx.Client, machine: Machine
) -> None:
    ref, tape = str(uuid.uuid4()), enrolled(http, "m-1")
    put_card(http, tape, ref)
    # Of a digit the escape ends in the digit itself, and would be found by accident.
    spelt = ref.replace("-", "\\u002d", 1)
    tape.add(encode(received(1, counterparty_card=ref)).replace(ref.encode(), spelt.encode()))
    position = send(http, tape)[-1].position

    assert erase(machine.cluster.dsn(), Erasure(ref, "officer-1", "asked", datetime.now(UTC))) == 1

    problems = RowsCheck(machine.cluster.dsn()).run().problems
    assert [one for one in problems if f"position {position}:" in one] == []
    assert check_proof(read_proof(proof(machine, position).encode()), log_key(machine))


def test_a_person_is_erased_while_what_names_them_keeps_coming_in(
    http: httpx.Client, machine: Machine
) -> None:
    ref, over = str(uuid.uuid4()), threading.Event()
    tapes = [enrolled(http, "m-1") for _ in range(2)]
    put_card(http, tapes[0], ref)
    taken: list[int] = []

    def trade(tape: FakeTape) -> None:
        with httpx.Client(base_url=machine.intake_url, trust_env=False, timeout=30) as own:
            while not over.is_set():
                tape.add(received(1, counterparty_card=ref), received(1))
                taken.append(send(own, tape)[-1].position)

    trading = [threading.Thread(target=trade, args=[tape]) for tape in tapes]
    for one in trading:
        one.start()
    try:
        time.sleep(0.5)
        named = erase(machine.cluster.dsn(), Erasure(ref, "officer-1", "asked", datetime.now(UTC)))
        known = len(taken)
        time.sleep(0.5)
    finally:
        over.set()
        for one in trading:
            one.join()

    assert named > 0
    assert len(taken) > known, "trade went on"
    assert RowsCheck(machine.cluster.dsn()).run().problems == []
    with psycopg.connect(machine.cluster.dsn()) as connection:
        kept = connection.execute("SELECT count(*) FROM personal.keys WHERE ref = %s", [ref])
        assert kept.fetchone() == (0,)


def test_a_row_of_an_erased_person_that_was_changed_is_noticed(
    http: httpx.Client, machine: Machine
) -> None:
    ref, tape = str(uuid.uuid4()), enrolled(http, "m-1")
    put_card(http, tape, ref)
    tape.add(received(3, counterparty_card=ref))
    position = send(http, tape)[-1].position
    erase(machine.cluster.dsn(), Erasure(ref, "officer-1", "their request", datetime.now(UTC)))

    with psycopg.connect(machine.cluster.dsn()) as connection:
        connection.execute(
            "UPDATE personal.shut SET person = decode(repeat('00', 32), 'hex') WHERE position = %s",
            [position],
        )
    problems = RowsCheck(machine.cluster.dsn()).run().problems

    assert [p for p in problems if f"position {position}:" in p and "leaf does not fit" in p]


def test_who_must_be_kept_by_law_is_not_erased_by_mistake(
    http: httpx.Client,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SUYUAN_OWNER_DSN", machine.dsn("suyuan_owner"))
    monkeypatch.setenv("SUYUAN_FOLLOWER_DSN", machine.dsn("suyuan_follower"))
    monkeypatch.setenv("SUYUAN_DATA", str(machine.data))
    ref, tape = str(uuid.uuid4()), enrolled(http, "m-1")
    put_card(http, tape, ref)
    tape.add(received(3, counterparty_card=ref))
    send(http, tape)
    wait_followed(machine, ref)
    command = ["erase", ref, "--as", "officer-1", "--note", "asked"]

    assert main(command) == 1
    assert "must be kept until" in capsys.readouterr().err

    assert main([*command, "--although-kept"]) == 0
    assert "1 events name them" in capsys.readouterr().out
    ledger = f"{machine.query_url}/v1/merchants/m-1/ledgers/purchases"
    shown = httpx.get(
        ledger,
        params={"since": "2026-01-01", "until": "2026-12-31"},
        trust_env=False,
        auth=chief_of(machine),
    ).text
    assert ("已删除 erased" in shown, NAME in shown) == (True, False), shown
    assert main([*command, "--although-kept"]) == 1
    assert "no person is known" in capsys.readouterr().err


def wait_followed(machine: Machine, ref: str) -> None:
    deadline = time.monotonic() + 20
    with psycopg.connect(machine.dsn("suyuan_follower"), autocommit=True) as views:
        while not views.execute("SELECT FROM trade.movements WHERE card = %s", [ref]).rowcount:
            assert time.monotonic() < deadline
            time.sleep(0.1)
