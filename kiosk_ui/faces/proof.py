"""The proof of an entry: what the record shows, what it does not, and everything to check it without us."""

import base64
import json
import zlib
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Path, Request, Response

from kiosk_ui.client import Away, NotRecorded, client_of, part, reached
from kiosk_ui.page import render
from kiosk_ui.reached import public_base
from kiosk_ui.svg.code import code_picture
from kiosk_ui.viewmodels.proof import entry_words, witnesses_of

router = APIRouter()

Position = Annotated[int, Path(ge=1, le=2**53)]
# A proof is this and little more; its code is read off a slip by any telephone.
EXTRA = "extra "
OPENING_SKIPS = 96
# What one code of the least redundancy holds; a recall of many lots is more (ISO/IEC 18004, table 7: 2,953 bytes).
CODE_MAX = 2_900


@router.get("/proof/{position}")
async def proof(request: Request, position: Position) -> Response:
    """An entry with its proof: checked in the page by a script, and anywhere else without one."""
    text = await _proof(request, position)
    public = _public_part(text)
    values = {
        "position": position, "proof": text, "public": public, "plain": json.dumps(public, ensure_ascii=False, indent=1), "origin": _origin(text),
        "facts": entry_words(public, request.state.language), "key": await _key(request),
        "drawn": len(text.encode()) <= CODE_MAX, "food": _food(public), "witnesses": witnesses_of(text.partition("\n\n")[2]),
        "base": public_base(request),
    }  # fmt: skip
    return render(request, "proof.html", values)


@router.get("/proof/{position}/code.svg")
async def code(request: Request, position: Position) -> Response:
    """The proof as one code, for a slip or another screen."""
    content = (await _proof(request, position)).encode()
    if len(content) > CODE_MAX:
        raise NotRecorded
    drawn = code_picture(content)
    return Response(drawn, media_type="image/svg+xml", headers={"cache-control": "no-cache"})


async def _proof(request: Request, position: int) -> str:
    log = client_of(request).services.log
    answer = await reached(log.get(f"/log/proof/{position}"))
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NotRecorded
    if answer.status_code != httpx.codes.OK:
        raise Away(f"status {answer.status_code}")
    return answer.text


async def _key(request: Request) -> str:
    answer = await reached(client_of(request).services.log.get("/log/key"))
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
