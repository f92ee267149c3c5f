"""The labels that dcgm-exporter gives a device."""

from collections.abc import Iterable

from catalog.gpu import GPU_DRIVER_INFO, GPU_INFO
from catalog.gpu_allocation import GPU_ALLOCATION, GPU_JOB
from catalog.gpu_mig import GPU_MIG_INFO
from exporters.sample import Sample

_Device = tuple[str, str]
"""uuid of the GPU, and of the MIG device."""


class Labels:
    """What a snapshot tells of its devices, by uuid."""

    def __init__(self, samples: Iterable[Sample], hostname: str) -> None:
        """Take the snapshot's samples, and the name of the node."""
        self._hostname = hostname
        self._driver = ""
        self._cards: dict[str, tuple[str, str, str]] = {}
        self._instances: dict[_Device, tuple[str, str]] = {}
        self._first: dict[tuple[str, str], str] = {}
        self._holders: dict[_Device, dict[tuple[str, str, str], None]] = {}
        self._jobs: dict[_Device, list[str]] = {}
        for sample in samples:
            self._take(sample)

    def _take(self, sample: Sample) -> None:
        if sample.metric is GPU_INFO:
            index, uuid, name, _serial, slot, _vbios = sample.labels
            self._cards[uuid] = (index, name, _bus_id(slot))
        elif sample.metric is GPU_DRIVER_INFO:
            self._driver = sample.labels[0]
        elif sample.metric is GPU_MIG_INFO:
            _index, uuid, mig, gpu_instance, _compute, profile = sample.labels
            self._instances[uuid, mig] = (profile, gpu_instance)
            self._first.setdefault((uuid, gpu_instance), mig)
        elif sample.metric is GPU_ALLOCATION:
            _index, uuid, mig, *holder = sample.labels
            namespace, pod, container = holder
            self._holders.setdefault((uuid, mig), {})[namespace, pod, container] = None
        elif sample.metric is GPU_JOB:
            _index, uuid, mig, job = sample.labels
            self._jobs.setdefault((uuid, mig), []).append(job)

    def divided(self, uuid: str) -> bool:
        """Whether a GPU has MIG devices."""
        return any(one == uuid for one, _ in self._instances)

    def first_of_instance(self, uuid: str, mig: str) -> bool:
        """Whether a MIG device speaks for its GPU instance, which DCGM has one series for.

        Compute instances of one GPU instance share its memory. A whole GPU speaks for itself.
        """
        instance = self._instances.get((uuid, mig))
        return instance is None or self._first.get((uuid, instance[1])) == mig

    def of(self, uuid: str, mig: str) -> list[tuple[str, ...]]:
        """Return the labels of a device's series: one series, or one for each of its jobs.

        None where the GPU was never named.
        """
        if uuid not in self._cards:
            return []
        index, name, slot = self._cards[uuid]
        profile, instance = self._instances.get((uuid, mig), ("", ""))
        card = (index, uuid, slot, f"nvidia{index}", name, profile, instance)
        node = (self._hostname, self._hostname, self._driver)
        jobs = self._jobs.get((uuid, mig)) or [""]
        return [(*card, *node, job, *self._holder(uuid, mig)) for job in jobs]

    def _holder(self, uuid: str, mig: str) -> tuple[str, str, str]:
        """Return as much of the holder's name as all that hold the device have in common."""
        holders = list(self._holders.get((uuid, mig), ()))
        pods = {holder[:2] for holder in holders}
        if len(pods) != 1:
            return "", "", ""
        same = [part for part, *others in zip(*holders, strict=True) if set(others) <= {part}]
        namespace, pod, container = (*same, "")[:3]
        return namespace, pod, container


def _bus_id(slot: str) -> str:
    """Return a PCI function as NVML's long form has it: 00000000:1B:00.0."""
    domain, colon, rest = slot.partition(":")
    return f"{domain.zfill(8)}{colon}{rest}".upper() if colon else slot
