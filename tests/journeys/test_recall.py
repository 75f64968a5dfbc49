"""From a regulator's word to the scanner in a merchant's hand, and on to the closing report."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from PIL import Image

from ledger.events.cases import MerchantRegistered, PremisesAdded, ProductRegistered
from ledger.events.reports import TestReportFiled
from ledger.events.stop_list import stops_topic
from ledger.rules.access import Grant
from ledger.rules.requests import AddPremises, RegisterMerchant, RegisterProduct
from ledger.values.day import day_at
from scanners.agent import Agent, enroll, keep_document, learn_home
from scanners.asking import ask
from scanners.gs1 import understand
from scanners.identity import Clocks
from scanners.labels import Label, png
from scanners.session import Session
from scanners.stoplist import StopList
from scanners.tape import Tape
from scanners.words import Told
from suyuan.cli import main
from suyuan.participants import ZONE
from suyuan.parts.machine import Machine
from tests.support.databases import scratch
from tests.support.make import MILK, milk, received
from tests.support.people import PASSWORD, keep_signed_in, sign_in

TODAY = day_at(datetime.now(UTC), ZONE)
ROOT = Path(__file__).parents[2]
WAIT_S = 20
OFFICER = ("--as", "officer-1")
SECOND = ("--checked-by", "officer-2")


class City:
    """A running ledger with a shop of register, a stall of another district, and an officer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machine = Machine(folder)
        self.machine.start(say=lambda text: None)
        both = Grant("regulator", ("yuelu", "furong"))
        people = {
            "officer-2": (both,), "m-1": (Grant("merchant", ("m-1",)),),
            "m-2": (Grant("merchant", ("m-2",)),),
            "officer-1": (both, Grant("auditor"), Grant("administrator")),
        }  # fmt: skip
        self.signed_in = keep_signed_in(folder / "sign-ins", self.machine, people)
        self.chief = sign_in(self.machine.intake_url, "officer-1")
        self.home = learn_home(self.machine.intake_url, "127.0.0.1", self.machine.broker.port)
        wanted: list[Any] = []
        for name, district in (("m-1", "yuelu"), ("m-2", "furong")):
            entry = MerchantRegistered(
                merchant=name, name=f"摊位 {name}", kind="retailer", district=district
            )
            place = PremisesAdded(
                merchant=name, premises=f"{name}-a", name="一号", market="market-1"
            )
            wanted += [RegisterMerchant(entry), AddPremises(place)]
        product = ProductRegistered(
            gtin=MILK, name_zh="鲜牛奶", name_en="Fresh milk", category="dairy", shelf_life_days=15
        )
        ask(self.home.intake_url, [*wanted, RegisterProduct(product)], auth=self.chief)
        self.agent = self.scanner("scanner-1")
        self.session = self.session_of(self.agent)
        goods = milk("A-24/11", produced=TODAY)
        for event in (
            received(100, goods, premises="m-1-a"),
            received(9, milk("B"), premises="m-1-a"),
        ):
            clock = self.agent.clocks.read()
            self.agent.keep(msgspec.structs.replace(event, clock=clock, business_date=TODAY))
        paper = keep_document(self.agent.tape, "image/png", png(Label("qr", MILK)))
        common = {name: getattr(received(1), name) for name in ("merchant", "session")}
        self.agent.keep(TestReportFiled(
            document=paper, number="T-1", laboratory="快检室", result="passed", tested_on=TODAY,
            gtins=(MILK,), lots=("A-24/11",), premises="m-1-a", business_date=TODAY,
            clock=self.agent.clocks.read(), **common,
        ))  # fmt: skip
        assert self.agent.link.wait_drained(WAIT_S)
        assert self.agent.send_documents() == []
        self.sell("]C1", f"01{MILK}10A-24/11", times=20, buyer="m-2")

    def scanner(self, name: str) -> Agent:
        tape = enroll(self.folder / f"{name}.tape", name, self.home, ["m-1"], since=TODAY,
                      auth=self.chief)  # fmt: skip
        agent = Agent(tape, Clocks())
        agent.link.start()
        assert agent.stops.arrived.wait(WAIT_S), "no stop list came"
        return agent

    def session_of(self, agent: Agent) -> Session:
        made = Session(agent.tape, agent.clocks, today=lambda: TODAY, stops=agent.stops)
        made.command("merchant:m-1:m-1-a")
        made.command("sell")
        return made

    def sell(self, aim: str, code: str, *, times: int = 1, buyer: str = "") -> Told:
        self.session.command(f"with:{buyer}")
        self.session.typed(f"*{times}")
        told = self.session.scanned(understand(aim, code.encode()), aim, code.encode())
        self.agent.link.wake()
        return told

    def says(self, colour: str) -> bool:
        """Tells whether the scanner shows a colour for lot A, without selling it for good."""
        told = self.sell("]C1", f"01{MILK}10A-24/11")
        if told.colour != "red":
            self.session.command("undo")
        return told.colour == colour

    def stop(self) -> None:
        self.agent.link.stop()
        self.machine.stop()


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture(scope="module")
def city() -> Iterator[City]:
    folder = scratch("test-recall-")
    made = City(folder)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)


class Desk:
    """Somebody who types commands and reads what they say."""

    def __init__(self, city: City, capsys: pytest.CaptureFixture[str]) -> None:
        self._city = city
        self._capsys = capsys

    def type(self, *words: str, code: int = 0) -> str:
        found = main(list(words))
        out, err = self._capsys.readouterr()
        assert found == code, out + err
        return out + err

    def ask(self, *words: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.type(*words, "--json"))
        return told

    def check(self, recall: str, *words: str, code: int = 0) -> str:
        """Checks a draft as it is shown."""
        until(lambda: main(["recall", "show", recall, "--json"]) == 0, "no draft is shown")
        self._capsys.readouterr()
        read = self.ask("recall", "show", recall)["recall"]["draft_digest"][:12]
        return self.type("recall", "check", recall, "--draft", read, *words, code=code)

    def wait(self, *words: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Asks again until the views have caught up."""

        def so() -> bool:
            # What was said a moment ago may not be known yet, and is refused then.
            done = main([*words, "--json"])
            out = self._capsys.readouterr().out
            return done == 0 and true(json.loads(out))

        until(so, " ".join(words))
        return self.ask(*words)


@pytest.fixture
def desk(city: City, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SUYUAN_INTAKE_PORT", str(city.machine.ports["intake"]))
    monkeypatch.setenv("SUYUAN_QUERY_PORT", str(city.machine.ports["query"]))
    monkeypatch.setenv("SUYUAN_SIGN_INS", city.signed_in)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    return Desk(city, capsys)


def place(desk: Desk, hold: str, *goods: str) -> None:
    why = ("--authority", "市监局", "--reason", "抽检不合格")
    desk.type("hold", "place", hold, *goods, *why, *OFFICER)


def test_a_hold_turns_a_connected_scanner_red_and_its_release_green(city: City, desk: Desk) -> None:
    assert city.says("green")

    place(desk, "h-1", "--product", MILK, "--lot", "A-24/11")
    until(lambda: city.says("red"), "the hold never reached the scanner")
    desk.wait("hold", "show", "h-1", true=lambda found: found["places"] == 1)
    assert "red" not in desk.type("check", MILK, "--lot", "B")
    assert "[stop]" in desk.type("check", MILK, "--lot", "A-24/11", code=1)

    desk.type("hold", "release", "h-1", "--reason", "复检合格", *OFFICER)
    until(lambda: city.says("green"), "the release never reached the scanner")


def test_a_scanner_that_comes_late_or_stays_offline_knows_what_is_stopped(
    city: City, desk: Desk
) -> None:
    place(desk, "h-2", "--product", MILK, "--lot", "A-24/11")
    until(lambda: city.says("red"), "the hold never reached the scanner")

    offline = Tape.open(city.folder / "scanner-1.tape")
    known = StopList(offline, city.home.keys, lambda: datetime.now(UTC) + timedelta(hours=3))
    hand = Session(offline, Clocks(), today=lambda: TODAY, stops=known)
    code = f"01{MILK}10A-24/11".encode()
    told = hand.scanned(understand("]C1", code), "]C1", code)
    offline.close()
    assert told.colour == "red"
    assert "the list is 3 h old" in told.words

    late = city.scanner("scanner-2")
    assert late.stops.meets(milk("A-24/11"), city.session.place) is not None
    late.link.stop()
    desk.type("hold", "release", "h-2", "--reason", "复检合格", *OFFICER)
    until(lambda: city.says("green"), "the release never reached the scanner")


def test_an_officer_sees_which_scanners_know_of_a_stop_and_which_do_not_yet(
    city: City, desk: Desk
) -> None:
    deaf = city.scanner("scanner-9")
    # What the ledger says of stops does not get through to it.
    deaf.link._retained[stops_topic(city.home.ledger, "+")] = lambda payload: False
    place(desk, "h-9", "--product", MILK, "--lot", "A-24/11")
    until(lambda: city.says("red"), "the hold never reached the scanner")
    stands = desk.wait("hold", "show", "h-9", true=lambda found: found["places"] == 1)
    since = {"since": stands["words"][-1]["position"]}

    def reach() -> dict[str, Any]:
        url = f"{city.machine.query_url}/v1/devices/stops"
        answer = httpx.get(url, params=since, auth=city.chief, trust_env=False)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    until(lambda: (reach()["have"], reach()["lacking"]) == (1, ["scanner-9"]), str(reach()))
    deaf.link.stop()
    until(lambda: reach()["lacking"] == [], "who went is still waited for")
    assert reach()["away"] >= 1 and reach()["everything"]
    desk.type("hold", "release", "h-9", "--reason", "复检合格", *OFFICER)
    until(lambda: city.says("green"), "the release never reached the scanner")


def test_a_broker_that_forgot_everything_is_told_the_list_again(city: City, desk: Desk) -> None:
    place(desk, "h-3", "--product", MILK, "--lot", "A-24/11")
    until(lambda: city.says("red"), "the hold never reached the scanner")

    city.machine.broker.kill()
    city.machine.broker.start()

    late = city.scanner("scanner-3")
    until(
        lambda: late.stops.meets(milk("A-24/11"), city.session.place) is not None,
        "the broker was not told again",
    )
    late.link.stop()
    desk.type("hold", "release", "h-3", "--reason", "复检合格", *OFFICER)
    until(lambda: city.says("green"), "the release never reached the scanner")


def test_an_intake_that_was_killed_signs_the_list_again(city: City, desk: Desk) -> None:
    place(desk, "h-4", "--product", MILK, "--lot", "A-24/11")
    assert city.machine.services is not None
    before = httpx.get(f"{city.machine.intake_url}/intake/stops", trust_env=False).json()

    city.machine.services.all["intake"].kill()
    city.machine.services.keep_running()
    city.machine.services.wait("intake", f"{city.machine.intake_url}/intake/ledger")

    def signed() -> bool:
        found = httpx.get(f"{city.machine.intake_url}/intake/stops", trust_env=False)
        return found.status_code == 200 and found.json()["time"] > before["time"]

    until(signed, "no list was signed after the restart")
    until(lambda: city.says("red"), "the hold was forgotten")
    desk.type("hold", "release", "h-4", "--reason", "复检合格", *OFFICER)
    until(lambda: city.says("green"), "the release never reached the scanner")


def test_what_cannot_be_is_refused_with_what_to_do(city: City, desk: Desk) -> None:
    why = ("--authority", "市监局", "--reason", "x", *OFFICER)

    assert "name one" in desk.type("hold", "place", "h-9", *why, code=1)
    wrong = desk.type("hold", "place", "h-9", "--product", "6901234567893", *why, code=1)
    assert "check digit" in wrong
    turned = ("--product", MILK, "--produced", "2026-11-03..2026-11-01")
    assert "begins at its earlier end" in desk.type("hold", "place", "h-9", *turned, *why, code=1)
    nobody = desk.type("recall", "draft", "r-9", "--grade", "I", "--trace", f"{MILK}/NOBODY", *why,
                       code=1)  # fmt: skip
    assert "nothing is recorded" in nobody
    assert "suyuan recall list" in desk.type("recall", "show", "r-9", code=1)


def test_a_merchant_shows_its_records_in_one_file_that_a_stranger_can_check(
    city: City, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUYUAN_OWNER_DSN", city.machine.dsn("suyuan_owner"))
    monkeypatch.setenv("SUYUAN_FOLLOWER_DSN", city.machine.dsn("suyuan_follower"))
    monkeypatch.setenv("SUYUAN_DATA", str(city.folder))
    bundle = tmp_path / "m-1.zip"
    wanted = ("bundle", "make", "--lot", f"{MILK}/A-24/11", "--out", str(bundle))
    made = desk.ask(*wanted, "--merchant", "m-1")
    # Delivery and paper of this lot; not what was entered of lot B.
    assert made["records"] >= 3
    assert (made["documents"], made["missing"]) == (1, 0)
    assert "no record" in desk.type(*wanted, "--merchant", "m-77", code=1)

    with zipfile.ZipFile(bundle) as file:
        file.extract("check.py", tmp_path)
        told = json.loads(file.read("bundle.json"))
    key = httpx.get(f"{city.machine.log_url}/key").text.strip()
    alone = [sys.executable, "-I", str(tmp_path / "check.py"), str(bundle), key]
    said = subprocess.run(alone, capture_output=True, text=True, check=False)
    assert (said.returncode, "0 problems" in said.stdout) == (0, True), said.stderr
    stranger = key.replace("/local", "/other")
    said = subprocess.run([*alone[:-1], stranger], capture_output=True, text=True, check=False)
    assert (said.returncode, "not of the log" in said.stdout) == (1, True)
    assert desk.ask("bundle", "check", str(bundle), "--key", key)["pinned"]
    assert all('"B"' not in record["opening"]["public"] for record in told["records"])

    told["records"][0]["opening"]["trade"] = told["records"][0]["opening"]["trade"].replace(
        "1", "2"
    )
    with zipfile.ZipFile(bundle) as file, zipfile.ZipFile(tmp_path / "forged.zip", "w") as forged:
        for name in file.namelist():
            content = json.dumps(told).encode() if name == "bundle.json" else file.read(name)
            forged.writestr(name, content)
    assert "do not open its leaf" in desk.type(
        "bundle", "check", str(tmp_path / "forged.zip"), code=1
    )
    told["records"][0]["opening"]["trade"] = json.loads(
        zipfile.ZipFile(bundle).read("bundle.json")
    )["records"][0]["opening"]["trade"]
    other = next(iter(told["log"]["paths"].values()))
    told["log"]["paths"] = dict.fromkeys(told["log"]["paths"], other[::-1])
    with zipfile.ZipFile(tmp_path / "moved.zip", "w") as moved:
        moved.writestr("bundle.json", json.dumps(told | {"documents": []}))
    words = desk.type("bundle", "check", str(tmp_path / "moved.zip"), code=1)
    assert "does not lead to the root" in words
    assert "is no bundle" in desk.type("bundle", "check", str(tmp_path / "check.py"), code=1)


def test_a_rehearsal_runs_on_a_copy_and_stops_no_scanner_at_work(
    city: City, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = os.environ | {
        "SUYUAN_DATA": str(city.folder / "mock"), "PYTHONPATH": str(ROOT),
        "SUYUAN_OWNER_DSN": city.machine.dsn("suyuan_owner"),
        "SUYUAN_FOLLOWER_DSN": city.machine.dsn("suyuan_follower"),
    }  # fmt: skip
    mock = subprocess.Popen(
        [sys.executable, "-m", "suyuan.cli", "mock", "--json"], env=env, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert mock.stdout is not None
        told = json.loads(mock.stdout.readline())
        monkeypatch.setenv("SUYUAN_INTAKE_PORT", str(told["intake"]))
        monkeypatch.setenv("SUYUAN_QUERY_PORT", str(told["query"]))
        monkeypatch.setenv("SUYUAN_SIGN_INS", str(city.folder / "mock-sign-ins"))
        for account in ("officer-2", "m-1", "m-2", "officer-1"):
            monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
            desk.type("sign-in", account)
        badge = sign_in(f"http://127.0.0.1:{told['intake']}", "officer-1")
        desk.type("recall", "draft", "mock-1", "--grade", "I", "--trace", f"{MILK}/A-24/11",
                  "--reason", "演练", "--authority", "市监局", *OFFICER)  # fmt: skip
        desk.check("mock-1", "--as", "officer-2")
        desk.type("recall", "publish", "mock-1", "--notice", "演练", *OFFICER)
        desk.type("recall", "acknowledge", "mock-1", "--merchant", "m-1", "--as", "m-1")
        line = f"{MILK}/A-24/11 found=80 sold=20"
        desk.type("recall", "answer", "mock-1", "--merchant", "m-1", "--line", line, "--as", "m-1")
        score = desk.wait("recall", "score", "mock-1", true=lambda found: found["accounted"] > 0)
        assert (score["holders"], score["acknowledged"], score["reached"]) == (2, 50.0, 50.0)
        # m-1 answers for its 100; nobody for the 20 that m-2 was told to have got.
        assert score["accounted"] == 83.3
        assert [step["step"] for step in score["stopwatch"]][:3] == [
            "drafted",
            "checked",
            "published",
        ]
        assert city.says("green")
        assert desk.ask("recall", "show", "mock-1")["rehearsal"]
        for form in ("notice.txt", "notice.html", "report.html", "hand-over.csv", "hand-over.html"):
            paper = httpx.get(
                f"http://127.0.0.1:{told['query']}/v1/recalls/mock-1/{form}",
                trust_env=False,
                auth=badge,
            )
            assert "REHEARSAL" in paper.text, form
        # Nobody takes a page of the copy for the ledger's: what shoppers, stalls and officers open says so.
        for page in ("/", "/sign-in", "/station/scan"):
            opened = httpx.get(told["kiosk"] + page[1:], trust_env=False, params={"lang": "zh"})
            assert "演练副本" in opened.text, page
    finally:
        mock.terminate()
        mock.wait(30)
    assert list((city.folder / "mock").iterdir()) == []


def test_a_recall_from_the_trace_to_the_closing_report(
    city: City, desk: Desk, tmp_path: Path
) -> None:
    why = ("--reason", "检出沙门氏菌", "--authority", "市监局")
    desk.wait("trace", MILK, "A-24/11", true=lambda found: found["holders_in_all"] == 2)
    desk.type(
        "recall", "draft", "r-1", "--grade", "I", "--trace", f"{MILK}/A-24/11", *why, *OFFICER
    )
    assert "another officer" in desk.check("r-1", *OFFICER, code=1)
    unread = ("recall", "check", "r-1", "--draft", "0" * 12, "--as", "officer-2")
    assert "not the draft" in desk.type(*unread, code=1)
    desk.check("r-1", "--as", "officer-2")
    desk.type("recall", "publish", "r-1", "--notice", "请勿食用", *OFFICER)
    until(lambda: city.says("red"), "the recall never reached the scanner")

    kiosk = f"{city.machine.kiosk_url}01/{MILK}/10/A-24%2F11"
    until(lambda: "请勿食用" in httpx.get(kiosk, trust_env=False).text, "the kiosk stayed calm")

    # Sold on all the same: recorded, and an alert.
    city.sell("]C1", f"01{MILK}10A-24/11")
    city.session.command("sold-anyway")
    city.agent.link.wake()
    asked = ("alerts", "--kind", "sold-while-stopped")
    desk.wait(*asked, true=lambda found: len(found["alerts"]) == 1)

    desk.type("recall", "acknowledge", "r-1", "--merchant", "m-1", "--as", "m-1")
    said = f"{MILK}/A-24/11 found=60 sold=22 destroyed=18"
    desk.type("recall", "answer", "r-1", "--merchant", "m-1", "--line", said, "--as", "m-1")
    desk.type("recall", "answer", "r-1", "--merchant", "m-2", "--as", "m-2", "--note", "没有找到")
    calls = desk.ask("recall", "calls", "r-1", "--mine", "yuelu")["calls"]
    assert [call["holder"] for call in calls] == ["m-2"]
    desk.type("recall", "call", "r-1", "--merchant", "m-2", "--result", "reached", *OFFICER)
    drawn = desk.ask("recall", "draw", "r-1", "--share", "50", *OFFICER)["drawn"]
    assert len(drawn) == 1
    desk.type("recall", "visit", "r-1", "--merchant", "m-1", "--result", "effective", *OFFICER)

    # A file that sells on is kept, and says so; the stall's own scanner destroys, with proof.
    city.agent.link.stop()
    (tmp_path / "sold.csv").write_text(f"日期,条码,批号,数量\n{TODAY},{MILK},A-24/11,1\n")
    device = ("--tape", str(city.folder / "scanner-1.tape"), "--for", "m-1:m-1-a")
    kept = desk.type("import", str(tmp_path / "sold.csv"), "--kind", "sell", *device)
    assert "STOP 停售 row 2: 鲜牛奶 recall r-1" in kept
    wrong = desk.type("recall", "destroy", "r-8", MILK, "1piece", "--picture", str(tmp_path / "x.png"),
                      "--witness", "officer-3", "--place", "焚烧厂", *device, code=1)  # fmt: skip
    assert "no recall is called r-8" in wrong
    Image.new("RGB", (40, 40), "red").save(tmp_path / "fire.png")
    desk.type(
        "recall", "destroy", "r-1", MILK, "18piece", "--lot", "A-24/11", "--picture",
        str(tmp_path / "fire.png"), "--witness", "officer-3", "--place", "焚烧厂",
        *device,
    )  # fmt: skip
    shown = desk.wait(
        "recall", "show", "r-1",
        true=lambda found: found["counts"]["sums"][0]["proved_destroyed"] == "18"
        and found["counts"]["drawn"] == 1,
    )  # fmt: skip
    counts = shown["counts"]
    assert (counts["acknowledged"], counts["answered"], counts["effective"]) == (1, 2, 1)
    # m-1 had 100 and names 100; m-2 was told to have got 20 and found nothing.
    assert counts["sums"][0]["unaccounted"] == "20"

    for name in ("notice.txt", "notice.html", "report.html"):
        desk.type("recall", name.partition(".")[0], "r-1", "--out", str(tmp_path / name))
    over = ("recall", "hand-over", "r-1", "--to", "芙蓉区市监局", "--district", "furong")
    desk.type(*over, "--out", str(tmp_path / "over.csv"), *OFFICER)
    handed = (tmp_path / "over.csv").read_text()
    assert "m-2" in handed
    assert not any("REHEARSAL" in made.read_text() for made in tmp_path.glob("*.[cht]*"))
    over = (*over[:-1], "nowhere", "--out", str(tmp_path / "over.csv"), *OFFICER)
    assert "nothing was handed over" in desk.type(*over, code=1)
    assert (tmp_path / "over.csv").read_text() == handed

    desk.type("recall", "close", "r-1", "--summary", "已下架", "--unaccounted", "20 瓶",
              *OFFICER, *SECOND)  # fmt: skip
    refused = desk.type(
        "recall", "widen", "r-1", "--product", MILK, "--reason", "x", *OFFICER, code=1
    )
    assert "draft another recall" in refused
    desk.wait("recall", "show", "r-1", true=lambda found: found["recall"]["stage"] == "closed")
    desk.type("recall", "report", "r-1", "--out", str(tmp_path / "report.html"))
    report = (tmp_path / "report.html").read_text()
    for words in ("20 瓶", "焚烧厂", "芙蓉区市监局", "recall-closed"):
        assert words in report
