"""A calendar of some weeks: a square a day, the darker the more was entered, each a link to its day."""

from collections.abc import Mapping
from datetime import date, timedelta

from markupsafe import Markup, escape

SIDE, GAP, LEFT, TOP = 26, 4, 34, 18
# Shades that can be told apart; the first is for nothing at all.
SHADES = 5
DAYS_A_WEEK = 7


def calendar(
    counts: Mapping[date, int], last: date, weeks: int, names: list[str], title: str, words: str
) -> Markup:
    """Draws the weeks that end with the one of `last`. `names` are the week's days from Monday on,
    `words` says a day's figure, with {day} and {n}.
    """
    first = last - timedelta(days=last.weekday() + DAYS_A_WEEK * (weeks - 1))
    most = max(counts.values(), default=0)
    drawn = [
        f'<text class="name" x="{LEFT - 6}" y="{TOP + row * (SIDE + GAP) + 18}">{escape(name)}</text>'
        for row, name in enumerate(names)
    ]
    for number in range((last - first).days + 1):
        week, weekday = divmod(number, DAYS_A_WEEK)
        day = first + timedelta(days=number)
        x, y = LEFT + week * (SIDE + GAP), TOP + weekday * (SIDE + GAP)
        if weekday == 0 and week % 2 == 0:
            drawn.append(f'<text x="{x}" y="12">{day:%m-%d}</text>')
        said = escape(words.format(day=day.isoformat(), n=counts.get(day, 0)))
        drawn.append(
            f'<a href="/desk/statistics?by=category&amp;since={day}&amp;until={day}"'
            f' aria-label="{said}"><title>{said}</title>'
            f'<rect class="shade-{_shade(counts.get(day, 0), most)}" x="{x}" y="{y}"'
            f' width="{SIDE}" height="{SIDE}" rx="4"/></a>'
        )
    wide, high = LEFT + weeks * (SIDE + GAP), TOP + DAYS_A_WEEK * (SIDE + GAP)
    return Markup(  # noqa: S704  # every text in it was escaped
        f'<svg class="calendar" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}"'
        f' role="group" aria-label="{escape(title)}">{"".join(drawn)}</svg>'
    )


def _shade(count: int, most: int) -> int:
    """Returns 0 for nothing, else 1 to 4 by how much of the busiest day it is."""
    return 0 if not count else 1 + min(SHADES - 2, (SHADES - 1) * count // (most + 1))
