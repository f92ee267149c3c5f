"""What one cycle has seen: the input of a decision, but for the nodes themselves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from health_bridge.decision.alerts import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What one Prometheus says; one that is down says nothing and has none."""

    observed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Node → each `family/facility` of it whose collector succeeds and is fresh."""
    proven: frozenset[tuple[str, str, str, int]] = frozenset()
    """(fault, node, device, n) that have been healthy for n soaks in a row; of a domain or line
    the node is ""."""
    replaced: frozenset[tuple[str, str]] = frozenset()
    """(node, uuid) of a GPU without which its node has been complete and healthy."""
    boot_times: Mapping[str, float] = field(default_factory=dict)
    """Node → when its kernel started, Unix seconds."""
    reset_times: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """(node, uuid) → when the GPU was last reset, Unix seconds."""

    def observes_anywhere(self, facilities: Iterable[str]) -> bool:
        """Whether each of the facilities is observed on some node: it sees domains and lines."""
        return frozenset().union(*self.observed.values()).issuperset(facilities)


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What all sources say together, at one moment."""

    now: float = 0.0
    """When they were asked, Unix seconds."""
    findings: tuple[Finding, ...] = ()
    witnesses: Mapping[str, Witness] = field(default_factory=dict)
    """Source → what it says."""
    complete: bool = True
    """Of the Alertmanagers, where there are any, at least one answered."""
    down: frozenset[str] = frozenset()
    """Every configured Prometheus that did not answer."""

    def observed(self, node: str) -> frozenset[str]:
        """Return the facilities of a node that any source observes."""
        return self._observed.get(node, frozenset())

    @cached_property
    def _observed(self) -> Mapping[str, frozenset[str]]:
        seen: dict[str, frozenset[str]] = {}
        for told in self.witnesses.values():
            for node, facilities in told.observed.items():
                seen[node] = seen[node] | facilities if node in seen else facilities
        return seen

    @cached_property
    def observed_anywhere(self) -> frozenset[str]:
        """The facilities that any source observes on any node."""
        told = (seen for each in self.witnesses.values() for seen in each.observed.values())
        return frozenset().union(*told)

    def observers(self, facilities: Iterable[str]) -> frozenset[str]:
        """Return the sources that see domains and lines by these facilities."""
        wanted = tuple(facilities)
        return frozenset(
            name for name, told in self.witnesses.items() if told.observes_anywhere(wanted)
        )

    def booted(self, node: str) -> float | None:
        """Return when a node's kernel started, the earliest that a source says; None: unknown."""
        times = (told.boot_times.get(node) for told in self.witnesses.values())
        return min((each for each in times if each is not None), default=None)

    def renewals(self, node: str, device: str | None) -> list[float] | None:
        """Return when a node booted last and, of a device, when it was reset, as each source says.

        None where one that observes the node does not say, or may and does not answer.
        """
        told = [self.witnesses[source] for source in self.vouching(node)]
        boots = [each.boot_times.get(node) for each in told]
        if self.down or not boots or None in boots:
            return None
        resets = [each.reset_times.get((node, device)) for each in told] if device else []
        return [moment for moment in (*boots, *resets) if moment is not None]

    def vouching(self, node: str) -> frozenset[str]:
        """Return the sources that observe a node: from now on, each must prove its recovery."""
        return self._vouching.get(node, frozenset())

    @cached_property
    def _vouching(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = {}
        for source, told in self.witnesses.items():
            alone = frozenset({source})
            for node, facilities in told.observed.items():
                if facilities:
                    found[node] = found[node] | alone if node in found else alone
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What is asked of each Prometheus about the faults that may have recovered, or come back."""

    proofs: Mapping[tuple[str, int], frozenset[str]] = field(default_factory=dict)
    """Fault, soaks in a row → nodes on which it is open, or the domains or lines it is of."""
    replaced: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Node → its GPUs with a fault that may have been replaced."""
    boots: frozenset[str] = frozenset()
    """Nodes whose boot time matters."""
    resets: frozenset[str] = frozenset()
    """Nodes whose GPUs' reset times matter."""

    def without_proofs(self) -> "Questions":
        """Return what bears on new faults alone: nothing of it can clear one."""
        return replace(self, proofs={}, replaced={})
