"""docs/migration.md: each query is worth what the field that it replaces is worth."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import yaml

from catalog import gpu, gpu_board, gpu_clocks, gpu_engines, gpu_gpm, gpu_license, gpu_pcie
from catalog.compat_dcgm import DCGM
from catalog.compat_node_exporter import NODE_EXPORTER
from catalog.gpu_repair import GPU_REMAPPED_ROWS, GPU_REMAPPED_ROWS_FAILED
from catalog.metrics import Metric
from catalog.registry import by_name
from exporters.compat import dcgm
from exporters.sample import Sample
from tests.alerts.promtool import run

PAGE = (Path(__file__).parents[2] / "docs" / "migration.md").read_text(encoding="utf-8")
DEVICE = ("0", "GPU-1")
LAST_XID = "79"

READ: tuple[tuple[Metric, tuple[tuple[str, ...], ...]], ...] = (
    (gpu_clocks.GPU_CLOCK, (("sm",), ("memory",), ("video",))),
    (gpu_board.GPU_MEMORY_TEMPERATURE, ((),)),
    (gpu.GPU_TEMPERATURE, ((),)),
    (gpu.GPU_POWER, ((),)),
    (gpu.GPU_ENERGY, ((),)),
    (gpu_pcie.GPU_PCIE_REPLAYS, ((),)),
    (gpu.GPU_UTILIZATION, ((),)),
    (gpu.GPU_MEMORY_COPY_UTILIZATION, ((),)),
    (gpu_engines.GPU_ENGINE_UTILIZATION, (("encoder",), ("decoder",), ("jpeg",))),
    (gpu.GPU_XID_LAST_TIMESTAMP, (("13", "RESTART_APP"), (LAST_XID, "RESTART_BM"))),
    (gpu.GPU_MEMORY_FREE, ((),)),
    (gpu.GPU_MEMORY_USED, ((),)),
    (gpu.GPU_MEMORY_RESERVED, ((),)),
    (gpu_gpm.GPU_NVLINK_THROUGHPUT, (("", "transmit"), ("", "receive"))),
    (gpu_license.GPU_VGPU_LICENSE, (("", "", "unlicensed"), ("", "", "licensed"))),
    (GPU_REMAPPED_ROWS, (("correctable",), ("uncorrectable",))),
    (GPU_REMAPPED_ROWS_FAILED, ((),)),
    (gpu_gpm.GPU_GRAPHICS_ACTIVE, (("",),)),
    (gpu_gpm.GPU_TENSOR_ACTIVE, (("",),)),
    (gpu_gpm.GPU_DRAM_ACTIVE, (("",),)),
    (gpu_gpm.GPU_PCIE_THROUGHPUT, (("", "transmit"), ("", "receive"))),
)
"""What every field is made from, each series with a value of its own."""


def samples() -> Iterator[Sample]:
    yield Sample(gpu.GPU_DRIVER_INFO, ("580.95.05", "13.0", "13.580"), 1)
    yield Sample(gpu.GPU_INFO, (*DEVICE, "NVIDIA H100", "1650", "0000:1b:00.0", "96.00"), 1)
    series = [(metric, rest) for metric, several in READ for rest in several]
    for number, (metric, rest) in enumerate(series, 1):
        yield Sample(metric, (*DEVICE, *rest), 3 * number)


def queries() -> dict[str, str]:
    """Return the page's queries by the field that each replaces."""
    return dict(re.findall(r"^\| `(DCGM_\w+)` \| `([^`]+)`", PAGE, re.MULTILINE))


def test_the_table_has_each_default_field_and_the_metric_it_is_made_from() -> None:
    assert list(queries()) == re.findall(r"^\| `(DCGM_FI_\w+)`", PAGE, re.MULTILINE)
    assert set(queries()) == {field.name for field in DCGM}
    for field in DCGM:
        assert field.source in queries()[field.name]


def test_each_query_has_the_value_of_the_field(tmp_path: Path) -> None:
    ours = list(samples())
    theirs = {each.metric.name: each.value for each in dcgm.emit(ours)}
    assert set(theirs) == set(queries())

    asked = [
        {
            "expr": f"abs(sum({query}) / {theirs[field]!r} - 1) < bool 1e-9",
            "eval_time": "1m",
            "exp_samples": [{"labels": "{}", "value": 1}],
        }
        for field, query in queries().items()
        if field != "DCGM_FI_DEV_XID_ERRORS"
    ]

    assert answered(tmp_path, ours, asked) == ""


def test_the_last_xid_is_a_label(tmp_path: Path) -> None:
    ours = list(samples())
    (last,) = (each.value for each in dcgm.emit(ours) if each.metric.name.endswith("XID_ERRORS"))
    query = f"count by (xid) ({queries()['DCGM_FI_DEV_XID_ERRORS']})"

    sample = {"labels": f'{{xid="{LAST_XID}"}}', "value": 1}
    asked = [{"expr": query, "eval_time": "1m", "exp_samples": [sample]}]

    assert last == int(LAST_XID)
    assert answered(tmp_path, ours, asked) == ""


def answered(folder: Path, ours: list[Sample], asked: Sequence[Mapping[str, object]]) -> str:
    """Return promtool's complaint, empty where every answer is as expected."""
    series = [{"series": _series(each), "values": f"{each.value!r}x4"} for each in ours]
    test = {"interval": "15s", "input_series": series, "promql_expr_test": asked}
    path = folder / "asked.yaml"
    path.write_text(yaml.safe_dump({"tests": [test]}), encoding="utf-8")
    done = run("test", "rules", path)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def _series(sample: Sample) -> str:
    told = zip(sample.metric.labels, sample.labels, strict=True)
    labels = ",".join(f'{name}="{value}"' for name, value in told)
    return f"{sample.metric.name}{{{labels}}}"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(railwatch_\w+)", PAGE))))
def test_every_metric_of_the_page_is_one_of_ours(name: str) -> None:
    assert name in by_name()


def test_every_name_of_node_exporter_is_one_of_its_own() -> None:
    theirs = {field.name for field in NODE_EXPORTER}

    for name, open_ended in re.findall(r"`(node_infiniband_\w+)(…?)", PAGE):
        assert name in theirs or (open_ended and any(each.startswith(name) for each in theirs))
