"""A strip of days: a tile a day, how its tests ended."""

from typing import Any

from markupsafe import Markup, escape

SIDE, GAP, HIGH = 36, 6, 40


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
    return Markup(  # noqa: S704  # every text in it was escaped
        f'<svg class="strip" viewBox="0 0 {wide} {HIGH}" role="img"'
        f' aria-label="{escape(title)}">{"".join(tiles)}</svg>'
    )
