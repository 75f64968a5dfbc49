"""Fixtures: real parts, started by the tests themselves on free ports."""

import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from suyuan.parts.cluster import Cluster
from tests.support.databases import Database, fresh, running_cluster


def pytest_configure() -> None:
    """Lets a test run that is asked to end put away what it started, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as found:
        yield found


@pytest.fixture
def database(cluster: Cluster) -> Database:
    return fresh(cluster)


@pytest.fixture(scope="session")
def chromium() -> str:
    path = shutil.which("chromium")
    if path is None:
        message = "no Chromium: apt-get install chromium fonts-noto-cjk"
        if os.environ.get("SUYUAN_CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
