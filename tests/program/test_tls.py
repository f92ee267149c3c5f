"""TLS as clients see it: versions, client certificates, renewal, and clients that are none."""

import http.client
import logging
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from program.web import WebServer, text
from program.webconfig import load
from testbed.waiting import PATIENCE, wait_until
from tests.program.certificates import Authority, Identity

Serve = Callable[..., WebServer]
ROUTES = {("GET", "/hello"): lambda _: text("hello\n"), ("POST", "/hello"): lambda _: text("got\n")}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def serve(tmp_path: Path, authority: Authority) -> Iterator[Serve]:
    """Return a function that starts a server with TLS and further settings of it."""
    running: list[WebServer] = []

    def start(more: str = "") -> WebServer:
        authority.issue("server")
        path = tmp_path / "web.yaml"
        path.write_text(
            f"tls_server_config: {{cert_file: server.crt, key_file: server.key{more}}}",
            encoding="utf-8",
        )
        server = WebServer(ROUTES, "127.0.0.1:0", load(str(path)), threads=2)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


def trusting(authority: Authority, identity: Identity | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.cert))
    if identity:
        context.load_cert_chain(identity.cert, identity.key)
    return context


def hello(server: WebServer, context: ssl.SSLContext) -> bytes:
    client = http.client.HTTPSConnection(
        "127.0.0.1", server.port, timeout=PATIENCE, context=context
    )
    try:
        client.request("GET", "/hello")
        return client.getresponse().read()
    finally:
        client.close()


def test_a_client_that_trusts_the_authority_is_served(serve: Serve, authority: Authority) -> None:
    server = serve()

    assert server.url.startswith("https://127.0.0.1:")
    assert hello(server, trusting(authority)) == b"hello\n"


def test_a_connection_serves_many_requests_with_bodies(serve: Serve, authority: Authority) -> None:
    server = serve()
    client = http.client.HTTPSConnection(
        "127.0.0.1", server.port, timeout=PATIENCE, context=trusting(authority)
    )

    for _ in range(3):
        client.request("POST", "/hello", b"x" * 100_000)
        assert client.getresponse().read() == b"got\n"
    client.close()


def test_another_authority_is_not_trusted(serve: Serve, tmp_path: Path) -> None:
    server = serve()

    with pytest.raises(ssl.SSLCertVerificationError):
        hello(server, trusting(Authority(tmp_path, "stranger")))


def test_a_client_older_than_the_minimum_is_refused(serve: Serve, authority: Authority) -> None:
    server = serve(", min_version: TLS13")
    old = trusting(authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    with pytest.raises(ssl.SSLError):
        hello(server, old)
    assert hello(server, trusting(authority)) == b"hello\n"


def test_a_demanded_client_certificate_must_be_shown_and_signed(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    server = serve(", client_ca_file: authority.pem, client_auth_type: RequireAndVerifyClientCert")
    strangers = Authority(tmp_path, "stranger").issue("spy")

    assert hello(server, trusting(authority, authority.issue("prometheus"))) == b"hello\n"
    for refused in (None, strangers):
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            hello(server, trusting(authority, refused))


def test_an_optional_client_certificate_may_be_left_out(serve: Serve, authority: Authority) -> None:
    server = serve(", client_ca_file: authority.pem, client_auth_type: VerifyClientCertIfGiven")

    assert hello(server, trusting(authority)) == b"hello\n"


def test_clients_that_never_begin_the_handshake_hold_up_nobody(
    serve: Serve, authority: Authority
) -> None:
    """The answer comes while they are still silent: they are waited for far longer than it is."""
    server = serve()
    server._server.timeout = 10 * PATIENCE
    with ExitStack() as silent:
        for _ in range(20):
            silent.enter_context(socket.create_connection(("127.0.0.1", server.port)))

        assert hello(server, trusting(authority)) == b"hello\n"


def test_who_only_tries_whether_the_port_is_open_fills_no_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve()

    socket.create_connection(("127.0.0.1", server.port)).close()

    def failed() -> list[int]:
        return [r.levelno for r in caplog.records if r.message == "TLS handshake failed"]

    wait_until(failed, what="the handshake to fail")
    assert failed() == [logging.DEBUG]


def test_a_plain_http_client_is_turned_away_and_the_server_lives_on(
    serve: Serve, authority: Authority
) -> None:
    server = serve()

    plain = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    plain.request("GET", "/hello")
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        plain.getresponse()
    plain.close()

    assert hello(server, trusting(authority)) == b"hello\n"


def test_a_renewed_certificate_is_served_without_a_restart(
    serve: Serve, authority: Authority, tmp_path: Path
) -> None:
    server = serve()
    first = ssl.get_server_certificate(("127.0.0.1", server.port))

    authority.issue("server")
    os.utime(tmp_path / "server.crt", (1, 1))

    assert ssl.get_server_certificate(("127.0.0.1", server.port)) != first
    assert hello(server, trusting(authority)) == b"hello\n"


def test_a_renewal_that_cannot_be_used_leaves_the_old_certificate_in_force(
    serve: Serve, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    first = ssl.get_server_certificate(("127.0.0.1", server.port))

    (tmp_path / "server.key").write_text("no key", encoding="utf-8")

    assert ssl.get_server_certificate(("127.0.0.1", server.port)) == first
    assert hello(server, trusting(authority)) == b"hello\n"
    assert caplog.text.count("TLS files not taken over") == 1
