"""Rendering a page: template, language, assets' addresses and headers."""

import hashlib
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from kiosk_ui.language import COOKIE, NAMES, Language
from kiosk_ui.signing import Person

HERE = Path(__file__).parent
ASSETS = HERE / "assets"
VERSION_DIGITS = 12


class Assets:
    """Every file that pages load, under an address with the hash of them all.

    It can be cached for ever, and scripts find each other by their plain names beside them.
    """

    def __init__(self, folder: Path = ASSETS) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self.files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        digest = hashlib.sha256()
        for name, content in self.files.items():
            digest.update(f"{name} {len(content)}\n".encode() + content)
        self.version = digest.hexdigest()[:VERSION_DIGITS]

    def address(self, name: str) -> str:
        """Returns where a file is. Raises `KeyError` for one that there is not."""
        self.files[name]
        return f"/assets/{self.version}/{name}"


def build_templates(assets: Assets, *, rehearsal: bool = False) -> Environment:
    """Builds the template environment; an unknown name in a template is an error.

    Pages of a copy to rehearse on say what they are, each of them.
    """
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.address
    environment.globals["rehearsal"] = rehearsal
    # A form says itself which filling-in of it this is: sent twice, it is one request.
    environment.globals["new_key"] = lambda: str(uuid.uuid4())
    return environment


def render(
    request: Request,
    template: str,
    values: dict[str, Any],
    status: int = 200,
    *,
    person: Person | None = None,
) -> Response:
    """Renders a template in the visitor's language; no browser keeps what a `person` is shown."""
    language: Language = request.state.language
    # Under which name a kiosk's screen was opened is its own, and goes into no address.
    told = {name: value for name, value in request.query_params.items() if name != "screen"}
    parameters = told | {"lang": language.other}
    stated = request.query_params.get("lang")
    html = request.app.state.templates.get_template(template).render(
        _=language.word,
        day=language.day,
        at=language.instant,
        due_by=language.due,
        number=language.number,
        counted=language.counted,
        unit=language.unit,
        speaks=language.speaks,
        lang=language.code,
        lang_suffix=f"?lang={stated}" if stated in NAMES else "",
        other_name=NAMES[language.other],
        # With two slashes before it, it would be another site's.
        other_url=f"/{quote(request.scope['path'].lstrip('/'))}?{urlencode(parameters)}",
        other_lang=language.other,
        person=person,
        here=request.scope["path"],
        **values,
    )
    headers = {"cache-control": "no-store" if person is not None else "no-cache"}
    response = Response(html, status, headers, media_type="text/html; charset=utf-8")
    if person is not None:
        remember(request, response)
    return response


def remember_if_opened(request: Request, response: Response) -> None:
    """Keeps the language of a page that somebody opened: a worker that stores it in both chose none."""
    if request.headers.get("sec-fetch-mode") == "navigate":
        remember(request, response)


def remember(request: Request, response: Response) -> None:
    """Keeps the language that who works here chose; no page for everybody sets a cookie."""
    stated = request.query_params.get("lang")
    if stated in NAMES:
        response.set_cookie(COOKIE, stated, path="/", httponly=True, samesite="strict")
