"""Two thousand simulated worlds hold; every known mistake breaks one of the first hundreds."""

import logging

import pytest

from tests.simulator.__main__ import failures, search
from tests.simulator.controls import CONTROLS

# What each mistake breaks, and no other thing: a control caught for another reason is none.
BREAKS = {
    "receipt before commit": {"stands where its receipt says", "a receipted report stays"},
    "tail by sequence": {"replay gives the followers' rows", "everything settles"},
    "dedupe in memory only": {"nothing is stored twice"},
    "number without hash": {"what is stored is what was scanned", "a tape's chain is whole"},
    "rows before position": {"replay gives the followers' rows"},
    "skip what fails": {"replay gives the followers' rows"},
    "asynchronous standby": {"stands where its receipt says", "a receipted report stays"},
    "trust in PUBACK": {"whose receipt was heard is stored"},
    "files before row": {"published before its row"},
    "erased remembered": {"every leaf opens"},
    "lost receipt forgotten": {"everything settles"},
}


def test_2000_worlds_hold() -> None:
    assert search(0, 2000) == []


def test_whoever_comes_after_the_worlds_is_heard_in_the_log() -> None:
    before = logging.root.manager.disable

    failures([1])

    assert logging.root.manager.disable == before


@pytest.mark.parametrize("name", CONTROLS)
def test_a_known_mistake_is_caught(name: str) -> None:
    # Most show at once; the rest of the worlds are worth every core.
    found = failures(range(20), name)
    for first in range(20, 1020, 100):
        if any(words in broken for _, broken in found for words in BREAKS[name]):
            return
        found = search(first, 100, name)
    raise AssertionError(f"{name} was not caught in 1,000 worlds")


def test_a_world_is_the_same_whenever_it_is_run() -> None:
    from tests.simulator.world import World

    ends = []
    for _ in range(2):
        world = World(7)
        world.run()
        ends.append([(row.stream, row.number, row.leaf) for row in world.journal.rows])

    assert ends[0] == ends[1]
