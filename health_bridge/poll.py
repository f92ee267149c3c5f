"""Ask every source, side by side: first for alerts and what is observed, then for proofs.

A source that fails is down for the cycle. One that fails at the proofs has said which faults there
are, and that still counts; it only proves nothing.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from catalog import labels, wire
from health_bridge.alerts import Reading, read_alertmanager, read_prometheus, without_state
from health_bridge.damping import grown
from health_bridge.observation import Mask
from health_bridge.proofs import Proof, Proofs, queries, without
from health_bridge.sight import Questions, Sight, Witness
from health_bridge.sources import Alertmanager, Prometheus, Sample, SourceError

T = TypeVar("T")

BATCH = 100
"""Nodes in one proof query: about 6 KB of matcher."""

_PATIENCE = 3
"""How many times the limit for one answer a source may take for all of its proofs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One cycle's answers so far; `errors` says of each source that is down why it is."""

    sight: Sight
    skipped: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


class Poll:
    """Asks the sources; knows nothing of nodes."""

    def __init__(
        self,
        alertmanagers: Sequence[Alertmanager],
        prometheis: Sequence[Prometheus],
        proofs: Proofs,
        *,
        cluster: str,
        timeout: float,
    ) -> None:
        """Prepare to ask; `timeout` is the limit for one answer, in seconds."""
        self._alertmanagers = {source.name: source for source in alertmanagers}
        self._prometheis = {source.name: source for source in prometheis}
        self._proofs = proofs
        self._mask = Mask(each for proof in proofs.faults.values() for each in proof.facilities)
        self._cluster = cluster
        self._patience = _PATIENCE * timeout
        self._pool = ThreadPoolExecutor(
            max_workers=max(1, len(self.kinds)), thread_name_prefix="source"
        )

    @property
    def kinds(self) -> dict[str, str]:
        """Each source and what it is."""
        return dict.fromkeys(self._alertmanagers, "alertmanager") | dict.fromkeys(
            self._prometheis, "prometheus"
        )

    def alerts(self) -> Round:
        """Ask every source which alerts there are and what it observes."""
        answers, errors = self._ask(
            {name: partial(self._managed, each) for name, each in self._alertmanagers.items()}
            | {name: partial(self._judged, each) for name, each in self._prometheis.items()}
        )
        skipped: Counter[str] = Counter()
        for reading, _ in answers.values():
            skipped.update(reading.skipped)
        sight = Sight(
            findings=tuple(each for reading, _ in answers.values() for each in reading.findings),
            witnesses={name: told for name, (_, told) in answers.items() if told is not None},
            complete=not self._alertmanagers or bool(self._alertmanagers.keys() & answers.keys()),
            down=frozenset(self._prometheis.keys() & errors.keys()),
        )
        return Round(sight=sight, skipped=dict(skipped), errors=errors)

    def proofs(self, so_far: Round, questions: Questions) -> Round:
        """Ask every Prometheus that has answered for the proofs of the open faults."""
        told = so_far.sight.witnesses
        if questions == Questions():
            return so_far
        answers, errors = self._ask(
            {
                name: partial(self._testify, self._prometheis[name], witness, questions)
                for name, witness in told.items()
            }
        )
        down = so_far.sight.down | errors.keys()
        sight = replace(so_far.sight, witnesses={**told, **answers}, down=down)
        return replace(so_far, sight=sight, errors={**so_far.errors, **errors})

    def close(self) -> None:
        """Ask nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, asks: Mapping[str, Callable[[], T]]) -> tuple[dict[str, T], dict[str, str]]:
        """Return the answers, and why there is none of the others."""
        answers: dict[str, T] = {}
        errors: dict[str, str] = {}
        for name, future in {name: self._pool.submit(ask) for name, ask in asks.items()}.items():
            try:
                answers[name] = future.result()
            except SourceError as error:
                errors[name] = str(error)
        return answers, errors

    def _managed(self, source: Alertmanager) -> tuple[Reading, Witness | None]:
        try:
            return read_alertmanager(source.alerts(), self._proofs, self._cluster), None
        except ValueError as error:
            raise SourceError(f"{source.name}: {error}") from None

    def _judged(self, source: Prometheus) -> tuple[Reading, Witness | None]:
        alerts = source.query(self._proofs.alerts)
        started: Iterable[Sample] = ()
        if alerts and self._proofs.active_since:
            started = source.query(self._proofs.active_since)
        since = {without_state(sample.labels): sample.value for sample in started}
        told = (sample.labels for sample in alerts)
        reading = read_prometheus(told, self._proofs, self._cluster, since)
        return reading, Witness(observed=self._observed(source))

    def _observed(self, source: Prometheus) -> dict[str, frozenset[str]]:
        seen: dict[str, frozenset[str]] = {}
        for place, query in enumerate(self._mask.queries(self._proofs.observed)):
            for sample in self._ours(source.query(query)):
                node = sample.labels.get(labels.NODE, "")
                try:
                    told = self._mask.read(place, sample.value)
                except ValueError as error:
                    raise SourceError(f"{source.name}: what is observed: {error}") from None
                seen[node] = seen[node] | told if node in seen else told
        return seen

    def _testify(self, source: Prometheus, so_far: Witness, questions: Questions) -> Witness:
        deadline = time.monotonic() + self._patience

        def ask(template: str, names: frozenset[str], label: str = labels.NODE) -> Iterable[Sample]:
            for query in queries(template, names, BATCH, label):
                if time.monotonic() > deadline:
                    raise SourceError(f"{source.name}: its proofs took over {self._patience:g} s")
                yield from self._ours(source.query(query))

        known = self._proofs.faults
        proven = frozenset(
            (fault, *_proven(sample, known[fault]), times)
            for (fault, times), names in questions.proofs.items()
            for sample in ask(
                grown(known[fault].query, known[fault].soak, times), names, _label(known[fault])
            )
            if sample.value == 1
        )
        replaced = self._replaced(source, questions, deadline)
        boots = ask(self._proofs.boot_time, questions.boots)
        resets = ask(self._proofs.reset_time, questions.resets)
        return replace(
            so_far,
            proven=proven,
            replaced=replaced,
            boot_times=_earliest((s.labels.get(labels.NODE, ""), s.value) for s in boots),
            reset_times=_earliest(
                ((s.labels.get(labels.NODE, ""), s.labels.get(labels.UUID, "")), s.value)
                for s in resets
            ),
        )

    def _replaced(
        self, source: Prometheus, questions: Questions, deadline: float
    ) -> frozenset[tuple[str, str]]:
        """Ask which nodes are whole without their faulty GPUs; a whole node's are replaced."""
        whole, nodes = self._proofs.whole, sorted(questions.replaced)
        if whole is None:
            return frozenset()
        found: set[tuple[str, str]] = set()
        for start in range(0, len(nodes), BATCH):
            batch = nodes[start : start + BATCH]
            gone = without(uuid for node in batch for uuid in questions.replaced[node])
            (query,) = queries(whole.query, batch, BATCH, more=f",{gone}")
            if time.monotonic() > deadline:
                raise SourceError(f"{source.name}: its proofs took over {self._patience:g} s")
            for sample in self._ours(source.query(query)):
                node = sample.labels.get(labels.NODE, "")
                if sample.value == 1:
                    found |= {(node, uuid) for uuid in questions.replaced.get(node, ())}
        return frozenset(found)

    def _ours(self, samples: Iterable[Sample]) -> Iterable[Sample]:
        """Leave out what is another cluster's: a global Prometheus may hold several."""
        for sample in samples:
            if not self._cluster or sample.labels.get(labels.CLUSTER, self._cluster) == (
                self._cluster
            ):
                yield sample


def _label(proof: Proof) -> str:
    return proof.identity if proof.is_wide else labels.NODE


def _proven(sample: Sample, proof: Proof) -> tuple[str, str]:
    """Return node and device that a proof's series names."""
    identity = sample.labels.get(proof.identity, "") if proof.identity else wire.NODE
    if proof.is_wide:
        return "", wire.place(proof.scope.value, identity)
    return sample.labels.get(labels.NODE, ""), identity


K = TypeVar("K")


def _earliest(times: Iterable[tuple[K, float]]) -> dict[K, float]:
    """Return the earliest time of each: where two series disagree, the stricter one counts."""
    found: dict[K, float] = {}
    for key, value in times:
        found[key] = min(value, found.get(key, value))
    return found
