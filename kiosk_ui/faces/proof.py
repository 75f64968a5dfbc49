"""The proof of an entry: what the record shows, what it does not, and everything to check it without us."""

import base64
import json
import re
import zlib
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Path, Request, Response

from kiosk_ui.client import Away, NotRecorded, TooMany, Unusable, client_of, part, reached
from kiosk_ui.page import render
from kiosk_ui.reached import public_base
from kiosk_ui.settings import KioskSettings
from kiosk_ui.svg.code import code_picture
from kiosk_ui.viewmodels.lot import product_title
from kiosk_ui.viewmodels.proof import entry_words, witnesses_of

router = APIRouter()

# Whatever is no number of an entry is answered in words.
Position = Annotated[str, Path(max_length=40)]
NUMBER = re.compile(r"[1-9][0-9]{0,14}")
# A proof is this and little more; its code is read off a slip by any telephone.
EXTRA = "extra "
OPENING_SKIPS = 96
# What one code of the least redundancy holds; a recall of many lots is more (ISO/IEC 18004, table 7: 2,953 bytes).
CODE_MAX = 2_900


@router.get("/proof/{position}")
async def proof(request: Request, position: Position) -> Response:
    """An entry with its proof: checked in the page by a script, and anywhere else without one."""
    try:
        text = await _proof(request, position)
    except NotRecorded:
        return await _no_entry(request)
    public = _public_part(text)
    food = _food(public)
    values = {
        "position": int(position), "proof": text, "public": public, "plain": json.dumps(public, ensure_ascii=False, indent=1), "origin": _origin(text),
        "facts": entry_words(public, request.state.language), "named": await _names(request, food, public.get("merchant")), "key": await _of_log(request, "/log/key"),
        "drawn": len(text.encode()) <= CODE_MAX, "food": food, "witnesses": witnesses_of(text.partition("\n\n")[2]),
        "base": public_base(request),
    }  # fmt: skip
    return render(request, "proof.html", values)


@router.get("/proof/{position}/code.svg")
async def code(request: Request, position: Position) -> Response:
    """The proof as one code, for a slip or another screen."""
    content = await _proof(request, position)
    if len(content.encode()) > CODE_MAX:
        raise NotRecorded
    return _code(content)


def _code(text: str) -> Response:
    drawn = code_picture(text.encode())
    return Response(drawn, media_type="image/svg+xml", headers={"cache-control": "no-cache"})


@router.get("/trust")
async def trust(request: Request) -> Response:
    """How anybody checks the whole record without us; printed, the key for the authority's poster."""
    try:
        checkpoint, key = (
            await _of_log(request, "/log/checkpoint"),
            await _of_log(request, "/log/key"),
        )
    except NotRecorded:
        return _not_signed_yet(request)
    settings: KioskSettings = request.app.state.settings
    origin, size = checkpoint.split("\n")[:2]
    values = {
        "origin": origin, "size": int(size), "key": key, "witnesses": witnesses_of(checkpoint),
        "base": public_base(request), "source_url": settings.source_url,
        "asked": [(one.partition("+")[0], one) for one in settings.witnesses],
    }  # fmt: skip
    return render(request, "trust.html", values)


@router.get("/trust/code.svg")
async def trust_code(request: Request) -> Response:
    """The log's key as a code, for a poster."""
    return _code(await _of_log(request, "/log/key"))


def _not_signed_yet(request: Request) -> Response:
    """Says of a log that has just begun that its first checkpoint is on its way."""
    word = request.state.language.word
    values = {
        "heading": word("The log has just begun"),
        "detail": word("Its first checkpoint is signed within a minute: open this page again then."),
    }  # fmt: skip
    return render(request, "unusable.html", values, 503)


async def _no_entry(request: Request) -> Response:
    """Says how far the log has got, to whoever asked for an entry beyond."""
    word, number = request.state.language.word, request.state.language.number
    try:
        size = (await _of_log(request, "/log/checkpoint")).split("\n")[1]
    except NotRecorded:
        return _not_signed_yet(request)
    words = word("The log holds {n} entries so far: there is none of this number.")
    values = {"heading": word("There is no such entry"), "detail": words.format(n=number(size))}
    return render(request, "unusable.html", values, 404)


async def _names(request: Request, food: str, merchant: object) -> str:
    """Returns what the goods and whoever reported them are called in the register, which no proof needs."""
    called = [await _named(request, food)]
    if isinstance(merchant, str):
        try:
            page = await client_of(request).get(f"/v1/merchants/{part(merchant)}", {})
            called.append(f"{merchant} {page['name']}")
        except (NotRecorded, Unusable, Away, TooMany):
            pass
    return " · ".join(filter(None, called))


async def _named(request: Request, food: str) -> str:
    """Returns what the goods are called, in the reader's language; nothing where nobody registered them."""
    if not food:
        return ""
    gtin = food.split("/")[2]
    try:
        known = (await client_of(request).product(gtin, {}))["product"]
    except (NotRecorded, Unusable, Away, TooMany):
        # A proof needs the log alone.
        return ""
    title = product_title(known, request.state.language)
    return title if title != known["gtin"] else ""


async def _proof(request: Request, position: str) -> str:
    if not NUMBER.fullmatch(position):
        raise NotRecorded
    log = client_of(request).services.log
    answer = await reached(log.get(f"/log/proof/{position}"))
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NotRecorded
    if answer.status_code != httpx.codes.OK:
        raise Away(f"status {answer.status_code}")
    return answer.text


async def _of_log(request: Request, path: str) -> str:
    answer = await reached(client_of(request).services.log.get(path))
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NotRecorded
    if answer.status_code != httpx.codes.OK:
        raise Away(f"status {answer.status_code}")
    return answer.text.strip()


def _public_part(text: str) -> dict[str, Any]:
    """Returns the public part of the entry that a proof opens, which whoever checks it recomputes."""
    line = next((one for one in text.split("\n") if one.startswith(EXTRA)), EXTRA)
    opened = zlib.decompress(base64.b64decode(line.removeprefix(EXTRA)))
    found: dict[str, Any] = json.loads(opened[OPENING_SKIPS:])
    return found


def _food(public: dict[str, Any]) -> str:
    """Returns where the goods are shown that an entry is about; nothing where it names none, or several."""
    goods = public.get("goods")
    if not isinstance(goods, dict) or not goods.get("gtin"):
        return ""
    lot = f"/10/{part(goods['lot'])}" if goods.get("lot") else ""
    return f"/01/{part(str(goods['gtin']))}{lot}"


def _origin(text: str) -> str:
    return text.partition("\n\n")[2].partition("\n")[0]
