"""Attacks on a published log, each with the checker that must catch it (docs/security.md).

Each attack is a function of dice; it returns what its checker said, and nothing said is a miss.
"""

import random
from collections.abc import Callable
from datetime import timedelta

from ledger.events import wire
from ledger.log.checkpoints import Checkpoint
from ledger.log.memory import MemoryFiles
from ledger.log.merkle import prove_consistency
from ledger.log.publishing import LogSigner
from ledger.log.tiles import TileTree, tiles_between
from ledger.log.witnessing import CosignRequest, write_request
from ledger.values.chain import answer_message
from ledger.values.keys import SigningKey
from suyuan.receipts_check import check_receipts
from tests.support.make import NOON
from tests.support.published import KEY, ORIGIN, Looking, OneLog, witness

Dice = random.Random


def leaves(dice: Dice, count: int) -> list[bytes]:
    return [dice.randbytes(32) for _ in range(count)]


def city(dice: Dice) -> tuple[OneLog, Looking]:
    """A log that somebody audited at some size, and that has grown since, perhaps."""
    log = OneLog(leaves(dice, dice.choice([1, 2, 3, 255, 256, 257, dice.randint(1, 900)])))
    log.publish()
    looking = Looking(log)
    assert looking.codes(log) == []
    log.record.all += leaves(dice, dice.choice([0, 1, dice.randint(1, 600)]))
    log.now += timedelta(seconds=dice.randint(1, 60))
    log.publish()
    return log, looking


def live_paths(log: OneLog) -> list[str]:
    """The files that an auditor of everything reads."""
    size = log.record.head()
    tiles = list(tiles_between(0, size))
    bundles = [tile._replace(level=-1) for tile in tiles if tile.level == 0]
    return ["checkpoint", *(tile.path() for tile in (*tiles, *bundles))]


def byte_changed(dice: Dice) -> list[str]:
    log, looking = city(dice)
    path = dice.choice(live_paths(log))
    content = bytearray(log.files.files[path])
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
    log.files.files[path] = bytes(content)
    return looking.codes(log, everything=True)


def file_cut_off(dice: Dice) -> list[str]:
    log, looking = city(dice)
    path = dice.choice(live_paths(log))
    content = log.files.files[path]
    log.files.files[path] = content[: dice.randrange(len(content))]
    return looking.codes(log, everything=True)


def file_lengthened(dice: Dice) -> list[str]:
    log, looking = city(dice)
    path = dice.choice(live_paths(log))
    log.files.files[path] += dice.randbytes(dice.choice([1, 2, 32, 34, 40]))
    return looking.codes(log, everything=True)


def file_removed(dice: Dice) -> list[str]:
    log, looking = city(dice)
    del log.files.files[dice.choice(live_paths(log))]
    return looking.codes(log, everything=True)


def files_swapped(dice: Dice) -> list[str]:
    log, looking = city(dice)
    one = dice.choice(live_paths(log))
    other = dice.choice(
        [path for path in log.files.files if log.files.files[path] != log.files.files[one]]
    )
    files = log.files.files
    files[one], files[other] = files[other], files[one]
    return looking.codes(log, everything=True)


def forged_checkpoint(dice: Dice) -> list[str]:
    """A checkpoint by another key, under the log's name or the key's own."""
    log, looking = city(dice)
    key = SigningKey(dice.randbytes(32))
    signer = LogSigner(dice.choice([ORIGIN, "other.example/2"]), key)
    log.files.files["checkpoint"] = signer.sign(log.record.head(), dice.randbytes(32), log.now).note
    return looking.codes(log)


def old_state_shown(dice: Dice) -> list[str]:
    log, looking = city(dice)
    early = dict(log.files.files)
    log.record.all += leaves(dice, dice.randint(1, 300))
    log.publish()
    assert looking.codes(log) == []
    log.files.files = early
    return looking.codes(log)


def no_longer_signed(dice: Dice) -> list[str]:
    log, looking = city(dice)
    log.now += timedelta(seconds=dice.randint(661, 10**6))
    return looking.codes(log)


def signed_in_the_future(dice: Dice) -> list[str]:
    log, looking = city(dice)
    log.now += timedelta(seconds=dice.randint(400, 10**8))
    log.record.all += leaves(dice, 1)
    log.publish()
    report = looking.look(log, now=NOON)
    return [one.code for one in report.findings]


def rewritten(
    change: Callable[[Dice, list[bytes], int], list[bytes]],
) -> Callable[[Dice], list[str]]:
    """History before the audited size changed, everything made anew and signed with the log's key."""

    def attack(dice: Dice) -> list[str]:
        log, looking = city(dice)
        changed = change(dice, list(log.record.all), looking.state.verified.size)
        other = OneLog(changed)
        other.now = log.now
        other.publish()
        return looking.codes(other)

    return attack


def edit(dice: Dice, found: list[bytes], audited: int) -> list[bytes]:
    found[dice.randrange(audited)] = dice.randbytes(32)
    return found


def delete(dice: Dice, found: list[bytes], audited: int) -> list[bytes]:
    del found[dice.randrange(audited)]
    return found


def insert(dice: Dice, found: list[bytes], audited: int) -> list[bytes]:
    found.insert(dice.randrange(audited), dice.randbytes(32))
    return found


def reorder(dice: Dice, found: list[bytes], audited: int) -> list[bytes]:
    if len(found) == 1:
        return [dice.randbytes(32)]
    one = dice.randrange(audited)
    other = dice.choice([n for n in range(len(found)) if n != one])
    found[one], found[other] = found[other], found[one]
    return found


def truncate(dice: Dice, found: list[bytes], audited: int) -> list[bytes]:
    return found[: dice.randrange(audited)]


def restart(dice: Dice, found: list[bytes], audited: int) -> list[bytes]:
    """Cut before the audited size, then grown beyond it with other entries."""
    kept = found[: dice.randrange(audited)]
    return kept + leaves(dice, audited - len(kept) + dice.randint(0, 50))


def split_view(dice: Dice) -> list[str]:
    """Two audiences, two trees: k = 3 of 4 witnesses, one of which works for the attacker."""
    log = OneLog(leaves(dice, dice.randint(1, 400)))
    log.publish()
    made = [witness(log, number) for number in range(1, 5)]
    common = log.record.head()
    for one, _, _ in made:
        assert one.add_checkpoint(request(log, 0)).judgement == "cosigned"
    branches = []
    for seen_by in (made[:2], made[2:3]):
        branch = OneLog(log.record.all + leaves(dice, dice.randint(1, 300)))
        branch.now = log.now
        said = branch.publish()
        answers = [one.add_checkpoint(request(branch, common)) for one, _, _ in seen_by]
        lines = [answer.text for answer in answers if answer.judgement == "cosigned"]
        # The fourth signs whatever it is shown.
        lines.append(
            made[3][2].sign(
                said.note.decode().partition("\n\n")[0] + "\n", int(log.now.timestamp())
            )
        )
        for other, _, _ in made[:3]:
            # Whoever asks is told which tree the witness knows; the best proof from there is no proof.
            known = other.add_checkpoint(request(branch, 0)).text
            for size in {
                common,
                branch.record.head(),
                int(known) if known.strip().isdigit() else 0,
            }:
                again = other.add_checkpoint(request(branch, size))
                if again.judgement == "cosigned":
                    lines.append(again.text)
        branch.files.files["checkpoint"] = said.note + "".join(sorted(set(lines))).encode()
        branches.append(branch)
    keys = [key for _, key, _ in made]
    found = []
    for branch in branches:
        found += Looking(log, witnesses=keys, quorum=3).codes(branch)
    return found


def request(log: OneLog, old: int) -> bytes:
    """Asks a witness to cosign a log, with the best proof there is."""
    said = log.publisher.published
    assert said is not None
    tree = TileTree(lambda tile: log.files.read(tile.path()), said.size)
    path = prove_consistency(tree.node_at, old, said.size) if old <= said.size else []
    return write_request(CosignRequest(old, path, said.note))


def tree_of(log: OneLog) -> Checkpoint:
    """The tree that a log has published."""
    return Checkpoint(ORIGIN, log.record.head(), bytes(32))


class Receipted:
    """A device's tape, as far as its receipts go."""

    id = "11111111-1111-4111-8111-111111111111"
    device = "scanner-1"

    def __init__(self, found: list[bytes], positions: list[int]) -> None:
        verdicts = tuple(
            wire.Verdict(number=n, code="recorded", position=p, leaf=found[p - 1])
            for n, p in enumerate(positions, 1)
        )
        body = wire.encode(
            wire.Receipt(ledger="t", tape=self.id, chain=bytes(32), time=NOON, verdicts=verdicts)
        )
        signature = KEY.sign(answer_message(body))
        self._answer = wire.encode(wire.Answer(body=body, key=KEY.id, signature=signature))

    def receipts(self) -> list[bytes]:
        return [self._answer]

    def get(self, name: str) -> str:
        home = {
            "ledger": "t",
            "keys": [KEY.public],
            "intake_url": "",
            "mqtt_host": "",
            "mqtt_port": 1,
        }
        return wire.encode(home).decode()


def edited_before_publication(dice: Dice) -> list[str]:
    """What a device was receipted for is another entry when it is published."""
    found = leaves(dice, dice.randint(1, 600))
    positions = sorted(dice.sample(range(1, len(found) + 1), dice.randint(1, min(9, len(found)))))
    tape = Receipted(found, positions)
    position = dice.choice(positions)
    found[position - 1] = dice.randbytes(32)
    log = OneLog(found)
    log.publish()
    assert Looking(log).codes(log) == []
    report = check_receipts(tape, log.read, tree_of(log))  # type: ignore[arg-type]
    return [one.code for one in report.findings if f"position {position}," in one.words]


# Attack by name, with what its checker may call it.
AUDITED: dict[str, tuple[Callable[[Dice], list[str]], set[str]]] = {
    "a byte changed": (byte_changed, set()),
    "a file cut off": (file_cut_off, set()),
    "a file lengthened": (file_lengthened, set()),
    "a file removed": (file_removed, {"missing-file", "no-checkpoint"}),
    "files swapped": (files_swapped, set()),
    "forged checkpoint": (forged_checkpoint, {"forged-checkpoint"}),
    "an old state shown": (old_state_shown, {"shrunk"}),
    "no longer signed": (no_longer_signed, {"stale"}),
    "signed in the future": (signed_in_the_future, {"from-the-future"}),
    "history edited": (rewritten(edit), {"not-its-growth", "split-view", "swapped-tile"}),
    "history deleted": (
        rewritten(delete),
        {"not-its-growth", "split-view", "swapped-tile", "shrunk"},
    ),
    "history inserted": (rewritten(insert), {"not-its-growth", "split-view", "swapped-tile"}),
    "history reordered": (rewritten(reorder), {"not-its-growth", "split-view", "swapped-tile"}),
    "history cut": (rewritten(truncate), {"shrunk"}),
    "history begun anew": (rewritten(restart), {"not-its-growth", "split-view", "swapped-tile"}),
    "split view": (split_view, {"too-few-witnesses"}),
    "edited before publication": (edited_before_publication, {"receipt-broken"}),
}


def honest_growth(dice: Dice) -> list[str]:
    """A log that grows, is cut short and started again, audited and cosigned: nothing is wrong."""
    log = OneLog(leaves(dice, dice.randint(0, 300)))
    log.publish()
    looking = Looking(log)
    watching, key, _ = witness(log)
    old, found = 0, looking.codes(log)
    for _ in range(dice.randint(1, 6)):
        log.record.all += leaves(dice, dice.choice([0, 1, dice.randint(0, 300)]))
        log.now += timedelta(seconds=dice.choice([0, 1, 61, 500]))
        if dice.random() < 0.2:
            log.start()
        if dice.random() < 0.1:
            # A folder that was lost is made anew.
            log.files = MemoryFiles()
            log.start()
        said = log.publish()
        answer = watching.add_checkpoint(request(log, old))
        found += [] if answer.judgement == "cosigned" else [f"witness: {answer}"]
        old = said.size
        log.files.files["checkpoint"] = said.note + answer.text.encode()
        if dice.random() < 0.7:
            found += looking.codes(log, everything=dice.random() < 0.3)
        found += Looking(log, witnesses=[key], quorum=1).codes(log) if dice.random() < 0.3 else []
    positions = range(1, log.record.head() + 1)
    tape = Receipted(log.record.all, sorted(dice.sample(positions, min(5, len(positions)))))
    report = check_receipts(tape, log.read, tree_of(log))  # type: ignore[arg-type]
    return found + [one.code for one in report.findings]
