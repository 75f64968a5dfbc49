"""Carrying an audit over a restore: what was kept is said, and what no restore explains is evidence."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.errors import EXIT_DAMAGED
from ledger.log.auditing import Auditor, AuditState
from ledger.log.carrying import CannotCarry, Carried, Logs, NotCarried, carry, successor
from ledger.log.files import TILES_AT_ONCE, ReadFiles, tiles_in
from ledger.log.merkle import prove_inclusion
from ledger.log.proofs import TlogProof, pack_opening
from ledger.log.publishing import LogSigner
from ledger.log.tiles import WIDTH, TileTree
from ledger.values.keys import SigningKey
from ledger.values.leaf import PublicOpening
from suyuan.cli import main
from tests.support.published import KEY, ORIGIN, Looking, OneLog
from tests.support.served import served
from tests.unit.test_auditing import RULES

OPENING = {"salt": bytes(32), "trade": bytes(32), "person": bytes(32)}


def entries(count: int, last: str = "") -> list[bytes]:
    made = [hashlib.sha256(n.to_bytes(8)).digest() for n in range(count)]
    return [*made[:-1], hashlib.sha256(last.encode()).digest()] if last else made


def root_of(leaves: Sequence[bytes]) -> str:
    return OneLog(leaves).publish().root.hex()


def opening(**said: Any) -> PublicOpening:
    """The opening of an event that has a restore on record, but for what a test says otherwise."""
    told = {
        "type": "ledger-restored.v1", "position": 400, "old_origin": ORIGIN, "old_size": 700,
        "old_root": root_of(entries(700)), "new_origin": f"{ORIGIN}/2",
    }  # fmt: skip
    return PublicOpening(json.dumps(told | said).encode(), **OPENING)


class Restored:
    """A log of 700 entries that was audited, and the one as which its ledger goes on."""

    def __init__(
        self,
        kept: int = 400,
        event: PublicOpening | None = None,
        *,
        count: int = 700,
        after: Sequence[bytes] = (),
    ) -> None:
        self.old = OneLog(entries(count))
        self.old.publish()
        looking = Looking(self.old)
        assert looking.codes(self.old) == []
        self.state = looking.state
        self.event = event or opening()
        again = after or [hashlib.sha256(b"again %d" % n).digest() for n in range(50)]
        self.new = OneLog([*entries(kept), self.event.leaf(), *again])
        self.new.signer = LogSigner(f"{ORIGIN}/2", KEY)
        self.new.start()
        self.new.publish()

    def prove(self, position: int) -> bytes | None:
        size = self.new.record.head()
        tree = TileTree(tiles_in(self.new.files), size)
        path = prove_inclusion(tree.node_at, position - 1, size)
        said = self.new.publisher.published
        assert said is not None
        extra = pack_opening(self.event)
        return TlogProof(position - 1, path, said.note, extra).text().encode()

    def carry(
        self, old: ReadFiles | None = None, prove: Callable[[int], bytes | None] | None = None
    ) -> Carried:
        later = successor(self.state, self.new.files.files["checkpoint"])
        assert later is not None
        logs = Logs(self.new.read, old or self.old.read, prove or self.prove)
        return carry(self.state, later, logs)


def test_an_audit_goes_on_with_the_new_log_and_says_what_was_cut_off() -> None:
    made = Restored()

    carried = made.carry()

    assert carried[1:] == (f"{ORIGIN}/2", 700, 400, (ORIGIN, 700))
    report = Auditor(carried.state, made.new.read, RULES, now=lambda: made.new.now).run(
        lambda _state: None
    )
    assert (report.findings, report.size, report.grown) == ([], 451, 50)


def test_what_is_the_same_again_behind_a_restore_is_not_taken_for_kept() -> None:
    everything = entries(2 * TILES_AT_ONCE * WIDTH)

    made = Restored(count=len(everything), after=everything[401:])

    assert made.carry().kept == 400


def test_a_restore_behind_what_was_audited_needs_no_copy_of_the_old_log() -> None:
    made = Restored(kept=700, event=opening(position=700))

    def nothing(_paths: Sequence[str]) -> list[bytes | None]:
        raise AssertionError("the old log was asked for")

    assert made.carry(nothing)[1:] == (f"{ORIGIN}/2", 700, 700, None)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"type": "goods-sold.v1"}, "no restore is on record"),
        ({"position": 399}, "no restore is on record"),
        ({"old_origin": "other.example/1"}, "not of these logs"),
        ({"new_origin": "other.example/1/2"}, "not of these logs"),
        ({"new_origin": f"{ORIGIN}/3"}, "not of these logs"),
        ({"old_origin": f"{ORIGIN}/2"}, "not of these logs"),
        ({"old_origin": f"{ORIGIN}/9", "new_origin": ORIGIN}, "not of these logs"),
        ({"old_root": "00" * 32}, "a root that it never had"),
        ({"old_size": 5, "old_root": root_of(entries(6))}, "a root that it never had"),
        ({"old_size": "many"}, "no restore is on record"),
        ({"old_origin": 7}, "no restore is on record"),
        ({"old_root": None}, "no restore is on record"),
    ],
)
def test_history_that_parts_without_a_restore_on_record_is_evidence(
    said: dict[str, Any], words: str
) -> None:
    with pytest.raises(NotCarried, match=words):
        Restored(event=opening(**said)).carry()


def test_a_proof_of_another_place_shows_no_restore() -> None:
    made = Restored()
    elsewhere = Restored(kept=500, event=opening(position=500))

    another = Restored(event=opening(old_size=699, old_root=root_of(entries(699))))

    with pytest.raises(NotCarried, match="not of the entry that is published"):
        made.carry(prove=lambda _position: elsewhere.prove(501))
    with pytest.raises(NotCarried, match="not of the entry that is published"):
        made.carry(prove=another.prove)
    with pytest.raises(CannotCarry, match="as the proof of position 401"):
        made.carry(prove=elsewhere.prove)
    with pytest.raises(CannotCarry, match="as the proof of position 401"):
        made.carry(prove=lambda _position: b"please sign in")
    with pytest.raises(CannotCarry, match="no proof of position 401"):
        made.carry(prove=lambda _position: None)


def test_a_copy_of_the_old_log_that_is_not_it_decides_nothing() -> None:
    made = Restored()
    other = OneLog(entries(700, "changed"))
    other.publish()
    shorter = OneLog(entries(300))
    shorter.publish()

    with pytest.raises(CannotCarry, match="not the log that was audited"):
        made.carry(other.read)
    with pytest.raises(CannotCarry, match="not the log that was audited"):
        made.carry(shorter.read)
    del made.old.files.files["tile/entries/001"]
    with pytest.raises(CannotCarry, match="not whole"):
        made.carry()
    said = made.old.files.files["checkpoint"]
    for forged in (None, said.replace(b"\n700\n", b"\n9223372036854775807\n")):
        made.old.files.files |= {"checkpoint": forged} if forged else {}
        if forged is None:
            del made.old.files.files["checkpoint"]
        with pytest.raises(CannotCarry, match="no checkpoint of it"):
            made.carry()


def test_a_tree_without_the_restore_that_was_proved_is_not_taken() -> None:
    made = Restored()
    carried = made.carry()
    # Signed by the same key, under the same name, after the proof was given.
    made.new = OneLog([*entries(400), *(bytes([n]) * 32 for n in range(100))])
    made.new.signer = LogSigner(f"{ORIGIN}/2", KEY)
    made.new.start()
    made.new.publish()

    report = Auditor(carried.state, made.new.read, RULES, now=lambda: made.new.now).run(
        lambda _state: None
    )

    # The entry beside the carried edge is not the restore.
    assert [one.code for one in report.findings] == ["swapped-tile"]


def test_a_second_restore_of_the_same_backup_names_the_log_before_the_audited_one() -> None:
    made = Restored(event=opening(old_size=650, old_root=root_of(entries(650))))
    looking = Looking(made.new)
    assert looking.codes(made.new) == []
    again = opening(new_origin=f"{ORIGIN}/3")
    third = OneLog([*entries(400), again.leaf(), *entries(30)])
    third.signer = LogSigner(f"{ORIGIN}/3", KEY)
    third.start()
    third.publish()
    made.old, made.new, made.event, made.state = made.new, third, again, looking.state

    carried = made.carry()

    assert carried[1:] == (f"{ORIGIN}/3", 451, 400, (ORIGIN, 700))


def test_what_the_ledger_has_on_record_may_be_less_than_was_audited() -> None:
    made = Restored(event=opening(old_size=500, old_root=root_of(entries(500))))

    assert made.carry()[1:] == (f"{ORIGIN}/2", 700, 400, (ORIGIN, 500))


def test_a_log_of_another_key_is_nobodys_successor() -> None:
    made = Restored()
    made.new.signer = LogSigner(f"{ORIGIN}/2", SigningKey(bytes([9]) * 32))
    made.new.row.said = None
    made.new.files.files.clear()
    made.new.start()
    made.new.publish()

    for checkpoint in (made.new.files.files["checkpoint"], made.old.files.files["checkpoint"], b""):
        assert successor(made.state, checkpoint) is None


def test_a_copy_that_is_damaged_behind_what_was_audited_accuses_nobody() -> None:
    made = Restored()
    made.old.record.all += entries(900)[700:]
    made.event = opening(old_size=800, old_root="00" * 32)
    made.new = OneLog([*entries(400), made.event.leaf(), *entries(3)])
    made.new.signer = LogSigner(f"{ORIGIN}/2", KEY)
    made.new.start()
    made.new.publish()
    made.old.publish()
    bundle = next(path for path in made.old.files.files if path.startswith("tile/entries/003.p"))
    whole = made.old.files.files[bundle]
    made.old.files.files[bundle] = whole[:-1] + bytes([whole[-1] ^ 1])

    with pytest.raises(CannotCarry, match="damaged behind what was audited"):
        made.carry()
    made.old.files.files[bundle] = whole
    with pytest.raises(NotCarried, match="a root that it never had"):
        made.carry()


@pytest.mark.parametrize("honest", [True, False])
def test_a_command_goes_on_with_the_new_log_or_keeps_the_evidence(
    honest: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Restored(event=None if honest else opening(old_root="00" * 32))
    state = tmp_path / "state"
    state.write_bytes(msgspec.json.encode(made.state))
    proof = made.prove(401)
    assert proof is not None
    answers = {f"/{path}": content for path, content in made.new.files.files.items()}
    answers |= {f"/old/1/{path}": content for path, content in made.old.files.files.items()}
    with served(answers | {"/proof/401": proof}) as url:
        command = ["audit", url, "--state", str(state), "--fresh-within", "999999999", "--restored"]
        code = main(command)

    said = capsys.readouterr().out
    if honest:
        assert (code, "400 of the 700 entries" in said) == (0, True), said
        assert msgspec.json.decode(state.read_bytes(), type=AuditState).verified.size == 451
        before = msgspec.json.decode((tmp_path / "state.before-2").read_bytes(), type=AuditState)
        assert before == made.state
    else:
        assert (code, "a root that it never had" in said) == (EXIT_DAMAGED, True), said
        kept = msgspec.json.decode((tmp_path / "state.evidence").read_bytes(), type=dict[str, Any])
        assert base64.b64decode(kept["seen"]) == proof
        assert msgspec.json.decode(state.read_bytes(), type=AuditState) == made.state


def test_a_new_log_that_has_not_come_to_its_restore_is_asked_again() -> None:
    made = Restored()
    made.new = OneLog(entries(400))
    made.new.signer = LogSigner(f"{ORIGIN}/2", KEY)
    made.new.start()
    made.new.publish()

    with pytest.raises(CannotCarry, match="try again"):
        made.carry()
