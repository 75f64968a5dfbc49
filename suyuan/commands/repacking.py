"""`repack`: goods into other packs, whose labels keep the producer's lot and dates."""

import argparse
import uuid
from pathlib import Path
from typing import Any

import msgspec

from ledger.events.reports import GoodsAsRead, GoodsTransformed, Portion
from ledger.values.gtin import Gtin
from scanners.gs1 import NotUnderstood, understand
from scanners.inputs.wedge import classify
from scanners.labels import Label, check, sheet
from suyuan.commands import Failed, quantity, say_line, today
from suyuan.commands.device import AtWork, add_device, at_work

LABELS_MAX = 500


def add_repack(verbs: Any) -> None:
    """`repack`: split or repack a lot, and print the labels."""
    verb = verbs.add_parser(
        "repack", help="goods into other packs; the new labels keep the producer's lot and dates"
    )
    verb.add_argument("code", help="the code on the goods, with its AIM identifier: ]d201…10…17…")
    verb.add_argument("--used", required=True, type=quantity, help="how much of them: 10kg")
    verb.add_argument("--into", required=True, type=quantity, help="how many packs: 20piece")
    verb.add_argument("--gtin", help="the packs' own GTIN, if they have one; else the goods'")
    verb.add_argument("--process", choices=["repacked", "split"], default="repacked")
    verb.add_argument("--labels", type=Path, help="FILE.html to print a label for each pack")
    add_device(verb)
    verb.set_defaults(run=run_repack)


def run_repack(stated: argparse.Namespace) -> int:
    """Puts the repacking on the tape; writes the labels."""
    with at_work(stated) as work:
        goods = _read(stated.code)
        gtin = str(Gtin(stated.gtin)) if stated.gtin else goods.gtin
        packs = msgspec.structs.replace(goods, gtin=gtin, raw=None, aim=None)
        if stated.labels is not None:
            _write_labels(stated, packs)
        kept = work.tape.append(_report(stated, work, goods, packs))
        work.begin_sending()
        say_line(f"{stated.process}: {stated.used.amount} {stated.used.unit} of lot {goods.lot or '-'}"
              f" into {stated.into.amount} {stated.into.unit} (no. {kept.number})")  # fmt: skip
    return 0


def _read(text: str) -> GoodsAsRead:
    line = classify(text)
    if line.aim is None:
        raise Failed("give the code with its AIM identifier, such as ]d2, ]C1 or ]Q1")
    try:
        meaning = understand(line.aim, line.raw)
    except NotUnderstood as error:
        raise Failed(str(error)) from error
    if meaning.gtin is None or not (meaning.lot or meaning.produced or meaning.last_good_day):
        raise Failed("this code names no lot or date: repacked goods would lose theirs")
    return GoodsAsRead(
        gtin=meaning.gtin, lot=meaning.lot, produced=meaning.produced,
        expires=meaning.last_good_day, raw=line.raw, aim=line.aim, dates_from="code",
    )  # fmt: skip


def _report(
    stated: argparse.Namespace, work: AtWork, goods: GoodsAsRead, packs: GoodsAsRead
) -> GoodsTransformed:
    return GoodsTransformed(
        merchant=work.merchant, premises=work.premises, business_date=today(),
        clock=work.agent.clocks.read(), session=str(uuid.uuid4()), process=stated.process,
        inputs=(Portion(goods=goods, quantity=stated.used),),
        outputs=(Portion(goods=packs, quantity=stated.into),),
    )  # fmt: skip


def _write_labels(stated: argparse.Namespace, packs: GoodsAsRead) -> None:
    count = int(stated.into.amount)
    if not 0 < count <= LABELS_MAX or count != stated.into.amount:
        raise Failed(f"labels are printed for 1 to {LABELS_MAX} packs, not {stated.into.amount}")
    label = Label("datamatrix", packs.gtin or "", packs.lot, packs.produced, packs.expires)
    try:
        check(label)
        stated.labels.write_text(sheet([label] * count, "分装标签 · repacked"), encoding="utf-8")
    except ValueError as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"{stated.labels} cannot be written: {error.strerror}") from error


VERBS = (add_repack,)
