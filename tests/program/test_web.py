"""The web server against real clients, polite and otherwise."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from program.address import split_address
from program.errors import ProgramError
from program.web import JSON, Request, Response, Routes, WebServer, text
from program.webconfig import WebConfig
from testbed.waiting import PATIENCE, wait_until

LIMIT = 1000


def echo(request: Request) -> Response:
    told = {
        "method": request.method,
        "query": dict(request.query),
        "body": len(request.body),
        "too_large": request.too_large,
        "headers": dict(request.headers),
    }
    status = 413 if request.too_large else 202
    return Response(status=status, body=json.dumps(told).encode(), content_type=JSON)


def broken(_: Request) -> Response:
    raise RuntimeError("a bug")


ROUTES: Routes = {
    ("GET", "/hello"): lambda _: text("hello\n"),
    ("GET", "/echo"): echo,
    ("POST", "/echo"): echo,
    ("GET", "/broken"): broken,
    ("GET", "/teapot"): lambda _: text("short and stout\n", 418),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    reason: str
    body: bytes
    headers: dict[str, str]


@pytest.fixture(scope="module")
def server() -> Iterator[WebServer]:
    made = WebServer(ROUTES, "127.0.0.1:0", WebConfig(), threads=2, max_body=LIMIT)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def client(server: WebServer) -> Iterator[http.client.HTTPConnection]:
    made = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    yield made
    made.close()


def ask(
    client: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    client.request(method, path, body, headers or {})
    answer = client.getresponse()
    return Answer(
        status=answer.status,
        reason=answer.reason,
        body=answer.read(),
        headers={name.lower(): value for name, value in answer.getheaders()},
    )


def raw(server: WebServer, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_a_route_answers(client: http.client.HTTPConnection) -> None:
    answer = ask(client, "GET", "/hello")

    assert (answer.status, answer.body) == (200, b"hello\n")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-length"] == "6"


def test_a_handler_sees_method_query_headers_and_body(client: http.client.HTTPConnection) -> None:
    answer = ask(client, "POST", "/echo?a=1&a=2", b"12345", {"X-Trace-Id": "t"})

    told = json.loads(answer.body)
    assert (answer.status, answer.reason) == (202, "Accepted")
    assert answer.headers["content-type"] == "application/json"
    assert (told["method"], told["query"], told["body"]) == ("POST", {"a": ["1", "2"]}, 5)
    assert told["headers"]["x-trace-id"] == "t"
    assert told["headers"]["content-length"] == "5"


def test_head_answers_as_get_but_without_a_body(client: http.client.HTTPConnection) -> None:
    answer = ask(client, "HEAD", "/hello")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == "6"
    assert ask(client, "GET", "/hello").body == b"hello\n"


def test_an_unknown_path_is_404(client: http.client.HTTPConnection) -> None:
    assert ask(client, "GET", "/none").status == 404


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/hello", "GET"), ("DELETE", "/echo", "GET, POST"), ("OPTIONS", "/hello", "GET")],
)
def test_a_method_that_a_path_does_not_take_is_405_and_told_which_it_takes(
    client: http.client.HTTPConnection, method: str, path: str, allowed: str
) -> None:
    answer = ask(client, method, path)

    assert answer.status == 405
    assert answer.headers["allow"] == allowed


def test_a_bug_in_a_handler_costs_its_caller_a_500_and_tells_nothing(
    client: http.client.HTTPConnection, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask(client, "GET", "/broken")

    assert (answer.status, answer.body) == (500, b"internal error\n")
    assert "a bug" in caplog.text
    assert ask(client, "GET", "/hello").status == 200


def test_any_status_has_its_reason(client: http.client.HTTPConnection) -> None:
    assert ask(client, "GET", "/teapot").reason == "I'm a Teapot"


def test_a_body_beyond_the_limit_is_thrown_away_and_told_to_the_handler(
    client: http.client.HTTPConnection,
) -> None:
    answer = ask(client, "POST", "/echo", b"x" * (LIMIT + 1))

    told = json.loads(answer.body)
    assert (answer.status, told["too_large"], told["body"]) == (413, True, 0)
    assert json.loads(ask(client, "POST", "/echo", b"x" * LIMIT).body)["body"] == LIMIT


def test_a_body_far_beyond_the_limit_is_not_even_read(server: WebServer) -> None:
    head = f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {LIMIT * 1000}\r\n\r\n"

    assert raw(server, head.encode()).startswith(b"HTTP/1.1 413 ")


def test_an_endless_chunked_body_is_cut_off(server: WebServer) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(head)
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            connection.sendall((b"400\r\n" + b"x" * 1024 + b"\r\n") * 20_000)


def test_a_chunked_body_is_read(client: http.client.HTTPConnection) -> None:
    client.request("POST", "/echo", iter([b"123", b"45"]), encode_chunked=True,
                   headers={"Transfer-Encoding": "chunked"})  # fmt: skip

    assert json.loads(client.getresponse().read())["body"] == 5


def test_a_badly_chunked_body_is_413_and_ends_the_connection(server: WebServer) -> None:
    sent = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"

    assert raw(server, sent).count(b"HTTP/1.1 413 ") == 1


@pytest.mark.parametrize("path", ["/hello", "/none"])
def test_a_body_nobody_wants_does_not_become_the_next_request(
    client: http.client.HTTPConnection, path: str
) -> None:
    ask(client, "GET", path, b"GET /broken HTTP/1.1\r\n\r\n")

    assert ask(client, "GET", "/hello").body == b"hello\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /hello HTTP/1.1\nHost: x\n\n",
        b"GET /hello HTTP/9.9\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /hello HTTP/1.1\r\n" + b"X-Long: " + b"a" * 100_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
    ],
    ids=["no HTTP", "no CRLF", "version", "length", "long line", "long header", "TLS"],
)
def test_malformed_requests_are_refused_and_the_server_lives_on(
    server: WebServer, client: http.client.HTTPConnection, sent: bytes
) -> None:
    try:
        answer = raw(server, sent)
    except OSError:  # cut off while still speaking
        answer = b""

    assert answer == b"" or 400 <= int(answer.split(b" ")[1]) < 600
    assert ask(client, "GET", "/hello").status == 200


def test_a_connection_serves_many_requests(client: http.client.HTTPConnection) -> None:
    ask(client, "GET", "/hello")
    connection = client.sock

    ask(client, "POST", "/echo", b"1")
    ask(client, "GET", "/none")

    assert client.sock is connection


def test_clients_that_say_nothing_hold_up_nobody() -> None:
    """The answer comes while they are still silent: they are waited for far longer than it is."""
    server = WebServer(ROUTES, "127.0.0.1:0", WebConfig(), threads=2)
    server._server.timeout = 10 * PATIENCE
    server.start()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    with ExitStack() as stack:
        stack.callback(server.stop)
        for _ in range(20):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        stack.callback(client.close)

        assert ask(client, "GET", "/hello").status == 200


def test_a_client_that_leaves_early_is_no_matter(
    server: WebServer, client: http.client.HTTPConnection
) -> None:
    for sent in (b"", b"GET", b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(sent)

    assert ask(client, "GET", "/hello").status == 200


def test_a_wrong_password_is_challenged_and_a_right_one_served() -> None:
    users = {"prom": "$2b$04$SYtJ8WAXjXRYkCqXOZ6A7uE3Av2dqTUxnDWRlZXWhHNZIVf3eKMQ2"}
    server = WebServer(ROUTES, "127.0.0.1:0", WebConfig(users=users), max_body=LIMIT)
    server.start()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)

    answer = ask(client, "POST", "/echo", b"x" * (LIMIT * 10))
    unknown = ask(client, "GET", "/none")

    assert (answer.status, unknown.status) == (401, 401)
    assert answer.headers["www-authenticate"].startswith("Basic ")
    client.close()
    server.stop()


def test_a_port_that_is_taken_is_named_with_the_reason(server: WebServer) -> None:
    second = WebServer(ROUTES, f"127.0.0.1:{server.port}", WebConfig())

    with pytest.raises(ProgramError) as refused:
        second.start()

    assert str(refused.value) == f"cannot listen on 127.0.0.1:{server.port}: Address already in use"


def test_an_address_of_another_machine_cannot_be_had() -> None:
    with pytest.raises(ProgramError, match=r"cannot listen on 192\.0\.2\.1:0: Cannot assign"):
        WebServer(ROUTES, "192.0.2.1:0", WebConfig()).start()


def test_an_empty_host_is_every_address_of_this_machine() -> None:
    server = WebServer(ROUTES, ":0", WebConfig())
    server.start()
    families = [socket.AF_INET, *([socket.AF_INET6] if socket.has_dualstack_ipv6() else [])]

    for family in families:
        host = "127.0.0.1" if family == socket.AF_INET else "::1"
        client = http.client.HTTPConnection(host, server.port, timeout=PATIENCE)
        assert ask(client, "GET", "/hello").status == 200
        client.close()
    assert server.url == f"http://127.0.0.1:{server.port}"
    server.stop()


def test_stopping_ends_its_threads_and_frees_the_port() -> None:
    before = set(threading.enumerate())
    server = WebServer(ROUTES, "127.0.0.1:0", WebConfig())
    server.start()
    port = server.port

    server.stop()

    wait_until(lambda: set(threading.enumerate()) <= before, what="its threads have ended")
    WebServer(ROUTES, f"127.0.0.1:{port}", WebConfig())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_an_answer_under_way_is_finished_when_the_server_stops() -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(_: Request) -> Response:
        entered.set()
        leave.wait(PATIENCE)
        return text("done")

    server = WebServer({("GET", "/slow"): slow}, "127.0.0.1:0", WebConfig())
    server._server.shutdown_timeout = PATIENCE
    server.start()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    client.request("GET", "/slow")
    assert entered.wait(PATIENCE)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    wait_until(lambda: not server._server.ready, what="it stops")

    leave.set()

    assert client.getresponse().read() == b"done"
    stopping.join(PATIENCE)
    assert not stopping.is_alive()
    client.close()


@pytest.mark.parametrize(
    ("address", "split"),
    [
        (":9410", ("", 9410)), ("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:9410", ("::1", 9410)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)  # fmt: skip
def test_an_address_is_split(address: str, split: tuple[str, int]) -> None:
    assert split_address(address) == split


@pytest.mark.parametrize("address", ["9410", "host", "host:", "host:x", ":65536", ":-1", ":٩", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is not an address such as :9410"):
        split_address(address)


def test_beyond_the_cap_requests_are_turned_away_and_later_ones_served() -> None:
    held = threading.Event()
    answers: list[int] = []

    def slow(_: Request) -> Response:
        held.wait(2 * PATIENCE)
        return text("done\n")

    def one() -> None:
        client = http.client.HTTPConnection("127.0.0.1", crowded.port, timeout=2 * PATIENCE)
        answers.append(ask(client, "GET", "/slow").status)
        client.close()

    crowded = WebServer(
        {("GET", "/slow"): slow}, "127.0.0.1:0", WebConfig(), threads=2, max_requests=5
    )
    crowded.start()
    crowd = [threading.Thread(target=one) for _ in range(20)]
    for client in crowd:
        client.start()
    wait_until(lambda: crowded._server.requests.qsize >= 18, what="all but two wait in the queue")
    held.set()
    for client in crowd:
        client.join()
    of_the_crowd = list(answers)
    one()
    crowded.stop()

    assert set(of_the_crowd) == {200, 503}
    assert 2 <= of_the_crowd.count(200) <= 6
    assert len(of_the_crowd) == 20
    assert answers[-1] == 200
