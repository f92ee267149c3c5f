"""Packets are dropped because the program has posted no receive buffers."""

from datetime import timedelta

from alerts.devices import PORT
from alerts.evidence import Risen
from alerts.model import Alert, At, Proof, Rising, Scenario, Signal, Threshold
from alerts.ports import IS_THERE, KEYS, KNOWN, counter, of_port
from alerts.promql import Series
from catalog.faults import RDMA_OUT_OF_BUFFER

DROPPED = Series(counter("out_of_buffer").name)

ALERT = Alert(
    name=RDMA_OUT_OF_BUFFER.name,
    fault=RDMA_OUT_OF_BUFFER,
    device=PORT,
    expr=of_port(f"rate({DROPPED}[5m]) > $rate"),
    notices=timedelta(minutes=5),
    hold=timedelta(minutes=10),
    keep_firing_for=timedelta(minutes=5),
    severity="warning",
    summary=f"{PORT.title} drops packets for want of buffers",
    description=(
        f"{PORT.title} dropped more than $rate packets a second for ten minutes because no "
        "receive request was posted. It is the program, or its CPUs, that does not keep up: "
        "look at the pod on the node, its queue depth (NCCL_IB_QPS_PER_CONNECTION and the "
        "like) and its CPU limits."
    ),
    why="Each drop costs the sender a retry with a pause; collectives stall.",
    first_step=(
        "Find the pod that uses the device (railwatch_rdma_pod_queue_pairs), and look at its CPU."
    ),
    thresholds=(
        Threshold(
            name="rate",
            default=1,
            meaning="Packets a second.",
            source="our own guess: programs that keep up have none",
        ),
    ),
    proof=Proof(
        soak=timedelta(minutes=15),
        subject=KNOWN,
        evidence=(Risen(series=DROPPED, at_most="$rate", keys=KEYS),),
        facilities=("rdma/statistics",),
    ),
    scenarios=(
        Scenario(
            name="drops rise",
            signals=(
                *IS_THERE,
                Signal(
                    series=DROPPED,
                    healthy=0,
                    below=Rising(rate=At(threshold="rate", times=0.5)),
                    faulty=Rising(rate=At(threshold="rate", times=3)),
                    recovered=0,
                ),
            ),
        ),
    ),
)
