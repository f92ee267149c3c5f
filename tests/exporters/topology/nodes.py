"""Nodes to look at, and what is found."""

import json
from pathlib import Path
from typing import Any

from exporters.facility import Outcome
from exporters.settings import Settings
from exporters.topology.places import DOCUMENT
from exporters.topology.worker import attach
from testbed.sysfs.pci import PciBus

CAPTURE = Path(__file__).parents[2] / "fixtures" / "sysfs-h100"


def outcomes(bus: PciBus, **settings: object) -> dict[str, Outcome]:
    """Return what one cycle of a worker yields."""
    told = Settings(sysfs=str(bus.sysfs), procfs=str(bus.procfs), **settings)  # type: ignore[arg-type]  # a test names fields
    return {outcome.facility: outcome for outcome in attach(told, {}).cycle()}


def document(bus: PciBus, **settings: object) -> dict[str, Any]:
    """Return the document that one cycle makes."""
    places = outcomes(bus, **settings)["places"]
    assert not places.problem
    (text,) = [note.value for note in places.notes if note.name == DOCUMENT]
    made = json.loads(str(text))
    assert isinstance(made, dict)
    return made


def kinds(made: dict[str, Any]) -> dict[tuple[int, str], str]:
    """Return the kind of each GPU with each NIC: by the GPU's number."""
    gpus = {gpu["pci"]: gpu["index"] for gpu in made["gpus"]}
    return {(gpus[one["gpu"]], one["nic"]): one["kind"] for one in made["affinities"]}


def by_name(made: dict[str, Any]) -> dict[str, Any]:
    return {nic["name"]: nic for nic in made["nics"]}


def reasons(made: dict[str, Any], what: str) -> list[str]:
    return [one["reason"] for one in made["unknown"] if one["what"] == what]


def series(outcome: Outcome) -> dict[tuple[str, ...], float]:
    return {
        (s.metric.name.removeprefix("railwatch_rdma_"), *s.labels): s.value for s in outcome.samples
    }
