"""The real node_exporter on a tree of ours."""

import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed.ports import free_port
from testbed.processes import Process
from testbed.tools import ensure


@dataclass(frozen=True)
class NodeExporter:
    """Its infiniband collector alone, so that a scrape costs nothing else."""

    process: Process
    url: str

    def scrape(self) -> str:
        with urllib.request.urlopen(self.url, timeout=10) as answer:
            return str(answer.read().decode())

    def answers(self) -> bool:
        try:
            return bool(self.scrape())
        except OSError:
            return False


@contextmanager
def node_exporter(sysfs: Path) -> Iterator[NodeExporter]:
    port = free_port()
    argv: list[str | Path] = [
        ensure("node_exporter")["node_exporter"],
        *(
            "--collector.disable-defaults",
            "--collector.infiniband",
            "--web.disable-exporter-metrics",
        ),
        *("--path.sysfs", sysfs, "--web.listen-address", f"127.0.0.1:{port}"),
    ]
    with Process(argv, name="node_exporter") as process:
        running = NodeExporter(process, f"http://127.0.0.1:{port}/metrics")
        process.await_ready(running.answers)
        yield running
