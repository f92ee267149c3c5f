"""The running program's own door: how many it serves at once, and to whom it opens."""

import http.client
import re
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from testbed.certificates import Authority, Certificate
from testbed.waiting import PATIENCE, wait_until
from tests.exporters.running import Exporter, Hardware, exporter, hardware

AT_ONCE = 100
THREADS = 8
WAITING = 40 - THREADS
"""Of the forty, those that its threads do not have in hand."""
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def machine() -> Iterator[Hardware]:
    with hardware(gpus=2, ports=1) as found:
        yield found


def status(of: socket.socket) -> int:
    """Return the status of the answer."""
    of.settimeout(PATIENCE)
    return int(of.recv(64).split()[1])


LISTENING = 1
"""What the server's own selector watches where nobody is connected."""


def watched(running: Exporter) -> int:
    """Return how many sockets at the port are watched: its own, and who has yet to say a word."""
    port = f":{int(running.url.rpartition(':')[2]):04X}"
    root = Path(f"/proc/{running.process.pid}")
    rows = [row.split() for row in (root / "net/tcp").read_text().splitlines()[1:]]
    ours = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(port)}
    found = 0
    for one in (root / "fdinfo").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            for number in re.findall(r"^tfd: *([0-9]+)", one.read_text(), re.MULTILINE):
                found += str((root / "fd" / number).readlink()) in ours
    return found


def test_of_more_than_forty_requests_at_once_the_rest_is_refused(machine: Hardware) -> None:
    with ExitStack() as closing, exporter(machine) as running:
        host, port = running.url.removeprefix("http://").split(":")
        wait_until(lambda: watched(running) == LISTENING, what="nobody there")

        def connect(count: int) -> list[socket.socket]:
            made = [socket.create_connection((host, int(port))) for _ in range(count)]
            return [closing.enter_context(one) for one in made]

        slow, crowd = connect(THREADS), connect(AT_ONCE)
        everyone = LISTENING + THREADS + AT_ONCE
        wait_until(lambda: watched(running) == everyone, what="all connected")
        for one in slow:
            one.sendall(REQUEST[:20])
        wait_until(
            lambda: watched(running) == LISTENING + AT_ONCE, what="each thread in the hands of one"
        )
        for one in crowd:
            one.sendall(REQUEST)
        wait_until(lambda: watched(running) == LISTENING, what="the crowd waiting its turn")
        for one in slow:
            one.sendall(REQUEST[20:])

        told = Counter(status(one) for one in crowd)

        assert told.keys() == {200, 503}
        assert told[200] >= WAITING
        assert running.get().status == 200


@pytest.fixture
def guarded(machine: Hardware, tmp_path: Path) -> Iterator[tuple[Exporter, Authority, Path]]:
    ours = Authority(tmp_path)
    issued = ours.server("server")
    config = tmp_path / "web.yml"
    config.write_text(
        f"tls_server_config: {{cert_file: {issued.certificate}, key_file: {issued.key}, "
        f"client_ca_file: {ours.ca}, client_auth_type: RequireAndVerifyClientCert}}\n"
    )
    known = ours.client("prometheus")
    flags = ("--web.config.file", str(config))
    with exporter(machine, *flags, ready=lambda r: asks(r, ours, known)("/readyz") == 200) as found:
        yield found, ours, tmp_path


def asks(
    running: Exporter, trusted: Authority, shown: Certificate | None
) -> Callable[[str], int | None]:
    """Return what asks for a page; it returns the status, None where the handshake fails."""
    context = ssl.create_default_context(cafile=str(trusted.ca))
    if shown:
        context.load_cert_chain(shown.certificate, shown.key)

    def ask(path: str) -> int | None:
        host = running.url.removeprefix("http://")
        client = http.client.HTTPSConnection(host, timeout=PATIENCE, context=context)
        try:
            client.request("GET", path)
            return client.getresponse().status
        except OSError:
            return None
        finally:
            client.close()

    return ask


def test_only_a_client_whose_certificate_is_signed_reads_the_metrics(
    guarded: tuple[Exporter, Authority, Path],
) -> None:
    running, ours, directory = guarded
    (directory / "strangers").mkdir()
    stranger = Authority(directory / "strangers").client("prometheus")

    assert asks(running, ours, ours.client("prometheus"))("/metrics") == 200
    assert asks(running, ours, None)("/metrics") is None
    assert asks(running, ours, stranger)("/metrics") is None
    assert asks(running, ours, ours.client("prometheus"))("/metrics") == 200
