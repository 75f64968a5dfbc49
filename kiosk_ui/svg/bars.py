"""Bars of figures: lying ones for names, standing ones for days; each bar is a link where it leads on."""

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

WIDTH, NAME_X, FIGURE_X, ROW, THICK = 640, 150, 70, 30, 16
HEIGHT, FOOT, HEAD = 190, 34, 18
NAME_MAX = 12
# More days than this side by side cannot all be named: as many are as fit.
NAMED_MAX = 14


class Bar(NamedTuple):
    """A bar: its name, its parts from the foot up, each with a style, and what it adds up to in words."""

    name: str
    parts: Sequence[tuple[str, float]]
    words: str
    link: str = ""

    @property
    def whole(self) -> float:
        """How long it is."""
        return sum(size for _, size in self.parts)


def lying(bars: Sequence[Bar], title: str, *, full: float | None = None) -> Markup:
    """Draws a bar a line, its name before it and its figure behind; `full` is what fills the width."""
    most = full or max((bar.whole for bar in bars), default=0) or 1
    room = WIDTH - NAME_X - FIGURE_X
    drawn = []
    for row, bar in enumerate(bars):
        y, x, rects = row * ROW + 6, float(NAME_X), ""
        for style, size in bar.parts:
            wide = room * size / most
            rects += (
                f'<rect class="{style}" x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{THICK}"/>'
            )
            x += wide
        name = f'<text class="name" x="{NAME_X - 8}" y="{y + 13}">{escape(_short(bar.name))}</text>'
        figure = f'<text x="{x + 6:.1f}" y="{y + 13}">{escape(bar.words)}</text>'
        drawn.append(_linked(bar, name + rects + figure))
    return _picture("".join(drawn), len(bars) * ROW + 6, title, "lying")


def standing(bars: Sequence[Bar], title: str) -> Markup:
    """Draws a bar a day, side by side."""
    most = max((bar.whole for bar in bars), default=0) or 1
    step = WIDTH / max(1, len(bars))
    every = -(-len(bars) // NAMED_MAX)
    room = HEIGHT - FOOT - HEAD
    drawn = [
        f'<line x1="0" y1="{HEIGHT - FOOT}" x2="{WIDTH}" y2="{HEIGHT - FOOT}"/>',
        f'<text x="0" y="12">{most:,.10g}</text>',
    ]
    for index, bar in enumerate(bars):
        x, y, rects = index * step, float(HEIGHT - FOOT), ""
        for style, size in bar.parts:
            high = room * size / most
            y -= high
            rects += (
                f'<rect class="{style}" x="{x + step * 0.1:.1f}" y="{y:.1f}"'
                f' width="{step * 0.8:.1f}" height="{high:.1f}"/>'
            )
        # What is hit is the day, however low its bar.
        rects += f'<rect class="hit" x="{x:.1f}" y="0" width="{step:.1f}" height="{HEIGHT}"/>'
        if index % every == 0:
            rects += f'<text class="day" x="{x + step / 2:.1f}" y="{HEIGHT - 12}">{escape(bar.name)}</text>'
        drawn.append(_linked(bar, rects))
    return _picture("".join(drawn), HEIGHT, title, "standing")


def _linked(bar: Bar, drawn: str) -> str:
    words = f"<title>{escape(bar.name)}: {escape(bar.words)}</title>"
    if not bar.link:
        return f"<g>{words}{drawn}</g>"
    label = f"{escape(bar.name)}: {escape(bar.words)}"
    return f'<a href="{escape(bar.link)}" aria-label="{label}">{words}{drawn}</a>'


def _picture(drawn: str, high: int, title: str, kind: str) -> Markup:
    return Markup(  # noqa: S704  # every text in it was escaped
        f'<svg class="bars {kind}" viewBox="0 0 {WIDTH} {high}" role="group"'
        f' aria-label="{escape(title)}">{drawn}</svg>'
    )


def _short(text: str) -> str:
    return text if len(text) <= NAME_MAX else f"{text[: NAME_MAX - 1]}…"
