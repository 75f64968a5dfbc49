"""My purchases: kept in this browser alone, compared with the recalls whenever the page is opened."""

from fastapi import APIRouter, Request, Response

from kiosk_ui.page import render

router = APIRouter()


@router.get("/mine")
async def mine(request: Request) -> Response:
    """The page; what was bought never leaves the browser but as questions about lots."""
    return render(request, "mine.html", {})
