"""What the alerts of GPUs share: the series they begin with, and faults told by Xids.

NVIDIA's own resolution, which stands in the catalogue and on each series, says what an Xid asks
for: a reset, a reboot, a person. An Xid counts until the GPU was reset, or the node booted, after
it; only Xids that the exporter exposes from its first reading can be proven not to have come.
"""

from dataclasses import dataclass
from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import BOOT, RESET, NotSince, Origin, held
from alerts.model import BOOTED, Moment, Proof, Scenario, Signal
from alerts.promql import Series, by, latest, select
from catalog import nvlink5
from catalog import xid as xids
from catalog.exporter import NODE_BOOT_TIME
from catalog.gpu import GPU_RESET_TIMESTAMP, GPU_STATE, GPU_XID_LAST_TIMESTAMP
from catalog.labels import NODE, UUID

KEYS = (NODE, UUID)
OK = select(GPU_STATE, state="ok")
BOOT_TIME = Series(NODE_BOOT_TIME.name)
RESET_TIME = Series(GPU_RESET_TIMESTAMP.name)
ORIGIN_SERIES = {BOOT.metric: BOOT_TIME, RESET.metric: RESET_TIME}

SOAK = timedelta(minutes=10)
"""How long a GPU is watched after its repair: several runs of a training step's communication."""

IS_OK = Signal(series=OK, healthy=1)
"""In scenarios whose fault does not show in the GPU's own state."""
WAS_RESET = Signal(series=RESET_TIME, healthy=BOOTED, recovered=Moment.RECOVERY)
HAS_BOOTED = Signal(series=BOOT_TIME, healthy=BOOTED, recovered=Moment.RECOVERY)
"""The node boots, the GPU is reset, as part of the repair."""


def of_gpu(expr: str) -> str:
    """Return one alert a GPU, whatever else tells its series apart."""
    return f"max by ({by(*GPU.labels)}) ({expr})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Xids:
    """Some Xids, and since when one counts: since the node's boot, or since the GPU's reset."""

    codes: tuple[int, ...]
    resolutions: tuple[str, ...]
    origin: Origin

    def __post_init__(self) -> None:
        """Refuse resolutions that are not NVIDIA's for these codes, at import."""
        for code in self.codes:
            if not self._of(code):
                raise ValueError(f"Xid {code} is never resolved by {self.resolutions}")

    def _of(self, code: int) -> list[str]:
        known = {xids.table()[code].resolution, *nvlink5.resolutions(code)}
        return sorted(known & set(self.resolutions))

    @property
    def series(self) -> Series:
        """When each was seen last."""
        return select(
            GPU_XID_LAST_TIMESTAMP,
            xid=tuple(map(str, self.codes)),
            resolution=self.resolutions,
        )

    @property
    def expr(self) -> str:
        """One of them was seen after the origin."""
        keys = by(*self.origin.keys)
        moment = latest(ORIGIN_SERIES[self.origin.metric], *self.origin.keys)
        return of_gpu(f"{self.series} > on ({keys}) group_left () {moment}")

    @property
    def proof(self) -> NotSince:
        """None of them was."""
        count = sum(len(self._of(code)) for code in self.codes)
        return NotSince(series=self.series, count=count, origin=self.origin)

    def signals(self, *, seen: int | None = None) -> tuple[Signal, ...]:
        """Return the series of a scenario in which one of them is seen, or none."""
        return tuple(
            self._signal(code, resolution, seen=code == seen)
            for code in self.codes
            for resolution in self._of(code)
        )

    def _signal(self, code: int, resolution: str, *, seen: bool) -> Signal:
        series = select(GPU_XID_LAST_TIMESTAMP, xid=str(code), resolution=resolution)
        if not seen:
            return Signal(series=series, healthy=0)
        return Signal(
            series=series,
            healthy=0,
            below=BOOTED,
            faulty=Moment.FAULT,
            recovered=Moment.STAYS,
        )

    def scenario(self, code: int) -> Scenario:
        """Return the way of one of them."""
        after = WAS_RESET if self.origin is RESET else HAS_BOOTED
        signals = (IS_OK, *self.signals(seen=code), after)
        return Scenario(name=f"the driver logs Xid {code}", signals=signals)


def resetting(but: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Return the codes whose resolution is a reset of the GPU, but for those judged elsewhere."""
    return tuple(
        code
        for code, known in xids.table().items()
        if known.resolution == "RESET_GPU" and code not in but
    )


def well(faults: Xids) -> Proof:
    """Return the usual proof: the GPU answers all along, and none of these came again."""
    facilities = ("gpu/state", "gpu/xid") + (("node/boot",) if faults.origin is BOOT else ())
    return Proof(soak=SOAK, subject=held(OK, 1), evidence=(faults.proof,), facilities=facilities)
