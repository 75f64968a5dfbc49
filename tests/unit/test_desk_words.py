"""The desk finds words for whatever the record holds, and pictures for whatever a trace finds."""

from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk_ui.faces.desk.quarantine import KINDS
from kiosk_ui.faces.desk.trace import does_not_add_up
from kiosk_ui.language import load_languages
from kiosk_ui.svg.flow import SIBLINGS_MAX, flow_picture
from kiosk_ui.svg.tiers import in_order, tiers
from ledger.events.cases import SalesModeStated
from ledger.events.catalogue import BY_NAME
from ledger.rules.access import RESOURCES
from ledger.rules.recalls import RecallStage
from ledger.values.quantity import Unit

ZH, EN = (load_languages()[code] for code in ("zh", "en"))


def word(text: str) -> str:
    return text


def node(merchant: str, how: str = "certain", **more: Any) -> dict[str, Any]:
    return {
        "merchant": merchant, "name": f"户{merchant}", "kind": None, "district": None, "how": how,
        "lots": 1, "left_at_most": {"piece": "3"},
    } | more  # fmt: skip


def edge(giver: str, taker: str, amount: str = "1", how: str = "certain") -> dict[str, Any]:
    return {
        "giver": giver, "taker": taker, "product": "p", "unit": "piece", "how": how,
        "at_least": amount, "at_most": amount,
    }  # fmt: skip


def drawn(nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> str:
    page = {"nodes": nodes, "edges": edges, "product_names": {"p": "鲜牛奶"}}
    return str(flow_picture(page, EN, lambda who: f"/m/{who}", "flow"))


def test_every_event_of_holds_and_recalls_has_a_word() -> None:
    names = {name.partition(".")[0] for name in BY_NAME}
    told = {name for name in names if name.startswith(("hold-", "recall-"))}

    assert len(told) > 12
    assert sorted(told - ZH.texts) == []


@pytest.mark.parametrize("unit", [unit.value for unit in Unit])
def test_every_unit_has_a_word(unit: str) -> None:
    assert unit in ZH.texts


def test_whatever_stands_in_quarantine_is_explained_in_both_languages() -> None:
    for heading, what_to_do in KINDS.values():
        assert {heading, what_to_do} <= ZH.texts


def test_everything_that_somebody_can_look_at_has_a_word() -> None:
    assert set(RESOURCES) <= ZH.texts


def test_every_way_to_record_sales_and_every_stage_has_a_word() -> None:
    from kiosk_ui.viewmodels.recall import STAGES, TONES

    modes = set(get_args(get_type_hints(SalesModeStated)["mode"]))
    stages = set(get_args(RecallStage)) - {"none"}
    assert modes <= ZH.texts
    assert stages == set(STAGES) == set(TONES)
    assert set(STAGES.values()) <= ZH.texts


def test_goods_flow_from_left_to_right_and_a_way_back_does_not_turn_that_round() -> None:
    found = tiers("abc", [("a", "b"), ("b", "c"), ("c", "b"), ("c", "a")])

    assert (found["a"], found["b"], found["c"]) == (0, 1, 2)


names = st.sampled_from("abcdefgh")


@settings(max_examples=200)
@given(st.lists(st.tuples(names, names), max_size=40))
def test_every_merchant_has_one_place_in_the_picture_whatever_way_goods_went(
    edges: list[tuple[str, str]],
) -> None:
    nodes = sorted({name for pair in edges for name in pair} | {"a"})

    columns = in_order(tiers(nodes, edges), edges)

    assert sorted(name for column in columns for name in column) == nodes
    assert drawn([node(n) for n in nodes], [edge(*pair) for pair in edges]).count("<rect") == len(
        nodes
    )


def test_more_stalls_than_an_eye_tells_apart_fold_and_the_largest_stay_in_sight() -> None:
    stalls = [f"s{n:03}" for n in range(110)]
    picture = drawn(
        [node("w"), *(node(stall) for stall in stalls)],
        [edge("w", stall, str(n)) for n, stall in enumerate(stalls)],
    )

    assert picture.count("<rect") == 1 + SIBLINGS_MAX
    assert f"+{110 - SIBLINGS_MAX + 1} more" in picture
    assert "户s109" in picture
    assert "户s001" not in picture


def test_certain_and_possible_are_told_apart_by_more_than_their_colour() -> None:
    picture = drawn([node("a"), node("b", "possible")], [edge("a", "b", how="possible")])

    assert 'class="possible"' in picture
    assert 'class="certain"' in picture


def test_a_name_with_a_tag_in_it_is_a_name() -> None:
    picture = drawn([node("a", name="<script>x</script>")], [])

    assert "<script>" not in picture


@pytest.mark.parametrize(("at_most", "explained"), [("25", True), ("33", False), (None, False)])
def test_a_row_that_does_not_add_up_to_what_is_left_is_explained(
    at_most: str | None, explained: bool
) -> None:
    none = dict.fromkeys(("made", "sent_back", "used", "disposed"), "0")
    holder = none | {"told": None, "taken_in": "38", "sold": "5", "at_most": at_most}

    assert does_not_add_up(holder) is explained
