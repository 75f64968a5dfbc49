"""How verbs ask the query API, and how they show its answers."""

import argparse
import json
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import httpx

from ledger.settings import Settings, read_settings
from ledger.values.day import ZONE_DEFAULT
from suyuan.badge import Badge, held_by
from suyuan.commands import Failed, name
from suyuan.trusted import verify

ANSWER_S = 60.0
PAGE = 200
# A digest fits, whole: it is what another verb is given.
SHORTENED_TO = 64
FORMS = ("xlsx", "csv", "html")


def add_query(verb: argparse.ArgumentParser, run: Any, *, who: bool = True) -> None:
    """Adds what every question takes; without `who` the verb has words for that of its own."""
    verb.add_argument("--query", help="the query API's address; else the one of the settings")
    if who:
        verb.add_argument("--as", dest="by", type=name, help="who asks; else who signed in last")
    verb.add_argument("--why", default="", help="the reason, noted where others see who looked")
    verb.add_argument("--json", action="store_true")
    verb.set_defaults(run=run)


def asking(stated: argparse.Namespace) -> httpx.Client:
    """Opens a client of the query API that the settings or --query name."""
    settings = read_settings()
    told = settings.query_url != Settings().query_url
    here = settings.query_url if told else f"http://127.0.0.1:{settings.query_port}"
    held = held_by(getattr(stated, "by", None))
    url = stated.query or (held.query if held else "") or here
    why = {"suyuan-why": quote(stated.why)} if getattr(stated, "why", "") else None
    return httpx.Client(
        base_url=url, trust_env=False, timeout=ANSWER_S, auth=Badge(held), headers=why,
        verify=verify(url),
    )  # fmt: skip


def ask_page(query: httpx.Client, path: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Asks once. Raises `Failed` as `ask` does."""
    found: dict[str, Any] = ask(query, path, asked).json()
    return found


def ask(query: httpx.Client, path: str, asked: dict[str, Any]) -> httpx.Response:
    """Asks once. Raises `Failed` with what the API said, or that it does not answer."""
    try:
        answer = query.get(path, params=asked)
    except httpx.HTTPError as error:
        raise Failed(
            f"the query API at {query.base_url} does not answer: start suyuan up, or name it with"
            f" --query ({error})"
        ) from error
    if answer.is_error:
        raise Failed(problem_in(answer))
    return answer


def problem_in(answer: httpx.Response) -> str:
    """Returns what an answer that is a problem says; what is none of the API's, with its code."""
    try:
        words = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the query API answered {answer.status_code}: look at its log (query.log)"
    unknown = answer.status_code == httpx.codes.UNAUTHORIZED
    return f"{words.rstrip('.')}: suyuan sign-in ACCOUNT" if unknown else words


def ask_pages(query: httpx.Client, path: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Asks page by page until the last."""
    after: dict[str, Any] = {}
    while True:
        page = ask_page(query, path, asked | after | {"limit": PAGE})
        yield page
        if page["next"] is None:
            return
        after = {"after": page["next"]}


def write_export(
    query: httpx.Client, path: str, asked: dict[str, Any], stated: argparse.Namespace
) -> int:
    """Writes an export into the file that `--out` names; its ending says in which form."""
    form = stated.out.suffix.removeprefix(".")
    if form not in FORMS:
        raise Failed(f"name a file that ends in .{', .'.join(FORMS)}, not {stated.out.name!r}")
    ask_page(query, path, asked | {"limit": 1})
    size = 0
    try:
        with (
            query.stream("GET", f"{path}/export.{form}", params=asked) as answer,
            stated.out.open("wb") as file,
        ):
            if answer.is_error:
                answer.read()
                raise Failed(problem_in(answer))
            for chunk in answer.iter_bytes():
                size += file.write(chunk)
    except httpx.HTTPError as error:
        raise Failed(f"{stated.out} is not whole: the query API broke off ({error})") from error
    except OSError as error:
        raise Failed(f"{stated.out} cannot be written: {error.strerror}") from error
    told = {"ok": True, "file": str(stated.out), "bytes": size}
    print(json.dumps(told, ensure_ascii=False) if stated.json else f"{stated.out}: {size} bytes")
    return 0


def show(
    stated: argparse.Namespace,
    found: dict[str, Any],
    headings: Sequence[str],
    rows: Sequence[Sequence[Any]],
    heading: str,
) -> int:
    """Prints an answer as JSON, or rows as a table under a heading; returns the exit code."""
    if stated.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    print(heading)
    cells = [["" if cell is None else _short(str(cell)) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(headings, *cells, strict=True)]
    for row in (headings, *cells):
        padded = [
            f"{cell}{' ' * (width - _width(cell))}" for cell, width in zip(row, widths, strict=True)
        ]
        print("  ".join(padded).rstrip())
    return 0


def local(text: str | None) -> str:
    """Writes an instant of an answer as the clock on the wall where the ledger's law holds shows it."""
    if text is None:
        return ""
    at = datetime.fromisoformat(text).astimezone(ZoneInfo(ZONE_DEFAULT))
    return at.isoformat(" ", "minutes")


def rehearsed(answer: dict[str, Any]) -> str:
    """Returns what begins the words of an answer that comes from a copy to rehearse on."""
    return "[演练 rehearsal] " if answer["rehearsal"] else ""


def _width(text: str) -> int:
    """Returns how many columns of a terminal a text takes; Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _short(text: str) -> str:
    return text if len(text) <= SHORTENED_TO else f"{text[: SHORTENED_TO - 1]}…"
