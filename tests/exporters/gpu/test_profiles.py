"""What each model of GPU tells, and what any of them tells in trouble."""

import math
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pynvml
import pytest

from catalog import gpu, gpu_allocation, gpu_gpm, gpu_mig
from catalog.metrics import Metric
from catalog.registry import by_module
from exporters.sample import Sample
from testbed.nvml import PROFILES, SimulatedNvml, modes
from testbed.nvml.layout import Gpu
from testbed.tools import ensure
from tests.exporters.gpu.fuzzing import everything
from tests.exporters.gpu.gathering import gathering


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a node's exporter told."""

    text: str
    samples: tuple[Sample, ...]

    @property
    def metrics(self) -> set[Metric]:
        return {sample.metric for sample in self.samples}

    def states(self) -> set[str]:
        return {s.labels[2] for s in self.samples if s.metric is gpu.GPU_STATE and s.value}


def spoil(how: Callable[[Gpu], None], node: SimulatedNvml) -> None:
    with node.card(0) as card:
        how(card)


def have_everything(node: SimulatedNvml) -> None:
    spoil(everything, node)
    node.xid(0, 79)
    node.kernel_log.sxid(3, "0000:05:00.0", 12028, "egress PRIV error", fatal=False)


TROUBLES: dict[str, Callable[[SimulatedNvml], None]] = {
    "everything": have_everything,
    "nonsense": partial(spoil, modes.nonsense),
    "unknown": partial(spoil, modes.unknown),
    "garbled": partial(spoil, modes.garble),
    "lost": lambda node: node.lose(0),
    "reset required": lambda node: node.fail(0, error=pynvml.NVML_ERROR_RESET_REQUIRED),
    "slow": lambda node: node.slow(0, call="nvmlDeviceGetTemperature*", milliseconds=1),
    "no library": SimulatedNvml.hide_library,
}


@cache
def told(profile: str, trouble: str = "") -> Told:
    """Return what is told of a node with one card of a profile, in trouble or not."""
    with TemporaryDirectory() as folder, SimulatedNvml(gpus=1, profile=profile) as node:
        inventory = Path(folder, "inventory.yaml")
        inventory.write_text("nodes: [{hostname: '*', gpus: 1}]")
        with gathering(node, str(inventory)) as gathered:
            if trouble:
                TROUBLES[trouble](node)
            gathered.read()
            return Told(text=gathered.text(), samples=tuple(gathered.samples()))


CASES = [*((profile, "") for profile in PROFILES), *(("B200", trouble) for trouble in TROUBLES)]


@pytest.mark.parametrize(("profile", "trouble"), CASES)
def test_promtool_finds_no_fault(profile: str, trouble: str) -> None:
    found = told(profile, trouble)

    promtool = str(ensure("promtool")["promtool"])
    done = subprocess.run(
        [promtool, "check", "metrics"], input=found.text.encode(), capture_output=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    assert all(math.isfinite(sample.value) for sample in found.samples)


def test_every_metric_of_a_gpu_is_told_by_some_card() -> None:
    """Those of allocation come from a kubelet: tests/exporters/allocation."""
    modules = by_module().items()
    wanted = {m for name, metrics in modules if f"{name}_".startswith("gpu_") for m in metrics}
    sane = [*((profile, "") for profile in PROFILES), ("B200", "everything")]
    found = set().union(*(told(*case).metrics for case in sane))

    assert wanted - found - set(gpu_allocation.METRICS) == set()


@pytest.mark.parametrize("profile", PROFILES)
def test_only_hopper_and_newer_have_gpm(profile: str) -> None:
    wanted = set(gpu_gpm.METRICS) if profile.startswith(("H", "B")) else set()
    if profile.endswith("-MIG"):
        wanted -= {gpu_gpm.GPU_NVLINK_THROUGHPUT}

    assert set(gpu_gpm.METRICS) & told(profile).metrics == wanted


@pytest.mark.parametrize("profile", PROFILES)
def test_only_divided_cards_have_mig_devices_and_no_utilisation(profile: str) -> None:
    found = told(profile).metrics

    assert (gpu_mig.GPU_MIG_INFO in found) == profile.endswith("-MIG")
    assert (gpu.GPU_UTILIZATION in found) != profile.endswith("-MIG")
    assert (gpu_mig.GPU_MIG_MODE in found) == (profile not in ("L40S", "T4"))


@pytest.mark.parametrize(
    ("trouble", "state"),
    [("", "ok"), ("slow", "ok"), ("lost", "lost"), ("reset required", "reset_required")],
)
def test_a_card_in_trouble_is_in_its_state(trouble: str, state: str) -> None:
    assert told("B200", trouble).states() == {state}


def test_without_a_library_no_gpu_tells_anything() -> None:
    found = told("B200", "no library").metrics

    assert gpu.GPU_TEMPERATURE not in found
    assert gpu.GPU_DRIVER_INFO not in found
