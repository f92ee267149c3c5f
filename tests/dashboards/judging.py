"""What the Prometheus of these tests scrapes, and the rules by which it judges."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import yaml

from alerts import proofs
from alerts.discovery import all_alerts
from alerts.tuning import AlertSettings
from render import tree
from render.settings import PrometheusSettings, Settings
from testbed.servers import Prometheus

SECOND = timedelta(seconds=1)
SOAK = 20 * SECOND

SETTINGS = Settings(
    prometheus=PrometheusSettings(scrape_interval=5 * SECOND, evaluation_interval=2 * SECOND),
    alerts={
        alert.name: AlertSettings(hold=timedelta(0), soak=SOAK if alert.proof else None)
        for alert in all_alerts()
    },
    prices={"p5.48xlarge": 6.9, "8xh100.onprem": 2.2},
    teams={"research": "foundation", "vision": "perception"},
)
"""Rules that judge at once, every other second."""

FAULTS = proofs.document(SETTINGS.tuned(), SETTINGS.prometheus.intervals)["faults"]
WIDE = ("line", "domain")


def write_rules(folder: Path) -> list[Path]:
    """Write the rules as they are rendered; those of days and weeks run as often as the others."""
    written = []
    for path, text in tree.prometheus(SETTINGS, SETTINGS.tuned()):
        if path.startswith("prometheus/rules/"):
            written.append(folder / path.replace("/", "-"))
            written[-1].write_text(text.replace("interval: 1m", "interval: 2s"), encoding="utf-8")
    return written


def configuration(ports: Mapping[str, int], page: int) -> str:
    static = [
        {
            "targets": [f"127.0.0.1:{port}"],
            "labels": {"node": node, "instance": node, "cluster": "real"},
        }
        for node, port in ports.items()
    ]
    made_up = [{"targets": [f"127.0.0.1:{page}"], "labels": {"cluster": "made-up"}}]
    jobs = [
        {
            "job_name": name,
            "honor_labels": True,
            "static_configs": targets,
            "scrape_interval": interval,
        }
        for name, targets, interval in (
            ("railwatch-exporter", static, "1s"),
            ("made-up", made_up, "5s"),
        )
    ]
    every = {"scrape_interval": "1s", "evaluation_interval": "2s"}
    return yaml.safe_dump({"global": every, "scrape_configs": jobs})


def proven_of(prometheus: Prometheus) -> set[str]:
    """Return the faults of which any node, line or domain is proven free."""
    found = set()
    for fault in FAULTS:
        place = fault["identity"] if fault["identity"] in WIDE else "node"
        if prometheus.query(fault["query"].replace("$selector", f'{place}=~".+"')):
            found.add(fault["fault"])
    return found
