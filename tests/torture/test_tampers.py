"""Every attack of docs/security.md is caught by its checker, and honest growth by none."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from tests.support.attacks import AUDITED, honest_growth

SECURITY = (Path(__file__).parents[2] / "docs" / "security.md").read_text()


def tamper(count: int, seed: int) -> Counter[str]:
    """Carries out attacks in turn; returns how many of each were caught. Raises for one that was not."""
    caught: Counter[str] = Counter()
    names = list(AUDITED)
    for number in range(count):
        name = names[number % len(names)]
        attack, expected = AUDITED[name]
        found = attack(random.Random(f"{seed}/{number}"))
        right = set(found) & expected if expected else found
        assert right, f"{name} was not caught: {found} (seed {seed}, number {number})"
        caught[name] += 1
    return caught


def grow(count: int, seed: int) -> None:
    for number in range(count):
        found = honest_growth(random.Random(f"{seed}/{number}"))
        assert found == [], f"a false alarm: {found} (seed {seed}, number {number})"


def test_attacks_on_what_is_published_are_caught_by_their_checkers() -> None:
    caught = tamper(240, seed=11)

    assert set(caught) == set(AUDITED)


def test_honest_growth_raises_no_alarm() -> None:
    grow(60, seed=12)


def test_the_page_names_what_the_checkers_say() -> None:
    codes = {code for _, expected in AUDITED.values() for code in expected}

    assert {code for code in codes if f"`{code}`" not in SECURITY} == {
        "no-checkpoint",
        "from-the-future",
    }


@pytest.mark.slow
def test_10000_attacks_are_caught_and_1000_honest_growths_raise_no_alarm() -> None:
    seed = int(os.environ.get("SEED", "1"))
    caught = tamper(int(os.environ.get("N", "9000")), seed)
    grow(1000, seed)

    print({"seed": seed, "caught": dict(caught)})
