"""`access-log`: who else looked at a merchant's records, when, at what and why."""

import argparse
from itertools import islice
from typing import Any

from suyuan.commands import count, name
from suyuan.commands.asking import add_query, ask_pages, asking, local, show

LOOKS = 50


def add_access_log(verbs: Any) -> None:
    """`access-log`: who looked."""
    verb = verbs.add_parser("access-log", help="who else looked at a merchant's records, and why")
    verb.add_argument("merchant", type=name)
    verb.add_argument(
        "--last", type=count, default=LOOKS, help="how many, the latest first (%(default)s)"
    )
    add_query(verb, run_access_log)


def run_access_log(stated: argparse.Namespace) -> int:
    """Shows looks, the latest first."""
    with asking(stated) as query:
        pages = ask_pages(query, f"/v1/merchants/{stated.merchant}/access-log", {})
        looks = list(islice((one for page in pages for one in page["looks"]), stated.last))
    headings = ["时间 time", "谁 who", "看了 looked at", "问 asked", "为何 why"]
    rows = [
        [local(one["at"]), one["account"], one["resource"], one["asked"], one["why"]]
        for one in looks
    ]
    found = {"ok": True, "merchant": stated.merchant, "looks": looks}
    heading = f"{stated.merchant}: {len(looks)} 次查看 looks, the latest first"
    return show(stated, found, headings, rows, heading)


VERBS = (add_access_log,)
