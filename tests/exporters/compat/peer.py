"""The real node_exporter on a tree of ours."""

import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed.processes import Process
from testbed.tools import ensure
from testbed.waiting import PATIENCE

_LISTENING = re.compile(r'msg="Listening on" address=(\S+)')


@dataclass(frozen=True)
class NodeExporter:
    """Its infiniband collector alone, so that a scrape costs nothing else."""

    process: Process

    def scrape(self) -> str:
        found = _LISTENING.search(self.process.log.read_text())
        if found is None:
            raise ConnectionRefusedError("it does not listen yet")
        with urllib.request.urlopen(f"http://{found[1]}/metrics", timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def answers(self) -> bool:
        try:
            return bool(self.scrape())
        except OSError:
            return False


@contextmanager
def node_exporter(sysfs: Path) -> Iterator[NodeExporter]:
    argv: list[str | Path] = [
        ensure("node_exporter")["node_exporter"],
        *(
            "--collector.disable-defaults",
            "--collector.infiniband",
            "--web.disable-exporter-metrics",
        ),
        *("--path.sysfs", sysfs, "--web.listen-address", "127.0.0.1:0"),
    ]
    with Process(argv, name="node_exporter") as process:
        running = NodeExporter(process)
        process.await_ready(running.answers)
        yield running
