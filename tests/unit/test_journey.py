"""The journey line: stalls beside each other are one stage, and no chain."""

import re

from kiosk_ui.svg.journey import PLACES_MAX, journey_line


def step(name: str, kind: str, days: str = "2026-11-30") -> dict[str, str]:
    return {"name": name, "kind": kind, "days": days}


def test_places_of_one_kind_are_one_stage_of_the_line_and_what_is_more_is_counted() -> None:
    stalls = [step(f"摊位 {n} 号", "摊位") for n in range(1, PLACES_MAX + 3)]
    drawn = str(journey_line([step("农场", "生产者"), *stalls], "另有 {n} 处", "它经过了哪里"))

    assert drawn.count("<circle") == 2
    assert "生产者<" in drawn
    assert f"摊位 × {PLACES_MAX + 2}" in drawn
    assert "摊位 3 号" in drawn
    assert "摊位 4 号" not in drawn
    assert "另有 2 处" in drawn


def test_every_text_of_the_line_stands_within_the_picture() -> None:
    steps = [step("a" * 40, kind) for kind in ("生产者", "批发商", "摊位") for _ in range(9)]
    drawn = str(journey_line(steps, "{n}", "t"))

    width, height = map(int, re.search(r'viewBox="0 0 (\d+) (\d+)"', drawn).groups())  # type: ignore[union-attr]
    texts = [(int(x), int(y)) for x, y in re.findall(r'<text[^>]* x="(\d+)" y="(\d+)"', drawn)]
    assert all(0 < x < width and 0 < y < height for x, y in texts)


def test_a_name_is_no_markup() -> None:
    drawn = str(journey_line([step("<script>", "&")], "{n}", '"'))

    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn
