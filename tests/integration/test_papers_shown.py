"""Papers from the device that filed them to who may see their copy, over HTTP on real parts."""

import base64
import hashlib
import time
from collections.abc import Iterator
from datetime import date

import httpx
import psycopg
import pytest

from ledger.events import wire
from ledger.events.reports import CertificateFiled
from ledger.rules.access import Grant
from ledger.rules.device import EnrollDevice, GrantMandate
from scanners.asking import ask
from suyuan.badge import Badge
from suyuan.parts.machine import Machine
from tests.support import paper_files as files
from tests.support.databases import running_machine
from tests.support.make import TODAY, FakeTape, clock, received
from tests.support.people import add_account, chief_of, sign_in

PAPER = files.chinese_pdf()
DIGEST = hashlib.sha256(PAPER).hexdigest()


def filed(digest: str, **named: str) -> CertificateFiled:
    """A certificate on record."""
    return CertificateFiled(
        document=digest, kind="quarantine", number="湘检 0001", issuer="岳麓区动检站",
        valid_from=date(2026, 11, 1), gtins=("06901234567892",), business_date=TODAY,
        clock=clock(), session="00000000-0000-4000-8000-000000000001", **named,
    )  # fmt: skip


class Desk:
    """A running ledger on which a stall has filed a certificate with its picture."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.tape = FakeTape("d-papers")
        chief = chief_of(machine)
        ask(machine.intake_url, [
            EnrollDevice(device=self.tape.device, key=self.tape.key.public, name="x"),
            GrantMandate(device=self.tape.device, merchant="m-1", valid_from=date(2020, 1, 1)),
        ], auth=chief)  # fmt: skip
        self.chief = chief
        self.tape.add(filed(DIGEST, merchant="m-1", premises="m-1-a"))
        post = httpx.post(
            f"{machine.intake_url}/intake/batches", content=self.tape.batch(), trust_env=False
        )
        assert post.status_code == 200
        owner = machine.dsn("suyuan_owner")
        grants = {
            "stall-1": Grant("merchant", ("m-1",)), "stall-2": Grant("merchant", ("m-2",)),
            "auditor": Grant("auditor"), "admin": Grant("administrator"),
            "officer": Grant("inspector", ("yuelu",)),
        }  # fmt: skip
        self.people: dict[str, Badge | None] = {"nobody": None}
        for name, grant in grants.items():
            add_account(owner, name, grant)
            self.people[name] = sign_in(machine.intake_url, name)

    def send(self, content: bytes, media: str) -> httpx.Response:
        digest = hashlib.sha256(content).hexdigest()
        signed = wire.SignedDocument(
            device=self.tape.device, digest=digest, media=media, key=self.tape.key.id,
            signature=self.tape.key.sign(wire.document_message(digest, media)),
        )  # fmt: skip
        header = base64.b64encode(wire.encode(signed)).decode()
        return httpx.put(
            f"{self.machine.intake_url}/intake/documents/{digest}", content=content,
            headers={"x-suyuan-signed": header}, trust_env=False, timeout=60,
        )  # fmt: skip

    def get(self, who: str, path: str, **asked: str) -> httpx.Response:
        return httpx.get(
            f"{self.machine.query_url}{path}", params=asked, auth=self.people[who],
            trust_env=False, timeout=30,
        )  # fmt: skip


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with running_machine("papers-") as machine:
        made = Desk(machine)
        assert made.get("auditor", f"/v1/documents/{DIGEST}").status_code == 404
        assert made.send(PAPER, "application/pdf").status_code == 201
        # It is drawn anew meanwhile; without the copy nobody could be refused it.
        deadline = time.monotonic() + 20
        while made.get("stall-1", f"/v1/documents/{DIGEST}").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield made


def test_a_papers_copy_is_for_who_may_see_its_merchant_and_who_looks_is_on_record(
    desk: Desk,
) -> None:
    told = {who: desk.get(who, f"/v1/documents/{DIGEST}") for who in desk.people}

    # Who is in no register is every authority's to look at.
    assert {who: one.status_code for who, one in told.items()} == {
        "nobody": 401, "stall-1": 200, "stall-2": 403, "auditor": 200, "admin": 403, "officer": 200,
    }  # fmt: skip
    looks = desk.get("stall-1", "/v1/merchants/m-1/access-log").json()["looks"]
    assert {"auditor", "officer"} <= {look["account"] for look in looks}


def test_whoever_only_names_a_papers_digest_sees_nothing_of_it(desk: Desk) -> None:
    other = FakeTape("d-curious")
    ask(desk.machine.intake_url, [
        EnrollDevice(device=other.device, key=other.key.public, name="x"),
        GrantMandate(device=other.device, merchant="m-2", valid_from=date(2020, 1, 1)),
    ], auth=desk.chief)  # fmt: skip
    named = {"merchant": "m-2", "premises": "m-2-a"}
    other.add(filed(DIGEST, **named), received(1, documents=(DIGEST,), **named))
    post = httpx.post(
        f"{desk.machine.intake_url}/intake/batches", content=other.batch(), trust_env=False
    )
    assert post.status_code == 200
    deadline = time.monotonic() + 10
    while "m-2" not in desk.get("auditor", "/v1/document-search", q="湘检 0001").text:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    assert desk.get("stall-2", f"/v1/documents/{DIGEST}").status_code == 403
    found = desk.get("stall-2", "/v1/document-search", q="检疫合格").json()["papers"]
    assert found == []
    with psycopg.connect(desk.machine.dsn("suyuan_reader")) as reader, reader.transaction():
        reader.execute("SELECT set_config('suyuan.reach', 'some', true)")
        reader.execute("SELECT set_config('suyuan.merchants', 'm-2', true)")
        row = reader.execute("SELECT count(*) FROM ledger.document_copies").fetchone()
        assert row == (0,)


def test_a_copy_is_saved_and_never_opened_among_our_pages(desk: Desk) -> None:
    answer = desk.get("stall-1", f"/v1/documents/{DIGEST}")

    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="{DIGEST[:16]}.pdf"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers
    assert answer.content != PAPER
    original = desk.machine.data / "documents" / DIGEST[:2] / DIGEST
    assert original.read_bytes() == PAPER, "the original is kept under its hash"


@pytest.mark.parametrize(
    ("text", "found"),
    [("检疫合格", 1), ("动物检疫合格证明", 1), ("QUARANTINE", 1), ("湘检 0001", 1), ("合格检疫", 0),
     ("疫检", 0), ("%%", 0), ("猪肉", 0)],
)  # fmt: skip
def test_a_paper_is_found_by_what_stands_in_it(desk: Desk, text: str, found: int) -> None:
    answer = desk.get("stall-1", "/v1/document-search", q=text).json()

    assert len(answer["papers"]) == found, answer
    if found and text != "湘检 0001":
        assert text.lower() in answer["papers"][0]["excerpt"].lower()


def test_nobody_finds_others_papers_by_their_text(desk: Desk) -> None:
    found = {who: desk.get(who, "/v1/document-search", q="检疫合格") for who in desk.people}

    assert {who: one.status_code for who, one in found.items()} == {
        "nobody": 401, "stall-1": 200, "stall-2": 200, "auditor": 200, "admin": 403, "officer": 200,
    }  # fmt: skip
    counts = {who: len(one.json()["papers"]) for who, one in found.items() if one.is_success}
    assert counts == {"stall-1": 1, "stall-2": 0, "auditor": 1, "officer": 1}


def test_the_database_itself_shows_a_reader_no_copies_of_others(desk: Desk) -> None:
    for merchants, seen in (("m-1", 1), ("m-2", 0), ("", 0)):
        with psycopg.connect(desk.machine.dsn("suyuan_reader")) as reader, reader.transaction():
            reader.execute("SELECT set_config('suyuan.reach', 'some', true)")
            reader.execute("SELECT set_config('suyuan.merchants', %s, true)", [merchants])
            row = reader.execute("SELECT count(*) FROM ledger.document_copies").fetchone()
            assert row == (seen,)


def test_a_refused_paper_says_why_and_leaves_nothing_behind(desk: Desk) -> None:
    bad = files.opens({"/S": "/JavaScript", "/JS": "app.alert(1)"})

    answer = desk.send(bad, "application/pdf")

    assert (answer.status_code, answer.json()["title"]) == (400, "document-refused")
    assert "holds a script: print it to a PDF again" in answer.json()["detail"]
    digest = hashlib.sha256(bad).hexdigest()
    assert not (desk.machine.data / "documents" / digest[:2] / digest).exists()


def test_copies_that_a_backup_does_not_hold_are_made_again(desk: Desk) -> None:
    path = desk.machine.data / "copies" / DIGEST[:2] / DIGEST
    before = path.read_bytes()
    with psycopg.connect(desk.machine.dsn("suyuan_owner")) as owner:
        owner.execute("DELETE FROM ledger.document_copies")
    path.unlink()
    assert desk.machine.services is not None
    intake = desk.machine.services.all["intake"]
    intake.stop()
    intake.start()

    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.2)

    assert path.read_bytes() == before
    assert desk.get("stall-1", "/v1/document-search", q="检疫合格").json()["papers"]
