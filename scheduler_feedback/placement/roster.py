"""Every node as one row of arrays: its health, its place in the network, what it has.

Fed by the watch of nodes, read by each request; whoever reads or writes holds `lock`. A row is
reused once its node is gone.
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.wire import GPU_RESOURCE, PREFIX
from scheduler_feedback.gang.fleet import NOWHERE, Ints, Mask
from scheduler_feedback.gang.nodes import read_tiers
from scheduler_feedback.gang.quantities import read_amounts
from scheduler_feedback.health import NodeHealth
from scheduler_feedback.placement.alignment import RDMA, Alignment
from scheduler_feedback.placement.lookup import UNKNOWN, Listed, Lookup
from scheduler_feedback.protocol import string_json
from scheduler_feedback.score import BEST, score
from scheduler_feedback.share.gpus import Faulty, read_faulty
from scheduler_feedback.share.names import MOST_GPUS, Names, Size, size_of
from scheduler_feedback.tolerations import Toleration

TIERS = 8
_MIB = 1 << 20
_FIRST_ROWS = 64


class Roster:
    """The nodes; `rows` says which row a node's name has."""

    def __init__(
        self,
        names: Names,
        *,
        prefix: str = PREFIX,
        pool_label: str = "",
        pools: Sequence[str] = (),
        rdma: Sequence[str] = RDMA,
    ) -> None:
        """Begin empty; the values of the pool label that are named are preferred in this order."""
        self.lock = threading.RLock()
        self.rows: dict[bytes, int] = {}
        """By the name as JSON has it, without quotes."""
        self.at: dict[str, int] = {}
        self.health: list[NodeHealth | None] = []
        self.size: list[Size] = []
        self.faulty: list[Faulty] = []
        self.version = 1
        """Grows with every change."""
        self.members = 0
        """Grows with every node that comes or goes."""
        self.alignment = Alignment(prefix, rdma)
        """How near each other a row's GPUs and NICs are."""
        self._lookup: Lookup | None = None
        self._names = names
        self._prefix = prefix
        self._pool_label = pool_label
        self._pools = {pool: rank for rank, pool in enumerate(pools)}
        self._spare: list[int] = []
        self._domains: dict[tuple[str, ...], int] = {}
        self._grow(_FIRST_ROWS)

    def _grow(self, rows: int) -> None:
        known = len(self.health)
        self.alignment.grow(rows)
        self.unfit: Mask = self._more("unfit", (rows,), known, np.bool_)
        self.clean: Mask = self._more("clean", (rows,), known, np.bool_)
        self.shares: Mask = self._more("shares", (rows,), known, np.bool_)
        """Whether a node has GPUs to share."""
        self.pool: Ints = self._more("pool", (rows,), known)
        self.tier: Ints = self._more("tier", (rows, TIERS), known)
        self.cpu: Ints = self._more("cpu", (rows,), known)
        """Milli-CPU."""
        self.memory: Ints = self._more("memory", (rows,), known)
        """MiB."""
        self.gpus: Ints = self._more("gpus", (rows,), known)
        """From the ordinary device plugin."""
        self.changed: Ints = self._more("changed", (rows,), known)
        """The version of each row."""
        self.points: Ints = self._more("points", (rows,), known)
        """What its health is worth."""

    def _more(
        self, name: str, shape: tuple[int, ...], known: int, kind: type[Any] = np.int64
    ) -> NDArray[Any]:
        made = np.zeros(shape, dtype=kind)
        if known:
            made[:known] = getattr(self, name)[:known]
        return made

    @property
    def capacity(self) -> int:
        """Rows there are, in use or not."""
        return len(self.pool)

    def find(self, listed: Listed) -> Ints:
        """Return the row of each name, UNKNOWN where there is no such node."""
        if self._lookup is None:
            self._lookup = Lookup(self.rows.items())
        rows = self._lookup.find(listed)
        missed = np.flatnonzero(rows < 0).tolist()
        if missed:
            rows[missed] = [self.rows.get(name, UNKNOWN) for name in listed.names(missed)]
        return rows

    def named_by(self, tolerations: Iterable[Toleration]) -> bool:
        """Whether any of the tolerations may be for one of our taints."""
        return any(t.key == "" or t.key.startswith(self._prefix) for t in tolerations)

    def put(self, node: Mapping[str, Any], health: NodeHealth) -> None:
        """Take a Node object and what is known of its health."""
        with self.lock:
            row = self._row(health.name)
            amounts = read_amounts((node.get("status") or {}).get("allocatable"))
            labels = node["metadata"].get("labels") or {}
            self.health[row] = health
            self.size[row] = size_of(node, amounts, self._names)
            self.faulty[row] = read_faulty(node, self._prefix)
            self.points[row] = score(health.grade)
            self.unfit[row] = bool(health.refusals)
            self.clean[row] = self.points[row] == BEST
            self.shares[row] = self.size[row].gpus > 0
            self.pool[row] = self._pools.get(labels.get(self._pool_label, ""), len(self._pools))
            self.tier[row] = self._numbers(read_tiers(labels, self._prefix))
            self.cpu[row] = amounts.get("cpu", 0)
            self.memory[row] = amounts.get("memory", 0) // _MIB
            self.gpus[row] = min(amounts.get(GPU_RESOURCE, 0), MOST_GPUS)
            self.alignment.put(row, node)
            self.touch(row)

    def touch(self, row: int) -> None:
        """Take note that something about a row has changed."""
        self.version += 1
        self.changed[row] = self.version

    def drop(self, name: str) -> None:
        """Take note that a node is gone."""
        with self.lock:
            row = self.at.pop(name, None)
            if row is None:
                return
            self.rows.pop(string_json(name)[1:-1].encode(), None)
            self.health[row] = None
            self.alignment.drop(row, name)
            self.size[row], self.faulty[row] = Size(gpus=0, memory=0), Faulty()
            for column in (self.unfit, self.clean, self.shares, self.cpu, self.memory, self.gpus):
                column[row] = 0
            self.tier[row] = NOWHERE
            self.touch(row)
            self._spare.append(row)
            self.members += 1
            self._lookup = None

    def keep(self, names: set[str]) -> None:
        """Take note that only these nodes are there."""
        with self.lock:
            for name in [name for name in self.at if name not in names]:
                self.drop(name)

    def _row(self, name: str) -> int:
        row = self.at.get(name)
        if row is not None:
            return row
        if self._spare:
            row = self._spare.pop()
        else:
            row = len(self.health)
            if row == self.capacity:
                self._grow(2 * self.capacity)
            self.health.append(None)
            self.size.append(Size(gpus=0, memory=0))
            self.faulty.append(Faulty())
        self.members += 1
        self._lookup = None
        self.at[name] = row
        self.rows[string_json(name)[1:-1].encode()] = row
        return row

    def _numbers(self, tiers: Sequence[str]) -> list[int]:
        """Return a node's domains as numbers; of one name under other parents, another number."""
        found = [NOWHERE] * TIERS
        for tier, name in enumerate(tiers[:TIERS]):
            if name:
                chain = (str(tier), *tiers[tier:])
                found[tier] = self._domains.setdefault(chain, len(self._domains))
        return found
