"""What one cycle has seen: the input of a decision, but for the nodes themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from health_bridge.alerts import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What one Prometheus says; one that is down says nothing and has none."""

    observed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Node → each `family/facility` of it whose collector succeeds and is fresh."""
    proven: frozenset[tuple[str, str, str]] = frozenset()
    """(fault, node, device) that have been healthy for the whole soak."""
    boot_times: Mapping[str, float] = field(default_factory=dict)
    """Node → when its kernel started, Unix seconds."""
    reset_times: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(node, uuid) → when the GPU was last reset, Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What all sources say together, at one moment."""

    now: float = 0.0
    """When they were asked, Unix seconds."""
    findings: tuple[Finding, ...] = ()
    witnesses: Mapping[str, Witness] = field(default_factory=dict)
    """Source → what it says."""
    complete: bool = True
    """Of the Alertmanagers, where there are any, at least one answered."""

    def observed(self, node: str) -> frozenset[str]:
        """Return the facilities of a node that any source observes."""
        seen = (told.observed.get(node, frozenset()) for told in self.witnesses.values())
        return frozenset().union(*seen)

    def booted(self, node: str) -> float | None:
        """Return when a node's kernel started, the earliest that a source says; None: unknown."""
        times = (told.boot_times.get(node) for told in self.witnesses.values())
        return min((each for each in times if each is not None), default=None)

    def vouching(self, node: str) -> frozenset[str]:
        """Return the sources that observe a node: from now on, each must prove its recovery."""
        return frozenset(
            source for source, told in self.witnesses.items() if told.observed.get(node)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What is asked of each Prometheus about the faults that may have recovered, or come back."""

    proofs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Fault → nodes on which it is open."""
    boots: frozenset[str] = frozenset()
    """Nodes whose boot time matters."""
    resets: frozenset[str] = frozenset()
    """Nodes whose GPUs' reset times matter."""
