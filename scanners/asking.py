"""Asking a ledger for something in somebody's name, again while nobody knows what became of it."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import msgspec

from scanners.trust import checking

# Between the tries of one question.
ASK_PAUSES_S = (0.0, 0.5, 1.5)
# How many requests go in one list; the ledger takes no more than twice as many.
LIST_MAX = 500
# What was refused is not recorded, and will not be by asking again.
REFUSED = (400, 401, 413, 422)


class EnrolmentRefused(Exception):
    """The ledger did not take the device; the text says what to do."""


class LedgerAway(EnrolmentRefused):
    """Whether the ledger took the device is not known: ask again with the same tape."""


def ask(
    intake_url: str,
    requests: list[Any],
    *,
    auth: httpx.Auth | None = None,
    second: Callable[[bytes], Mapping[str, str]] | None = None,
    authority: str | None = None,
) -> None:
    """Sends requests to the ledger, some hundreds at a time, again under the same key while it is unsure.

    `auth` shows who asks; `second` returns what shows who stands beside them for just this; `authority`
    (PEM) is what the ledger's certificate is checked by.

    Each request is decided by itself: raises `EnrolmentRefused` with what was advised where some were
    refused, the others being on record, and `LedgerAway` when nobody knows.
    """
    refused = []
    for begin in range(0, len(requests), LIST_MAX):
        some = requests[begin : begin + LIST_MAX]
        try:
            _ask(intake_url, some, auth=auth, second=second, authority=authority)
        except LedgerAway:
            raise
        except EnrolmentRefused as error:
            refused.append(str(error))
    if refused:
        raise EnrolmentRefused("; ".join(refused))


def _ask(
    intake_url: str,
    requests: list[Any],
    *,
    auth: httpx.Auth | None,
    second: Callable[[bytes], Mapping[str, str]] | None,
    authority: str | None,
) -> None:
    body = msgspec.json.encode(requests)
    along = {"idempotency-key": str(uuid.uuid4())} | dict(second(body) if second else {})
    words = ""
    for pause_s in ASK_PAUSES_S:
        time.sleep(pause_s)
        try:
            answer = httpx.post(
                f"{intake_url}/intake/requests", content=body, headers=along, timeout=60,
                trust_env=False, auth=auth, verify=checking(intake_url, authority),
            )  # fmt: skip
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            words = f"no ledger answers at {intake_url}: {error}"
            continue
        if answer.status_code == httpx.codes.OK:
            return
        words = _advice(answer)
        if answer.status_code in REFUSED:
            raise EnrolmentRefused(words)
    raise LedgerAway(words)


def _advice(answer: httpx.Response) -> str:
    """Returns what the ledger advises, for people; its raw answer when it is no ledger's."""
    try:
        found = answer.json()
        if isinstance(found, dict):
            return str(found["detail"])
        refused = [row for row in found if not row["granted"]]
        return "; ".join(f"{row['advice']} ({row['code']})" for row in refused)
    except (ValueError, KeyError, TypeError):
        return f"the ledger answered {answer.status_code}: {answer.text[:200]}"
