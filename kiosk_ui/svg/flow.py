"""The flow of a trace as a picture: tiers from left to right, the largest in sight, the rest folded."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from kiosk_ui.language import Language
from kiosk_ui.svg.tiers import in_order, tiers

WIDE, HIGH, GAP_X, GAP_Y, TOP = 172, 46, 96, 12, 26
# More siblings than a hand can tell apart fold into one box, which the table below opens.
# The first of these that is among several says how they are drawn.
HOWS = ("certain", "possible", "behind")
SIBLINGS_MAX = 25
NAME_MAX = 11
STROKE_MIN, STROKE_MAX = 1.2, 9.0


class Box(NamedTuple):
    """What is drawn of a merchant, or of several that were folded."""

    key: str
    name: str
    sub: str
    how: str
    link: str


class Way(NamedTuple):
    """What is drawn of the goods between two boxes."""

    giver: str
    taker: str
    how: str
    amount: Decimal
    words: str


class Folding(NamedTuple):
    """Which box stands for each merchant, and the boxes."""

    stands_for: dict[str, str]
    boxes: dict[str, Box]


def flow_picture(
    page: Mapping[str, Any], language: Language, link: Callable[[str], str], title: str
) -> Markup:
    """Draws a flow page of the API's; `link` says where a merchant's box leads."""
    nodes = {node["merchant"]: node for node in page["nodes"]}
    if not nodes:
        return Markup("")
    placed = tiers(nodes, [(edge["giver"], edge["taker"]) for edge in page["edges"]])
    folding = _fold(nodes, placed, _weights(page["edges"]), language, link)
    ways = _ways(page, folding)
    places = {folding.stands_for[who]: tier for who, tier in placed.items()}
    columns = in_order(places, [(way.giver, way.taker) for way in ways])
    return _draw(columns, folding.boxes, ways, title)


def _weights(edges: list[dict[str, Any]]) -> dict[str, Decimal]:
    """Returns how much went through each merchant, by which the largest are known."""
    weights: dict[str, Decimal] = defaultdict(Decimal)
    for edge in edges:
        for side in ("giver", "taker"):
            weights[edge[side]] += Decimal(edge["at_most"])
    return weights


def _fold(
    nodes: Mapping[str, Any],
    placed: Mapping[str, int],
    weights: Mapping[str, Decimal],
    language: Language,
    link: Callable[[str], str],
) -> Folding:
    folding = Folding({}, {})
    columns: dict[tuple[int, str], list[str]] = defaultdict(list)
    for who, tier in placed.items():
        columns[tier, nodes[who]["how"]].append(who)
    for (tier, how), found in columns.items():
        found.sort(key=lambda who: (-weights.get(who, Decimal()), who))
        shown = found if len(found) <= SIBLINGS_MAX else found[: SIBLINGS_MAX - 1]
        for who in shown:
            folding.stands_for[who] = who
            folding.boxes[who] = _box(nodes[who], language, link)
        if rest := found[len(shown) :]:
            key = f"+{tier}-{how}"
            folding.stands_for.update(dict.fromkeys(rest, key))
            name = language.word("+{n} more").format(n=len(rest))
            folding.boxes[key] = Box(key, name, language.word("see the table"), how, "#holders")
    return folding


def _box(node: Mapping[str, Any], language: Language, link: Callable[[str], str]) -> Box:
    left = " · ".join(
        f"{amount} {language.unit(unit, amount)}" for unit, amount in node["left_at_most"].items()
    )
    sub = language.word("≤ {left} left").format(left=left) if left else node["merchant"]
    name = node["name"] or node["merchant"]
    return Box(node["merchant"], name, sub, node["how"], link(node["merchant"]))


def _ways(page: Mapping[str, Any], folding: Folding) -> list[Way]:
    """Returns the ways between boxes, those of one pair together."""
    together: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for edge in page["edges"]:
        pair = folding.stands_for[edge["giver"]], folding.stands_for[edge["taker"]]
        if pair[0] != pair[1]:
            together[pair].append(edge)
    names = page["product_names"]
    return [
        Way(
            giver, taker, min((e["how"] for e in found), key=HOWS.index),
            sum((Decimal(edge["at_most"]) for edge in found), Decimal()),
            "\n".join(_said(edge, names) for edge in found[:6]),
        )
        for (giver, taker), found in together.items()
    ]  # fmt: skip


def _said(edge: Mapping[str, Any], names: Mapping[str, str]) -> str:
    least, most = edge["at_least"], edge["at_most"]
    amount = most if least == most else f"{least}–{most}"
    return f"{names.get(edge['product'], edge['product'])} {amount} {edge['unit']}"


def _draw(
    columns: list[list[str]], boxes: Mapping[str, Box], ways: list[Way], title: str
) -> Markup:
    rows = max((len(column) for column in columns), default=1)
    wide = len(columns) * (WIDE + GAP_X) - GAP_X + 4
    high = TOP + rows * (HIGH + GAP_Y)
    at: dict[str, tuple[int, int]] = {}
    for tier, column in enumerate(columns):
        first = TOP + (rows - len(column)) * (HIGH + GAP_Y) // 2
        for index, key in enumerate(column):
            at[key] = (2 + tier * (WIDE + GAP_X), first + index * (HIGH + GAP_Y))
    most = max((way.amount for way in ways), default=Decimal(1)) or Decimal(1)
    lines = [_way(way, at, most) for way in ways]
    drawn = [_drawn(boxes[key], *place) for key, place in at.items()]
    head = (
        f'<svg class="flow" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="group"'
        f' aria-label="{escape(title)}">'
    )
    return Markup(head + "".join(lines) + "".join(drawn) + "</svg>")  # noqa: S704  # every text in it was escaped


def _way(way: Way, at: Mapping[str, tuple[int, int]], most: Decimal) -> str:
    (x1, y1), (x2, y2) = at[way.giver], at[way.taker]
    y1, y2 = y1 + HIGH // 2, y2 + HIGH // 2
    x1, bend = x1 + WIDE, GAP_X // 2
    if x2 <= x1 - WIDE:
        # A way back goes round below both.
        x1, x2, bend = x1 - WIDE // 2, x2 + WIDE // 2, 0
        y1, y2 = y1 + HIGH // 2, y2 + HIGH // 2
    thick = STROKE_MIN + (STROKE_MAX - STROKE_MIN) * float(way.amount / most) ** 0.5
    curve = f"M{x1} {y1}C{x1 + bend} {y1 + (0 if bend else 40)} {x2 - bend} {y2 + (0 if bend else 40)} {x2} {y2}"
    return (
        f'<path class="{way.how}" d="{curve}" stroke-width="{thick:.1f}">'
        f"<title>{escape(way.words)}</title></path>"
    )


def _drawn(box: Box, x: int, y: int) -> str:
    name = box.name if len(box.name) <= NAME_MAX else f"{box.name[: NAME_MAX - 1]}…"
    return (
        f'<a class="{box.how}" href="{escape(box.link)}"><title>{escape(box.name)}</title>'
        f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="7"/>'
        f'<text x="{x + 10}" y="{y + 20}">{escape(name)}</text>'
        f'<text class="sub" x="{x + 10}" y="{y + 37}">{escape(box.sub[:24])}</text></a>'
    )
