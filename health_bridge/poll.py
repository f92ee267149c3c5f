"""Ask every source, side by side: first for alerts and what is observed, then for proofs.

A source that fails is down for the cycle. One that fails at the proofs has said which faults there
are, and that still counts; it only proves nothing. One that is too slow for all of them proves
some, and is asked for others first the next time. What is observed is asked for by `look`, beside
the cycles.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeVar

from catalog import labels, wire
from health_bridge.decision.alerts import Reading, read_alertmanager, read_prometheus, without_state
from health_bridge.decision.damping import grown
from health_bridge.decision.proofs import Proof, Proofs, queries, without
from health_bridge.decision.sight import Questions, Sight, Witness
from health_bridge.observation import Lookout, Mask, Observed
from health_bridge.sources import Alertmanager, Prometheus, Sample, SourceError

T = TypeVar("T")

BATCH = 250
"""Nodes in one proof query: of up to 256 names Prometheus looks each up, and matches nothing."""

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

    def __init__(  # noqa: PLR0913 - whom it asks, for what and how, most by keyword
        self,
        alertmanagers: Sequence[Alertmanager],
        prometheis: Sequence[Prometheus],
        proofs: Proofs,
        *,
        cluster: str,
        timeout: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to ask; `timeout` is the limit for one answer, in seconds."""
        self._clock = clock
        self._turn = 0
        self._alertmanagers = {source.name: source for source in alertmanagers}
        self._prometheis = {source.name: source for source in prometheis}
        self._proofs = proofs
        self._mask = Mask(each for proof in proofs.faults.values() for each in proof.facilities)
        self._cluster = cluster
        self._patience = _PATIENCE * timeout
        self._pool = ThreadPoolExecutor(
            max_workers=max(1, len(self.kinds)), thread_name_prefix="source"
        )
        self._lookout = Lookout(
            {name: partial(self._observed, each) for name, each in self._prometheis.items()}
        )

    @property
    def kinds(self) -> dict[str, str]:
        """Each source and what it is."""
        return dict.fromkeys(self._alertmanagers, "alertmanager") | dict.fromkeys(
            self._prometheis, "prometheus"
        )

    def look(self, then: Callable[[], None]) -> None:
        """Begin to ask every Prometheus what it observes; `then` is called once all have told."""
        self._lookout.look(then)

    def alerts(self) -> Round:
        """Ask every source which alerts there are; what it observes, it has told when last asked.

        A Prometheus that failed then is down until it is asked again.
        """
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
        self._turn += 1
        answers, errors = self._ask(
            {
                name: partial(self._testify, self._prometheis[name], witness, questions)
                for name, witness in told.items()
            }
        )
        errors |= {name: late for name, (_, late) in answers.items() if late}
        down = so_far.sight.down | errors.keys()
        witnesses = {**told, **{name: witness for name, (witness, _) in answers.items()}}
        sight = replace(so_far.sight, witnesses=witnesses, down=down)
        return replace(so_far, sight=sight, errors={**so_far.errors, **errors})

    def close(self) -> None:
        """Ask nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._lookout.close()

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
        observed = self._lookout.told(source.name)
        alerts = source.query(self._proofs.alerts)
        started: Iterable[Sample] = ()
        if alerts and self._proofs.active_since:
            started = source.query(self._proofs.active_since)
        since = {without_state(sample.labels): sample.value for sample in started}
        told = (sample.labels for sample in alerts)
        reading = read_prometheus(told, self._proofs, self._cluster, since)
        return reading, Witness(observed=observed)

    def _observed(self, source: Prometheus) -> Observed:
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

    def _testify(
        self, source: Prometheus, so_far: Witness, questions: Questions
    ) -> tuple[Witness, str]:
        """Return what a source proves, and that it was too slow for all of it where it was.

        A part is as good as the whole for what it proves: only positive samples do.
        """
        deadline = self._clock() + self._patience
        late = ""

        def ask(template: str, names: Iterable[str], label: str = labels.NODE) -> Iterable[Sample]:
            return run(list(queries(template, names, BATCH, label)))

        def run(asked: Sequence[str]) -> Iterable[Sample]:
            nonlocal late
            first = self._turn % max(1, len(asked))
            for query in (*asked[first:], *asked[:first]):
                if self._clock() > deadline:
                    late = f"{source.name}: took over {self._patience:g} s for only some proofs"
                    return
                yield from self._ours(source.query(query))

        boots = list(ask(self._proofs.boot_time, questions.boots))
        resets = list(ask(self._proofs.reset_time, questions.resets))
        known = self._proofs.faults
        proven = frozenset(
            (fault, *_proven(sample, known[fault]), times)
            for (fault, times), names in questions.proofs.items()
            for sample in ask(
                grown(known[fault].query, known[fault].soak, times), names, _label(known[fault])
            )
            if sample.value == 1
        )
        witness = replace(
            so_far,
            proven=proven,
            replaced=_replaced(run(list(self._wholes(questions))), questions),
            boot_times=_earliest((s.labels.get(labels.NODE, ""), s.value) for s in boots),
            reset_times=_earliest(
                ((s.labels.get(labels.NODE, ""), s.labels.get(labels.UUID, "")), s.value)
                for s in resets
            ),
        )
        return witness, late

    def _wholes(self, questions: Questions) -> Iterable[str]:
        """Yield what asks which nodes are whole without their faulty GPUs."""
        whole, nodes = self._proofs.whole, sorted(questions.replaced)
        for start in range(0, len(nodes) if whole else 0, BATCH):
            batch = nodes[start : start + BATCH]
            gone = without(uuid for node in batch for uuid in questions.replaced[node])
            if whole is not None:
                yield from queries(whole.query, batch, BATCH, more=f",{gone}")

    def _ours(self, samples: Iterable[Sample]) -> Iterable[Sample]:
        """Leave out what is another cluster's: a global Prometheus may hold several."""
        for sample in samples:
            if not self._cluster or sample.labels.get(labels.CLUSTER, self._cluster) == (
                self._cluster
            ):
                yield sample


def _replaced(samples: Iterable[Sample], questions: Questions) -> frozenset[tuple[str, str]]:
    """Return the GPUs without which their nodes are whole, and so are replaced."""
    whole = (s.labels.get(labels.NODE, "") for s in samples if s.value == 1)
    return frozenset((node, uuid) for node in whole for uuid in questions.replaced.get(node, ()))


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
    """Return the earliest time of each: where two series disagree, the stricter one counts.

    NaN and infinity are no times, and tell nothing.
    """
    found: dict[K, float] = {}
    for key, value in times:
        if math.isfinite(value):
            found[key] = min(value, found.get(key, value))
    return found
