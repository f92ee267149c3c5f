"""The GPU is gone from the PCIe bus, and only a reboot of the node brings it back."""

from datetime import timedelta

from alerts.devices import GPU
from alerts.evidence import BOOT, NotSince, held
from alerts.model import BOOTED, Alert, Moment, Proof, Scenario, Signal
from alerts.promql import Series, by, latest, select
from catalog.exporter import NODE_BOOT_TIME
from catalog.faults import GPU_FELL_OFF_BUS
from catalog.gpu import GPU_STATE, GPU_XID_LAST_TIMESTAMP
from catalog.labels import NODE

OK = select(GPU_STATE, state="ok")
LOST = select(GPU_STATE, state="lost")
FELL_OFF = select(GPU_XID_LAST_TIMESTAMP, xid="79")
BOOT_TIME = Series(NODE_BOOT_TIME.name)

ALERT = Alert(
    name=GPU_FELL_OFF_BUS.name,
    fault=GPU_FELL_OFF_BUS,
    device=GPU,
    expr=f"""
        max by ({by(*GPU.labels)}) (
            {LOST} == 1
          or
            {FELL_OFF} > on ({by(NODE)}) group_left () {latest(BOOT_TIME, NODE)}
        )
        """,
    severity="critical",
    summary=f"{GPU.title} fell off the bus",
    description=(
        f"{GPU.title} no longer answers on PCIe (Xid 79, or NVML reports it lost). Move its "
        "workloads away and reboot the node; if it happens again, reseat or replace the GPU."
    ),
    why="Every process on the GPU is dead, and so is each collective job it was part of.",
    first_step="Read the kernel log around the Xid, then drain and reboot the node.",
    proof=Proof(
        soak=timedelta(minutes=10),
        subject=held(OK, 1),
        evidence=(NotSince(series=FELL_OFF, count=1, origin=BOOT),),
        facilities=("gpu/state", "gpu/xid", "node/boot"),
    ),
    scenarios=(
        Scenario(
            name="NVML reports the GPU lost",
            signals=(
                Signal(series=OK, healthy=1, below=0, faulty=0),
                Signal(series=LOST, healthy=0, faulty=1),
                Signal(series=FELL_OFF, healthy=0),
                Signal(series=BOOT_TIME, healthy=BOOTED, recovered=Moment.RECOVERY),
            ),
        ),
        Scenario(
            name="the driver logs Xid 79",
            signals=(
                Signal(series=OK, healthy=1),
                Signal(
                    series=FELL_OFF,
                    healthy=0,
                    below=BOOTED,
                    faulty=Moment.FAULT,
                    recovered=Moment.STAYS,
                ),
                Signal(series=BOOT_TIME, healthy=BOOTED, recovered=Moment.RECOVERY),
            ),
        ),
    ),
)
