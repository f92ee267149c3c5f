"""Which of the node's GPUs and MIG devices an id means."""

from collections.abc import Iterable
from dataclasses import dataclass

from exporters.allocation.device_id import DeviceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A MIG device; `gi` and `ci` are the ids of its GPU instance and compute instance."""

    uuid: str
    gi: str
    ci: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU as NVML tells of it, its MIG devices in NVML's order."""

    index: int
    uuid: str
    name: str = ""
    """What the label `gpu` says of it, where that is not the index."""
    minor: int | None = None
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A device as the labels name it; what is not known is empty."""

    gpu: str
    uuid: str
    mig: str = ""

    @property
    def labels(self) -> tuple[str, str, str]:
        """The labels `gpu`, `uuid`, `mig`."""
        return self.gpu, self.uuid, self.mig


class Devices:
    """The GPUs of the node, as far as they are known now."""

    def __init__(self, gpus: Iterable[Gpu]) -> None:
        """Take the GPUs."""
        self._gpus = tuple(gpus)

    def place(self, of: DeviceId) -> Place | None:
        """Return what an id means.

        A uuid that is not known here stands for itself: it may be of a GPU that is lost. None where
        a number is all there is, and means nothing.
        """
        if of.mig:
            return self._mig(of.mig)
        gpu = self._gpu(of)
        if gpu is None:
            return Place(gpu="", uuid=of.gpu, mig=_told(of)) if of.gpu else None
        return place_at(gpu, _part(gpu, of) if of.partial else "")

    def _mig(self, uuid: str) -> Place:
        for gpu in self._gpus:
            if any(part.uuid == uuid for part in gpu.parts):
                return place_at(gpu, uuid)
        return Place(gpu="", uuid="", mig=uuid)

    def _gpu(self, of: DeviceId) -> Gpu | None:
        for gpu in self._gpus:
            if of.gpu:
                same = gpu.uuid == of.gpu
            elif of.minor is not None:
                same = gpu.minor == of.minor
            else:
                same = gpu.index == of.index
            if same:
                return gpu
        return None

    def numbered(self, index: int, gi: int | None) -> Place | None:
        """Return the GPU with this index, or one of its GPU instances; None where there is none."""
        return self.place(DeviceId(index=index, gi=gi))


def place_at(gpu: Gpu, mig: str) -> Place:
    """Return a GPU, or its MIG device with this uuid."""
    return Place(gpu=gpu.name or str(gpu.index), uuid=gpu.uuid, mig=mig)


def _part(gpu: Gpu, of: DeviceId) -> str:
    """Return the uuid of a MIG device; what was told of it where that fits none, or several."""
    fitting = [
        part.uuid
        for number, part in enumerate(gpu.parts)
        if _fits(of.gi, part.gi) and _fits(of.ci, part.ci) and of.nth in (None, number)
    ]
    return fitting[0] if len(fitting) == 1 and not of.other else _told(of)


def _fits(asked: int | None, found: str) -> bool:
    return asked is None or str(asked) == found


def _told(of: DeviceId) -> str:
    """Return words for a MIG device that only its plugin knows; never empty where it is one."""
    words = (("gi", of.gi), ("ci", of.ci), ("nth", of.nth))
    return of.other or "/".join(f"{word}{value}" for word, value in words if value is not None)
