"""Badges: sign-ins that are kept for this user of the machine, and the tokens they show."""

import hashlib
import os
from collections.abc import Generator
from pathlib import Path

import httpx
import msgspec

from ledger.values.ids import is_id
from suyuan.commands import Failed
from suyuan.trusted import verify

# An answer of the door takes a hash of some tenths of a second, and waits for others.
ANSWER_S = 30
# No account is called so.
LATEST = ".latest"


class SignInOver(Failed):
    """There is no sign-in, or it gives no token any more; the text says what to do."""


class HeldSignIn(msgspec.Struct):
    """A sign-in as it is kept: whose, at which ledger's intake, and its secret.

    `query` is where the ledger says that it is asked, where that is not this machine.
    """

    account: str
    intake: str
    secret: str
    query: str = ""


class Badge(httpx.Auth):
    """Shows a token with every question; asks for a new one when it has none or it is over."""

    def __init__(self, held: HeldSignIn | None) -> None:
        self._held = held
        self._token = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Asks with a token, and once more with a new one where the first is refused."""
        if self._held is None:
            yield request
            return
        here = httpx.URL(self._held.intake)
        if (request.url.host, request.url.scheme) != (here.host, here.scheme):
            # Another machine, or one that listens in, could ask in our name with what it is shown.
            raise SignInOver(
                f"you are signed in at {here.scheme}://{here.host} and ask"
                f" {request.url.scheme}://{request.url.host}: sign in there"
                f" (suyuan sign-in {self._held.account} --intake ADDRESS)"
            )
        fresh = not self._token
        if fresh:
            self._token = token_in((yield self._wish()))
        request.headers["authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED and not fresh:
            self._token = token_in((yield self._wish()))
            request.headers["authorization"] = f"Bearer {self._token}"
            yield request

    def second(self, body: bytes) -> dict[str, str]:
        """Returns what shows that this account stands beside the one who asks for exactly this."""
        form = {"digest": hashlib.sha256(body).hexdigest()}
        assert self._held is not None
        checked = verify(self._held.intake)
        with httpx.Client(trust_env=False, timeout=ANSWER_S, verify=checked) as http:
            return {"suyuan-second": token_in(http.send(self._wish(form)))}

    def _wish(self, form: dict[str, str] | None = None) -> httpx.Request:
        assert self._held is not None
        shown = {"authorization": f"Bearer {self._held.secret}"}
        return httpx.Request(
            "POST", f"{self._held.intake}/intake/tokens", headers=shown, json=form or {}
        )


class Secret(httpx.Auth):
    """Shows the secret of a sign-in itself, as its own door alone may see it."""

    def __init__(self, held: HeldSignIn) -> None:
        self._held = held

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Shows it once."""
        request.headers["authorization"] = f"Bearer {self._held.secret}"
        yield request


def token_in(answer: httpx.Response) -> str:
    """Returns the token in intake's answer. Raises `SignInOver` where there is none."""
    answer.read()
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise SignInOver("your sign-in has ended: suyuan sign-in ACCOUNT")
    try:
        return str(answer.json()["token"])
    except (ValueError, KeyError, TypeError) as error:
        raise SignInOver(f"intake gives no token: it answered {answer.status_code}") from error


def keep(held: HeldSignIn) -> None:
    """Keeps a sign-in, which is the latest from now on; nobody else on this machine reads it."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in (
        (held.account, msgspec.json.encode(held)),
        (LATEST, held.account.encode()),
    ):
        partial = folder / f"{name}.new"
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(content)
        partial.replace(folder / name)


def forget(account: str) -> None:
    """Keeps a sign-in no longer."""
    if latest() == account:
        (_folder() / LATEST).unlink(missing_ok=True)
    (_folder() / account).unlink(missing_ok=True)


def latest() -> str | None:
    """Returns the account that signed in last and is kept, None for nobody."""
    try:
        found = (_folder() / LATEST).read_text()
    except (OSError, UnicodeDecodeError):
        return None
    return found if is_id(found) else None


def held_by(account: str | None = None) -> HeldSignIn | None:
    """Returns the sign-in of an account, or the latest; None where nobody is signed in.

    Raises `SignInOver` for an account that is not signed in here, or whose file is none.
    """
    if (wanted := account or latest()) is None:
        return None
    try:
        return msgspec.json.decode((_folder() / wanted).read_bytes(), type=HeldSignIn)
    except FileNotFoundError:
        raise SignInOver(f"{wanted} is not signed in here: suyuan sign-in {wanted}") from None
    except (OSError, ValueError) as error:
        words = f"{_folder() / wanted} is no sign-in: suyuan sign-in {wanted}"
        raise SignInOver(f"{words} ({error})") from error


def badge(account: str | None = None) -> Badge:
    """Returns what shows who asks; nobody in particular where nobody has signed in."""
    return Badge(held_by(account))


def _folder() -> Path:
    """Returns where sign-ins are kept: `SUYUAN_SIGN_INS`, else with the user's own state."""
    if stated := os.environ.get("SUYUAN_SIGN_INS"):
        return Path(stated)
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "suyuan" / "sign-ins"
