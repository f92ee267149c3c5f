"""The node annotation that says what is expected, from an API server."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters.annotation import Annotation
from exporters.expected import Devices
from program.errors import UsageError

KEY = "railwatch.io/expected"


class Server(http.server.ThreadingHTTPServer):
    """An API server that knows one node."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status = 200
        self.annotations: dict[str, str] | None = {}
        self.asked: list[tuple[str, str | None, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        headers = self.headers
        self.server.asked.append((self.path, headers["Authorization"], headers["Accept"]))
        body = json.dumps({"metadata": {"annotations": self.server.annotations}}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def annotation(server: Server, tmp_path: Path) -> Annotation:
    (tmp_path / "token").write_text("secret\n")
    return Annotation("gpu-1", server.url, tmp_path)


def test_it_asks_for_one_nodes_metadata_with_the_accounts_token(
    server: Server, annotation: Annotation
) -> None:
    server.annotations = {KEY: '{"gpus": 8}', "other": "x"}

    assert annotation.read()

    assert annotation.expected is not None
    assert annotation.expected.gpus == Devices(count=8)
    ((path, token, accept),) = server.asked
    assert (path, token) == ("/api/v1/nodes/gpu-1", "Bearer secret")
    assert accept is not None
    assert "PartialObjectMetadata" in accept


def test_a_node_without_it_declares_nothing(server: Server, annotation: Annotation) -> None:
    server.annotations = {KEY: '{"gpus": 8}'}
    annotation.read()
    server.annotations = None

    assert annotation.read()

    assert annotation.expected is None


def test_what_was_read_stays_while_the_server_fails_or_the_annotation_is_wrong(
    server: Server, annotation: Annotation, caplog: pytest.LogCaptureFixture
) -> None:
    server.annotations = {KEY: '{"gpus": 8}'}
    annotation.read()

    server.status = 403
    assert not annotation.read()
    assert not annotation.read()
    server.status = 200
    server.annotations = {KEY: "eight"}
    assert annotation.read()

    assert annotation.expected is not None
    assert annotation.expected.gpus == Devices(count=8)
    assert caplog.text.count("cannot be read") == 1


def test_no_token_is_said_like_any_other_failure(server: Server, tmp_path: Path) -> None:
    assert not Annotation("gpu-1", server.url, tmp_path / "nowhere").read()
    assert server.asked == []


def test_outside_a_cluster_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(UsageError, match=r"--inventory\.node"):
        Annotation("gpu-1")
