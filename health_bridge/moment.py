"""All that one decision reads, and what it came to, as flat JSON values under keys; and back.

Flat, so that a log need write only the keys that have changed since its line before. What a
decision never reads is left out: the PromQL of the proofs, a node's resource version.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from health_bridge.decision.alerts import Finding
from health_bridge.decision.decide import Decision, decide
from health_bridge.decision.fencing import Fences
from health_bridge.decision.nodes import Node
from health_bridge.decision.outcome import Memory
from health_bridge.decision.policy import Policy
from health_bridge.decision.quiet import Quiet
from health_bridge.decision.record import Fault
from health_bridge.decision.sight import Sight, Witness
from health_bridge.decision.steps import SetAnnotation, Step, say

T = TypeVar("T")

NODE, OUTCOME, FINDING, MEMORY = "node", "outcome", "finding", "memory"
OBSERVED, WITNESS, POLICY, SIGHT, FENCES = "observed", "witness", "policy", "sight", "fences"

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was decided of one fault."""

    fault: str
    device: str
    verdict: str
    action: str
    withheld_by: str = ""
    fence: str = ""

    @property
    def is_applied(self) -> bool:
        """Whether its verdict is carried out on the node itself."""
        return not self.withheld_by and not self.fence

    def __str__(self) -> str:
        """Say it in a line."""
        how = self.withheld_by or self.fence
        by = f" ({how})" if how else ""
        return f"{self.fault} {self.device}: {self.verdict} {self.action}{by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was decided of one node."""

    faults: tuple[Settled, ...] = ()
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The whole input of one decision."""

    nodes: Sequence[Node]
    sight: Sight
    policy: Policy
    memory: Memory = field(default_factory=dict)
    fences: Fences = field(default_factory=Fences)

    def decide(self, quiet: Quiet | None = None) -> Decision:
        """Decide it, anew or again."""
        return decide(self.nodes, self.sight, self.policy, self.memory, self.fences, quiet=quiet)


def told(decision: Decision) -> dict[str, Told]:
    """Return what a decision came to, node by node; an annotation is told by its key alone."""
    steps = {plan.node.name: tuple(map(_step, plan.steps)) for plan in decision.plans}
    return {
        name: Told(
            faults=tuple(map(_settled, decision.faults.get(name, ()))), steps=steps.get(name, ())
        )
        for name in sorted({*decision.faults, *steps})
    }


def _step(step: Step) -> str:
    return f"set annotation {step.key}" if isinstance(step, SetAnnotation) else say(step)


def _settled(fault: Fault) -> Settled:
    return Settled(
        fault=fault.fault,
        device=fault.device,
        verdict=fault.verdict.label,
        action=fault.action,
        withheld_by=fault.withheld_by,
        fence=fault.fence,
    )


def flat(moment: Moment, outcome: Mapping[str, Told]) -> Iterator[tuple[str, bytes]]:
    """Yield key and JSON of everything in a moment but its time, and of its outcome."""
    sight, policy = moment.sight, moment.policy
    faults = {name: replace(proof, query="") for name, proof in policy.proofs.faults.items()}
    proofs = replace(policy.proofs, faults=faults)
    # No decision tells a start that is later than now from now, and JSON has no infinity.
    yield POLICY, _encode(replace(policy, proofs=proofs, started=min(policy.started, sight.now)))
    yield SIGHT, _encode(_rest(sight, "now", "findings", "witnesses"))
    yield FENCES, _encode(_rest(moment.fences))
    for node in moment.nodes:
        if node.managed:
            yield f"{NODE} {node.name}", _encode(replace(node, version=""))
    yield from _flat_sight(sight)
    memory: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for (name, what), since in moment.memory.items():
        memory[name][what] = since
    for name, known in memory.items():
        yield f"{MEMORY} {name}", _encode(known)
    for name, each in outcome.items():
        yield f"{OUTCOME} {name}", _encode(each)


def _flat_sight(sight: Sight) -> Iterator[tuple[str, bytes]]:
    findings: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in sight.findings:
        where = finding.node or f"{finding.scope} {finding.place}"
        findings[f"{where} {finding.fault} {finding.device}"].append(finding)
    for key, alike in findings.items():
        yield f"{FINDING} {key}", _encode(alike)
    for source, witness in sight.witnesses.items():
        yield f"{WITNESS} {source}", _encode(_rest(witness, "observed"))
        for name, facilities in witness.observed.items():
            yield f"{OBSERVED} {source} {name}", _encode(sorted(facilities))


def _rest(record: Any, *without: str) -> dict[str, Any]:
    """Return the fields of a dataclass, each mapping as a list of its pairs, in order."""
    names = (each.name for each in dataclasses.fields(record) if each.name not in without)
    return {name: _plain(getattr(record, name)) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted(value.items(), key=repr)
    return sorted(value, key=repr) if isinstance(value, frozenset) else value


class Picture:
    """A moment as it is put together from keys that are set and unset."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._kept: defaultdict[str, dict[str, Any]] = defaultdict(dict)

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def set(self, key: str, raw: bytes) -> None:
        """Take a key's value; ValueError where it is not what it should be."""
        kind, _, name = key.partition(" ")
        reader = _READERS.get(kind)
        if reader is not None:
            self._kept[kind][name] = reader(raw)

    def unset(self, key: str) -> None:
        """Forget a key."""
        kind, _, name = key.partition(" ")
        self._kept[kind].pop(name, None)

    @property
    def outcome(self) -> Mapping[str, Told]:
        """What was decided."""
        return dict(self._kept[OUTCOME])

    def moment(self, now: float) -> Moment:
        """Return what was read; ValueError where a part is missing."""
        kept = self._kept
        if not (kept[POLICY] and kept[SIGHT]):
            raise ValueError("no policy, or nothing seen")
        alike: Sequence[tuple[Finding, ...]] = tuple(kept[FINDING].values())
        return Moment(
            nodes=tuple(kept[NODE].values()),
            policy=kept[POLICY][""],
            sight=replace(
                kept[SIGHT][""],
                now=now,
                findings=tuple(finding for each in alike for finding in each),
                witnesses=dict(self._witnesses()),
            ),
            memory={
                (name, what): since
                for name, known in kept[MEMORY].items()
                for what, since in known.items()
            },
            fences=kept[FENCES].get("", Fences()),
        )

    def _witnesses(self) -> Iterator[tuple[str, Witness]]:
        observed: defaultdict[str, dict[str, frozenset[str]]] = defaultdict(dict)
        for key, facilities in self._kept[OBSERVED].items():
            source, _, name = key.rpartition(" ")
            observed[source][name] = facilities
        for source, witness in self._kept[WITNESS].items():
            yield source, replace(witness, observed=observed[source])


def _reader(kind: Any) -> Any:
    return msgspec.json.Decoder(kind, strict=False).decode


def _record_reader(record: type[T]) -> Any:
    """Return a reader of what `_rest` has told of a dataclass."""
    hints = get_type_hints(record)

    def read(raw: bytes) -> T:
        document = msgspec.json.decode(raw)
        if not isinstance(document, dict):
            raise ValueError(f"not a {record.__name__}")  # noqa: TRY004 - the file's error
        return record(**{n: _convert(document[n], hints[n]) for n in document if n in hints})

    return read


def _convert(value: Any, hint: Any) -> Any:
    """Return a value as its type says; pairs become the mapping that they were."""
    if get_origin(hint) is not Mapping:
        return msgspec.convert(value, hint)
    one, other = get_args(hint)
    return {msgspec.convert(k, one): msgspec.convert(v, other) for k, v in value}


_READERS = {
    NODE: _reader(Node),
    OUTCOME: _reader(Told),
    FINDING: _reader(tuple[Finding, ...]),
    MEMORY: _reader(dict[str, float]),
    OBSERVED: _reader(frozenset[str]),
    POLICY: _reader(Policy),
    SIGHT: _record_reader(Sight),
    WITNESS: _record_reader(Witness),
    FENCES: _record_reader(Fences),
}
