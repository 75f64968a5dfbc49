"""`documents`: certificates and test reports by what stands in them or of what they are, and their copies."""

import argparse
import json
from pathlib import Path
from typing import Any

from suyuan.commands import Failed, digest
from suyuan.commands.asking import add_query, ask, ask_pages, asking, show


def add_documents(verbs: Any) -> None:
    """`documents`: papers that are on record."""
    verb = verbs.add_parser("documents", help="papers on record: find, list, save")
    words = verb.add_subparsers(dest="word", required=True, metavar="WORD")
    find = words.add_parser("find", help="by words that stand in them, or by their whole number")
    find.add_argument("text", metavar="TEXT")
    add_query(find, _find)
    listed = words.add_parser("list", help="of a product, or of one lot of it")
    listed.add_argument("goods", metavar="GTIN[/LOT]")
    add_query(listed, _list)
    save = words.add_parser("save", help="save the clean copy of one")
    save.add_argument("digest", metavar="DIGEST", type=digest, help="as find and list show it")
    save.add_argument("--out", type=Path, required=True, help="the new file")
    add_query(save, _save)


def _find(stated: argparse.Namespace) -> int:
    with asking(stated) as query:
        pages = ask_pages(query, "/v1/document-search", {"q": stated.text})
        found = [one for page in pages for one in page["papers"]]
    headings = ["种类 kind", "编号 number", "签发 issuer", "谁的 merchant", "有效至 until", "文字 text", "DIGEST"]  # fmt: skip
    rows = [
        [p["kind"], p["number"], p["issuer"], p["merchant"], p["valid_until"], p["excerpt"], p["digest"]]
        for p in found
    ]  # fmt: skip
    return _show(stated, found, headings, rows)


def _list(stated: argparse.Namespace) -> int:
    gtin, _, lot = stated.goods.partition("/")
    with asking(stated) as query:
        pages = ask_pages(query, "/v1/documents", {"gtin": gtin} | ({"lot": lot} if lot else {}))
        found = [one for page in pages for one in page["papers"]]
    headings = ["种类 kind", "编号 number", "签发 issuer", "结果 result", "有效至 until", "图 picture", "DIGEST"]  # fmt: skip
    rows = [
        [p["kind"], p["number"], p["issuer"], p["result"], p["valid_until"],
         "未到 awaited" if p["awaited"] else "有 there", p["digest"]]
        for p in found
    ]  # fmt: skip
    return _show(stated, found, headings, rows)


def _show(stated: argparse.Namespace, found: list[Any], headings: list[str], rows: Any) -> int:
    heading = f"{len(found)} 份 papers, the latest first"
    return show(stated, {"ok": True, "papers": found}, headings, rows, heading)


def _save(stated: argparse.Namespace) -> int:
    # Found out first: who asked is on record even if the copy came to nothing.
    if stated.out.exists():
        raise Failed(f"{stated.out} is there already: name a new file")
    with asking(stated) as query:
        answer = ask(query, f"/v1/documents/{stated.digest}", {})
    try:
        with stated.out.open("xb") as file:
            file.write(answer.content)
    except OSError as error:
        raise Failed(f"{stated.out} cannot be written: {error.strerror}") from error
    media = answer.headers["content-type"]
    told = {"ok": True, "file": str(stated.out), "media": media}
    words = f"{stated.out}: {media}, drawn anew from what was sent"
    print(json.dumps(told, ensure_ascii=False) if stated.json else words)
    return 0


VERBS = (add_documents,)
