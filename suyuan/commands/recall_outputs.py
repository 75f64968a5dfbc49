"""A recall's papers: the notice for consumers, the file for others, the closing report."""

import argparse
import hashlib
from pathlib import Path
from typing import Any

import httpx

from ledger.events.recalls import RecallHandedOver
from ledger.rules.recall_holders import HandOverRecall
from suyuan.commands import Failed, name
from suyuan.commands.asking import FORMS, add_query, asking, problem_in
from suyuan.commands.requesting import add_request, say, send

NOTICES = ("txt", "html", "svg")


def add_outputs(words: Any) -> None:
    """Adds what is written of a recall."""
    notice = words.add_parser(
        "notice", help="the notice for consumers: .txt, a .html poster, a code .svg"
    )
    notice.add_argument("--link", help="where the poster's code leads")
    report = words.add_parser("report", help="the report, to print: .html")
    for paper, run in ((notice, run_notice), (report, run_report)):
        paper.add_argument("recall", type=name)
        paper.add_argument("--out", type=Path, required=True)
        add_query(paper, run)
    over = words.add_parser(
        "hand-over", help="the file for another authority: .csv, .xlsx or .html"
    )
    over.add_argument("recall", type=name)
    over.add_argument("--to", required=True, metavar="AUTHORITY", help="who gets it")
    over.add_argument("--district", type=name, help="its district; else all in no register")
    over.add_argument("--out", type=Path, required=True)
    add_request(over, run_hand_over)


def run_notice(stated: argparse.Namespace) -> int:
    """Writes the notice into a file."""
    form = _form(stated.out, NOTICES)
    asked = {"link": stated.link} if stated.link else {}
    return _written(stated, _fetch(stated, f"/v1/recalls/{stated.recall}/notice.{form}", asked))


def run_report(stated: argparse.Namespace) -> int:
    """Writes the report into a file."""
    _form(stated.out, ("html",))
    return _written(stated, _fetch(stated, f"/v1/recalls/{stated.recall}/report.html", {}))


def run_hand_over(stated: argparse.Namespace) -> int:
    """Writes the file for another authority, and puts on record that it got it."""
    form = _form(stated.out, FORMS)
    asked = {"to": stated.district} if stated.district else {}
    answer = _fetch(stated, f"/v1/recalls/{stated.recall}/hand-over.{form}", asked)
    # The count is of the file's own snapshot; a second question could count others.
    holders = int(answer.headers["suyuan-holders"])
    if not holders:
        where = f"in {stated.district}" if stated.district else "that is in no register"
        raise Failed(f"{stated.recall} has no holder {where}: nothing was handed over")
    _write(stated.out, answer.content)
    entry = RecallHandedOver(
        recall=stated.recall, authority=stated.to, holders=holders, by=stated.by,
        file=hashlib.sha256(answer.content).hexdigest(), district=stated.district,
    )  # fmt: skip
    send(stated, [HandOverRecall(entry)])
    words = f"{stated.out}: {holders} holders for {stated.to}, on record"
    return say(stated, words, file=str(stated.out), holders=holders)


def _form(out: Path, forms: tuple[str, ...]) -> str:
    form = out.suffix.removeprefix(".")
    if form not in forms:
        raise Failed(f"name a file that ends in .{', .'.join(forms)}, not {out.name!r}")
    return form


def _fetch(stated: argparse.Namespace, path: str, asked: dict[str, Any]) -> httpx.Response:
    """Returns an answer that is a file."""
    with asking(stated) as query:
        try:
            answer = query.get(path, params=asked)
        except httpx.HTTPError as error:
            raise Failed(f"the query API does not answer: start suyuan up ({error})") from error
    if answer.is_error:
        raise Failed(problem_in(answer))
    return answer


def _written(stated: argparse.Namespace, answer: httpx.Response) -> int:
    _write(stated.out, answer.content)
    return say(stated, f"{stated.out}: {len(answer.content)} bytes", file=str(stated.out))


def _write(out: Path, content: bytes) -> None:
    try:
        out.write_bytes(content)
    except OSError as error:
        raise Failed(f"{out} cannot be written: {error.strerror}") from error
