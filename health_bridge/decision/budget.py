"""How much may be taken away at once, of the fleet and of each part of it. Pure.

Charged are nodes that pods cannot be placed on: taken by us, cordoned by others, not Ready. A node
that only waits to be verified is not, and `avoid`, which takes nothing away, has an account of its
own. A domain that fails as one spends its own account as one. Who was taken when stands on the
nodes, so that a restart loses nothing. Giving back never asks the budget.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog import wire
from catalog.conditions import ACCELERATORS_UNVERIFIED
from catalog.domains import label_value
from catalog.faults import Scope
from catalog.verdicts import Verdict
from health_bridge.decision.accounts import (
    AVOID,
    FLEET,
    RATE,
    TIER,
    Account,
    Level,
    part_accounts,
    rate_account,
)
from health_bridge.decision.domains import domain_of
from health_bridge.decision.limits import budget_size
from health_bridge.decision.nodes import NO_SCHEDULE, Keys, Node
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import APPLIED, Fault, Record

PAUSE = "pause"

Faults = Mapping[str, Sequence[Fault]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Who may be taken, and what that makes."""

    size: int
    """Of the fleet's budget."""
    taken: frozenset[str] = frozenset()
    """Nodes out of use, whoever took them, with those granted now."""
    granted: frozenset[str] = frozenset()
    """Nodes that may carry a NoSchedule taint of ours."""
    new: frozenset[str] = frozenset()
    """Those of them that are taken from now on."""
    withheld: Mapping[str, str] = field(default_factory=dict)
    """Node that would, were there budget → the budget that says no."""
    unavoided: Mapping[str, str] = field(default_factory=dict)
    """Node that would be avoided → the budget that says no."""
    levels: Mapping[str, Level] = field(default_factory=dict)
    """Kind of budget → how full it is."""


def holds(verdict: Verdict) -> bool:
    """Whether a verdict takes a node out of use."""
    return verdict.taint_effect == NO_SCHEDULE


def is_taken_by_us(node: Node, keys: Keys) -> bool:
    """Whether a taint of ours that a budget answers for keeps pods off the node now."""
    return _carries(node, NO_SCHEDULE, keys)


def _carries(node: Node, effect: str | None, keys: Keys) -> bool:
    if not node.taints:
        return False
    ours = keys.taints - {keys.taint(ACCELERATORS_UNVERIFIED.type)}
    return any(taint.key in ours and taint.effect == effect for taint in node.taints)


def is_charged(fault: Fault) -> bool:
    """Whether a fault takes its node out of use, at the expense of a budget."""
    return holds(fault.verdict) and not _is_free(fault) and not fault.withheld_by


def _is_avoiding(fault: Fault) -> bool:
    return fault.verdict is Verdict.AVOID and not _is_free(fault) and not fault.withheld_by


def _is_free(fault: Fault) -> bool:
    return fault.condition == ACCELERATORS_UNVERIFIED.type


def settle(
    nodes: Sequence[Node], wanted: Faults, records: Mapping[str, Record], policy: Policy, now: float
) -> Ledger:
    """Grant the budgets: who has one keeps it, then the worst, then the oldest.

    `wanted` is node → its open faults. A node whose taint goes in this very cycle is still
    charged, as that write may fail. While paused, nobody new is granted anything.
    """
    books = Books(nodes, wanted, records, policy, now)
    granted: set[str] = set()
    withheld: dict[str, str] = {}
    for name in _queue(wanted, is_charged):
        refusal = books.take(name)
        if refusal is None:
            granted.add(name)
        else:
            withheld[name] = refusal
    unavoided: dict[str, str] = {}
    for name in _queue(wanted, _is_avoiding):
        if (refusal := books.avoid(name)) is not None:
            unavoided[name] = refusal
    return Ledger(
        size=books.fleet.size,
        taken=frozenset(books.fleet.used),
        granted=frozenset(granted),
        new=frozenset(books.new),
        withheld=withheld,
        unavoided=unavoided,
        levels=books.levels(),
    )


def _queue(wanted: Faults, asks: Callable[[Fault], bool]) -> list[str]:
    """Return the nodes with a fault that asks for it: the worst first, then the oldest."""
    claims = {
        name: min(fault.rank[:2] for fault in asking)
        for name, faults in wanted.items()
        if (asking := [fault for fault in faults if asks(fault)])
    }
    return sorted(claims, key=lambda name: (claims[name], name))


class Books:
    """Every account, and what each node's taking costs."""

    def __init__(
        self,
        nodes: Sequence[Node],
        wanted: Faults,
        records: Mapping[str, Record],
        policy: Policy,
        now: float,
    ) -> None:
        """Open the accounts and charge what is out of use already, whoever took it."""
        self._paused = policy.paused
        self._wanted = wanted
        self._leaves = {node.name: node.leaves for node in nodes if node.name in wanted}
        self._ours = {
            node.name
            for node in nodes
            if (record := records[node.name]).faults or node.taints
            if _is_ours(node, record, policy)
        }
        self.new: set[str] = set()
        self.fleet = Account(name=FLEET, size=budget_size(policy.budget, len(nodes)))
        self._avoid = Account(
            name=AVOID,
            size=budget_size(policy.avoid, len(nodes)),
            used={
                node.name
                for node in nodes
                if _carries(node, Verdict.AVOID.taint_effect, policy.keys)
            },
        )
        self._rate = rate_account(nodes, records, policy, now)
        self._parts = part_accounts(nodes, policy)
        for node in nodes:
            if node.name in self._ours or node.cordoned or not node.ready:
                self._charge(node.name)

    def take(self, name: str) -> str | None:
        """Charge a node that we want to take; return the budget that refuses it."""
        if name in self._ours:
            return None
        if self._paused:
            return PAUSE
        for account in self._accounts(name):
            if not account.has_room_for(self._unit(name, account)):
                return account.name
        if self._rate is not None and not self._rate.has_room_for(name):
            return RATE
        self._charge(name)
        self.new.add(name)
        if self._rate is not None:
            self._rate.used.add(name)
        return None

    def avoid(self, name: str) -> str | None:
        """Charge a node that we want to be avoided; return the budget that refuses it.

        Whether a pause does stands in the taint that is there, which may become milder.
        """
        if name in self._avoid.used:
            return None
        if not self._avoid.has_room_for(name):
            return AVOID
        self._avoid.used.add(name)
        return None

    def levels(self) -> dict[str, Level]:
        """Return how full each kind of budget is."""
        parts = [account for accounts in self._parts.values() for account in accounts]
        rate = [] if self._rate is None else [self._rate]
        fullest: dict[str, Account] = {}
        for account in (self.fleet, self._avoid, *rate, *parts):
            known = fullest.get(account.kind)
            if known is None or account.fullness > known.fullness:
                fullest[account.kind] = account
        return {
            kind: Level(size=account.size, used=len(account.used))
            for kind, account in fullest.items()
        }

    def _accounts(self, name: str) -> list[Account]:
        return [self.fleet, *self._parts.get(name, [])]

    def _charge(self, name: str) -> None:
        for account in self._accounts(name):
            account.used.add(self._unit(name, account))

    def _unit(self, name: str, account: Account) -> str:
        """Return what a node is in an account: itself, or the domain whose fault takes it."""
        charged = [fault for fault in self._wanted.get(name, ()) if is_charged(fault)]
        if not account.domain or not charged:
            return name
        of_domain = all(self._is_of(f, name, account) for f in charged)
        return wire.place(Scope.DOMAIN.value, account.domain) if of_domain else name

    def _is_of(self, fault: Fault, node: str, account: Account) -> bool:
        """Whether a fault is of an account's domain, by its name or by that of a leaf of it."""
        domain = domain_of(fault)
        if domain is None:
            return False
        called = {domain, label_value(domain)}
        of_leaf = account.name == f"{TIER}-0" and not called.isdisjoint(self._leaves.get(node, ()))
        return account.domain in called or of_leaf


def _is_ours(node: Node, record: Record, policy: Policy) -> bool:
    """Whether we hold the node: by a taint, or by fencing its device in the taint's place."""
    if is_taken_by_us(node, policy.keys):
        return True
    return any(fault.action == APPLIED and is_charged(fault) for fault in record.faults)


def withholder(node: str, fault: Fault, ledger: Ledger, ceiling: Verdict) -> str:
    """Return what withholds a fault's verdict, "" where nothing does.

    What was set aside before any budget was asked stays so: another fault stands for it, or
    nothing may be tainted for it. A pause sets the `ceiling`, the worst that the condition's taint
    may be.
    """
    if fault.withheld_by:
        return fault.withheld_by
    by = ""
    if is_charged(fault):
        by = ledger.withheld.get(node, "")
    elif _is_avoiding(fault):
        by = ledger.unavoided.get(node, "")
    return by or (PAUSE if fault.verdict > ceiling else "")
