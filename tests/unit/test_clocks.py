"""A device's clocks: what an answer says of the time is the past, by as long as it was under way."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ledger.values.clock import derive
from scanners.identity import Clocks

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class World:
    """One true time, and a device whose own clocks are right."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.clocks = Clocks(wall=self.time, monotonic=lambda: self.passed)

    def time(self) -> datetime:
        return NOON + timedelta(seconds=self.passed)

    def wait(self, seconds: float) -> None:
        self.passed += seconds

    def answer(self, under_way: float) -> None:
        self.clocks.hear(self.time() - timedelta(seconds=under_way))


def test_an_answer_that_waited_at_the_broker_does_not_make_the_devices_own_clock_look_wrong() -> (
    None
):
    world = World()
    world.answer(under_way=0.1)
    world.wait(3600)

    world.answer(under_way=3000)

    assert derive(world.clocks.read(), world.time()).ahead_s == 0


def test_a_slow_first_answer_counts_no_longer_than_until_a_quicker_one_came() -> None:
    world = World()
    world.answer(under_way=3000)
    world.wait(60)

    world.answer(under_way=0.5)

    assert world.time() - world.clocks.now() == timedelta(seconds=0.5)


def test_a_counter_that_runs_too_fast_follows_the_ledger_again() -> None:
    slow = NOON
    clocks = Clocks(wall=lambda: slow, monotonic=lambda: counter)
    counter = 0.0
    clocks.hear(NOON)

    counter, slow = 86400 * 1.00005, NOON + timedelta(days=1)
    clocks.hear(slow)

    assert clocks.now() == slow


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1000)), min_size=1, max_size=10))
def test_a_device_is_as_late_as_its_quickest_answer_give_or_take_the_drift(
    answers: list[tuple[float, float]],
) -> None:
    world = World()
    for pause, under_way in answers:
        world.wait(pause)
        world.answer(under_way)

    late = (world.time() - world.clocks.now()).total_seconds()
    quickest = min(under_way for _, under_way in answers)
    assert quickest - 0.01 <= late <= quickest + world.passed * 1e-4 + 0.01
