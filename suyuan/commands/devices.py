"""`devices`: which there are and how they do; asking one in, and letting none go on that is lost."""

import argparse
import json
from pathlib import Path
from typing import Any

import httpx

from ledger.rules.device import RevokeDevice
from scanners.joining import InvitationLink
from scanners.proof_codes import as_blocks, draw_code
from scanners.trust import LOOPBACK
from suyuan.badge import badge
from suyuan.commands import Failed, day, name, today
from suyuan.commands.asking import add_query, ask_page, ask_pages, asking, local, show
from suyuan.commands.requesting import add_request, add_who, intake_of, say, send, words_of
from suyuan.trusted import verify

ANSWER_S = 30
# Three heartbeats: one lost packet must not make a till look dead.
SILENT_S = 90
# Within this a device's clock is as good as the network between.
CLOCK_S = 5


def add_devices(verbs: Any) -> None:
    """`devices`: the devices of a ledger."""
    verb = verbs.add_parser("devices", help="devices: list, show, invite, withdraw, revoke")
    words = verb.add_subparsers(dest="word", required=True, metavar="WORD")
    listed = words.add_parser("list", help="every device with its heartbeat, tape and clock")
    add_query(listed, _list)
    shown = words.add_parser("show", help="one device with its mandates, tapes, gaps and use")
    shown.add_argument("device", type=name)
    add_query(shown, _show)
    _add_invite(words)
    opened = words.add_parser("invitations", help="invitations that nobody has used yet")
    add_request(opened, _invitations)
    withdrawn = words.add_parser("withdraw", help="let an open invitation be good no more")
    withdrawn.add_argument("device", type=name)
    add_request(withdrawn, _withdraw)
    revoked = words.add_parser(
        "revoke", help="trust a device no more, at once; what it reported stays"
    )
    revoked.add_argument("device", type=name)
    revoked.add_argument("--note", required=True, type=words_of(400), help="why")
    add_request(revoked, _revoke)


def _add_invite(words: Any) -> None:
    verb = words.add_parser("invite", help="make the code by which a device joins once")
    verb.add_argument("device", type=name, help="the name it shall have: a-z, 0-9 and -")
    verb.add_argument("--merchant", type=name, action="append", default=[],
                      help="for whom it may report")  # fmt: skip
    verb.add_argument("--since", type=day, help="from which business day on; else today")
    verb.add_argument("--again", type=words_of(400), metavar="REASON",
                      help="it was enrolled and lost its key: why")  # fmt: skip
    verb.add_argument("--minutes", type=int, help="how long the code is good (30)")
    verb.add_argument("--out", type=Path, help="write the code to a .png or .svg, too")
    add_who(verb)
    verb.add_argument("--intake", help="the ledger's address; else the one of the settings")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=_invite)


def _list(stated: argparse.Namespace) -> int:
    with asking(stated) as query:
        found = [one for page in ask_pages(query, "/v1/devices", {}) for one in page["devices"]]
    headings = ["device", "for", "state", "waiting", "tape", "clock", "7 days", "gaps"]
    rows = [
        [one["device"], ", ".join(one["merchants"]), _standing(one), one["waiting"],
         _percent(one["fill_percent"]), _ahead(one["ahead_s"]), one["week"], one["gaps"]]
        for one in found
    ]  # fmt: skip
    return show(
        stated,
        {"devices": found},
        headings,
        rows,
        "1 device" if len(found) == 1 else f"{len(found)} devices",
    )


def _show(stated: argparse.Namespace) -> int:
    with asking(stated) as query:
        found = ask_page(query, f"/v1/devices/{stated.device}", {})
    line = found["line"]
    if stated.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    print(
        f"{line['device']}  {_standing(line)}  key {found['key']} since {local(found['key_since'])}"
    )
    if found["reason"]:
        print(f"revoked {local(line['revoked_at'])}: {found['reason']}")
    for one in found["mandates"]:
        print(f"reports for {one['merchant']} from {one['valid_from']}"
              + (f" until {one['valid_until']}" if one["valid_until"] else ""))  # fmt: skip
    for one in found["tapes"]:
        print(
            f"tape {one['stream']}: {one['last_number']} reports, last {local(one['last_received'])}"
        )
    for one in found["gaps"]:
        print(f"gap {one['kind']} from number {one['first_number']}: {one['note'] or 'see the times'}"
              f"  {local(one['happened_from'])} to {local(one['happened_to'])}")  # fmt: skip
    print(
        "  ".join(f"{one['day']}: {one['reports']}" for one in found["uses"]) or "not used lately"
    )
    return 0


def _standing(one: dict[str, Any]) -> str:
    """Says how a device does: it, or the broker for it, said that it is off; or nothing is heard of it."""
    if one["revoked_at"] is not None:
        return "revoked"
    if one["heard"] is None:
        return "never heard"
    if not one["online"]:
        return f"off since {local(one['heard'])}"
    if one["silent_s"] <= SILENT_S:
        return "online"
    return f"silent since {local(one['heard'])}"


def _percent(value: int | None) -> str:
    return "" if value is None else f"{value} %"


def _ahead(seconds: float | None) -> str:
    """Says how far a clock is off, of what a person would notice."""
    if seconds is None:
        return ""
    return "right" if abs(seconds) < CLOCK_S else f"{seconds:+.0f} s"


def _invite(stated: argparse.Namespace) -> int:
    form = {
        "device": stated.device, "merchants": stated.merchant, "again": stated.again,
        "since": str(stated.since or today()), "minutes": stated.minutes,
    }  # fmt: skip
    told = _answer(stated, "POST", "/intake/invitations", form)
    link = InvitationLink(told["address"], stated.device, told["code"], told["fingerprint"])
    if stated.out is not None:
        if stated.out.suffix not in (".png", ".svg"):
            raise Failed(f"name a file that ends in .png or .svg, not {stated.out.name!r}")
        stated.out.write_bytes(draw_code(link.text, stated.out.suffix))
    if stated.json:
        print(
            json.dumps(
                {"ok": True, "device": stated.device, "link": link.text, "until": told["until"]}
            )
        )
        return 0
    print(as_blocks(link.text))
    print(
        f"{stated.device} joins once, until {local(told['until'])}, with: suyuan enroll '{link.text}'"
    )
    if httpx.URL(told["address"]).host in LOOPBACK:
        print("on this machine alone: other machines need suyuan up --name NAME")
    return 0


def _invitations(stated: argparse.Namespace) -> int:
    found = _answer(stated, "GET", "/intake/invitations")
    rows = [
        [one["device"], ", ".join(one["merchants"]), one["account"], local(one["until"])]
        for one in found["invitations"]
    ]
    headings = ["device", "for", "asked in by", "until"]
    return show(stated, found, headings, rows, f"{len(rows)} open invitations")


def _withdraw(stated: argparse.Namespace) -> int:
    _answer(stated, "DELETE", f"/intake/invitations/{stated.device}")
    return say(stated, f"nobody joins as {stated.device} with that code any more")


def _revoke(stated: argparse.Namespace) -> int:
    send(stated, [RevokeDevice(device=stated.device, reason=stated.note)])
    return say(
        stated,
        f"{stated.device} is trusted no more; what it reported stays on record",
        device=stated.device,
    )


def _answer(stated: argparse.Namespace, method: str, path: str, form: Any = None) -> Any:
    """Returns what intake answers. Raises `Failed` with what it says when it refuses."""
    intake = intake_of(stated)
    try:
        with httpx.Client(trust_env=False, timeout=ANSWER_S, verify=verify(intake)) as http:
            answer = http.request(method, f"{intake}{path}", json=form, auth=badge(stated.by))
        if answer.is_error:
            raise Failed(str(answer.json()["detail"]))
        return answer.json() if answer.content else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError) as error:
        raise Failed(f"no ledger answers at {intake}: {error}") from error


VERBS = (add_devices,)
