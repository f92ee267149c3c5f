"""What is rendered is what was reviewed; and what a new alert changes of it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import alerts.gpu
from alerts import discovery
from render import docs
from render.settings import Settings
from render.tree import files
from tests.render import golden

MODEL = Path(alerts.gpu.__file__).with_name("gpu_fell_off_bus.py")
OWN = {
    "prometheus/rules/shard/gpu_scratch.yaml",
    "prometheus/tests/gpu_scratch.yaml",
    "grafana/alerting/gpu_scratch.json",
}
COLLECTIONS = {
    "alertmanager/alertmanager.yaml",
    "alertmanager/routes.yaml",
    "bridge/proofs.yaml",
    "kubernetes/alertmanagerconfig.yaml",
    "kubernetes/proofs.yaml",
    "kubernetes/prometheusrule-shard.yaml",
    "mixin/data/alerts.json",
}
"""Files that hold all alerts, because those who read them read one file."""


@pytest.fixture
def add_alert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], None]]:
    """Return a function that puts the file of one more alert where alerts are found."""
    folder = tmp_path_factory.mktemp("alerts")

    def added() -> None:
        text = MODEL.read_text(encoding="utf-8")
        text = text.replace("name=GPU_FELL_OFF_BUS.name", 'name="GpuScratch"')
        text = text.replace(
            "fault=GPU_FELL_OFF_BUS", 'fault=replace(GPU_FELL_OFF_BUS, name="GpuScratch")'
        )
        head, future, rest = text.partition("from datetime")
        scratch = f"{head}from dataclasses import replace\n{future}{rest}"
        (folder / "gpu_scratch.py").write_text(scratch, encoding="utf-8")
        alerts.gpu.__path__.append(str(folder))
        discovery.by_family.cache_clear()

    before = list(alerts.gpu.__path__)
    yield added
    alerts.gpu.__path__[:] = before
    discovery.by_family.cache_clear()


def test_the_goldens_are_not_stale() -> None:
    assert golden.stale(golden.GOLDEN, files(Settings())) == [], "make golden writes them again"


def test_a_stale_golden_is_found(tmp_path: Path) -> None:
    golden.main(tmp_path)
    tree = files(Settings())
    assert golden.stale(tmp_path, tree) == []

    (tmp_path / "rules/shard/exporter_down.yaml").unlink()
    (tmp_path / "rules/shard/gone.yaml").write_text("of an alert that is no more")
    changed = tree | {"grafana/dashboards/fleet.json": b"{}"}

    assert golden.stale(tmp_path, changed) == [
        "rules/shard/exporter_down.yaml",
        "rules/shard/gone.yaml",
        "tree.txt",
    ]


def test_a_new_alert_changes_its_own_files_and_those_that_hold_all(
    add_alert: Callable[[], None], tmp_path: Path
) -> None:
    golden.main(tmp_path)
    before, pages = files(Settings()), docs.documents()

    add_alert()

    after = files(Settings())
    assert {path for path in after if after[path] != before.get(path)} == OWN | COLLECTIONS
    assert before.keys() <= after.keys()
    assert golden.stale(tmp_path, after) == ["rules/shard/gpu_scratch.yaml", "tree.txt"]
    assert [name for name, page in docs.documents().items() if page != pages[name]] == ["alerts.md"]
