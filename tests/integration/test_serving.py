"""A service's two ends: in plain on loopback, over TLS beside it, and nobody who holds it open."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from ledger.devices.authority import Authority, read_authority
from suyuan.parts.places import free_port

PROGRAM = """
import sys
from ledger import serving
from ledger.serving import Listening, serve
serving.PATIENCE_S, serving.LOOK_S = 0.6, 0.2
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["scheme"].encode()})
port, tls_port, certificate, key = sys.argv[1:]
serve(app, Listening(int(port), int(tls_port), "127.0.0.1", certificate, key))
"""


class Served(NamedTuple):
    """A service that runs, and what signed its certificate."""

    port: int
    tls_port: int
    certificate: Path
    authority: Authority
    process: "subprocess.Popen[bytes]"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    authority = read_authority(tmp_path, "authority", "Test", datetime.now(UTC), host="localhost")
    shown(tmp_path, authority)
    port, tls_port = free_port(), free_port()
    files = [str(tmp_path / name) for name in ("c.pem", "k.pem")]
    words = [sys.executable, "-c", PROGRAM, str(port), str(tls_port), *files]
    process = subprocess.Popen(words)
    try:
        for one in (port, tls_port):
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", one)) == 0:
                        break
                time.sleep(0.05)
        yield Served(port, tls_port, tmp_path / "c.pem", authority, process)
    finally:
        process.kill()
        process.wait()


def shown(folder: Path, authority: Authority) -> None:
    made = authority.certify_server(["localhost"], datetime.now(UTC))
    (folder / "k.pem").write_bytes(made.key)
    (folder / "c.pem").write_bytes(made.certificate)


def context_of(served: Served) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=served.authority.pem.decode())


def serial_at(served: Served) -> str:
    with (
        socket.create_connection(("localhost", served.tls_port)) as plain,
        context_of(served).wrap_socket(plain, server_hostname="localhost") as over_tls,
    ):
        found = over_tls.getpeercert()
    assert found is not None
    return str(found["serialNumber"])


def test_one_application_answers_in_plain_and_over_tls(served: Served) -> None:
    plain = httpx.get(f"http://127.0.0.1:{served.port}/", trust_env=False)
    secret = httpx.get(
        f"https://localhost:{served.tls_port}/", verify=context_of(served), trust_env=False
    )

    assert (plain.text, secret.text) == ("http", "https")
    assert "server" not in plain.headers
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("localhost", served.tls_port)) as raw,
        pytest.raises((ssl.SSLError, ConnectionError)),
    ):
        old.wrap_socket(raw)


def test_a_renewed_certificate_counts_without_a_restart(served: Served) -> None:
    before = serial_at(served)

    shown(served.certificate.parent, served.authority)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and serial_at(served) == before:
        time.sleep(0.1)

    assert serial_at(served) != before


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: "])
def test_who_never_ends_a_request_is_hung_up_on(served: Served, said: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as slow:
        slow.settimeout(5)
        begun = time.monotonic()
        slow.sendall(said)
        try:
            for _ in range(4):
                # A byte now and then buys no time.
                time.sleep(0.1)
                slow.sendall(b"a" if said else b"")
            assert slow.recv(100) == b""
        except (ConnectionResetError, BrokenPipeError):
            pass
        assert time.monotonic() - begun < 3


def test_an_honest_client_asks_again_on_the_same_connection(served: Served) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{served.port}", trust_env=False) as client:
        assert client.get("/").text == "http"
        time.sleep(0.3)
        assert client.get("/").text == "http"
        time.sleep(1.0)
        assert client.get("/").text == "http"


def test_it_ends_both_when_it_is_told_to(served: Served) -> None:
    os.kill(served.process.pid, signal.SIGTERM)

    assert served.process.wait(5) in (0, -signal.SIGTERM)
