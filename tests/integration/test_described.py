"""Both APIs as they describe themselves, asked with whatever may be asked: no failure, nothing unsaid."""

import os
from collections import Counter
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from unittest.mock import MagicMock

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from ledger.intake.describing import ROUTES, description
from ledger.intake.http import build as build_intake
from query_api.app import build
from suyuan.parts.machine import Machine
from tests.support.databases import running_machine
from tests.support.people import CHIEF, begin, chief_of

# How many of each operation: more in the long form.
EXAMPLES = int(os.environ.get("SUYUAN_EXAMPLES", "4"))
CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
)  # fmt: skip
# A trace has hundreds of forms and a list of requests thousands: of those beyond the first of an operation, the short
# form takes each tenth.
ALL_UP_TO, THEN_EVERY = 40, 1 if EXAMPLES >= 100 else 10
# Streams have no end to wait for.
ENDLESS = (
    "/v1/live/lots/{gtin}/{lot}",
    "/v1/live/record",
    "/v1/live/work",
    "/intake/screens/{screen}",
    "/intake/stops/live",
)
LIMITED = settings(
    max_examples=EXAMPLES, deadline=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck), derandomize=True,
)  # fmt: skip

tried: Counter[tuple[str, str]] = Counter()
intake = schemathesis.openapi.from_dict(description()).exclude(path=list(ENDLESS))
query = schemathesis.openapi.from_dict(build("").openapi()).exclude(path=list(ENDLESS))


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with running_machine("described-") as running:
        chief_of(running)
        yield running


@pytest.fixture(scope="module")
def shown(machine: Machine) -> dict[str, str]:
    """Whoever may do everything: behind the door there is more that can fail."""
    return {"authorization": f"Bearer {begin(machine.intake_url, CHIEF)['token']}"}


# One connection for thousands of questions, and no cookie that one answer could leave for the next.
SESSION = requests.Session()
SESSION.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))


def asked(case: Case, url: str, shown: dict[str, str]) -> None:
    """Asks as described, signed in, and holds the answer to the description; leaves out what the short form does."""
    tried[case.method, case.path] += 1
    if (number := tried[case.method, case.path]) > ALL_UP_TO and number % THEN_EVERY:
        return
    headers = {**(dict(case.headers) if case.headers else {}), **shown}
    answer = case.call(base_url=url, headers=headers, timeout=60, session=SESSION)
    case.validate_response(answer, checks=list(CHECKS))


@query.parametrize()
@LIMITED
def test_the_query_api_answers_as_it_says(case: Case, machine: Machine, shown: Any) -> None:
    asked(case, machine.query_url, shown)


@intake.exclude(path="/intake/sign-ins/this").parametrize()
@LIMITED
def test_intake_answers_as_it_says(case: Case, machine: Machine, shown: Any) -> None:
    asked(case, machine.intake_url, shown)


def test_intake_describes_every_route_that_it_has() -> None:
    # What the routes are does not hang on what stands behind them.
    built = build_intake(MagicMock()).openapi()["paths"]
    has = {(method, path) for path, methods in built.items() for method in methods}

    assert len(has) > 15
    assert has == {(route.method, route.path) for route in ROUTES}


def test_intake_gives_its_description_to_whoever_asks(machine: Machine) -> None:
    told = httpx.get(f"{machine.intake_url}/intake/openapi.json", trust_env=False).json()

    assert set(told["paths"]) == {route.path for route in ROUTES}
