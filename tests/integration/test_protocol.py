"""docs/protocol.md: a second implementation that knows that page only is understood."""

import json
from pathlib import Path

import msgspec
import pytest

from ledger.events import wire
from ledger.events.catalogue import read_report
from ledger.journal.sealing import Place, Sealer
from ledger.log.growing import Growing
from ledger.log.notes import NoteKey
from ledger.log.proofs import check_proof, read_proof
from ledger.log.publishing import LogSigner
from ledger.values.ids import stream_of_tape
from ledger.values.keys import SigningKey
from tests.support import protocol_example as page
from tests.support.line import Line
from tests.support.make import NOON, FakeTape
from tools.asyncapi import PATH, document

PROTOCOL = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()


@pytest.mark.parametrize(("name", "value"), page.example().items())
def test_the_page_quotes_what_the_second_implementation_computes(name: str, value: str) -> None:
    assert f"| {name} | `{value}` |" in PROTOCOL


def test_the_page_quotes_the_reports_it_signs() -> None:
    assert "\n".join(page.REPORTS) in PROTOCOL


def test_a_scanner_written_from_the_page_alone_gets_its_receipt() -> None:
    line = Line()
    line.key = line.committer.key = SigningKey(page.LEDGER_SEED)
    line.enroll(FakeTape("scanner-1", SigningKey(page.DEVICE_SEED)), "m-001")
    answers: list[bytes] = []

    line.committer.submit(json.dumps(page.batch()).encode(), lambda _t, a: answers.append(a))
    line.committer.step(0.01)

    answer = json.loads(answers[0])
    assert page.signed_by_ledger(answer)
    body = wire.decode_answer(answers[0])[1]
    assert isinstance(body, wire.Receipt)
    assert [(v.number, v.code, v.position) for v in body.verdicts] == [
        (1, "recorded", 1),
        (2, "recorded", 2),
    ]


def test_our_leaf_is_the_leaf_of_the_page() -> None:
    class NoPersons:
        def salts(self, refs: list[str]) -> list[bytes]:
            raise AssertionError(refs)

    sealer = Sealer("example", entropy=lambda size: page.EVENT_SEED, persons=NoPersons())
    received = NOON.replace(second=6)
    place = Place(stream_of_tape(page.TAPE), 2, received)
    state = page.REPORTS[1].encode()

    _, leaf = sealer.seal(read_report(state), "goods-sold.v1", state, place)

    assert leaf == page.leaf()


def test_a_proof_made_from_the_page_alone_is_verified() -> None:
    proved = check_proof(read_proof(page.proof().encode()), NoteKey(page.log_key()))

    assert (proved.position, proved.leaf) == (1, page.leaf())
    assert proved.opening.public.decode() == page.leaf_parts()["public"]


def test_our_checkpoint_is_the_checkpoint_of_the_page() -> None:
    signer = LogSigner(page.ORIGIN, SigningKey(page.LEDGER_SEED))
    tree = Growing()
    tree.extend([page.leaf()])

    said = signer.sign(tree.size, tree.root(), NOON)

    assert signer.public == page.log_key()
    assert said.note.decode().startswith(page.checkpoint())


def test_the_asyncapi_document_is_what_the_definitions_generate() -> None:
    assert PATH.read_bytes() == document()


def test_every_reference_of_the_asyncapi_document_resolves() -> None:
    content = msgspec.json.decode(PATH.read_bytes())
    schemas = content["components"]["schemas"]

    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if "$ref" in value else []
            return own + [r for member in value.values() for r in references(member)]
        if isinstance(value, list):
            return [r for member in value for r in references(member)]
        return []

    found = references(content)
    assert found
    assert all(r.removeprefix("#/components/schemas/") in schemas for r in found)
