"""What the GPUs told lately, as far as it says who uses them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.gpu import GPU_MEMORY_USED, GPU_UTILIZATION
from catalog.gpu_allocation import GPU_USER_MEMORY, GPU_USER_UTILIZATION
from catalog.gpu_mig import GPU_MIG_INFO, GPU_MIG_MEMORY_USED
from catalog.metrics import Metric
from exporters.allocation.devices import Gpu, Part
from exporters.allocation.use import Use, Whole
from exporters.gpu import users
from exporters.gpu.card import Card
from exporters.gpu.family import GpuFamily
from exporters.moment import Moment
from exporters.sample import Note, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A GPU, and what it said in its last cycle; nothing but its identity where it is silent."""

    gpu: Gpu
    wholes: Mapping[tuple[str, str], float]
    """What there is to divide, by metric's name and MIG device."""
    notes: Sequence[Note]

    def divisible(self) -> Mapping[Metric, Sequence[Whole]]:
        """Return what divides among its users, by metric."""
        found: dict[Metric, list[Whole]] = {}
        for metric, whole in self._divisible():
            found.setdefault(metric, []).append(whole)
        return found

    def _divisible(self) -> Iterator[tuple[Metric, Whole]]:
        memory = users.uses_of(self.notes, users.MEMORY)
        utilization = users.uses_of(self.notes, users.UTILIZATION)
        divided = any(name == GPU_MIG_MEMORY_USED.name for name, _ in self.wholes)
        of_memory = GPU_MIG_MEMORY_USED if divided else GPU_MEMORY_USED
        for (name, mig), amount in self.wholes.items():
            if memory is not None and name == of_memory.name:
                yield GPU_USER_MEMORY, _whole(mig, amount, memory)
            elif utilization is not None and name == GPU_UTILIZATION.name:
                yield GPU_USER_UTILIZATION, _whole(mig, amount, utilization)


def _whole(mig: str, amount: float, uses: Mapping[str, Sequence[Use]]) -> Whole:
    return Whole(mig=mig, amount=amount, uses=uses.get(mig, ()))


def readings(gpus: GpuFamily | None, now: Moment) -> list[Reading]:
    """Return what each GPU told lately; nothing where GPUs are not read."""
    return [_reading(card, now) for card in gpus.cards] if gpus else []


def _reading(card: Card, now: Moment) -> Reading:
    record = card.ledger.records.get(users.FACILITY.name)
    minors = (
        [int(note.value) for note in record.notes if note.name == users.MINOR] if record else []
    )
    samples = tuple(card.readings(now))
    told = record.notes if record and card.answers(now) else ()
    return Reading(
        gpu=Gpu(
            index=card.index,
            uuid=card.uuid,
            name=card.labels[0],
            minor=minors[0] if minors else None,
            parts=tuple(_parts(samples)),
        ),
        wholes=dict(_wholes(samples)),
        notes=told,
    )


def _parts(samples: Iterable[Sample]) -> Iterator[Part]:
    for sample in samples:
        if sample.metric is GPU_MIG_INFO:
            _gpu, _uuid, mig, gi, ci, _profile = sample.labels
            yield Part(uuid=mig, gi=gi, ci=ci)


def _wholes(samples: Iterable[Sample]) -> Iterator[tuple[tuple[str, str], float]]:
    for sample in samples:
        if sample.metric in (GPU_MEMORY_USED, GPU_UTILIZATION):
            yield (sample.metric.name, ""), sample.value
        elif sample.metric is GPU_MIG_MEMORY_USED:
            yield (sample.metric.name, sample.labels[2]), sample.value
