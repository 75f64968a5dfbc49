"""The command as people type it: up, enroll, label, decode, scan, verify, rebuild, doctor."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from scanners.agent import enroll, learn_home
from scanners.asking import LedgerAway
from scanners.tape import Tape
from suyuan.badge import Badge, HeldSignIn
from suyuan.demo.check import wait_followed
from suyuan.parts.places import free_port
from tests.support.databases import scratch
from tests.support.forked import run_verb
from tests.support.make import MILK
from tests.support.people import PASSWORD

ROOT = Path(__file__).parents[2]


class Shell:
    """Somebody at a terminal, with a ledger running in another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = os.environ | {"SUYUAN_DATA": str(folder), "PYTHONPATH": str(ROOT)}
        services = ("MQTT", "INTAKE", "QUERY", "LOG")
        tls = (f"{name}_TLS" for name in (*services, "KIOSK"))
        for name in (*services, *tls):
            self.env[f"SUYUAN_{name}_PORT"] = str(free_port())
        self.up = subprocess.Popen(
            [sys.executable, "-m", "suyuan.cli", "up", "--json", "--port", "0"],
            cwd=folder, env=self.env, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.up.stdout is not None
        self.told: dict[str, Any] = json.loads(self.up.stdout.readline())
        self.env["SUYUAN_SIGN_INS"] = str(folder / "sign-ins")
        roles = (
            "auditor",
            "administrator",
            "regulator=d,d-1,yuelu",
            "merchant=m-61,m-62,m-63,m-64",
        )
        self.let_in("officer-1", *roles)
        held = (folder / "sign-ins" / "officer-1").read_bytes()
        self.badge = Badge(msgspec.json.decode(held, type=HeldSignIn))

    def let_in(self, account: str, *roles: str) -> str:
        """Adds an account, which sets a password of its own as it first signs in; returns that."""
        given = [word for role in roles for word in ("--role", role)]
        added = self.run("user", "add", account, "--name", account, "--json", *given)
        password: str = json.loads(added.stdout)["password"]
        typed = "\n".join([password, PASSWORD, PASSWORD, ""])
        assert self.run("sign-in", account, typed=typed).returncode == 0
        return PASSWORD

    def run(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return run_verb(words, folder=self.folder, env=self.env, typed=typed)

    def stop(self) -> None:
        self.up.send_signal(signal.SIGTERM)
        self.up.wait(30)


@pytest.fixture(scope="module")
def shell() -> Iterator[Shell]:
    folder = scratch("test-command-")
    made = Shell(folder)
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_stallholders_first_day_by_hand(shell: Shell) -> None:
    enrolled = shell.run(
        "enroll", "stall-7", "--tape", "stall.tape", "--intake", shell.told["intake"],
        "--mqtt", shell.told["mqtt"], "--merchant", "m-7",
    )  # fmt: skip
    assert enrolled.returncode == 0, enrolled.stderr
    made = shell.run(
        "label",
        "milk.png",
        "--kind",
        "datamatrix",
        "--gtin",
        "6901234567892",
        "--lot",
        "A1",
        "--expires",
        "2030-12-01",
    )
    assert made.returncode == 0, made.stderr
    decoded = json.loads(shell.run("decode", "--json", "milk.png").stdout)
    assert decoded["codes"][0]["lot"] == "A1"

    scanned = shell.run("scan", "--tape", "stall.tape", "--for", "m-7:m-7-a", "--file", "milk.png")

    assert scanned.returncode == 0, scanned.stdout + scanned.stderr
    assert "kept, not yet confirmed" in scanned.stdout
    assert "everything on the tape is confirmed" in scanned.stdout
    _wait(lambda: _query(shell, f"/v1/lots/{MILK}/A1")["steps"][0]["premises"] == "m-7-a")


def test_a_stallholder_asks_its_own_till_in_and_the_till_joins(shell: Shell) -> None:
    shell.let_in("stall-70", "merchant=m-70")
    shell.let_in("stall-71", "merchant=m-71")

    asked = shell.run(
        "devices", "invite", "till-70", "--merchant", "m-70", "--as", "stall-70", "--json"
    )
    assert asked.returncode == 0, asked.stderr
    link = json.loads(asked.stdout)["link"]
    opened = shell.run("devices", "invitations", "--as", "stall-70")
    joined = shell.run("enroll", link, "--tape", "till-70.tape")
    _wait(lambda: "till-70" in shell.run("devices", "list", "--as", "stall-70").stdout)
    others = shell.run("devices", "list", "--as", "stall-71").stdout
    taken = shell.run(
        "devices", "invite", "till-70", "--again", "mine now", "--merchant", "m-71",
        "--as", "stall-71",
    )  # fmt: skip

    assert "till-70" in opened.stdout
    assert joined.returncode == 0, joined.stderr
    assert "till-70" not in others
    assert taken.returncode == 1
    assert "out-of-reach" in taken.stderr or "of others" in taken.stderr, taken.stderr
    # Who signed in last is who asks in what follows.
    assert shell.run("sign-in", "officer-1", typed=f"{PASSWORD}\n").returncode == 0


def test_a_slip_in_a_merchants_name_is_pointed_out_when_somebody_is_let_in(shell: Shell) -> None:
    entry = {
        "type": "merchant-registered.v1", "merchant": "m-75", "name": "七五",
        "kind": "retailer", "district": "d",
    }  # fmt: skip
    register = {"type": "register-merchant", "entry": entry}
    url = f"{shell.told['intake']}/intake/requests"
    answer = httpx.post(url, json=[register], trust_env=False, auth=shell.badge)
    assert answer.status_code == 200, answer.text

    added = shell.run("user", "add", "two", "--name", "x", "--role", "merchant=m-75,m-57")

    assert added.returncode == 0
    assert (
        added.stderr == "m-57 is in no register yet; is it a slip: suyuan user roles two --role …\n"
    )


def test_a_slip_in_a_devices_name_lets_nobodys_till_report_for_somebody_else(shell: Shell) -> None:
    where = ("--intake", shell.told["intake"], "--mqtt", shell.told["mqtt"], "--as", "officer-1")
    first = shell.run("enroll", "till-72", "--tape", "a72.tape", "--merchant", "m-72", *where)
    assert first.returncode == 0, first.stderr

    slip = shell.run("enroll", "till-72", "--tape", "b72.tape", "--merchant", "m-73", *where)

    assert slip.returncode == 1
    assert "device-taken" in slip.stderr
    _followed(shell)
    shown = shell.run("devices", "show", "till-72", "--as", "officer-1", "--json")
    merchants = [one["merchant"] for one in json.loads(shown.stdout)["mandates"]]
    assert merchants == ["m-72"]


def test_no_word_is_taken_for_another_that_begins_alike(shell: Shell) -> None:
    asked = shell.run("ledger", "stock", "--premises", "m-70-a", "--as-o", "17")

    assert asked.returncode == 2
    assert "unrecognized arguments" in asked.stderr


def test_a_wedge_on_standard_input_asks_and_takes_the_answer(shell: Shell) -> None:
    shell.run(
        "enroll",
        "stall-8",
        "--tape",
        "w.tape",
        "--intake",
        shell.told["intake"],
        "--mqtt",
        shell.told["mqtt"],
    )

    done = shell.run(
        "scan", "--tape", "w.tape", "--for", "m-8:m-8-a", "--offline",
        typed="6901234567892\n301201\nnonsense\n]C10106901234567893\n",
    )  # fmt: skip

    assert done.returncode == 1, "the hand saw red"
    assert "which date is on it" in done.stdout
    assert "check digit" in done.stdout
    assert "not yet confirmed; they are kept and sent later" in done.stdout


def test_verify_and_rebuild_work_on_the_running_ledger(shell: Shell) -> None:
    rebuilt = shell.run("rebuild", "lots", "--json")
    verified = shell.run("verify", "--json")

    assert json.loads(rebuilt.stdout)["position"] > 0, rebuilt.stderr
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert json.loads(verified.stdout)["ok"] is True


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["enroll", "x", "--intake", "http://127.0.0.1:1", "--mqtt", "127.0.0.1:1"],
            "no ledger answers",
        ),
        (["scan", "--tape", "missing.tape"], "suyuan enroll"),
        (["label", "x.gif", "--gtin", "6901234567892"], "ends in .svg"),
        (["label", "x.png", "--gtin", "6901234567893"], "check digit"),
        (["label", "x.png"], "needs --gtin"),
        (["label", "x.png", "--gtin", "6901234567892", "--lot", "批号"], "no lot can have"),
        (["label", "x.png", "--gtin", "6901234567892", "--lot", "A" * 21], "1 to 20"),
        (["label", "x.png", "--gtin", "6901234567892", "--expires", "1990-01-01"], "2000 to 2099"),
        (["label", "x.html", "--dates", "99999999"], "1 to 400"),
        (["label", "x.png", "--dates", "7"], "ends in .html"),
        (["scan", "--tape", "."], "is no tape"),
        (["enroll", "stall-7", "--tape", "other.tape", "--intake", "{intake}"], "device-taken"),
        (["correct", "99", "--tape", "stall.tape", "--reason", "x"], "entries 2 to"),
        (
            ["correct", "2", "--tape", "stall.tape", "--reason", "x", "--amount", "ten"],
            "is a number",
        ),
        (
            [
                "correct",
                "2",
                "--tape",
                "stall.tape",
                "--reason",
                "x",
                "--lot",
                "L",
                "--of",
                "00000000-0000-4000-8000-000000000009",
            ],
            "which goods",
        ),
        (["decode", "/dev/null"], "no picture"),
        (
            [
                "file",
                "certificate",
                "fake.jpg",
                "--tape",
                "stall.tape",
                "--number",
                "1",
                "--issuer",
                "x",
                "--valid-from",
                "2026-01-01",
            ],
            "no picture and no PDF",
        ),
        (
            [
                "file",
                "certificate",
                "milk.png",
                "--tape",
                "stall.tape",
                "--for",
                "m-7:m-7-a",
                "--number",
                "1",
                "--issuer",
                "x",
                "--valid-from",
                "2026-12-31",
                "--valid-until",
                "2026-01-01",
            ],
            "before it begins",
        ),
        (["simulate", "/proc/nowhere"], "simulate"),
        (["simulate", "out", "--merchants", "2"], "at least 8"),
    ],
)
def test_a_mistake_is_answered_in_a_line_without_a_traceback(
    shell: Shell, words: list[str], said: str
) -> None:
    (shell.folder / "fake.jpg").write_bytes(b"RIFF....WEBP")
    done = shell.run(*[word.format(**shell.told) for word in words])

    assert done.returncode == 1
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["enroll", "Stall 7"],
        ["enroll", "x", "--mqtt", "nowhere"],
        ["enroll", "x", "--mqtt", "x:²"],
        ["up", "--port", "70000"],
        ["up", "--port", "-1"],
        ["access-log", "m-6", "--last", "-1"],
        ["documents", "save", "../me", "--out", "x"],
    ],
)
def test_a_name_or_port_that_cannot_be_is_a_wrong_word(shell: Shell, words: list[str]) -> None:
    done = shell.run(*words)

    assert done.returncode == 2
    assert any(
        words in done.stderr for words in ("65535", "host:port", "a-z, 0-9", "1 or more", "has 64")
    )


def test_papers_are_filed_and_an_entry_corrected_from_the_command(shell: Shell) -> None:
    join = ["--intake", shell.told["intake"], "--mqtt", shell.told["mqtt"], "--merchant", "m-6"]
    shell.run("enroll", "stall-6", "--tape", "p.tape", *join)
    place = ["--tape", "p.tape", "--for", "m-6:m-6-a"]
    shell.run("label", "cert.png", "--gtin", MILK, "--lot", "P1")
    scanned = shell.run("scan", *place, typed=f"*12\n]d201{MILK}10P1\n")
    assert "no. 2" in scanned.stdout, scanned.stdout + scanned.stderr

    filed = shell.run(
        "file", "test-report", "cert.png", *place, "--number", "T-1", "--laboratory", "City lab",
        "--result", "passed", "--tested-on", "2026-11-20", "--gtin", MILK, "--lot", "P1",
    )  # fmt: skip
    fixed = shell.run(
        "correct", "2", *place, "--reason", "counted again", "--gtin", MILK, "--lot", "P1",
        "--amount", "10",
    )  # fmt: skip

    assert filed.returncode == 0, filed.stdout + filed.stderr
    assert fixed.returncode == 0, fixed.stdout + fixed.stderr
    _wait(lambda: _query(shell, "/v1/premises/m-6-a/stock")["lines"][0]["amount"] == "10")
    papers = _said(shell, "documents", "list", f"{MILK}/P1")["papers"]
    assert [(p["number"], p["result"], p["awaited"]) for p in papers] == [("T-1", "passed", False)]


def test_a_paper_is_found_listed_and_saved_and_its_merchant_reads_who_did(shell: Shell) -> None:
    # Its till filed it in the test before, and went.
    _wait(lambda: re.search("stall-6 .*off since", shell.run("devices", "list").stdout) is not None)
    (paper,) = _said(shell, "documents", "list", f"{MILK}/P1")["papers"]
    _wait(lambda: _said(shell, "documents", "find", "T-1")["papers"][0]["pages"] == 1)
    saved = shell.run("documents", "save", paper["digest"], "--out", "copy", "--why", "a check")
    again = shell.run("documents", "save", paper["digest"], "--out", "copy")
    tables = [shell.run("documents", "find", "T-1"), shell.run("documents", "list", MILK)]
    looked = shell.run("access-log", "m-6")
    assert [paper["digest"] in table.stdout for table in tables] == [True, True]
    assert saved.returncode == 0, saved.stderr
    assert (shell.folder / "copy").read_bytes().startswith(b"\xff\xd8")
    assert again.returncode == 1
    assert "name a new file" in again.stderr
    assert [word in looked.stdout for word in ("officer-1", "document", "a check", "+08:00")] == [
        True
    ] * 4


def test_a_broker_that_is_away_is_named_and_the_tape_can_be_pointed_elsewhere(
    shell: Shell,
) -> None:
    shell.run(
        "enroll", "stall-5", "--tape", "m.tape", "--intake", shell.told["intake"],
        "--mqtt", "127.0.0.1:1", "--merchant", "m-5",
    )  # fmt: skip

    away = shell.run("scan", "--tape", "m.tape", "--for", "m-5:m-5-a", typed="")
    again = shell.run("scan", "--tape", "m.tape", "--mqtt", shell.told["mqtt"], typed="")

    assert "no broker answers at 127.0.0.1:1" in away.stdout
    assert "receive, for m-5 at m-5-a" in again.stdout
    assert "everything on the tape is confirmed" in again.stdout


def test_an_enrolment_whose_answer_was_lost_is_asked_again_with_the_same_key(
    shell: Shell,
) -> None:
    lost = shell.run("enroll", "stall-4", "--tape", "l.tape", "--intake", "http://127.0.0.1:1")
    assert lost.returncode == 1

    home = learn_home(shell.told["intake"], "127.0.0.1", 1)
    away = msgspec.structs.replace(home, intake_url="http://127.0.0.1:1")
    path = shell.folder / "l.tape"
    with pytest.raises(LedgerAway):
        enroll(path, "stall-4", away, [], since=date(2026, 1, 1), auth=shell.badge)
    first = Tape.open(path).key.public
    tape = enroll(path, "stall-4", home, [], since=date(2026, 1, 1), auth=shell.badge)

    assert tape.key.public == first
    with pytest.raises(FileExistsError, match="stall-4"):
        enroll(path, "stall-4", home, [], since=date(2026, 1, 1))


def test_a_wiped_scanner_comes_again_under_its_name_and_its_old_tape_is_closed(
    shell: Shell,
) -> None:
    join = ["--intake", shell.told["intake"], "--mqtt", shell.told["mqtt"]]
    shell.run("enroll", "stall-3", "--tape", "o.tape", *join, "--merchant", "m-3")
    shell.run("scan", "--tape", "o.tape", "--for", "m-3:m-3-a", typed="]d201069012345678921017\n")

    again = shell.run("enroll", "stall-3", "--tape", "n.tape", *join, "--again", "fell into soup")
    scanned = shell.run(
        "scan", "--tape", "n.tape", "--for", "m-3:m-3-a", typed=f"]d201{MILK}10N1\n"
    )
    old = shell.run("scan", "--tape", "o.tape", typed=f"]d201{MILK}10N2\n")

    assert again.returncode == 0, again.stderr
    assert "everything on the tape is confirmed" in scanned.stdout
    assert "no-mandate" not in scanned.stdout, "its mandate was lost"
    assert "another tape took its place" in old.stdout
    assert old.returncode == 1
    tape = json.loads(shell.run("verify", "--json").stdout)
    assert tape["ok"] is True
    _wait(lambda: bool(_query(shell, "/v1/alerts?kind=tape-lost")["alerts"]))


def _query(shell: Shell, path: str) -> Any:
    return httpx.get(shell.told["query"] + path, trust_env=False, auth=shell.badge).json()


def _followed(shell: Shell) -> None:
    with httpx.Client(base_url=shell.told["query"], trust_env=False) as query:
        assert wait_followed(query, 10)


def _wait(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while True:
        with contextlib.suppress(LookupError):
            if true():
                return
        assert time.monotonic() < deadline, "the views did not show it within 10 s"
        time.sleep(0.05)


def test_a_merchants_ledger_stock_and_alerts_are_asked_for_at_the_terminal(shell: Shell) -> None:
    entry = {"merchant": "m-61", "name": "张记批发", "kind": "wholesaler", "district": "d-1"}
    place = {"merchant": "m-61", "premises": "m-61-a", "name": "一号", "market": "market-1"}
    body = [{"type": "register-merchant", "entry": entry}, {"type": "add-premises", "entry": place}]
    url = f"{shell.told['intake']}/intake/requests"
    assert httpx.post(url, json=body, trust_env=False, auth=shell.badge).status_code == 200
    shell.run(
        "enroll", "stall-61", "--tape", "books.tape", "--intake", shell.told["intake"],
        "--mqtt", shell.told["mqtt"], "--merchant", "m-61",
    )  # fmt: skip
    scan = ("scan", "--tape", "books.tape", "--for", "m-61:m-61-a", "--mode", "receive")
    shell.run(*scan, typed=f"*3\n]d201{MILK}1720010110B1\n")
    _followed(shell)

    ledger = shell.run("ledger", "purchases", "--merchant", "m-61")
    gaps = json.loads(
        shell.run("ledger", "purchases", "--merchant", "m-61", "--gaps", "--json").stdout
    )
    written = shell.run("ledger", "purchases", "--merchant", "m-61", "--out", "books.xlsx")
    stock = json.loads(shell.run("ledger", "stock", "--premises", "m-61-a", "--json").stdout)
    entries = shell.run("ledger", "stock", "--premises", "m-61-a", "--entries", "--product", MILK)
    # That it is past its day is the word of the ledger's clock, a moment after the report.
    _wait(lambda: bool(_query(shell, "/v1/alerts?premises=m-61-a")["alerts"]))
    alerts = json.loads(shell.run("alerts", "--premises", "m-61-a", "--json").stdout)

    assert "进货查验记录" in ledger.stdout
    assert "B1" in ledger.stdout
    assert {f["key"]: f["missing"] for f in gaps["fields"]}["party_name"] == 1
    assert written.returncode == 0, written.stderr
    assert (shell.folder / "books.xlsx").read_bytes().startswith(b"PK")
    assert [(line["lot"], line["amount"]) for line in stock["lines"]] == [("L:B1", "3")]
    assert "goods-received" in entries.stdout
    assert [alert["kind"] for alert in alerts["alerts"]] == ["expired-in-stock"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ledger", "purchases", "--merchant", "nobody"], "no merchant is registered as nobody"),
        (["ledger", "purchases", "--merchant", "m-6", "--out", "x.doc"], ".xlsx, .csv, .html"),
        (["ledger", "stock", "--premises", "m-6-a", "--entries"], "needs --product"),
        (["alerts", "--query", "http://127.0.0.1:9"], "does not answer"),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(
    shell: Shell, words: list[str], says: str
) -> None:
    asked = shell.run(*words)

    assert asked.returncode == 1
    assert says in asked.stderr
    assert "Traceback" not in asked.stderr


def test_an_officer_corrects_a_stalls_entry_at_the_terminal(shell: Shell) -> None:
    shell.run(
        "enroll", "stall-72", "--tape", "o72.tape", "--intake", shell.told["intake"], "--mqtt",
        shell.told["mqtt"], "--merchant", "m-72",
    )  # fmt: skip
    scanned = shell.run(
        "scan", "--tape", "o72.tape", "--for", "m-72:m-72-a", "--json",
        typed=f"]d201{MILK}10OF-1\n",
    )  # fmt: skip
    tape = json.loads(
        shell.run("correct", "2", "--tape", "o72.tape", "--reason", "x", "--lot", "OF-2", "--json")
        .stdout.splitlines()[0]
    )["tape"]  # fmt: skip
    about = ("--of", tape, "--merchant", "m-72", "--as", "officer-1", "--reason", "现场核实")
    half = shell.run("correct", "2", "--of", tape, "--as", "officer-1", "--reason", "x")
    done = shell.run("correct", "2", *about, "--gtin", MILK, "--lot", "OF-3", "--amount", "1")

    assert "corrected by officer-1" in done.stdout, scanned.stdout + done.stderr
    assert "--merchant" in half.stderr
    _wait(
        lambda: (
            [line["lot"] for line in _query(shell, "/v1/premises/m-72-a/stock")["lines"]]
            == ["L:OF-3"]
        )
    )


def test_a_lot_is_traced_at_the_terminal_and_into_a_sheet(shell: Shell) -> None:
    shell.run(
        "enroll", "trace-1", "--tape", "tr.tape", "--intake", shell.told["intake"], "--mqtt",
        shell.told["mqtt"], "--merchant", "m-71",
    )  # fmt: skip
    scanned = shell.run(
        "scan", "--tape", "tr.tape", "--for", "m-71:m-71-a", typed=f"]d201{MILK}10TR-1\n"
    )
    _wait(lambda: shell.run("trace", MILK, "TR-1").returncode == 0)

    told = shell.run("trace", MILK, "TR-1").stdout
    asked = json.loads(shell.run("trace", MILK, "TR-1", "--json").stdout)
    sheet = shell.run("trace", MILK, "TR-1", "--out", "tr.xlsx", "--sheet", "fsma204")

    assert "确定 certain" in told, scanned.stdout + told
    assert "最坏 at worst" in told and "按比例 in proportion" in told
    assert [(h["merchant"], h["how"]) for h in asked["holders"]] == [("m-71", "certain")]
    assert "bytes" in sheet.stdout and (shell.folder / "tr.xlsx").stat().st_size > 1000
    nothing = shell.run("trace", MILK, "NOBODY")
    assert nothing.returncode == 1
    assert "nothing is recorded of lot L:NOBODY" in nothing.stderr


def _said(shell: Shell, *words: str) -> Any:
    done = shell.run(*words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def _result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What an import says of its rows, among what the ledger says meanwhile."""
    told = [json.loads(line) for line in done.stdout.splitlines()]
    found: dict[str, Any] = next(words for words in told if "kept" in words)
    return found


def test_a_merchants_file_is_imported_once_and_its_errors_come_back(shell: Shell) -> None:
    shell.run(
        "enroll", "erp-62", "--tape", "erp.tape", "--intake", shell.told["intake"],
        "--mqtt", shell.told["mqtt"], "--merchant", "m-62",
    )  # fmt: skip
    lines = [
        "日期,条码,批号,数量,供货者",
        "2026-11-20,6901234567892,I-1,3,李大山",
        "2026/13/1,6901234567892,I-1,1,",
    ]
    (shell.folder / "进货.csv").write_bytes("\n".join(lines).encode("gbk"))
    words = ("import", "进货.csv", "--tape", "erp.tape", "--for", "m-62:m-62-a", "--new-cards")

    preview = shell.run(*words, "--preview")
    first = shell.run(*words)
    again = _result(shell.run(*words, "--json"))
    cards = shell.run("card", "--tape", "erp.tape")
    _followed(shell)
    made = _query(shell, f"/v1/premises/m-62-a/stock/entries?product={MILK}")["entries"]

    assert "2026/13/1" in preview.stdout
    assert "1 rows kept" in first.stdout, first.stdout + first.stderr
    assert (first.returncode, preview.returncode) == (1, 1)
    assert (again["kept"], again["known"], again["errors"]) == (0, 1, 1)
    assert "is no day" in (shell.folder / "进货.csv.errors.csv").read_text("utf-8-sig")
    assert [(entry["stated"], entry["business_date"]) for entry in made] == [("3", "2026-11-20")]
    assert "李大山" in cards.stdout
    assert "not handed in" not in cards.stdout
    # The mended row is kept from the file of errors, and not again with the file it came from.
    errors = shell.folder / "进货.csv.errors.csv"
    text = errors.read_text("utf-8-sig").replace("2026/13/1", "2026/11/21", 1)
    errors.write_text(text, "utf-8")
    done = shell.run("import", errors.name, *words[2:], "--json")
    mended = _result(done)
    assert (mended["kept"], mended["errors"]) == (1, 0), done.stdout + done.stderr
    (shell.folder / "进货.csv").write_text("\n".join(lines).replace("2026/13/1", "2026/11/21"))
    third = _result(shell.run(*words, "--json"))
    assert (third["kept"], third["known"]) == (0, 2)
    near = shell.run("card", "李大善", "--tape", "erp.tape")
    assert "李大山 is known here" in near.stderr


def test_a_delivery_goes_from_stall_to_stall_by_its_voucher_with_nobody_online(
    shell: Shell,
) -> None:
    for device, tape, merchant in (("out-63", "out.tape", "m-63"), ("in-64", "in.tape", "m-64")):
        shell.run(
            "enroll", device, "--tape", tape, "--intake", shell.told["intake"], "--mqtt",
            shell.told["mqtt"], "--merchant", merchant,
        )  # fmt: skip
    shell.run(
        "scan", "--tape", "out.tape", "--for", "m-63:m-63-a", "--mode", "sell", "--with", "m-64",
        "--delivery", "V-7", "--offline", typed=f"*12\n]d201{MILK}10V1\n]d201{MILK}10V2\n",
    )  # fmt: skip
    made = shell.run("voucher", "V-7", "--tape", "out.tape")
    page = shell.run("voucher", "V-7", "--tape", "out.tape", "--out", "V-7.html")
    nothing = shell.run("voucher", "V-8", "--tape", "out.tape")

    scanned = shell.run(
        "scan", "--tape", "in.tape", "--for", "m-64:m-64-a", "--mode", "receive", "--offline",
        typed=made.stdout + "1=11\n" + made.stdout,
    )  # fmt: skip

    assert "2 lines of V-7 from m-63" in scanned.stdout, scanned.stdout + scanned.stderr
    assert "received already" in scanned.stdout
    assert "<svg" in (shell.folder / "V-7.html").read_text(), page.stderr
    assert "nothing was sold under 'V-8'" in nothing.stderr
    for tape in ("out.tape", "in.tape"):
        shell.run("scan", "--tape", tape, typed="")
    _wait(lambda: len(_query(shell, "/v1/premises/m-64-a/stock")["lines"]) == 2)
    told = json.loads(shell.run("ledger", "pairs", "--merchant", "m-64", "--json").stdout)
    assert [(p["status"], p["difference"]) for p in told["pairs"]] == [("differs", "-1")]


def test_repacked_goods_keep_the_producers_lot_and_dates_on_their_labels(shell: Shell) -> None:
    shell.run(
        "enroll", "pack-65", "--tape", "pack.tape", "--intake", shell.told["intake"], "--mqtt",
        shell.told["mqtt"], "--merchant", "m-65",
    )  # fmt: skip
    words = ("repack", "--tape", "pack.tape", "--for", "m-65:m-65-a", "--used", "10piece")
    code = f"]d201{MILK}1126110117301201" + "10P1"

    done = shell.run(
        *words, code, "--into", "20piece", "--gtin", "6901234000016", "--labels", "l.html"
    )
    bare = shell.run(*words, "]E06901234567892", "--into", "20piece")

    assert "into 20 piece" in done.stdout, done.stderr
    page = (shell.folder / "l.html").read_text()
    assert page.count("<svg") == 20
    assert "批号 P1" in page
    assert "2026-11-01" in page
    assert "would lose theirs" in bare.stderr
    _wait(lambda: len(_query(shell, "/v1/premises/m-65-a/stock")["lines"]) == 2)


def test_signed_batches_are_loaded_by_the_thousand_and_twice_is_once(shell: Shell) -> None:
    made = shell.run("simulate", "long", "--merchants", "8", "--days", "12", "--batches", "--json")

    first = json.loads(shell.run("load", "long", "--json").stdout)
    again = json.loads(shell.run("load", "long", "--json").stdout)
    head = _query(shell, "/v1/health")["head"]

    assert first == again
    assert (first["refusals"], first["unreadable"]) == (0, 0)
    # Every tape's opening beside what was made up.
    assert first["reports"] == json.loads(made.stdout)["reports"] + 8
    assert head >= first["reports"]
    nothing = shell.run("load", "nowhere")
    assert "simulate FOLDER --batches" in nothing.stderr


def test_the_doctor_and_the_help_can_be_read(shell: Shell) -> None:
    doctor = shell.run("doctor")

    assert "database" in doctor.stdout
    assert "market's day" in shell.run("--help").stdout
    assert shell.run("nonsense").returncode == 2


def test_simulated_trade_comes_with_its_truth(shell: Shell) -> None:
    done = shell.run("simulate", "trade", "--merchants", "24", "--seed", "4", "--json")

    reports = (shell.folder / "trade" / "reports.ndjson").read_text().splitlines()
    truth = json.loads((shell.folder / "trade" / "truth.json").read_text())
    assert json.loads(done.stdout)["reports"] == len(reports) > 100
    assert truth["stock"]
    assert {alert["kind"] for alert in truth["alerts"]} >= {"expired-in-stock", "near-expiry"}
    told = [json.loads(line) for line in reports]
    places = {(line["tape"], line["number"]) for line in told}
    fixes = [r["report"] for r in told if r["report"]["type"] == "entry-corrected.v2"]
    assert fixes
    assert all((f["target_tape"], f["target_number"]) in places for f in fixes)


def test_a_second_up_does_not_touch_the_ledger_that_runs(shell: Shell) -> None:
    again = shell.run("up", "--port", "0")

    assert again.returncode == 1
    assert "is taken" in again.stderr or "in use by process" in again.stderr
    assert httpx.get(f"{shell.told['query']}/v1/health", trust_env=False).status_code == 200


def test_who_asks_signs_in_and_whoever_signed_out_is_asked_to(shell: Shell) -> None:
    env = shell.env
    shell.env = env | {"SUYUAN_SIGN_INS": str(shell.folder / "others")}
    kept = shell.folder / "others" / "stall-9"
    try:
        before = shell.run("alerts")
        password = shell.let_in("stall-9", "merchant=m-9")
        mode = kept.stat().st_mode & 0o777
        wrong = shell.run("sign-in", "stall-9", typed="not this one")
        own = shell.run("alerts", "--why", "每日查看")
        others = shell.run("ledger", "stock", "--premises", "m-7-a")
        hold = shell.run(
            "hold", "place", "h-9", "--product", MILK, "--authority", "x", "--reason", "x"
        )
        named = shell.run("hold", "place", "h-9", "--product", MILK, "--authority", "x", "--reason", "x",
                          "--as", "officer-1")  # fmt: skip
        held = kept.read_bytes()
        out = shell.run("sign-out")
        after = shell.run("alerts")
        nobody = shell.run(
            "hold", "place", "h-9", "--product", MILK, "--authority", "x", "--reason", "x"
        )
        shell.let_in("stall-10", "merchant=m-10")
        (shell.folder / "others" / ".latest").write_text("stall-9")
        kept.write_bytes(held)
        ended = shell.run("alerts")
        kept.write_bytes(b"nonsense")
        nonsense = shell.run("alerts")
    finally:
        shell.env = env

    assert (before.returncode, "suyuan sign-in ACCOUNT" in before.stderr) == (1, True)
    assert (wrong.returncode, "not right" in wrong.stderr) == (1, True)
    assert (len(password) > 20, mode, own.returncode) == (True, 0o600, 0), own.stderr
    # Who is in no register has no books of their own, and nobody else's to see.
    assert "m-7" not in others.stdout
    assert "merchant may not write a hold" in hold.stderr
    assert "officer-1 is not signed in here" in named.stderr
    assert (out.returncode, after.returncode, ended.returncode) == (0, 1, 1)
    assert "asked in somebody's name: suyuan sign-in" in nobody.stderr
    assert "your sign-in has ended" in ended.stderr
    assert "is no sign-in" in nonsense.stderr
    assert nonsense.returncode == 1
    assert "Traceback" not in ended.stderr + nonsense.stderr + named.stderr
