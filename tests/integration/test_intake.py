"""Intake as a whole service: requests, documents, cards, and batches over HTTP."""

import base64
import hashlib
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import psycopg
import pytest

from ledger.accounts.access_log import check_access_log
from ledger.accounts.book import PgAccounts
from ledger.events import wire
from ledger.journal.personal import Card, PgPersonalStore
from ledger.rules.access import Grant
from scanners.agent import learn_home
from suyuan.parts.machine import Machine
from tests.support.databases import running_machine
from tests.support.make import FakeTape, received
from tests.support.paper_files import picture
from tests.support.people import CHIEF, add_account, chief_of, sign_in

PNG = picture("PNG")


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with running_machine("test-intake-") as made:
        yield made


@pytest.fixture
def http(machine: Machine) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=machine.intake_url, trust_env=False, timeout=30,
                      auth=chief_of(machine)) as client:  # fmt: skip
        yield client


def enrolled(http: httpx.Client, *merchants: str) -> FakeTape:
    tape = FakeTape(f"scanner-{uuid.uuid4().hex[:8]}")
    wanted: list[dict[str, Any]] = [
        {"type": "enroll-device", "device": tape.device, "key": tape.key.public, "name": "x"}
    ]
    wanted += [
        {"type": "grant-mandate", "device": tape.device, "merchant": m, "valid_from": "2020-01-01"}
        for m in merchants
    ]
    assert http.post("/intake/requests", json=wanted).status_code == 200
    return tape


def test_a_batch_over_http_gets_the_same_signed_receipt(
    http: httpx.Client, machine: Machine
) -> None:
    tape = enrolled(http, "m-1")
    tape.add(received(1))

    answers = [http.post("/intake/batches", content=tape.batch()) for _ in range(2)]

    bodies = [wire.decode_answer(a.content)[1] for a in answers]
    assert isinstance(bodies[0], wire.Receipt)
    assert isinstance(bodies[1], wire.Receipt)
    assert bodies[0].verdicts == bodies[1].verdicts
    home = learn_home(machine.intake_url, "127.0.0.1", machine.broker.port)
    assert home.keys


def test_who_sends_long_lists_again_and_again_waits_for_their_own_and_for_nobody_else(
    http: httpx.Client, machine: Machine
) -> None:
    asked = [
        {"type": "comment-alerts", "group": f"g-{n:016x}", "by": CHIEF, "note": "x"}
        for n in range(150)
    ]
    too_long = http.post("/intake/requests", json=asked * 7)
    with ThreadPoolExecutor(14) as hands:
        codes = list(
            hands.map(lambda _: http.post("/intake/requests", json=asked).status_code, range(14))
        )

    assert (too_long.status_code, too_long.json()["title"]) == (400, "too-many-requests")
    assert "1000" in too_long.json()["detail"]
    assert set(codes) == {422, 429}
    # Whoever was told to wait is heard afterwards.
    assert http.post("/intake/requests", json=asked[:1]).status_code == 422


def test_a_question_asked_again_under_its_key_gets_its_answer_again(http: httpx.Client) -> None:
    unknown = [
        {"type": "grant-mandate", "device": "later", "merchant": "m", "valid_from": "2026-01-01"}
    ]
    headers = {"idempotency-key": str(uuid.uuid4())}
    first = http.post("/intake/requests", json=unknown, headers=headers)
    key = FakeTape().key.public
    enroll = [{"type": "enroll-device", "device": "later", "key": key, "name": "x"}]
    assert http.post("/intake/requests", json=enroll).status_code == 200

    again = http.post("/intake/requests", json=unknown, headers=headers)
    other = http.post("/intake/requests", json=enroll, headers=headers)
    granted = {"idempotency-key": str(uuid.uuid4())}
    done = http.post("/intake/requests", json=enroll, headers=granted)
    reused = http.post("/intake/requests", json=unknown, headers=granted)
    without = http.post("/intake/requests", json=unknown)

    assert (first.status_code, again.status_code) == (422, 422)
    assert again.content == first.content
    # Whether what was asked first came to be makes the difference to who asks.
    assert other.json()["title"] == "key-refused"
    assert (done.status_code, reused.json()["title"]) == (200, "key-reused")
    assert without.status_code == 200, "without the key it is decided anew"
    bad = http.post("/intake/requests", json=unknown, headers={"idempotency-key": "x" * 81})
    assert bad.json()["title"] == "no-key"


def test_a_revocation_acts_on_the_next_batch(http: httpx.Client) -> None:
    tape = enrolled(http, "m-1")
    http.post("/intake/batches", content=tape.batch())
    tape.add(received(1))

    http.post(
        "/intake/requests",
        json=[{"type": "revoke-device", "device": tape.device, "reason": "lost"}],
    )
    body = wire.decode_answer(http.post("/intake/batches", content=tape.batch()).content)[1]

    assert isinstance(body, wire.Refused)
    assert body.code == "revoked-device"


def test_a_withdrawn_mandate_flags_what_comes_after(http: httpx.Client) -> None:
    tape = enrolled(http, "m-1")
    http.post("/intake/batches", content=tape.batch())
    withdraw = {
        "type": "withdraw-mandate",
        "device": tape.device,
        "merchant": "m-1",
        "from_day": "2026-01-01",
    }
    http.post("/intake/requests", json=[withdraw])
    tape.add(received(1))

    body = wire.decode_answer(http.post("/intake/batches", content=tape.batch()).content)[1]

    assert isinstance(body, wire.Receipt)
    assert body.verdicts[-1].flags == ("no-mandate",)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([{"type": "enroll-device", "device": "s-x", "key": "rsa:AA", "name": "x"}], "key-invalid"),
        ([{"type": "grant-mandate", "device": "nobody", "merchant": "m", "valid_from": "2026-01-01"}], "device-unknown"),
        ([{"type": "add-premises", "entry": {"type": "premises-added.v1", "merchant": "m-none", "premises": "p", "name": "x", "market": "mk"}}], "merchant-unknown"),
        ([{"type": "begin-day", "market": "mk", "day": "2026-01-01", "zone": "Mars/Olympus"}], "zone-unknown"),
        ([{"type": "register-product", "entry": {"type": "product-registered.v1", "gtin": "06901234567893", "name_zh": "x", "name_en": "x", "category": "x"}}], "gtin-invalid"),
    ],
)  # fmt: skip
def test_a_refusal_is_a_value_with_advice(http: httpx.Client, body: Any, code: str) -> None:
    answer = http.post("/intake/requests", json=body)

    assert answer.status_code == 422
    assert answer.json()[0]["code"] == code
    assert answer.json()[0]["advice"]


def test_a_device_name_that_is_taken_is_refused_and_the_same_request_twice_is_not(
    http: httpx.Client,
) -> None:
    tape = enrolled(http)
    same = {"type": "enroll-device", "device": tape.device, "key": tape.key.public, "name": "x"}
    other = same | {"key": FakeTape().key.public}

    assert http.post("/intake/requests", json=[same]).status_code == 200
    assert http.post("/intake/requests", json=[other]).json()[0]["code"] == "device-taken"


def test_what_is_no_request_no_batch_or_too_large_is_said_so(http: httpx.Client) -> None:
    assert http.post("/intake/requests", content=b"{").status_code == 400
    assert http.post("/intake/requests", json=[{"type": "drop-everything"}]).status_code == 400
    assert http.post("/intake/batches", content=b"hello").status_code == 400
    assert http.post("/intake/batches", content=b"[" * 100_000).status_code == 400
    assert http.post("/intake/batches", content=bytes(1_100_000)).status_code == 413


def _document(http: httpx.Client, tape: FakeTape, content: bytes, **changes: Any) -> httpx.Response:
    digest = hashlib.sha256(content).hexdigest()
    media = changes.pop("media", "image/png")
    signed = wire.SignedDocument(
        device=tape.device, digest=digest, media=media, key=tape.key.id,
        signature=tape.key.sign(wire.document_message(digest, media)),
    )  # fmt: skip
    signed = msgspec.structs.replace(signed, **changes)
    header = base64.b64encode(wire.encode(signed)).decode()
    return http.put(
        f"/intake/documents/{digest}", content=content, headers={"x-suyuan-signed": header}
    )


def test_a_papers_picture_is_kept_once_under_its_hash(http: httpx.Client, machine: Machine) -> None:
    tape = enrolled(http)
    content = PNG + uuid.uuid4().bytes

    assert _document(http, tape, content).status_code == 201
    assert _document(http, tape, content).status_code == 200

    digest = hashlib.sha256(content).hexdigest()
    assert (machine.data / "documents" / digest[:2] / digest).read_bytes() == content


def test_a_picture_that_is_unsigned_foreign_or_another_kind_is_refused(http: httpx.Client) -> None:
    tape = enrolled(http)

    assert http.put("/intake/documents/00", content=PNG).status_code == 400
    assert _document(http, FakeTape("nobody"), PNG).status_code == 403
    assert _document(http, tape, PNG, signature=bytes(64)).status_code == 403
    assert _document(http, tape, b"<svg onload=alert(1)>", media="image/png").status_code == 400
    assert _document(http, tape, PNG, media="image/jpeg").status_code == 400
    cut_off = _document(http, tape, PNG[:-30])
    assert (cut_off.status_code, cut_off.json()["title"]) == (400, "document-refused")
    assert "send it again" in cut_off.json()["detail"]
    assert _document(http, tape, PNG, digest="../../etc/passwd").status_code in (400, 403)


def test_a_persons_card_is_kept_apart_from_every_event(
    http: httpx.Client, machine: Machine
) -> None:
    tape = enrolled(http, "m-1")
    ref, card = str(uuid.uuid4()), msgspec.json.encode(Card(name="李大山", phone="13800000000"))
    signature = tape.key.sign(wire.card_message(ref, card))
    signed = wire.SignedCard(
        device=tape.device, ref=ref, card=card, key=tape.key.id, signature=signature
    )
    tape.add(received(1, counterparty_card=ref))

    assert http.put("/intake/cards", content=wire.encode(signed)).status_code == 200
    assert http.post("/intake/batches", content=tape.batch()).status_code == 200

    other = enrolled(http)
    forged = msgspec.structs.replace(
        signed, device=other.device, key=other.key.id,
        signature=other.key.sign(wire.card_message(ref, card)),
    )  # fmt: skip
    assert http.put("/intake/cards", content=wire.encode(forged)).status_code == 403
    store = PgPersonalStore(machine.cluster.dsn("suyuan_writer"), bytes)
    assert store.card(ref) == Card(name="李大山", phone="13800000000")
    with psycopg.connect(machine.cluster.dsn()) as connection:
        rows = connection.execute("SELECT state FROM ledger.events").fetchall()
        sealed = connection.execute(
            "SELECT card FROM personal.subjects WHERE ref = %s", [ref]
        ).fetchone()
    assert not any("李大山".encode() in row[0] or b"138000" in row[0] for row in rows)
    assert sealed is not None
    assert "李大山".encode() not in sealed[0]


def test_a_markets_day_begins_by_itself_once(http: httpx.Client, machine: Machine) -> None:
    merchant = {
        "type": "merchant-registered.v1",
        "merchant": "m-9",
        "name": "九号",
        "kind": "retailer",
        "district": "d",
    }
    place = {
        "type": "premises-added.v1",
        "merchant": "m-9",
        "premises": "p-9",
        "name": "x",
        "market": "market-9",
    }
    http.post(
        "/intake/requests",
        json=[
            {"type": "register-merchant", "entry": merchant},
            {"type": "add-premises", "entry": place},
        ],
    )

    import time

    query = "SELECT count(*) FROM ledger.events WHERE topic = 'day-began.v1' AND position('market-9'::bytea IN state) > 0"
    count = 0
    for _ in range(60):
        with psycopg.connect(machine.cluster.dsn()) as connection:
            row = connection.execute(query).fetchone()
        count = row[0] if row else 0
        if count:
            break
        time.sleep(0.1)
    time.sleep(1.5)

    assert count == 1


def test_words_that_would_be_read_as_others_are_refused_and_a_labels_own_marks_are_not(
    http: httpx.Client,
) -> None:
    """An officer's notice was turned round; a lot whose label is, has to be stopped all the same."""
    hold = {
        "type": "place-hold", "hold": "h-turned", "goods": [{"product": "06901234567892", "lot": "A\u202e21"}],
        "authority": "市局", "reason": "抽检", "until": (datetime.now(UTC) + timedelta(days=1)).isoformat(), "by": CHIEF,
    }  # fmt: skip

    refused = http.post("/intake/requests", json=[hold | {"reason": "\u202edoog"}])
    placed = http.post("/intake/requests", json=[hold])

    assert (refused.status_code, refused.json()["title"]) == (400, "text-unsafe")
    assert placed.status_code == 200, placed.text


def test_a_mandate_withdrawn_from_the_first_day_that_counts_leaves_the_device_usable(
    http: httpx.Client,
) -> None:
    tape = enrolled(http, "m-1")
    withdraw = {
        "type": "withdraw-mandate",
        "device": tape.device,
        "merchant": "m-1",
        "from_day": "2000-01-01",
    }
    assert http.post("/intake/requests", json=[withdraw]).status_code == 200
    # A day before any label's is refused: every follower would have to go on from there.
    never = withdraw | {"from_day": "0001-01-01"}
    refused = http.post("/intake/requests", json=[never])
    assert (refused.status_code, refused.json()["title"]) == (400, "no-requests")

    body = wire.decode_answer(http.post("/intake/batches", content=tape.batch()).content)[1]

    assert isinstance(body, wire.Receipt)


@pytest.mark.parametrize("name", ["a\x00b", "a\nb", "a\x7fb"])
def test_a_registers_name_no_row_can_hold_is_refused(http: httpx.Client, name: str) -> None:
    entry = {
        "type": "merchant-registered.v1",
        "merchant": "m-x",
        "name": name,
        "kind": "retailer",
        "district": "d",
    }

    assert (
        http.post(
            "/intake/requests", json=[{"type": "register-merchant", "entry": entry}]
        ).status_code
        == 400
    )
    entry = entry | {"name": "fine", "merchant": "m-x\n"}
    assert (
        http.post(
            "/intake/requests", json=[{"type": "register-merchant", "entry": entry}]
        ).status_code
        == 400
    )


def test_who_is_not_signed_in_asks_for_nothing(machine: Machine) -> None:
    wanted = [{"type": "begin-day", "market": "m", "day": "2026-11-22"}]
    with httpx.Client(base_url=machine.intake_url, trust_env=False, timeout=30) as stranger:
        for headers in ({}, {"authorization": "Bearer nonsense"}):
            answer = stranger.post("/intake/requests", json=wanted, headers=headers)
            assert (answer.status_code, answer.json()["title"]) == (401, "no-token")
            assert answer.headers["www-authenticate"] == "Bearer"


def test_a_refusal_of_the_table_is_an_answer_like_any_other(machine: Machine) -> None:
    add_account(machine.dsn("suyuan_owner"), "stall-7", Grant("merchant", ("m-7",)))
    stall = sign_in(machine.intake_url, "stall-7")
    hold = {"type": "release-hold", "hold": "h", "reason": "x", "by": "stall-7"}
    enroll = {"type": "enroll-device", "device": "d-7", "key": "k", "name": "x"}
    named = {"type": "acknowledge-recall", "entry": {
        "type": "recall-acknowledged.v1", "recall": "r", "merchant": "m-7", "by": "officer-1"}}  # fmt: skip
    with httpx.Client(base_url=machine.intake_url, trust_env=False, timeout=30, auth=stall) as http:
        answer = http.post("/intake/requests", json=[hold, enroll, named])

    codes = [row["code"] for row in answer.json()]
    assert (answer.status_code, codes) == (422, ["role-lacks", "role-lacks", "not-yourself"])


def test_nobody_gets_the_answer_to_anothers_question(http: httpx.Client, machine: Machine) -> None:
    add_account(machine.dsn("suyuan_owner"), "stall-8", Grant("merchant", ("m-8",)))
    other = sign_in(machine.intake_url, "stall-8")
    wanted = [{"type": "begin-day", "market": "m", "day": "2026-11-22"}]
    headers = {"idempotency-key": "one-key-for-both"}

    first = http.post("/intake/requests", json=wanted, headers=headers)
    with httpx.Client(
        base_url=machine.intake_url, trust_env=False, timeout=30, auth=other
    ) as stall:
        second = stall.post("/intake/requests", json=wanted, headers=headers)

    assert (first.status_code, second.status_code) == (200, 422)
    assert second.json()[0]["code"] == "role-lacks"


def test_whoever_asked_is_on_record_with_what_they_asked(
    http: httpx.Client, machine: Machine
) -> None:
    entry = {"merchant": "m-70", "name": "张记", "kind": "retailer", "district": "d"}
    owner = {"type": "merchant-owner-stated.v1", "merchant": "m-70", "by": CHIEF,
             "owner_card": str(uuid.uuid4())}  # fmt: skip
    wanted = [
        {"type": "register-merchant", "entry": entry},
        {"type": "state-owner", "entry": owner},
    ]
    assert http.post("/intake/requests", json=wanted).status_code == 200

    with psycopg.connect(machine.cluster.dsn()) as owner_of:
        rows = owner_of.execute(
            "SELECT said::jsonb FROM access.entries ORDER BY number DESC LIMIT 2"
        ).fetchall()
        assert check_access_log(owner_of).problems == []
    second, first = (row[0] for row in rows)
    assert first["asked"].startswith("register-merchant ")
    assert (second["account"], second["merchants"]) == (CHIEF, ["m-70"])
    assert second["asked"].startswith("state-owner ")


def test_a_second_officer_shows_a_token_of_their_own(http: httpx.Client, machine: Machine) -> None:
    officer = Grant("regulator", ("d",))
    add_account(machine.dsn("suyuan_owner"), "officer-2", officer)
    second = sign_in(machine.intake_url, "officer-2")
    entry = {"type": "recall-withdrawn.v1", "recall": "r-70", "reason": "x", "by": CHIEF,
             "checked_by": "officer-2"}  # fmt: skip
    wanted = [{"type": "withdraw-recall", "entry": entry}]

    alone = http.post("/intake/requests", json=wanted)
    body = json.dumps(wanted).encode()
    token = second.second(body)
    both = http.post("/intake/requests", content=body, headers=token)
    other = http.post("/intake/requests", content=body + b" ", headers=token)
    as_first = httpx.post(
        f"{machine.intake_url}/intake/requests", content=body, trust_env=False,
        headers={"authorization": f"Bearer {token['suyuan-second']}"},
    )  # fmt: skip
    forged = http.post("/intake/requests", json=wanted, headers={"suyuan-second": "nonsense"})

    assert alone.json()[0]["code"] == "second-not-signed-in"
    # Theirs to ask; that there is no such recall is another matter.
    assert both.json()[0]["code"] == "recall-unknown"
    assert forged.status_code == 401
    # Shown beside one question, it is good for no other, and for none alone.
    assert (other.status_code, as_first.status_code) == (401, 401)


def test_a_refusal_of_the_table_is_kept_under_no_key(machine: Machine) -> None:
    add_account(machine.dsn("suyuan_owner"), "later-1", Grant("merchant", ("m-1",)))
    wanted = [{"type": "begin-day", "market": "m-71", "day": "2026-11-22"}]
    headers = {"idempotency-key": "begin-71"}
    url = f"{machine.intake_url}/intake/requests"

    def ask() -> httpx.Response:
        badge = sign_in(machine.intake_url, "later-1")
        return httpx.post(url, json=wanted, headers=headers, auth=badge, trust_env=False)

    before = ask()
    with psycopg.connect(machine.cluster.dsn()) as owner:
        PgAccounts(owner).set_grants("later-1", [Grant("regulator", ("d",))])
    after = ask()

    assert before.json()[0]["code"] == "role-lacks"
    assert after.json() == [{"granted": True}]


def test_what_a_merchant_asks_of_itself_is_no_look_of_another(machine: Machine) -> None:
    add_account(machine.dsn("suyuan_owner"), "stall-9", Grant("merchant", ("m-9",)))
    entry = {"type": "recall-acknowledged.v1", "recall": "r-90", "merchant": "m-9", "by": "stall-9"}
    url = f"{machine.intake_url}/intake/requests"
    badge = sign_in(machine.intake_url, "stall-9")

    answer = httpx.post(
        url, json=[{"type": "acknowledge-recall", "entry": entry}], auth=badge, trust_env=False
    )

    assert answer.json()[0]["code"] == "recall-unknown"
    with psycopg.connect(machine.cluster.dsn()) as owner:
        row = owner.execute(
            "SELECT said::jsonb FROM access.entries ORDER BY number DESC LIMIT 1"
        ).fetchone()
    assert row is not None
    assert (row[0]["account"], row[0]["merchants"]) == ("stall-9", [])
