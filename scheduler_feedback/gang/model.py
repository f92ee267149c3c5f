"""A gang as its pods describe it."""

from dataclasses import dataclass

from scheduler_feedback.gang.fleet import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """One pod of a gang."""

    name: str
    uid: str
    index: int
    """Its rank; neighbours in rank talk most, so they are put next to each other."""
    request: Request
    node: str = ""
    """Where it runs, or is pinned to; empty while it waits at the gate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gang:
    """Pods that are placed together."""

    namespace: str
    name: str
    size: int
    least: int
    """With how many ranks it may start."""
    ranks: tuple[Rank, ...]
    """The pods that exist, by index."""
    required: int | None = None
    """The tier of which one domain must hold the whole gang; None where any nodes will do."""
    preferred: int | None = None
    """The tier of which one domain should hold it."""
    slice_size: int = 1
    """So many neighbouring ranks stay together in one domain of `slice_tier`."""
    slice_tier: int | None = None
    site_tier: int | None = None
    """The tier it never straddles though it may not ask for it: sites joined by a line."""
    priority: int = 0
    since: float = 0.0
    """When its first pod was created, in Unix seconds."""
    engine: str = ""
    """Who else admits its pods, one of `markers`; empty where nobody does."""

    @property
    def key(self) -> str:
        """Namespace and name."""
        return f"{self.namespace}/{self.name}"

    @property
    def waiting(self) -> tuple[Rank, ...]:
        """The ranks without a node."""
        return tuple(rank for rank in self.ranks if not rank.node)

    @property
    def placed(self) -> tuple[Rank, ...]:
        """The ranks with one."""
        return tuple(rank for rank in self.ranks if rank.node)
