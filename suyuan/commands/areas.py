"""`area`: in which city and province a district lies."""

import argparse
from typing import Any

from ledger.events.cases import AreaStated
from ledger.rules.areas import StateArea
from suyuan.commands import name
from suyuan.commands.requesting import add_request, say, send, words_of

# As long as the record takes one.
NAME_CHARACTERS_MAX = 60


def add_area(verbs: Any) -> None:
    """`area`: an administrative area, so that who is in charge of a city sees its districts."""
    verb = verbs.add_parser("area", help="say in which other area a district or city lies")
    verb.add_argument("area", type=name)
    verb.add_argument("--name", type=words_of(NAME_CHARACTERS_MAX), required=True)
    verb.add_argument("--within", type=name, help="the area it lies in; none for the highest")
    add_request(verb, run_area)


def run_area(stated: argparse.Namespace) -> int:
    """Puts on record where an area lies."""
    entry = AreaStated(area=stated.area, name=stated.name, within=stated.within)
    send(stated, [StateArea(entry)])
    where = f" in {stated.within}" if stated.within else ""
    return say(stated, f"{stated.area} is {stated.name}{where}", area=stated.area)


VERBS = (add_area,)
