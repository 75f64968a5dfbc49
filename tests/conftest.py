"""Fixtures: real parts, started by the tests themselves on free ports."""

import os
import signal
from collections.abc import Iterator
from functools import cache

import httpx._transports.default as transports
import pytest

from suyuan.parts import services
from suyuan.parts.cluster import Cluster
from tests.support.databases import Database, drop, fresh, running_cluster
from tests.support.faces import NO_CHROMIUM, find_chromium
from tests.support.forked import begin_service


def pytest_configure() -> None:
    """Lets a test run that is asked to end put away what it started, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Loading the system's certificates takes a core 70 ms each time, and most of what is asked is on loopback.
    transports.create_ssl_context = cache(transports.create_ssl_context)
    services.begin = begin_service


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as found:
        yield found


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    made = fresh(cluster)
    yield made
    drop(made)


@pytest.fixture(scope="session")
def chromium() -> str:
    path = find_chromium()
    if path is None:
        if os.environ.get("SUYUAN_CI"):
            pytest.fail(NO_CHROMIUM)
        pytest.skip(NO_CHROMIUM)
    return path
