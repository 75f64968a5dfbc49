"""What must be true of every world in the end, whatever happened in it."""

from ledger.follower import entries_of, fold_page
from ledger.journal.opening import Openings
from ledger.log.checkpoints import read_checkpoint
from ledger.projections.groups import GROUPS
from ledger.values.chain import chain_next, chain_start
from ledger.values.ids import stream_of_tape
from tests.simulator.parts import WorldViews, gapless
from tests.simulator.world import LEDGER, World, same
from tests.support.published import OneLog


class Broken(AssertionError):
    """An invariant that does not hold."""


def check(world: World) -> None:
    """Raises `Broken` naming the first invariant that does not hold."""
    _must(world.settled(), "everything settles once nothing fails any more")
    rows = world.journal.rows
    _must(gapless(rows), "positions are gapless from 1")
    by_key = {(row.stream, row.number): row for row in rows}
    _must(len(by_key) == len(rows), "nothing is stored twice")
    _check_leaves(world)
    _check_receipts(world)
    _check_tapes(world)
    _check_views(world)
    _check_log(world)


def _check_leaves(world: World) -> None:
    """Every leaf is of what its row holds, whoever was erased since."""
    opened = Openings(LEDGER, world.persons).open_all(world.journal.rows)
    for row, one in zip(world.journal.rows, opened, strict=True):
        _must(one.public().leaf() == row.leaf, "every leaf opens")


def _check_receipts(world: World) -> None:
    """What was receipted, heard or not, stands where the receipt says, and in the log."""
    rows = world.journal.rows
    for receipt in world.receipts:
        stream = stream_of_tape(receipt.tape)
        for verdict in receipt.verdicts:
            _must(verdict.position <= len(rows), "a receipted report stays")
            row = rows[verdict.position - 1]
            held = (row.stream, row.number, row.leaf) == (stream, verdict.number, verdict.leaf)
            _must(held, "a receipted report stands where its receipt says")


def _check_tapes(world: World) -> None:
    """What a tape holds with a receipt is in the record with the same bytes, in one whole chain."""
    by_key = {(row.stream, row.number): row for row in world.journal.rows}
    aside = {(item.tape, item.number): item.content for item in world.journal.quarantine_items
             if item.kind == "unreadable"}  # fmt: skip
    for scanner in world.scanners:
        tape, stream = scanner.tape, stream_of_tape(scanner.tape.id)
        for verdict in tape.verdicts():
            row = by_key.get((stream, verdict.number))
            _must(row is not None, "a report whose receipt was heard is stored")
            assert row is not None
            _must(row.chain == tape.chain_at(verdict.number), "what is stored is what was scanned")
        if not scanner.lost and not scanner.stopped:
            stored = [n for n in range(1, tape.last() + 1) if (stream, n) in by_key]
            _must(len(stored) == tape.last(), "everything the hand was told is stored")
        chain, number = chain_start(tape.id), 1
        while (row := by_key.get((stream, number))) is not None:
            report = aside.get((tape.id, number), row.state)
            chain = chain_next(chain, number, report)
            _must(chain == row.chain, "a tape's chain is whole")
            number += 1


def _check_views(world: World) -> None:
    """Replay in one go gives the rows that followers made page by page."""
    again = WorldViews([group.name for group in GROUPS])
    entries = entries_of(world.journal.rows)
    for group in GROUPS:
        fold_page(group, again.stores[group.name], entries)
        for entry in entries:
            entry.memo.clear()
    _must(same(again, world.views), "replay gives the followers' rows")


def _check_log(world: World) -> None:
    """The published log is the record's, to its end."""
    said, log = world.row.said, OneLog([row.leaf for row in world.journal.rows])
    assert said is not None
    log.publish()
    published = log.publisher.published
    assert published is not None
    _must((said.size, said.root) == (published.size, published.root), "the log is the record's")
    for publisher in world.publishers:
        files = publisher.files.files
        for path, content in log.files.files.items():
            if path != "checkpoint":
                _must(files.get(path) == content, "the published tiles are the record's")
        root = read_checkpoint(files["checkpoint"])[0].root
        _must(root == published.root, "the published checkpoint is the record's")
    _must(world.row.shown is not None, "what is published is shown to devices")


def _must(holds: bool, invariant: str) -> None:
    if not holds:
        raise Broken(invariant)
