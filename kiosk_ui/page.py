"""Rendering a page: template, language, asset names and headers."""

import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from kiosk_ui.language import NAMES, Language

HERE = Path(__file__).parent
ASSETS = HERE / "assets"


def asset_names() -> dict[str, str]:
    """Maps each asset to its address with a hash of its bytes, so that it can be cached for ever."""
    names = {}
    for path in sorted(ASSETS.iterdir()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        names[path.name] = f"/assets/{path.stem}.{digest}{path.suffix}"
    return names


def build_templates(assets: dict[str, str]) -> Environment:
    """Builds the template environment; an unknown name in a template is an error."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["asset"] = assets.__getitem__
    return environment


def render(request: Request, template: str, values: dict[str, Any], status: int = 200) -> Response:
    """Renders a template in the visitor's language."""
    language: Language = request.state.language
    parameters = dict(request.query_params) | {"lang": language.other}
    stated = request.query_params.get("lang")
    html = request.app.state.templates.get_template(template).render(
        _=language.word,
        day=language.day,
        lang=language.code,
        lang_suffix=f"?lang={stated}" if stated in NAMES else "",
        other_name=NAMES[language.other],
        other_url=f"{quote(request.scope['path'])}?{urlencode(parameters)}",
        other_lang=language.other,
        **values,
    )
    return Response(html, status, media_type="text/html; charset=utf-8")
