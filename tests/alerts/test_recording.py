"""What the real Prometheus makes of an exporter that dies while nobody looks."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from alerts.scrape import ScrapeSettings
from render.settings import PrometheusSettings, Settings
from testbed.servers import Prometheus
from testbed.waiting import until_true, wait_until
from tests.alerts.promtool import INTERVALS, rendered

SECOND = INTERVALS.scrape / 15
STATE = 'railwatch_exporter_collector_state{state="ok"}'
LABELS = {
    "__name__": "railwatch_exporter_collector_state",
    "job": "railwatch-exporter",
    "node": "gpu-1",
    "instance": "gpu-1",
    "family": "gpu",
    "facility": "state",
    "state": "ok",
}
EXPOSITION = b"""\
railwatch_exporter_collector_state{family="gpu",facility="state",state="ok"} 1
railwatch_exporter_collector_age_seconds{family="gpu",facility="state"} 0.1
railwatch_exporter_interval_seconds 1
"""


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(EXPOSITION)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def exporter() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def prometheus(folder: Path, targets: Path) -> Prometheus:
    settings = Settings(
        prometheus=PrometheusSettings(scrape_interval=SECOND, evaluation_interval=SECOND),
        scrape=ScrapeSettings(discovery="file", files=(str(targets),)),
    )
    out = rendered(folder, settings)
    config = {
        "scrape_config_files": [str(out / "scrape.yaml")],
        "rule_files": [str(out / "rules" / "shard" / "recording.yaml")],
    }
    return Prometheus(json.dumps(config))


def shows(prom: Prometheus, labels: dict[str, str]) -> None:
    assert [each["metric"] for each in prom.query(STATE)] == [labels]


@pytest.mark.cluster
@pytest.mark.parametrize("still_listed", [True, False], ids=["target stays", "target goes too"])
def test_an_exporter_that_dies_unseen_is_not_observed_for_long(
    tmp_path: Path, *, still_listed: bool
) -> None:
    targets = tmp_path / "targets.json"
    with prometheus(tmp_path, targets) as prom:
        with exporter() as server:
            listed = [{"targets": [f"127.0.0.1:{server.server_port}"], "labels": {"node": "gpu-1"}}]
            targets.write_text(json.dumps(listed), encoding="utf-8")
            wait_until(lambda: prom.query("railwatch:observed == 1") != [])
            until_true(lambda: shows(prom, LABELS), every=0.05)
            prom.kill()  # at once: what it would scrape in vain in between, it would know as gone
        targets.write_text(json.dumps(listed if still_listed else []), encoding="utf-8")
        prom.start()

        wait_until(lambda: prom.query("railwatch:observed == 1") == [])

        for _ in range(10):
            assert prom.query(STATE) != [], "the trap is gone: the last sample is not found"
            assert prom.query("railwatch:observed == 1") == []
            time.sleep(0.3)
