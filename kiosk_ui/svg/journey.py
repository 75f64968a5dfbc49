"""The journey line: through which hands a lot was reported, from left to right.

Who passed what to whom is not public, and not every stall had it of the one before: a stage holds all of one
kind, and the line goes from stage to stage.
"""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

STAGE_X = 200
DOT_Y, FIRST_Y, PLACE_Y = 26, 52, 40
RADIUS = 11
# More than this in one stage cannot be read on a kiosk; the table below it holds them all.
PLACES_MAX = 3
NAME_MAX = 11


def stages_of(steps: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Returns the places of each kind, the kinds in the order in which they first had it."""
    stages: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        stages.setdefault(step["kind"], []).append(step)
    return stages


def journey_line(steps: Sequence[dict[str, Any]], more: str, title: str) -> Markup:
    """Draws the steps as stages on a line. `more` says, with {n}, how many of one were folded."""
    stages = stages_of(steps)
    width = max(1, len(stages)) * STAGE_X
    deepest = max((min(len(places), PLACES_MAX + 1) for places in stages.values()), default=0)
    height = FIRST_Y + 14 + deepest * PLACE_Y
    parts = [
        f'<svg class="journey" viewBox="0 0 {width} {height}" role="img" width="{width}"'
        f' height="{height}" aria-label="{escape(title)}">'
        f'<line x1="{STAGE_X // 2}" y1="{DOT_Y}" x2="{width - STAGE_X // 2}" y2="{DOT_Y}"/>'
    ]
    for index, (kind, places) in enumerate(stages.items()):
        parts.append(_stage(index * STAGE_X + STAGE_X // 2, kind, places, more))
    return Markup("".join(parts) + "</svg>")  # noqa: S704  # every text in it was escaped


def _stage(x: int, kind: str, places: Sequence[dict[str, Any]], more: str) -> str:
    count = f" × {len(places)}" if len(places) > 1 else ""
    texts = [_text("kind", x, FIRST_Y, f"{kind}{count}")]
    for row, place in enumerate(places[:PLACES_MAX]):
        y = FIRST_Y + 24 + row * PLACE_Y
        texts.append(_text("name", x, y, _short(place["name"])))
        texts.append(_text("kind", x, y + 16, _short(place["days"], 24)))
    if (folded := len(places) - PLACES_MAX) > 0:
        y = FIRST_Y + 24 + PLACES_MAX * PLACE_Y
        texts.append(_text("kind", x, y, more.format(n=folded)))
    return f'<circle cx="{x}" cy="{DOT_Y}" r="{RADIUS}"/>{"".join(texts)}'


def _text(style: str, x: int, y: int, words: str) -> str:
    return f'<text class="{style}" x="{x}" y="{y}">{escape(words)}</text>'


def _short(text: str, limit: int = NAME_MAX) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
