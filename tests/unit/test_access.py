"""Access: every cell of the one table, allowed or refused as it says, within its scope and not beyond."""

import itertools

import pytest

from ledger.rules.access import (
    RESOURCES,
    ROLES,
    TABLE,
    About,
    Action,
    Grant,
    Resource,
    Role,
    Subject,
    decide_access,
    reach,
)
from tools.access import PATH, document

MINE = About(frozenset({"m-1"}), frozenset({"market-1"}), frozenset({"yuelu", "changsha"}))
OTHERS = About(frozenset({"m-2"}), frozenset({"market-2"}), frozenset({"kaifu", "zhuzhou"}))
OVER = {"own": "m-1", "market": "market-1", "area": "changsha"}
ACTIONS: tuple[Action, ...] = ("read", "write")
CELLS = list(itertools.product(ROLES, RESOURCES, ACTIONS))


@pytest.mark.parametrize(("role", "resource", "action"), CELLS)
def test_a_cell_grants_what_it_says_and_no_more(
    role: Role, resource: Resource, action: Action
) -> None:
    scope = TABLE.get((role, resource, action), "-")
    over = OVER.get(scope)
    subject = Subject("a-1", (Grant(role, (over,) if over else ()),))

    refused = [decide_access(subject, resource, action, about) for about in (MINE, OTHERS)]

    wanted = {"all": (True, True), "-": (False, False)}.get(scope, (True, False))
    assert tuple(one is None for one in refused) == wanted


@pytest.mark.parametrize(("role", "resource", "action"), CELLS)
def test_a_role_that_was_given_over_nothing_reaches_nothing(
    role: Role, resource: Resource, action: Action
) -> None:
    scope = TABLE.get((role, resource, action), "-")

    refused = decide_access(Subject("a-1", (Grant(role),)), resource, action, MINE)

    assert (refused is None) == (scope == "all")


def test_the_page_says_what_the_table_says() -> None:
    assert PATH.read_text() == document(), "run python -m tools.access"


def test_two_roles_reach_as_far_as_both() -> None:
    both = Subject("a-1", (Grant("merchant", ("m-1",)), Grant("market-operator", ("market-2",))))

    assert reach(both, "ledger", "read") == (
        False, frozenset({"m-1"}), frozenset({"market-2"}), frozenset(),
    )  # fmt: skip
    assert decide_access(both, "ledger", "read", MINE) is None
    assert decide_access(both, "ledger", "read", OTHERS) is None


def test_records_of_two_merchants_are_not_shown_to_one_of_them() -> None:
    about = About(frozenset({"m-1", "m-2"}))

    refused = decide_access(Subject("a-1", (Grant("merchant", ("m-1",)),)), "ledger", "read", about)

    assert refused is not None
    assert refused.code == "out-of-reach"


def test_who_has_no_role_is_a_consumer() -> None:
    assert decide_access(Subject("a-1"), "product", "read", OTHERS) is None
    refused = decide_access(Subject("a-1"), "ledger", "read", MINE)
    assert refused is not None
    assert (refused.code, "consumer may not read a ledger" in refused.advice) == (
        "role-lacks",
        True,
    )
