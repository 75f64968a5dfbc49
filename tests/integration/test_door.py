"""The door: who knows the password is let in, who guesses is kept out, and every sign-in can be ended."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pyotp
import pytest
from argon2 import PasswordHasher

from ledger.accounts import door as doors
from ledger.accounts import passwords
from ledger.accounts.book import IDLE, LIFE, PgAccounts
from ledger.accounts.door import FREE_FAILURES, WAIT, BegunSignIn, Door, WantedFactor, Wish
from ledger.accounts.factor import FactorSeal, step_of
from ledger.accounts.passwords import is_password, refuse_password
from ledger.errors import BadSetting
from ledger.rules.access import Grant
from ledger.rules.refusal import Refusal
from ledger.rules.tokens import SignedIn, read_token
from ledger.values.keys import SigningKey
from scanners.reader import load_picture, zxing_reads
from suyuan.cli import main
from suyuan.parts.machine import Machine
from tests.support.databases import Database, running_machine
from tests.support.make import NOON
from tests.support.people import PASSWORD as SHARED
from tests.support.people import add_account

KEY, PASSWORD = SigningKey(bytes([5]) * 32), "crate scale lotus ferry"
GRANTS = (Grant("merchant", ("m-1",)),)


class Doorway:
    """A door with one account behind it, on a clock of the test's."""

    def __init__(self, database: Database) -> None:
        self.now = NOON
        self._drawn = 0
        self.dsn = database.dsn("suyuan_writer")
        self.owner = database.dsn()
        with psycopg.connect(self.owner) as connection:
            PgAccounts(connection).add("li", name="李大山", password=PASSWORD, grants=GRANTS)
        self.door = Door(
            self.dsn,
            KEY,
            seal=FactorSeal(KEY),
            ledger="test",
            now=lambda: self.now,
            entropy=self._draw,
        )

    def _draw(self, size: int) -> bytes:
        self._drawn += 1
        return self._drawn.to_bytes(size)

    def try_in(self, password: str = PASSWORD, account: str = "li") -> BegunSignIn | Refusal:
        return self.door.sign_in(Wish(account, password, "test/1"))

    def let_in(self) -> BegunSignIn:
        opened = self.try_in()
        assert isinstance(opened, BegunSignIn), opened
        return opened

    def change(self, change: Callable[[PgAccounts], Any]) -> Any:
        with psycopg.connect(self.owner) as connection:
            return change(PgAccounts(connection))


@pytest.fixture
def way(database: Database, monkeypatch: pytest.MonkeyPatch) -> Doorway:
    """A door whose passwords are kept cheaply: here they are tried by the hundred."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64))
    return Doorway(database)


def test_who_knows_the_password_gets_a_token_that_says_who_it_is(way: Doorway) -> None:
    opened = way.let_in()

    for token in (opened.token, way.door.token(opened.secret)):
        assert isinstance(token, str)
        found = read_token(token, [KEY.public], ledger="test", now=way.now)
        assert isinstance(found, SignedIn)
        assert (found.subject.account, found.subject.grants) == ("li", GRANTS)
        (held,) = way.door.sign_ins("li")
        assert (held.id, held.agent) == (found.sign_in, "test/1")
    with psycopg.connect(way.owner) as connection:
        kept = connection.execute("SELECT secret FROM accounts.sign_ins").fetchone()
    assert opened.secret.encode() not in (kept or (b"",))[0]


@pytest.mark.parametrize(
    ("password", "account"),
    [("wrong", "li"), (PASSWORD, "nobody"), (PASSWORD.upper(), "li"), ("", "li")],
)
def test_nobody_is_told_what_of_it_was_wrong(way: Doorway, password: str, account: str) -> None:
    refused = way.try_in(password, account)

    assert isinstance(refused, Refusal)
    assert refused == way.try_in("wrong", "li")


def test_after_several_tries_nobody_is_let_in_for_a_while_that_grows(way: Doorway) -> None:
    for _ in range(FREE_FAILURES - 1):
        way.try_in("wrong")
    way.let_in()
    for _ in range(FREE_FAILURES):
        way.try_in("wrong")
    assert isinstance(way.try_in(), Refusal)
    way.now += WAIT - timedelta(seconds=1)
    assert isinstance(way.try_in(), Refusal)
    way.now += timedelta(seconds=2)
    way.try_in("wrong")
    way.now += WAIT + timedelta(seconds=1)
    assert isinstance(way.try_in(), Refusal), "the second wait is longer"
    way.now += WAIT
    way.let_in()


def test_tries_at_once_are_all_counted(way: Doorway) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: way.try_in("wrong"), range(FREE_FAILURES)))

    assert way.change(lambda book: book.locked("li")).failures == FREE_FAILURES
    assert isinstance(way.try_in(), Refusal)


@pytest.mark.parametrize("over", [LIFE, IDLE])
def test_a_sign_in_ends_with_the_day_and_when_nobody_uses_it(way: Doorway, over: timedelta) -> None:
    opened = way.let_in()
    step = min(over, IDLE)
    while way.now - NOON + step <= over - timedelta(seconds=1) and over == LIFE:
        way.now += step - timedelta(seconds=1)
        if way.now - NOON < LIFE:
            assert isinstance(way.door.token(opened.secret), str)
    way.now = max(NOON + over, way.now) + timedelta(seconds=1)

    assert way.door.token(opened.secret) == doors._OVER
    assert way.door.sign_ins("li") == []
    way.let_in()
    with psycopg.connect(way.owner) as connection:
        assert connection.execute("SELECT count(*) FROM accounts.sign_ins").fetchone() == (1,)


def test_what_is_ended_disabled_or_given_a_new_password_opens_nothing_more(way: Doorway) -> None:
    changes: list[Callable[[PgAccounts], Any]] = [
        lambda book: book.end("li", sign_in=book.sign_ins("li", NOON)[0].id, now=NOON),
        lambda book: book.set_password("li", to=PASSWORD),
        lambda book: book.set_disabled("li", disabled=True),
    ]
    for change in changes:
        secret = way.let_in().secret
        assert isinstance(way.door.token(secret), str)
        way.change(change)
        assert way.door.token(secret) == doors._OVER
    assert isinstance(way.try_in(), Refusal)
    way.change(lambda book: book.set_disabled("li", disabled=False))
    assert way.door.token(secret) == doors._OVER, "it does not come back"
    way.let_in()
    for secret in ("", "x", "é", "A" * 43, "A" * 100_000):
        assert way.door.token(secret) == doors._OVER


def test_new_roles_count_from_the_next_token_on(way: Doorway) -> None:
    opened = way.let_in()
    way.change(lambda book: book.set_grants("li", [Grant("auditor")]))

    token = way.door.token(opened.secret)

    assert isinstance(token, str)
    found = read_token(token, [KEY.public], ledger="test", now=way.now)
    assert isinstance(found, SignedIn)
    assert found.subject.grants == (Grant("auditor"),)


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password-length"), ("x" * 129, "password-length"), ("li opens the crate door", "password-weak"),
        ("aaaaaaaaaaaaaaaa", "password-weak"), ("121212121212", "password-weak"), (PASSWORD, None),
        # Among those that are tried first anywhere, and words of this trade and of the account.
        ("password1234", "password-weak"), ("qwertyuiop123", "password-weak"),
        ("iloveyou2026", "password-weak"), ("suyuansuyuan", "password-weak"),
        ("码头 莲花 天平 板条箱 雨伞", None),
    ],
)  # fmt: skip
def test_passwords_that_anybody_guesses_are_not_taken(password: str, code: str | None) -> None:
    refused = refuse_password(password, "li")

    assert (refused.code if refused else None) == code


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with running_machine("test-door-") as made:
        yield made


@pytest.fixture
def here(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that commands work on."""
    for role in ("owner", "follower"):
        monkeypatch.setenv(f"SUYUAN_{role.upper()}_DSN", machine.dsn(f"suyuan_{role}"))
    monkeypatch.setenv("SUYUAN_DATA", str(machine.data))
    return machine


def test_a_merchant_signs_in_over_http_sees_who_it_is_and_ends_it(
    here: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    def user(*words: str) -> dict[str, Any]:
        capsys.readouterr()
        assert main(["user", *words, "--json"]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    given = user("add", "wang", "--name", "王", "--role", "merchant=m-1,m-2")["password"]
    password = "码头 莲花 天平 板条箱"
    with httpx.Client(base_url=here.intake_url, trust_env=False, timeout=30) as intake:
        wrong = intake.post("/intake/sign-ins", json={"account": "wang", "password": "x"})
        assert (wrong.status_code, wrong.headers["www-authenticate"]) == (401, "Bearer")
        # What somebody else made lets nobody in, but to set one of their own.
        first = {"account": "wang", "password": given}
        for new, code in (
            ({}, "password-given"), ({"new": given}, "password-given"), ({"new": "x"}, "password-length"),
        ):  # fmt: skip
            answer = intake.post("/intake/sign-ins", json=first | new)
            assert (answer.status_code, answer.json()["title"]) == (422, code)
        opened = intake.post("/intake/sign-ins", json=first | {"new": password}).json()
        assert intake.post("/intake/sign-ins", json=first).status_code == 401
        token = {"authorization": f"Bearer {opened['token']}"}
        me = httpx.get(f"{here.query_url}/v1/me", headers=token, trust_env=False).json()
        assert (me["account"], me["roles"]) == (
            "wang",
            [{"role": "merchant", "over": ["m-1", "m-2"]}],
        )
        may = {(one["resource"], one["action"]): one["merchants"] for one in me["may"]}
        assert may["ledger", "read"] == ["m-1", "m-2"]
        assert ("account", "write") not in may
        secret = {"authorization": f"Bearer {opened['secret']}"}
        again = intake.post("/intake/tokens", headers=secret)
        assert again.status_code == 201
        (own,) = intake.get("/intake/sign-ins", headers=token).json()["sign_ins"]
        assert own["this"]
        assert intake.get("/intake/sign-ins", headers=secret).status_code == 401
        # Which other accounts there are is no merchant's to know.
        assert intake.get("/intake/colleagues", headers=token).status_code == 403
        assert intake.get("/intake/colleagues").status_code == 401
        for old, new, status in (
            ("x", "crate scale lotus ferry", 401), (password, "short", 422), (password, "wang-wang-wang", 422),
        ):  # fmt: skip
            asked = intake.put("/intake/password", headers=token, json={"old": old, "new": new})
            assert asked.status_code == status
        assert intake.put("/intake/password", headers=token, content=b"{").status_code == 400
        assert intake.put("/intake/password", json={}).status_code == 401
        assert intake.delete(f"/intake/sign-ins/{own['id']}").status_code == 401
        assert intake.delete(f"/intake/sign-ins/{own['id']}", headers=token).status_code == 204
        assert intake.delete(f"/intake/sign-ins/{own['id']}", headers=token).status_code == 404
        assert intake.delete("/intake/sign-ins/x", headers=token).status_code == 422
        assert intake.post("/intake/tokens", headers=secret).status_code == 401
        for body in (b"", b"{", b"[]", b'{"account":"A B","password":"x"}', b"x" * 5000):
            assert intake.post("/intake/sign-ins", content=body).status_code in (400, 413)
        changed = {"old": password, "new": PASSWORD}
        assert intake.put("/intake/password", headers=token, json=changed).status_code == 204
        for typed, status in ((password, 401), (PASSWORD, 201)):
            form = {"account": "wang", "password": typed}
            assert intake.post("/intake/sign-ins", json=form).status_code == status
    with psycopg.connect(here.dsn("suyuan_owner")) as connection:
        (kept,) = connection.execute("SELECT password FROM accounts.accounts").fetchall()
    # The second of the parameters that RFC 9106, section 4, recommends.
    assert kept[0].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    forged = {"authorization": "Bearer x.y.z"}
    assert httpx.get(f"{here.query_url}/v1/me", headers=forged, trust_env=False).status_code == 401
    nobody = httpx.get(f"{here.query_url}/v1/me", trust_env=False).json()
    assert (nobody["account"], [one["resource"] for one in nobody["may"]]) == (
        None, ["product", "health", "metrics"]
    )  # fmt: skip


def test_the_command_keeps_accounts_and_says_what_cannot_be(
    here: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["user", "add", "zhao", "--name", "赵", "--role", "inspector=yuelu"]) == 0
    assert "It is not shown again" in capsys.readouterr().out

    assert main(["user", "add", "zhao", "--name", "赵", "--role", "auditor"]) == 1
    assert "an account zhao already" in capsys.readouterr().err
    assert main(["user", "roles", "nobody", "--role", "auditor"]) == 1
    assert "no account nobody" in capsys.readouterr().err
    assert main(["user", "sign-ins", "zhao", "--end", "x"]) == 1
    assert "is a UUID" in capsys.readouterr().err
    assert main(["user", "sign-ins", "zhao"]) == 0
    assert "signed in nowhere" in capsys.readouterr().out
    assert main(["user", "roles", "zhao", "--role", "regulator=changsha", "--role", "auditor"]) == 0
    assert main(["user", "disable", "zhao"]) == 0
    capsys.readouterr()
    assert main(["user", "list"]) == 0
    assert "regulator=changsha auditor  disabled" in capsys.readouterr().out
    for role in (
        "king",
        "device",
        "consumer",
        "merchant",
        "auditor=m-1",
        "merchant=M 1",
        "merchant=",
    ):
        with pytest.raises(SystemExit):
            main(["user", "add", "x", "--name", "x", "--role", role])


def test_a_first_password_that_nobody_used_in_time_lets_nobody_in(way: Doorway) -> None:
    way.change(lambda book: book.set_password("li", to=PASSWORD, given_until=way.now))
    way.now += timedelta(seconds=1)

    found = way.door.sign_in(Wish("li", PASSWORD, "", new="天平 码头 板条箱 雨伞"))

    assert isinstance(found, Refusal)
    assert found.code == "password-over"


def test_who_was_let_in_or_not_is_told_in_the_log_and_no_password_is(
    way: Doorway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="suyuan.door")
    way.let_in()
    way.try_in("not the right one")
    way.door.sign_in(Wish("nobody-here", "some password", ""))

    told = [(one.getMessage(), vars(one)["account"]) for one in caplog.records]
    assert told == [
        ("signed in", "li"), ("not let in: not-signed-in", "li"),
        ("not let in: no such account, or closed", "nobody-here"),
    ]  # fmt: skip
    assert PASSWORD not in caplog.text
    assert "not the right one" not in caplog.text


def test_a_password_that_was_changed_meanwhile_lets_nobody_in(
    way: Doorway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(kept: str, password: str) -> bool:
        way.change(lambda book: book.set_password("li", to="another row of words"))
        return is_password(kept, password)

    monkeypatch.setattr(doors, "is_password", slow)

    assert isinstance(way.try_in(), Refusal)


RFC_SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("second", "code"),
    # RFC 6238, appendix B, for SHA-1, the last six digits.
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(second: int, code: str) -> None:
    now = datetime.fromtimestamp(second, UTC)

    assert step_of(RFC_SECRET, code, now, after=0) == second // 30
    assert step_of(RFC_SECRET, code, now + timedelta(seconds=30), after=0) == second // 30
    assert step_of(RFC_SECRET, code, now + timedelta(seconds=61), after=0) is None
    assert step_of(RFC_SECRET, code, now, after=second // 30) is None, "a code counts once"
    for bad in ("", "28708", code + "0", "二八七〇八二", "-1", "000000"):
        assert step_of(RFC_SECRET, bad, now, after=0) is None


def code_now(way: Doorway, wanted: WantedFactor) -> str:
    return pyotp.TOTP(wanted.secret).at(way.now)


def test_who_has_a_second_factor_signs_in_with_a_code_each_time_another(way: Doorway) -> None:
    way.let_in()
    wanted = way.door.want_factor(Wish("li", PASSWORD, ""))
    assert isinstance(wanted, WantedFactor)
    # Nothing changes before its owner has shown to have it.
    way.let_in()
    assert way.door.set_factor("li", "000000") is not None
    first = code_now(way, wanted)
    assert way.door.set_factor("li", first) is None
    assert way.door.set_factor("li", first) is not None, "it was confirmed already"

    def code_of(refused: object) -> str:
        return refused.code if isinstance(refused, Refusal) else ""

    assert code_of(way.try_in()) == "code-needed"
    assert code_of(way.try_in("wrong")) == "not-signed-in", "who guesses hears nothing of it"
    assert code_of(way.door.sign_in(Wish("li", PASSWORD, "", first))) == "code-wrong", "used"
    way.now += timedelta(seconds=30)
    second = code_now(way, wanted)
    assert code_of(way.door.sign_in(Wish("li", PASSWORD, "", second))) == ""
    assert code_of(way.door.sign_in(Wish("li", PASSWORD, "", second))) == "code-wrong"
    assert code_of(
        way.door.change_password(Wish("li", PASSWORD, ""), to="another row of words")
    ) == ("code-needed")
    with psycopg.connect(way.owner) as connection:
        row = connection.execute("SELECT factor FROM accounts.accounts").fetchone()
    raw = base64.b32decode(wanted.secret)
    assert row is not None
    assert raw not in row[0]
    assert FactorSeal(KEY).open(row[0], "li") == raw
    for seal, account in ((FactorSeal(SigningKey(bytes(32))), "li"), (FactorSeal(KEY), "wang")):
        with pytest.raises(BadSetting, match="sealed under another key"):
            seal.open(row[0], account)


def test_codes_are_guessed_no_more_often_than_passwords(way: Doorway) -> None:
    wanted = way.door.want_factor(Wish("li", PASSWORD, ""))
    assert isinstance(wanted, WantedFactor)
    way.door.set_factor("li", code_now(way, wanted))
    way.now += timedelta(minutes=5)
    wrong = str((int(code_now(way, wanted)) + 1) % 10**6).zfill(6)

    for _ in range(FREE_FAILURES):
        way.door.sign_in(Wish("li", PASSWORD, "", wrong))

    assert isinstance(way.door.sign_in(Wish("li", PASSWORD, "", code_now(way, wanted))), Refusal)
    way.now += WAIT + timedelta(seconds=1)
    found = way.door.sign_in(Wish("li", PASSWORD, "", code_now(way, wanted)))
    assert isinstance(found, BegunSignIn)


def test_roles_that_ask_for_a_second_factor_count_once_there_is_one(way: Doorway) -> None:
    way.change(lambda book: book.set_grants("li", (*GRANTS, Grant("administrator"))))
    way.door = Door(
        way.dsn, KEY, seal=FactorSeal(KEY), ledger="test", now=lambda: way.now, entropy=way._draw,
        strict=["administrator"],
    )  # fmt: skip

    def roles() -> set[str]:
        opened = way.door.sign_in(Wish("li", PASSWORD, "", code))
        assert isinstance(opened, BegunSignIn)
        found = read_token(opened.token, [KEY.public], ledger="test", now=way.now)
        assert isinstance(found, SignedIn)
        return {one.role for one in found.subject.grants}

    code = ""
    assert roles() == {"merchant"}
    wanted = way.door.want_factor(Wish("li", PASSWORD, ""))
    assert isinstance(wanted, WantedFactor)
    way.door.set_factor("li", code_now(way, wanted))
    way.now += timedelta(minutes=1)
    code = code_now(way, wanted)
    assert roles() == {"merchant", "administrator"}


def test_a_second_factor_is_set_at_the_terminal_and_taken_away_when_it_is_lost(
    here: Machine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    add_account(here.dsn("suyuan_owner"), "qian-2", Grant("administrator"))
    monkeypatch.setenv("SUYUAN_SIGN_INS", str(tmp_path))
    monkeypatch.setenv("SUYUAN_INTAKE_PORT", str(here.ports["intake"]))

    class Hands:
        """Somebody who types, and looks at the authenticator for a code."""

        def __init__(self, *lines: str) -> None:
            self.lines, self.secret, self.shift = list(lines), "", 0

        def isatty(self) -> bool:
            return False

        def readline(self) -> str:
            if self.lines:
                return f"{self.lines.pop(0)}\n"
            if not self.secret:
                self.secret = capsys.readouterr().err.split("authenticator: ")[1].split("\n")[0]
            return (
                pyotp.TOTP(self.secret).at(datetime.now(UTC) + timedelta(seconds=30 * self.shift))
                + "\n"
            )

    def type(hands: Hands, *words: str) -> int:
        monkeypatch.setattr("sys.stdin", hands)
        return main(list(words))

    hands = Hands(SHARED)
    assert type(Hands(SHARED), "sign-in", "qian-2") == 0
    assert type(hands, "second-factor", "--out", str(tmp_path / "code.png")) == 0
    (read,) = zxing_reads(load_picture(tmp_path / "code.png"))
    assert read.raw.decode().startswith("otpauth://totp/")
    assert hands.secret in read.raw.decode()
    again = Hands(SHARED)
    # The step after the one that was shown, which telephones may be ahead by.
    again.secret, again.shift = hands.secret, 1
    assert type(again, "sign-in", "qian-2") == 0
    assert type(Hands(SHARED, "000000"), "sign-in", "qian-2") == 1
    assert "not right" in capsys.readouterr().err
    assert main(["user", "factor", "qian-2"]) == 0
    assert "with a code, too" in capsys.readouterr().out
    assert main(["user", "factor", "qian-2", "--off"]) == 0
    assert type(Hands(SHARED), "sign-in", "qian-2") == 0
    assert main(["user", "factor", "nobody"]) == 1
