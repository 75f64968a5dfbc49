"""A device joins by an invitation, over TLS, and does at the broker what is its own and nothing else."""

import base64
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt import publish
from paho.mqtt.enums import CallbackAPIVersion

from ledger.accounts.book import PgAccounts
from ledger.devices.broker_access import client_name
from ledger.events import wire
from ledger.events.stop_list import stops_topic
from ledger.rules.access import Grant
from ledger.rules.device import GrantMandate, RevokeDevice, WithdrawMandate
from ledger.settings import Settings
from ledger.values.base64url import base64url_bytes
from scanners.agent import CERTIFICATE, CERTIFICATE_KEY, Agent, home_of
from scanners.asking import EnrolmentRefused, LedgerAway, ask
from scanners.identity import Clocks
from scanners.joining import InvitationLink, join, read_link, renew
from scanners.tape import Tape
from scanners.trust import NotTrusted, Shown, context_for
from suyuan.parts.broker import WATCH_S
from suyuan.parts.machine import Machine
from tests.support.databases import running_machine
from tests.support.make import BrowserKey, FakeTape, received
from tests.support.people import add_account, chief_of, sign_in

SINCE = date(2026, 1, 1)
WAIT_S = 10


class Office:
    """A running ledger with those who ask devices in."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        owner = machine.dsn("suyuan_owner")
        add_account(owner, "stall-1", Grant("merchant", ("m-1",)))
        add_account(owner, "stall-2", Grant("merchant", ("m-2",)))
        self.people = {one: sign_in(machine.intake_url, one) for one in ("stall-1", "stall-2")}
        self.people["chief"] = chief_of(machine)

    @property
    def authority(self) -> str:
        assert self.machine.certificates is not None
        assert self.machine.certificates.authority is not None
        return self.machine.certificates.authority.read_text()

    def invite(self, who: str, device: str, *merchants: str, **more: Any) -> httpx.Response:
        form = {"device": device, "merchants": merchants, "since": str(SINCE), **more}
        return httpx.post(
            f"{self.machine.intake_url}/intake/invitations", json=form, auth=self.people[who],
            trust_env=False,
        )  # fmt: skip

    def link(self, who: str, device: str, *merchants: str, **more: Any) -> InvitationLink:
        told = self.invite(who, device, *merchants, **more).json()
        return InvitationLink(told["address"], device, told["code"], told["fingerprint"])

    def revoke(self, device: str) -> None:
        wanted = [RevokeDevice(device=device, reason="it was stolen")]
        ask(self.machine.intake_url, wanted, auth=self.people["chief"])


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with running_machine("joining-") as machine:
        yield Office(machine)


class Client:
    """An MQTT client that shows what it is told to, and keeps what it hears."""

    def __init__(self, office: Office, authority: str, shown: Shown | None) -> None:
        guarded = office.machine.broker.guarded
        assert guarded is not None
        self.heard: list[tuple[str, bytes]] = []
        self._let_in = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.tls_set_context(context_for(authority, shown))
        self._client.on_connect = lambda *_: self._let_in.set()
        self._client.on_message = lambda _c, _d, m: self.heard.append((m.topic, bytes(m.payload)))
        self._client.connect("localhost", guarded.port)
        self._client.loop_start()

    def let_in(self, timeout_s: float = 2) -> bool:
        return self._let_in.wait(timeout_s)

    def says(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(2)

    def listens(self, topic: str) -> None:
        self._client.subscribe(topic, qos=1)

    def ends(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def shown_by(tape: Tape) -> Shown:
    certificate, key = tape.get(CERTIFICATE), tape.get(CERTIFICATE_KEY)
    assert certificate is not None
    assert key is not None
    return Shown(key, certificate)


def until(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


def at_work(tape: Tape) -> Agent:
    """A device whose first report has its receipt."""
    agent = Agent(tape, Clocks())
    agent.keep(received(merchant="m-1", premises="m-1-a"))
    agent.link.start()
    assert agent.link.wait_drained(WAIT_S)
    return agent


def test_an_invited_device_reports_over_tls_and_has_its_receipts(
    office: Office, tmp_path: Path
) -> None:
    link = office.link("stall-1", "till-1", "m-1")
    tape = join(tmp_path / "a.tape", read_link(link.text))
    agent = Agent(tape, Clocks())

    agent.keep(received(merchant="m-1", premises="m-1-a"))
    agent.link.start()
    drained = agent.link.wait_drained(WAIT_S)
    agent.link.stop()

    assert drained
    assert agent.home.mqtt_authority is not None, "it speaks to the broker over TLS"
    assert agent.home.intake_url.startswith("https://")
    with psycopg.connect(office.machine.dsn("suyuan_owner")) as connection:
        names = connection.execute(
            "SELECT topic, flags FROM ledger.events ORDER BY notification_id"
        ).fetchall()
    assert [name for name, _ in names][-3:] == [
        "mandate-granted.v1", "tape-opened.v1", "goods-received.v1"
    ]  # fmt: skip
    assert "no-mandate" not in names[-1][1]
    tape.close()


def test_a_browser_joins_with_a_key_of_its_own_kind_and_reports_over_https_until_it_is_revoked(
    office: Office,
) -> None:
    link = office.link("stall-1", "browser-1", "m-1")
    tape = FakeTape("browser-1", key=BrowserKey())
    tape.add(received(merchant="m-1", premises="m-1-a"))
    code, public = base64url_bytes(link.code), tape.key.public
    # It speaks HTTP alone, and asks for no certificate.
    form = wire.Enrolment(
        code=code, key=public, request=b"",
        signature=tape.key.sign(wire.enrolment_message(code, public, b"")),
    )  # fmt: skip

    with httpx.Client(
        base_url=link.intake_url, verify=context_for(office.authority), trust_env=False
    ) as browser:
        joined = browser.post("/intake/enrolments", content=wire.encode(form))
        stranger = FakeTape("browser-1", key=BrowserKey())
        answers = [browser.post("/intake/batches", content=one.batch()) for one in (tape, stranger)]
        office.revoke("browser-1")
        tape.add(received(merchant="m-1", premises="m-1-a"))
        answers.append(browser.post("/intake/batches", content=tape.batch(3)))

    assert joined.status_code == 201, joined.text
    welcome = msgspec.json.decode(joined.content, type=wire.Enrolled)
    assert (welcome.merchants, welcome.certificate) == (("m-1",), None)
    told = [wire.decode_answer(answer.content)[1] for answer in answers]
    assert [type(one) for one in told] == [wire.Receipt, wire.Refused, wire.Refused]
    assert [one.code for one in told if isinstance(one, wire.Refused)] == [
        "unknown-key", "revoked-device"
    ]  # fmt: skip


def test_a_code_is_good_once_and_again_for_the_device_whose_answer_was_lost(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = office.link("stall-1", "till-2", "m-1")

    def lost(*_: object, **__: object) -> httpx.Response:
        raise httpx.ReadTimeout("the answer was lost")

    with monkeypatch.context() as broken:
        broken.setattr("scanners.joining._open_at", lambda *_: lost())
        with pytest.raises(httpx.ReadTimeout):
            join(tmp_path / "a.tape", link)
    tape = join(tmp_path / "a.tape", link)

    assert home_of(tape).ledger == "local"
    with pytest.raises(EnrolmentRefused, match="ask for another invitation"):
        join(tmp_path / "b.tape", link)
    assert not (tmp_path / "b.tape").exists()
    tape.close()


def test_who_is_not_the_ledger_learns_neither_code_nor_key(office: Office, tmp_path: Path) -> None:
    link = office.link("stall-1", "till-3", "m-1")

    with pytest.raises(NotTrusted, match="not the ledger that you were told of"):
        join(tmp_path / "a.tape", link._replace(fingerprint="ab" * 32))
    with pytest.raises(LedgerAway, match=r"cut off, take all of it.*CERTIFICATE_VERIFY_FAILED"):
        join(tmp_path / "a.tape", link._replace(fingerprint=""))
    with pytest.raises(NotTrusted, match="over https:// alone"):
        read_link(f"http://suyuan.example/intake/join#d=till-3&c={link.code}")

    join(tmp_path / "a.tape", link).close()


def test_a_code_is_over_when_its_time_is_or_a_newer_one_was_made_or_its_maker_is_let_in_no_more(
    office: Office, tmp_path: Path
) -> None:
    first = office.link("stall-1", "till-4", "m-1")
    late = office.link("stall-1", "till-4", "m-1")
    owner = office.machine.dsn("suyuan_owner")
    with psycopg.connect(owner) as connection:
        connection.execute(
            "UPDATE accounts.invitations SET until = until - %s WHERE device = 'till-4'",
            [timedelta(hours=1)],
        )
    with pytest.raises(EnrolmentRefused):
        join(tmp_path / "a.tape", late)
    newer = office.link("stall-1", "till-4", "m-1")
    with pytest.raises(EnrolmentRefused):
        join(tmp_path / "a.tape", first)
    add_account(owner, "gone", Grant("merchant", ("m-4",)))
    office.people["gone"] = sign_in(office.machine.intake_url, "gone")
    of_one_gone = office.link("gone", "till-5", "m-4")
    with psycopg.connect(owner) as connection:
        connection.execute("UPDATE accounts.accounts SET disabled = true WHERE account = 'gone'")
    with pytest.raises(EnrolmentRefused):
        join(tmp_path / "b.tape", of_one_gone)

    join(tmp_path / "a.tape", newer).close()


def test_nobody_asks_a_device_in_for_others_or_takes_one_of_theirs_over(
    office: Office, tmp_path: Path
) -> None:
    join(tmp_path / "a.tape", office.link("stall-1", "till-6", "m-1")).close()

    asked = {
        "for another": office.invite("stall-2", "till-7", "m-1"),
        "for nobody": office.invite("stall-2", "till-7"),
        "over": office.invite("stall-2", "till-6", "m-2", again="it is mine now"),
        "the same name": office.invite("stall-1", "till-6", "m-1"),
        "again, unknown": office.invite("stall-1", "till-99", "m-1", again="lost"),
    }

    assert {name: (one.status_code, one.json()["title"]) for name, one in asked.items()} == {
        "for another": (403, "out-of-reach"), "for nobody": (403, "out-of-reach"),
        "over": (403, "out-of-reach"), "the same name": (422, "device-taken"),
        "again, unknown": (422, "device-unknown"),
    }  # fmt: skip
    assert office.invite("stall-1", "till-6", "m-1", again="its disk died").status_code == 201


def test_a_device_that_lost_its_key_joins_again_and_its_old_key_is_good_no_more(
    office: Office, tmp_path: Path
) -> None:
    old = join(tmp_path / "a.tape", office.link("stall-1", "till-8", "m-1"))
    new = join(tmp_path / "b.tape", office.link("stall-1", "till-8", again="its disk died"))

    fresh, stale = Agent(new, Clocks()), Agent(old, Clocks())
    for agent in (fresh, stale):
        agent.keep(received(merchant="m-1", premises="m-1-a"))
    fresh.link.start()

    assert fresh.link.wait_drained(WAIT_S)
    fresh.link.stop()
    # The broker does nothing for its old certificate; over HTTP it is told why.
    answer = httpx.post(
        f"{office.machine.intake_url}/intake/batches", content=old.envelope(old.since(1)),
        trust_env=False,
    )  # fmt: skip
    refused = wire.decode_answer(answer.content)[1]
    assert isinstance(refused, wire.Refused)
    assert refused.code == "unknown-key"
    for agent in (fresh, stale):
        agent.tape.close()


def test_the_broker_lets_a_device_do_what_is_its_own_and_nothing_else(
    office: Office, tmp_path: Path
) -> None:
    one = join(tmp_path / "a.tape", office.link("stall-1", "till-10", "m-1"))
    other = join(tmp_path / "b.tape", office.link("stall-2", "till-11", "m-2"))
    authority = home_of(one).mqtt_authority
    assert authority is not None
    assert office.machine.broker.guarded is not None
    access = office.machine.broker.guarded.access
    assert until(lambda: all(tape.id in access.read_text() for tape in (one, other)))
    # It is read again a moment later.
    time.sleep(2 * WATCH_S + 0.3)
    mine, theirs = (Client(office, authority, shown_by(tape)) for tape in (one, other))
    assert mine.let_in()
    assert theirs.let_in()
    stops = stops_topic("local", "1")
    for client in (mine, theirs):
        client.listens(stops)
        client.listens(wire.answers_topic("local", one.id))
        client.listens(wire.batches_topic("local", "+"))
    agent = Agent(one, Clocks())
    agent.keep(received(merchant="m-1", premises="m-1-a"))
    envelope = one.envelope(one.since(1, 1))

    # Its batches reach intake, whose answer it alone hears.
    answers = wire.answers_topic("local", one.id)
    mine.says(wire.batches_topic("local", one.id), envelope)
    assert until(lambda: answers in [topic for topic, _ in mine.heard])
    heard = len(mine.heard)
    for topic, payload in (
        (wire.batches_topic("local", one.id), envelope), (stops, b"nothing is stopped"),
        (answers, b"all is well"),
    ):  # fmt: skip
        # A broker may hang up on who says what it may not.
        stranger = Client(office, authority, shown_by(other))
        assert stranger.let_in()
        stranger.says(topic, payload, retain=True)
        stranger.ends()
    time.sleep(0.5)

    assert len(mine.heard) == heard, "neither a second answer nor a forged list"
    assert {topic for topic, _ in theirs.heard} <= {stops}, "no answers and no batches of others"
    assert {topic for topic, _ in mine.heard} <= {stops, answers}
    for client in (mine, theirs):
        client.ends()
    for tape in (one, other):
        tape.close()


def test_the_broker_lets_nobody_in_over_tls_who_shows_no_certificate_of_the_ledgers(
    office: Office, tmp_path: Path
) -> None:
    tape = join(tmp_path / "a.tape", office.link("stall-1", "till-12", "m-1"))
    authority = home_of(tape).mqtt_authority
    assert authority is not None
    machine = office.machine
    assert machine.certificates is not None
    pages = Shown(
        machine.certificates.server_key.read_text(), machine.certificates.server.read_text()
    )

    for shown in (None, pages):
        with pytest.raises((ssl.SSLError, OSError, AssertionError)):
            client = Client(office, authority, shown)
            try:
                assert client.let_in(1)
            finally:
                client.ends()
    tape.close()


def test_a_revoked_device_is_heard_no_more_and_what_it_reported_stays(
    office: Office, tmp_path: Path
) -> None:
    tape = join(tmp_path / "a.tape", office.link("stall-1", "till-13", "m-1"))
    agent = at_work(tape)
    agent.link.stop()
    authority = home_of(tape).mqtt_authority
    assert authority is not None

    office.revoke("till-13")
    agent.keep(received(merchant="m-1", premises="m-1-a"))
    answer = httpx.post(
        f"{office.machine.intake_url}/intake/batches", content=tape.envelope(tape.since(3)),
        trust_env=False,
    )  # fmt: skip
    assert office.machine.broker.guarded is not None
    access = office.machine.broker.guarded.access

    refused = wire.decode_answer(answer.content)[1]
    assert isinstance(refused, wire.Refused)
    assert refused.code == "revoked-device"
    assert until(lambda: "user till-13:" not in access.read_text())
    # The broker, once it has read that, is silent to whom it does nothing for; the hand hears of it all the same.
    time.sleep(2 * WATCH_S + 0.3)
    at_the_stall = Agent(tape, Clocks())
    at_the_stall.link.start()
    assert until(lambda: "was revoked" in at_the_stall.stopped), "it looks as if all were well"
    at_the_stall.link.stop()
    with psycopg.connect(office.machine.dsn("suyuan_owner")) as connection:
        row = connection.execute(
            "SELECT count(*) FROM ledger.events e JOIN ledger.tapes t ON t.device = 'till-13'"
            " WHERE e.chain IS NOT NULL AND e.state LIKE %s",
            [b'%"goods-received.v1"%'],
        ).fetchone()
    assert row is not None
    assert row[0] >= 1
    assert office.invite("stall-1", "till-13", "m-1", again="found it").status_code == 422
    tape.close()


def test_a_certificate_is_renewed_before_it_ends_and_not_for_a_revoked_device(
    office: Office, tmp_path: Path
) -> None:
    tape = join(tmp_path / "a.tape", office.link("stall-1", "till-14", "m-1"))
    home, first = home_of(tape), tape.get(CERTIFICATE)
    late = Clocks().now() + timedelta(days=320)

    assert not renew(tape, home, Clocks().now())
    assert renew(tape, home, late)
    assert tape.get(CERTIFICATE) != first
    client = Client(office, home.mqtt_authority or "", shown_by(tape))
    assert client.let_in()
    client.ends()
    office.revoke("till-14")
    assert not renew(tape, home, late)
    tape.close()


def signed_state(tape: Tape, **fields: Any) -> bytes:
    """A state as a device would sign it, right or odd."""
    told = {"type": "state.v1", "device": tape.device, "online": True, "tape": tape.id, **fields}
    body = msgspec.json.encode(told)
    signature = tape.key.sign(wire.state_message(body))
    return wire.encode(wire.SignedState(body=body, key=tape.key.id, signature=signature))


def test_a_device_that_says_odd_things_of_itself_silences_nobody(
    office: Office, tmp_path: Path
) -> None:
    odd = join(tmp_path / "a.tape", office.link("stall-2", "till-20", "m-2"))
    host, port = "127.0.0.1", office.machine.broker.port
    topic, session = wire.state_topic("local", "till-20"), "00000000-0000-4000-8000-000000000001"
    for payload in (
        signed_state(odd, time="2026-11-22T10:00:00", session=session),
        signed_state(odd, time="0001-01-01T00:00:00Z", session=session),
        signed_state(odd, time="0001-01-01T00:00:00+14:00", session=session),
        signed_state(odd, time="9999-12-31T23:59:59+14:00", session=session, waiting=2**60),
        signed_state(odd, time=5), b"", b"\xff", b"[" * 3000, b"x" * 100_000,
    ):  # fmt: skip
        # In plain on the ledger's own machine, where nobody needs a certificate.
        publish.single(topic, payload, qos=1, retain=True, hostname=host, port=port)
        time.sleep(0.05)
    time.sleep(0.5)
    url = f"{office.machine.query_url}/v1/devices"
    listed = httpx.get(url, auth=office.people["stall-2"], trust_env=False)

    tape = join(tmp_path / "b.tape", office.link("stall-1", "till-21", "m-1"))
    agent = Agent(tape, Clocks())
    agent.keep(received(merchant="m-1", premises="m-1-a"))
    agent.link.start()

    assert agent.link.wait_drained(WAIT_S)
    ready = httpx.get(f"{office.machine.intake_url}/intake/ready", trust_env=False)
    assert ready.status_code == 200
    assert listed.status_code == 200, listed.text
    assert [one["heard"] for one in listed.json()["devices"] if one["device"] == "till-20"] == [
        None
    ]
    agent.link.stop()
    for one in (odd, tape):
        one.close()


def test_nobody_is_asked_in_from_a_day_that_no_mandate_can_mean(office: Office) -> None:
    for since in ("9999-12-31", "0001-01-01"):
        answer = office.invite("stall-1", "till-34", "m-1", since=since)
        assert (answer.status_code, "2000 to 2100" in answer.text) == (400, True), answer.text


def test_a_scanner_whose_clock_was_years_ahead_is_heard_again_once_it_is_set(
    office: Office, tmp_path: Path
) -> None:
    tape = join(tmp_path / "a.tape", office.link("stall-1", "till-33", "m-1"))
    url = f"{office.machine.query_url}/v1/devices"

    def ahead_s() -> float:
        listed = httpx.get(url, auth=office.people["stall-1"], trust_env=False).json()["devices"]
        return next((one["ahead_s"] or 0.0 for one in listed if one["device"] == "till-33"), 0.0)

    def says(time: datetime) -> None:
        payload = signed_state(tape, time=time.isoformat(), session=str(uuid.uuid4()))
        publish.single(
            wire.state_topic("local", "till-33"), payload, qos=1,
            hostname="127.0.0.1", port=office.machine.broker.port,
        )  # fmt: skip

    says(datetime(2199, 12, 31, tzinfo=UTC))
    assert until(lambda: ahead_s() > 10**9)
    says(Clocks().now() + timedelta(seconds=30))
    assert until(lambda: 20 < ahead_s() < 40)
    tape.close()


def test_devices_are_listed_with_what_they_say_under_their_signature_alone(
    office: Office, tmp_path: Path
) -> None:
    tape = join(tmp_path / "a.tape", office.link("stall-1", "till-22", "m-1"))
    agent = at_work(tape)

    def line(who: str) -> dict[str, Any] | None:
        url = f"{office.machine.query_url}/v1/devices"
        found = httpx.get(url, auth=office.people[who], trust_env=False).json()["devices"]
        return next((one for one in found if one["device"] == "till-22"), None)

    # It may first be heard with a report still on its way, or as the broker hung up that did not know it yet; and
    # views count what it reported a moment later.
    settled = {"waiting": 0, "online": True, "week": 1}
    assert until(lambda: settled.items() <= (line("stall-1") or {}).items())
    told = line("stall-1")
    assert told is not None
    assert (told["merchants"], told["merchant_names"]) == (["m-1"], ["m-1"])
    assert abs(told["ahead_s"]) < 5
    assert line("stall-2") is None, "others' devices"
    # Somebody else says that it is gone.
    forged = wire.SignedState(
        body=msgspec.json.encode({"type": "state.v1", "device": "till-22", "online": False,
                                  "time": "2027-01-01T00:00:00Z", "session": str(uuid.uuid4())}),
        key=tape.key.id, signature=bytes(64),
    )  # fmt: skip
    publish.single(
        wire.state_topic("local", "till-22"), wire.encode(forged), qos=1,
        hostname="127.0.0.1", port=office.machine.broker.port,
    )  # fmt: skip
    time.sleep(1.5)
    assert (line("stall-1") or {})["online"] is True
    agent.link.stop()
    assert until(lambda: (line("stall-1") or {}).get("online") is False)
    tape.close()


def test_an_answer_asked_for_again_changes_nothing_that_was_decided_since(
    office: Office, tmp_path: Path
) -> None:
    link = office.link("stall-1", "till-23", "m-1")
    tape = join(tmp_path / "a.tape", link)

    def again() -> httpx.Response:
        code = base64.urlsafe_b64decode(link.code + "==")
        message = wire.enrolment_message(code, tape.key.public, b"")
        form = wire.Enrolment(
            code=code, key=tape.key.public, request=b"", signature=tape.key.sign(message)
        )
        url = f"{office.machine.intake_url}/intake/enrolments"
        return httpx.post(url, content=wire.encode(form), trust_env=False)

    assert again().status_code == 201
    withdrawn = WithdrawMandate(device="till-23", merchant="m-1", from_day=SINCE)
    ask(office.machine.intake_url, [withdrawn], auth=office.people["stall-1"])
    assert again().status_code == 201
    with psycopg.connect(office.machine.dsn("suyuan_owner")) as owner:
        row = owner.execute(
            "SELECT count(*) FROM ledger.events WHERE topic = 'mandate-granted.v1'"
            " AND state LIKE %s", [b'%"till-23"%'],
        ).fetchone()  # fmt: skip
    assert row == (1,), "a withdrawn mandate stays withdrawn"
    # One that nobody lets report belongs to no merchant.
    assert office.invite("stall-2", "till-23", "m-2", again="mine now").status_code == 403
    other = join(tmp_path / "b.tape", office.link("chief", "till-23", again="its key was seen"))
    refused = again()
    assert (refused.status_code, refused.json()["title"]) == (422, "invitation-over")
    for one in (tape, other):
        one.close()


def test_who_lost_their_merchant_since_asks_nobody_in_any_more(
    office: Office, tmp_path: Path
) -> None:
    owner = office.machine.dsn("suyuan_owner")
    add_account(owner, "moved", Grant("merchant", ("m-5",)))
    office.people["moved"] = sign_in(office.machine.intake_url, "moved")
    link = office.link("moved", "till-24", "m-5")
    with psycopg.connect(owner) as connection:
        PgAccounts(connection).set_grants("moved", [Grant("merchant", ("m-6",))])

    with pytest.raises(EnrolmentRefused, match="ask for another"):
        join(tmp_path / "a.tape", link)


def test_a_name_that_others_wait_for_is_not_taken_from_them(office: Office, tmp_path: Path) -> None:
    link = office.link("stall-1", "till-25", "m-1")

    taken = office.invite("stall-2", "till-25", "m-2")

    assert (taken.status_code, taken.json()["title"]) == (422, "device-taken")
    join(tmp_path / "a.tape", link).close()


def test_a_mandate_that_others_grant_later_makes_nobody_a_devices_owner(
    office: Office, tmp_path: Path
) -> None:
    join(tmp_path / "a.tape", office.link("stall-1", "till-26", "m-1")).close()
    granted = GrantMandate(device="till-26", merchant="m-2", valid_from=SINCE)
    ask(office.machine.intake_url, [granted], auth=office.people["stall-2"])

    assert office.invite("stall-2", "till-26", "m-2", again="mine now").status_code == 403
    assert office.invite("stall-1", "till-26", "m-1", again="its disk died").status_code == 201


def test_an_older_keys_certificate_is_good_for_nothing(office: Office, tmp_path: Path) -> None:
    old = join(tmp_path / "a.tape", office.link("stall-1", "till-27", "m-1"))
    new = join(tmp_path / "b.tape", office.link("stall-1", "till-27", again="its disk died"))
    assert office.machine.broker.guarded is not None
    access = office.machine.broker.guarded.access
    named = client_name("till-27", new.key.public)
    assert until(lambda: f"user {named}" in access.read_text())

    assert f"user {client_name('till-27', old.key.public)}" not in access.read_text()
    for one in (old, new):
        one.close()


def test_up_does_not_expose_a_broker_that_knows_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SUYUAN_BROKER", "amqtt")
    machine = Machine(tmp_path, given=Settings(public_name="suyuan.lan"))

    with pytest.raises(Exception, match="install mosquitto"):
        machine.start(say=lambda _: None)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"\xff", b'{"type":"enrolment.v1"}', b"[" * 5000,
     b'{"type":"enrolment.v1","code":"AA==","key":"ed25519:AA","request":"","signature":""}'],
)  # fmt: skip
def test_what_is_no_enrolment_gets_a_reason(office: Office, body: bytes) -> None:
    answer = httpx.post(
        f"{office.machine.intake_url}/intake/enrolments", content=body, trust_env=False
    )

    assert answer.status_code == 400
    assert answer.json()["title"] == "no-enrolment"
