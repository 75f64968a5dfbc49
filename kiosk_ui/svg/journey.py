"""The journey line: where a lot was reported, from left to right, folded when it is long."""

from typing import Any

from markupsafe import Markup, escape

NODE_X = 168
HEIGHT = 108
RADIUS = 11
# More than this in one line cannot be read on a kiosk; the table below it holds them all.
NODES_MAX = 7
NAME_MAX = 11


def journey_line(steps: list[dict[str, Any]], more: str, title: str) -> Markup:
    """Draws the steps as dots on a line. `more` says, with {n}, how many were folded."""
    shown: list[dict[str, Any] | int] = list(steps)
    if len(steps) > NODES_MAX:
        ends = (NODES_MAX - 1) // 2
        shown = [*steps[:ends], len(steps) - 2 * ends, *steps[-ends:]]
    width = max(1, len(shown)) * NODE_X
    parts = [
        f'<svg class="journey" viewBox="0 0 {width} {HEIGHT}" role="img" width="{width}"'
        f' height="{HEIGHT}" aria-label="{escape(title)}">'
        f'<line x1="{NODE_X // 2}" y1="30" x2="{width - NODE_X // 2}" y2="30"/>'
    ]
    for index, step in enumerate(shown):
        parts.append(_node(index * NODE_X + NODE_X // 2, step, more))
    return Markup("".join(parts) + "</svg>")  # noqa: S704  # every text in it was escaped


def _node(x: int, step: dict[str, Any] | int, more: str) -> str:
    if isinstance(step, int):
        return f'<text class="name" x="{x}" y="62">{escape(more.format(n=step))}</text>'
    lines = [
        ("name", _short(step["name"]), 62),
        ("kind", step["kind"], 82),
        ("kind", step["days"], 100),
    ]
    texts = "".join(
        f'<text class="{style}" x="{x}" y="{y}">{escape(_short(text, 18))}</text>'
        for style, text, y in lines
    )
    return f'<circle cx="{x}" cy="30" r="{RADIUS}"/>{texts}'


def _short(text: str, limit: int = NAME_MAX) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
