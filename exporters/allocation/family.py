"""The program's side of who uses the GPUs: what the kubelet, job files and processes tell, joined.

The kubelet knows pods and device ids, NVML knows GPUs and processes, cgroups tie processes to pods:
each is read by a worker of its own, and they meet here.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from catalog import gpu_allocation as metrics
from exporters.allocation import jobs, names, pods
from exporters.allocation.cards import Reading
from exporters.allocation.devices import Devices, place_at
from exporters.allocation.pod_logs import Names, User
from exporters.allocation.pod_resources import Holding
from exporters.allocation.shares import Shares, shares
from exporters.allocation.use import divide
from exporters.facility import Cycle, Outcome, State
from exporters.family import SoloFamily
from exporters.ledger import STALE_AFTER, Standing
from exporters.moment import Moment
from exporters.post import Pace, Post
from exporters.registry import ALLOCATION, HPC, chosen
from exporters.sample import Sample
from exporters.settings import Settings

LONGEST_PERIOD = 10.0
"""Seconds between two questions to the kubelet, however long the interval."""

Readings = Callable[[Moment], Sequence[Reading]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What the kubelet said last."""

    at: Moment
    held: tuple[Holding, ...]
    terminated: int
    omitted: int


class AllocationFamily:
    """Pods, jobs, and what each of them uses."""

    def __init__(self, settings: Settings, epoch: float, readings: Readings) -> None:
        """Open the posts; `readings` tells what the GPUs said lately."""
        pace = Pace.of(min(settings.interval, LONGEST_PERIOD), epoch)
        self._life = STALE_AFTER * settings.interval
        self._readings = readings
        self._pods: SoloFamily | None = None
        self._jobs: SoloFamily | None = None
        if chosen(ALLOCATION, settings.facilities):
            self._pods = SoloFamily(
                ALLOCATION,
                settings,
                pace,
                listen=self._hear,
                target=lambda: {pods.SEEN: int(self._seen), names.KNOWN: self._mark},
                lasting=False,
            )
        if settings.hpc_job_mapping_dir and chosen(HPC, settings.facilities):
            self._jobs = SoloFamily(HPC, settings, pace, lasting=False)
        self._told: _Told | None = None
        self._allocatable: tuple[tuple[str, str], ...] = ()
        self._names = Names()
        self._mark = ""
        self._seen = False

    @property
    def _families(self) -> list[SoloFamily]:
        return [family for family in (self._pods, self._jobs) if family is not None]

    @property
    def posts(self) -> list[Post]:
        """The kubelet's post, and that of the job files where there are any."""
        return [post for family in self._families for post in family.posts]

    @property
    def settled(self) -> bool:
        """Whether both have answered, or were seen not to."""
        return all(family.settled for family in self._families)

    def standings(self, now: Moment) -> Iterator[Standing]:
        """Yield each facility as its record has it."""
        for family in self._families:
            yield from family.standings(now)

    def _hear(self, cycle: Cycle, now: Moment) -> None:
        for outcome in cycle.outcomes:
            if outcome.facility == pods.FACILITY.name:
                self._hear_kubelet(outcome, now)
        for note in cycle.notes(names.NAMES):
            self._names, self._mark = Names.decoded(str(note)), names.mark(str(note))

    def _hear_kubelet(self, outcome: Outcome, now: Moment) -> None:
        """Keep what a kubelet said: one that restarts says nothing for some seconds.

        A list counts when it was told to its end.
        """
        counts = {note.name: int(note.value) for note in outcome.notes if note.name in _COUNTS}
        if pods.OMITTED in counts:
            self._told = _Told(
                at=now,
                held=tuple(pods.holdings_of(outcome)),
                terminated=counts[pods.TERMINATED],
                omitted=counts[pods.OMITTED],
            )
        elif outcome.state is State.ABSENT:
            self._told = None
        self._seen = self._seen or outcome.state is State.OK
        if outcome.state is State.OK:
            self._allocatable = tuple(pods.allocatable_of(outcome))

    def samples(self, now: Moment) -> Iterator[Sample]:
        """Yield who holds and uses what."""
        readings = self._readings(now)
        devices = Devices(reading.gpu for reading in readings)
        held = self._told if self._told and now.mono - self._told.at.mono <= self._life else None
        found = shares(devices, held.held if held else (), self._allocatable if held else ())
        if held:
            yield from _allocation(found, held)
            yield from self._offers()
        yield from self._users(readings, found)
        yield from self._of_jobs(devices, now)

    def _offers(self) -> Iterator[Sample]:
        for resource, count in Counter(resource for resource, _ in self._allocatable).items():
            yield Sample(metrics.GPU_ALLOCATABLE_DEVICES, (resource,), count)

    def _users(self, readings: Sequence[Reading], found: Shares) -> Iterator[Sample]:
        folded: list[int] = []
        for reading in readings:
            holders = _holders(reading, found)
            for metric, wholes in reading.divisible().items():
                for mig, told in divide(wholes, self._names, holders).items():
                    folded.append(told.folded)
                    place = place_at(reading.gpu, mig)
                    for labels, amount in told.parts.items():
                        yield Sample(metric, (*place.labels, *labels), amount)
        if folded:
            yield Sample(metrics.GPU_USERS_FOLDED, (), max(folded))

    def _of_jobs(self, devices: Devices, now: Moment) -> Iterator[Sample]:
        for index, instance, job in jobs.jobs_of(
            self._jobs.ledger.notes(now) if self._jobs else ()
        ):
            if (place := devices.numbered(index, instance)) is not None:
                yield Sample(metrics.GPU_JOB, (*place.labels, job), 1)


def _holders(reading: Reading, found: Shares) -> dict[str, Collection[User]]:
    """Return who was given the GPU, and each of its MIG devices by its uuid."""
    migs = ("", *(part.uuid for part in reading.gpu.parts))
    return {mig: found.parts.get(place_at(reading.gpu, mig), {}).keys() for mig in migs}


_COUNTS = (pods.TERMINATED, pods.OMITTED)


def _allocation(found: Shares, told: _Told) -> Iterator[Sample]:
    for place, parts in found.parts.items():
        for user, part in parts.items():
            labels = (*place.labels, user.namespace, user.pod, user.container)
            yield Sample(metrics.GPU_ALLOCATION, labels, part)
    yield Sample(metrics.GPU_ALLOCATION_OMITTED, (), found.omitted + told.omitted)
    yield Sample(metrics.GPU_ALLOCATION_TERMINATED, (), told.terminated)
    ids = {(one.source, one.device) for one in told.held}
    for source, count in Counter(source for source, _ in ids).items():
        yield Sample(metrics.GPU_ALLOCATED_DEVICES, (source,), count)
