"""A strip of days: a tile a day, how its tests ended."""

from typing import Any

from markupsafe import Markup, escape

SIDE, GAP, HIGH = 36, 6, 62


def strip_of_tests(days: list[dict[str, Any]], title: str, words: str) -> Markup:
    """Draws a tile a day: all passed, some failed, none tested. `words` has {day}, {passed}, {failed}."""
    tiles = []
    for index, one in enumerate(days):
        said = escape(words.format(day=one["day"], passed=one["passed"], failed=one["failed"]))
        style, sign = (
            ("past", "✕") if one["failed"] else ("done", "✓") if one["passed"] else ("", "")
        )
        x = index * (SIDE + GAP)
        tiles.append(
            f"<g><title>{said}</title>"
            f'<rect class="{style}" x="{x}" y="2" width="{SIDE}" height="{SIDE}" rx="6"/>'
            f'<text x="{x + SIDE / 2:g}" y="27">{sign}</text></g>'
        )
    wide = len(days) * (SIDE + GAP)
    if days:
        # The days at both ends stand below; of the others each tile's title says it.
        first, last = escape(days[0]["day"][5:]), escape(days[-1]["day"][5:])
        tiles.append(f'<text class="day" x="0" y="57">{first}</text>')
        tiles.append(f'<text class="day last" x="{wide - GAP}" y="57">{last}</text>')
    return Markup(  # noqa: S704  # every text in it was escaped
        f'<svg class="strip" viewBox="0 0 {wide} {HIGH}" role="img"'
        f' aria-label="{escape(title)}">{"".join(tiles)}</svg>'
    )
