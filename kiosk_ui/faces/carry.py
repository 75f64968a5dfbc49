"""Taking a page along: a kiosk's page as a code that a telephone opens."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from kiosk_ui.client import Unusable
from kiosk_ui.language import NAMES
from kiosk_ui.page import render
from kiosk_ui.reached import is_here_alone, public_base
from kiosk_ui.svg.code import code_picture

router = APIRouter()

# A public page of ours, and nothing that leads elsewhere: sixty Chinese characters are as long as this, quoted.
OWN = r"^/[!-~]{0,700}$"
LANGUAGE = re.compile(r"([?&]lang=)[a-z]+")
# More than any host's name and page, and no more than a code holds that a telephone reads.
ADDRESS_MAX = 1000


@router.get("/carry")
async def carry(request: Request, to: Annotated[str, Query(pattern=OWN)] = "/") -> Response:
    """The code of a page's address, as a telephone reaches it."""
    if to.startswith("//") or "\\" in to:
        raise Unusable("this is no address of a page")
    if (stated := request.query_params.get("lang")) in NAMES:
        # Whoever turned this page to another language reads that on the telephone, too.
        to, found = LANGUAGE.subn(rf"\g<1>{stated}", to)
        to = to if found else f"{to}{'&' if '?' in to else '?'}lang={stated}"
    address = f"{public_base(request)}{to}"
    if len(address) > ADDRESS_MAX:
        raise Unusable("this address is too long for a code")
    values = {
        "to": to, "address": address, "code": code_picture(address.encode()),
        "here_alone": is_here_alone(request),
    }  # fmt: skip
    page = render(request, "carry.html", values)
    # It names the host as this visitor reached it.
    page.headers["cache-control"] = "no-store"
    return page
