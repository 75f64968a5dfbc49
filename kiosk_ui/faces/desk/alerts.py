"""Today at the desk: what waits for somebody, grouped by cause, and what was done about it."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from kiosk_ui.client import Away, TooMany, part, raise_for, reached, whole
from kiosk_ui.language import Language
from kiosk_ui.page import render
from kiosk_ui.saying import FilledIn, Remark, ledger_time, say
from kiosk_ui.signing import Person, needs
from kiosk_ui.viewmodels.recall import first_words, lot_named, next_deadline

router = APIRouter()

Officer = Annotated[Person, needs("inspector", "regulator", "auditor")]
Worker = Annotated[Person, needs("inspector", "regulator")]
SHOWN = 50
# As many as run at once anywhere, and as many devices as a page can look through.
RECALLS_MAX, DEVICES_MAX = 200, 2000


class WorkForm(FilledIn):
    """What somebody says of a group of alerts."""

    act: Literal["acknowledge", "assign", "comment", "silence"]
    note: Remark = ""
    to: str = ""
    days: Annotated[int, Field(ge=0, le=92)] = 1


@router.get("")
async def today(
    request: Request, person: Officer, after: str = "", silenced: bool = False
) -> Response:
    """The inbox: alerts by cause, recalls with their clocks, devices that fell silent."""
    asked: dict[str, Any] = {"limit": SHOWN, "silenced": silenced}
    if after:
        asked["after"] = after
    groups = await person.client.get("/v1/alert-groups", asked)
    language = request.state.language
    published = await _recalls(person, "published", language)
    drafts = await _recalls(person, "drafted", language)
    drafts += await _recalls(person, "checked", language)
    devices = await whole(person.client, "/v1/devices", "devices", DEVICES_MAX)
    shown = [_shown(request, one) for one in groups["groups"]]
    values = {
        # What was given to who looks comes first, and then what is worst.
        "groups": sorted(
            shown, key=lambda one: (one["assigned_to"] != person.account, one["tone"] != "bad")
        ),
        "next": groups["next"], "position": groups["position"], "recalls": published, "drafts": drafts,
        "silent": [one for one in devices.lines if _is_silent(one)], "devices": len(devices.lines), "off": sum(map(_is_off, devices.lines)),
        "more_devices": devices.more, "silenced": silenced,
    }  # fmt: skip
    return render(request, "desk/today.html", values, person=person)


@router.get("/alerts/{group}")
async def one(request: Request, person: Officer, group: str) -> Response:
    """A group of alerts: each with its evidence, and everything that was said."""
    found = await person.client.get(f"/v1/alert-groups/{part(group)}")
    values = {
        "is_day": is_day,
        "colleagues": await _colleagues(person) if person.has("inspector", "regulator") else [],
        "group": _shown(request, found["group"]), "merchants": _by_merchant(found["alerts"]), "said": found["said"], "position": found["position"],
    }  # fmt: skip
    return render(request, "desk/alert.html", values, person=person)


def is_day(text: str) -> bool:
    """Tells whether the detail of an alert is a day, which is written as each reader writes it."""
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text) is not None


async def _colleagues(person: Person) -> list[tuple[str, str]]:
    """Returns who may be given alerts: accounts, and what their owners are called."""
    try:
        answer = await reached(
            person.client.services.intake.get("/intake/colleagues", headers=person.client.headers)
        )
        raise_for(answer)
    except (Away, TooMany):
        # An alert is read all the same; whoever gives it away types the account.
        return []
    return [(one["account"], one["name"]) for one in answer.json()["colleagues"]]


@router.post("/alerts/{group}")
async def work(
    request: Request, person: Worker, group: str, form: Annotated[WorkForm, Form()]
) -> Response:
    """Says of a group that it was seen, who works on it, or until when it keeps quiet."""
    said: dict[str, Any] = {"type": f"{form.act}-alerts", "group": group, "by": person.account}
    if form.note:
        said["note"] = form.note
    if form.act == "assign":
        said["to"] = form.to
    if form.act == "silence":
        now = datetime.fromisoformat(await ledger_time(person))
        said["until"] = (now + timedelta(days=form.days)).isoformat()
    return await say(request, person, [said], f"/desk/alerts/{part(group)}", key=form.key)


def _by_merchant(alerts: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Returns alerts by whom they concern, by name, whoever has most of them first; two of one name are two."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in alerts:
        found.setdefault(one["merchant"] or "", []).append(one)
    called = [(some[0]["merchant_name"] or merchant, some) for merchant, some in found.items()]
    return sorted(called, key=lambda item: -len(item[1]))


async def _recalls(person: Person, stage: str, language: Language) -> list[dict[str, Any]]:
    found = await person.client.get("/v1/recalls", {"stage": stage, "limit": RECALLS_MAX})
    return [
        one | {"due": next_deadline(one), "goods": first_words(one, language)}
        for one in found["recalls"]
    ]


def _is_off(device: dict[str, Any]) -> bool:
    return not device["revoked_at"] and device["online"] is False


def _is_silent(device: dict[str, Any]) -> bool:
    # Three heartbeats that did not come; who said good-bye is off, and not missed.
    return not device["revoked_at"] and device["online"] is True and (device["silent_s"] or 0) > 90


def _shown(request: Request, group: dict[str, Any]) -> dict[str, Any]:
    language = request.state.language
    zh = language.code == "zh"
    goods = group["name_zh"] if zh else group["name_en"] or group["name_zh"]
    lot = group["lot"] or ""
    return group | {
        "words": group["zh"] if zh else group["en"],
        "todo": group["todo_zh"] if zh else group["todo_en"],
        "goods": goods or group["product"],
        "lot_words": _lot_words(lot, language) if lot else "",
        "traced": bool(group["product"] and lot),
        "tone": _tone(group),
    }


def _lot_words(lot: str, language: Language) -> str:
    named = lot_named(lot, language)
    # A date says itself which it is.
    return named if lot[:2] in ("D:", "E:") else language.word("Lot {lot}").format(lot=named)


def _tone(group: dict[str, Any]) -> str:
    grave = ("sold-while-stopped", "sold-after-expiry", "tape-forked", "test-failed", "recall-late")
    if any(kind in grave for kind in group["kinds"]):
        return "bad"
    return "plain" if group["acknowledged_at"] and not group["since_acknowledged"] else "warn"
