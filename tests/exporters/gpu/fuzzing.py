"""A card that says anything at all, and what may still come of it."""

import ctypes
import random
import re
from dataclasses import dataclass
from unittest.mock import patch

import pynvml
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from catalog import gpu_board
from exporters import exposition, frames
from exporters.facility import Facility, Outcome
from exporters.gpu.nvml import Gpu
from exporters.metrics import METRICS
from exporters.runtime import run
from exporters.sample import Sample
from testbed.nvml import SimulatedNvml, layout, modes, state
from testbed.nvml.layout import ABSENT, ERROR, NONE_SIGNED
from testbed.nvml.links import CONNECTED, LINK
from testbed.nvml.parts import GRAPHICS, License
from tests.exporters.gpu.cards import process

_NUMBERS = (
    *(ABSENT, NONE_SIGNED, 0, 1, 2, 3, 4, 5, 9, 32, 99, 100, 101, 200, 201, 255, 256, 1717),
    *(2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1, -2, -(2**63)),
)
_RATES = (
    *(float("nan"), float("inf"), float("-inf"), -1.0, -0.5, 0.0, 5e-324, 99.9, 100.0, 100.4),
    *(100.6, 4e9, 1e308),
)
_ERRORS = (*range(1, 30), 999, 1000, 12345)
"""NVML's own codes, and some that it does not have."""

_PARTS = ("field/*", "field/*[13579]", "field/*[02468]", "gpm/*", "gpm/?")

_BELOW_ZERO = (gpu_board.GPU_TEMPERATURE_MARGIN, gpu_board.GPU_TEMPERATURE_MARGIN_THRESHOLD)
_BEYOND_ONE = (gpu_board.GPU_FAN_SPEED,)
_MISTAKE = re.compile(r"^\w+(Error|Exception|Warning): ")
"""How `exporters.runtime` words what no reading should raise."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is wrong: a share of all numbers, which and how by the seed; texts; calls that fail."""

    seed: int
    share: float
    text: bytes | None
    errors: list[tuple[int, int]]

    def spoil(self, card: layout.Gpu, calls: list[str]) -> None:
        """Make a healthy card of this case; `calls` are those that are going to be made."""
        chance = random.Random(self.seed)
        for leaf in modes.leaves():
            if leaf.kind is not ctypes.c_char and chance.random() < self.share:
                leaf.write(
                    card, chance.choice(_RATES if leaf.kind is ctypes.c_double else _NUMBERS)
                )
        if self.text is not None:
            modes.garble(card, self.text)
        for number, code in self.errors:
            state.add_rule(card, calls[number % len(calls)], ERROR, code)


CASES = st.builds(
    Case,
    seed=st.integers(0, 2**64 - 1),
    share=st.sampled_from((0.0, 0.02, 0.1, 0.3)),
    text=st.none() | st.binary(max_size=95),
    errors=st.lists(st.tuples(st.integers(0, 99), st.sampled_from(_ERRORS)), max_size=2),
)
"""The smaller the share, the fewer values hide what another one does."""


def everything(card: layout.Gpu) -> None:
    """Give a card all that any card has, so that each reading finds something."""
    card.fans = 2
    for name in (name for name in CONNECTED if name.startswith("remapped_bank")):
        setattr(card, name, 0)
    card.c2c_links = card.c2c_active = 5
    card.c2c_bandwidth = card.c2c_crc = card.c2c_replay = card.c2c_replay_b2b = 0
    card.fabric_health, card.fabric_summary = 0x51AA, 1
    card.pcie_tx_bytes = card.pcie_rx_bytes = 2**33
    state.set_link(card, None, dict.fromkeys(LINK, 1))
    for name in ("shutdown", "slowdown", "memory_max", "gpu_max"):
        setattr(card, f"temperature_{name}", 90)
    for name in ("single_bit", "double_bit", "pending"):
        setattr(card, f"retired_{name}", 0)
    card.pcie_tx_bytes = card.pcie_rx_bytes = 2**40
    card.c2c_links = card.c2c_active = 2
    card.c2c_bandwidth = 40_000
    card.c2c_crc = card.c2c_replay = card.c2c_replay_b2b = 0
    rented = {"present": 1, "product": b"NVIDIA vGPU", "state": 5, "status": 2, "expiry": 2**31}
    card.license = License(**rented)
    state.set_vgpus(card, [License(uuid=b"one", **rented), License(uuid=b"two", **rented)])
    there = [process(11, 1 << 30), process(12, kind=GRAPHICS), process(13, instance=(3, 0))]
    state.set_processes(card, there)


class Bench:
    """A card that is spoiled and read, again and again."""

    def __init__(self, node: SimulatedNvml, gpu: Gpu) -> None:
        with node.card(0) as card:
            everything(card)
        with node.card(0) as card:
            self._healthy = bytes(card)
        self.node = node
        self.slot = node.slot(0)
        self._gpu = gpu
        self._writer = exposition.Writer(METRICS)

    def heal(self) -> None:
        with self.node.card(0) as card:
            ctypes.memmove(ctypes.byref(card), self._healthy, len(self._healthy))

    def spoil(self, case: Case, calls: list[str]) -> None:
        with self.node.card(0) as card:
            ctypes.memmove(ctypes.byref(card), self._healthy, len(self._healthy))
            case.spoil(card, calls)

    def shut_down(self) -> None:
        """End what a session has opened, as the end of its process would."""
        while True:
            try:
                pynvml.nvmlShutdown()
            except pynvml.NVMLError_Uninitialized:
                break
        pynvml.nvmlInit()

    def read(self, facility: Facility[Gpu]) -> Outcome:
        self._gpu.begin()
        return run(facility, [self._gpu])

    def calls(self, facility: Facility[Gpu]) -> list[str]:
        """Return the names of NVML's functions that a facility calls on a healthy card."""
        self.heal()
        found = set()
        find = pynvml._nvmlGetFunctionPointer

        def note(name: str) -> object:
            found.add(name)
            return find(name)

        with patch.object(pynvml, "_nvmlGetFunctionPointer", note):
            self.read(facility)
            self.read(facility)
        return [*sorted(found), *_PARTS]

    def check(self, outcome: Outcome) -> None:
        """Assert that what was read is what an exposition may hold."""
        assert not _MISTAKE.match(outcome.problem), outcome.problem
        for sample in outcome.samples:
            _check(sample)
        (message,) = frames.Reader().feed(frames.encode(outcome))
        assert message == outcome
        lines = self._writer.write(outcome.samples)
        families = text_string_to_metric_families(exposition.text(lines))
        parsed = sum(len(family.samples) for family in families)
        assert parsed + len(lines.duplicates) == len(outcome.samples)


def _check(sample: Sample) -> None:
    assert -1e300 < sample.value < 1e300  # neither of them holds for what is not a number
    assert sample.value >= 0 or sample.metric in _BELOW_ZERO, sample
    if sample.metric.unit == "ratio" and sample.metric not in _BEYOND_ONE:
        assert sample.value <= 1, sample
    assert all(label.isprintable() for label in sample.labels), sample
