"""Laws of publishing: whatever falls, what was said once stays true, and an auditor finds nothing."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import JournalDamaged, JournalUnavailable
from ledger.log import publishing
from ledger.log.growing import Bundles, Growing
from ledger.log.memory import MemoryFiles, MemoryRow
from ledger.log.merkle import Frontier, leaf_hash
from ledger.log.publishing import Publisher
from ledger.log.tiles import WIDTH, tiles_between
from tests.support.published import Looking, OneLog


def entries(count: int, first: int = 0) -> list[bytes]:
    return [hashlib.sha256(n.to_bytes(8)).digest() for n in range(first, first + count)]


@given(st.lists(st.integers(0, 2 * WIDTH + 9), max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_tree_grown_in_any_portions_has_the_same_root_and_tiles(portions: list[int]) -> None:
    tree, bundles, written = Growing(), Bundles(), {}
    all_entries = entries(sum(portions))
    at = 0
    for count in portions:
        some = all_entries[at : at + count]
        written |= {one.tile: one.content for one in (*tree.extend(some), *bundles.extend(some))}
        at += count
    written |= {one.tile: one.content for one in (*tree.partial(), *bundles.partial())}

    frontier = Frontier()
    for entry in all_entries:
        frontier.append(leaf_hash(entry))
    assert (tree.size, tree.root()) == (len(all_entries), frontier.root())
    assert {tile for tile in written if tile.level >= 0} == set(tiles_between(0, tree.size))
    again = Growing.of_tiles(tree.size, lambda tile: written[tile])
    assert again.grown() == tree.grown()


class Brittle:
    """A log whose database and disk fail at chosen moments, as at a power cut."""

    def __init__(self) -> None:
        self.log = OneLog()
        self.fail_in = -1
        self.log.row = BrittleRow(self)
        self.log.files = BrittleFiles(self)
        self.log.start()

    def moment(self) -> None:
        if self.fail_in == 0:
            self.fail_in = -1
            raise JournalUnavailable("pulled the plug")
        self.fail_in -= 1


class BrittleRow(MemoryRow):
    def __init__(self, brittle: Brittle) -> None:
        super().__init__()
        self.brittle = brittle

    def advance(self, former, to):  # type: ignore[no-untyped-def]
        self.brittle.moment()
        done = super().advance(former, to)
        self.brittle.moment()
        return done


class BrittleFiles(MemoryFiles):
    def __init__(self, brittle: Brittle) -> None:
        super().__init__()
        self.brittle = brittle

    def write(self, path: str, content: bytes) -> None:
        self.brittle.moment()
        assert path == "checkpoint" or self.files.get(path, content) == content, "a tile changed"
        super().write(path, content)
        self.brittle.moment()

    def forget(self, folder: str) -> None:
        self.brittle.moment()
        super().forget(folder)


STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "append", "publish", "cut", "cut", "other", "wait"]),
              st.integers(0, WIDTH + 40)),
    max_size=25,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=120, deadline=None)
def test_whatever_is_cut_off_an_auditor_finds_nothing_and_everything_is_published_in_the_end(
    steps: list[tuple[str, int]],
) -> None:
    brittle = Brittle()
    log, looking = brittle.log, None
    for what, count in steps:
        if what == "append":
            log.record.all += entries(count, len(log.record.all))
        elif what == "wait":
            log.now += publishing.STAMP
        else:
            brittle.fail_in = count % 12 if what == "cut" else -1
            publisher = log.publisher if what != "other" else second(log)
            try:
                while publisher.step():
                    pass
            except JournalUnavailable:
                log.start()
            brittle.fail_in = -1
        if "checkpoint" in log.files.files:
            looking = looking or Looking(log)
            log_now = [code for code in looking.codes(log) if code != "stale"]
            assert log_now == []

    log.publish()

    assert log.publisher.published is not None
    assert log.publisher.published.size == log.record.head()
    assert Looking(log).codes(log) == []


def second(log: OneLog) -> Publisher:
    """Another publisher beside the first, on the same files and row."""
    return Publisher(log.signer, log.record, log.row, log.files, now=lambda: log.now)


def test_parts_of_a_tile_go_once_it_is_full() -> None:
    log = OneLog(entries(10))
    log.publish()
    log.record.all += entries(300, 10)
    log.publish()

    assert sorted(path for path in log.files.files if ".p/" in path) == [
        "tile/0/001.p/54", "tile/1/000.p/1", "tile/entries/001.p/54",
    ]  # fmt: skip


def test_a_publisher_with_a_folder_of_its_own_publishes_what_the_other_signed() -> None:
    log = OneLog(entries(700))
    said = log.publish()
    own = MemoryFiles()
    other = Publisher(log.signer, log.record, log.row, own, now=lambda: log.now)

    assert other.step() == 700
    assert other.published == said
    assert own.files == log.files.files


def test_what_was_committed_without_the_standby_is_not_published_before_it_is_confirmed() -> None:
    log = OneLog(entries(5))
    log.publish()
    log.record.all += entries(5, 5)

    class Unsure(MemoryRow):
        confirmed = True

        def advance(self, former, to):  # type: ignore[no-untyped-def]
            super().advance(former, to)
            raise JournalUnavailable("committed without the standby")

        def confirm(self, said):  # type: ignore[no-untyped-def]
            if not self.confirmed:
                raise JournalUnavailable("committed without the standby")
            return super().confirm(said)

    unsure = Unsure()
    unsure.said = log.row.said
    log.row = unsure
    log.start()
    before = dict(log.files.files)

    with pytest.raises(JournalUnavailable):
        log.publisher.step()
    unsure.confirmed = False
    for publisher in (log.publisher, log.start()):
        with pytest.raises(JournalUnavailable):
            publisher.step()
    assert unsure.said is not None
    assert unsure.said.size == 10
    assert log.files.files == before

    unsure.confirmed = True
    assert log.publisher.step() == 5


def test_a_record_that_was_cut_is_not_signed() -> None:
    log = OneLog(entries(300))
    log.publish()
    del log.record.all[200:]

    with pytest.raises(JournalDamaged, match="cut"):
        log.publisher.step()
    with pytest.raises(JournalDamaged, match="cut"):
        log.start().step()


def test_a_database_put_back_to_before_is_not_signed() -> None:
    log = OneLog(entries(100))
    early = log.publish()
    log.record.all += entries(100, 100)
    log.publish()

    log.row.said = early
    del log.record.all[100:]

    for publisher in (log.publisher, log.start()):
        with pytest.raises(JournalDamaged, match="restore"):
            publisher.step()


def test_a_record_whose_last_published_leaf_was_changed_is_not_signed() -> None:
    log = OneLog(entries(300))
    log.publish()
    log.record.all[-1] = bytes(32)
    log.record.all += entries(1, 300)

    with pytest.raises(JournalDamaged, match="changed"):
        log.publisher.step()


def test_a_gap_in_the_record_is_not_signed() -> None:
    log = OneLog(entries(10))
    log.publish()
    log.record.leaves = lambda after, limit: [(10, entries(10)[-1]), (12, bytes(32))]  # type: ignore[method-assign]

    with pytest.raises(JournalDamaged, match="position 11 is missing"):
        log.publisher.step()


def test_files_that_are_damaged_are_made_anew_under_the_root_that_was_signed() -> None:
    log = OneLog(entries(600))
    log.publish()
    whole = dict(log.files.files)
    dice = random.Random(1)
    for path in ("tile/0/002.p/88", "tile/entries/002.p/88", "tile/1/000.p/2", "checkpoint"):
        log.files.files[path] = dice.randbytes(len(whole[path]) - 3)
        log.start().step()

        assert log.files.files == whole


def test_a_record_that_does_not_lead_to_the_signed_root_is_not_published_again() -> None:
    log = OneLog(entries(600))
    log.publish()
    log.files.files.clear()
    log.record.all[3] = bytes(32)

    with pytest.raises(JournalDamaged, match="another root"):
        log.start().step()
