"""The accounts of the budget: the fleet's, its parts', and that of a stretch of time. Pure."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from catalog import bridge
from health_bridge.decision.limits import budget_size
from health_bridge.decision.nodes import Node
from health_bridge.decision.policy import Policy
from health_bridge.decision.record import Record

FLEET, AVOID, RATE, TIER, LABEL = bridge.BUDGETS


@dataclass(slots=True, kw_only=True)
class Account:
    """One budget, while it is being spent: `used` are nodes, or a domain in a node's place."""

    name: str
    size: int
    used: set[str] = field(default_factory=set)
    domain: str = ""
    """The topology domain whose account it is, "" where it is none's."""

    @property
    def fullness(self) -> float:
        """Share that is spent; above 1 where others took more than the budget is."""
        return len(self.used) / self.size

    @property
    def kind(self) -> str:
        """Which of the catalogue's budgets it is."""
        return budget_kind(self.name)

    def has_room_for(self, unit: str) -> bool:
        """Whether it may be taken: one more, or one that others have taken out of use already.

        That one costs nothing more, but they may give it back, and what is ours then must not be
        more than the budget: where they have taken more than that, nothing more is taken.
        """
        return len(self.used) + (unit not in self.used) <= self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How full a kind of budget is: its fullest account."""

    size: int
    used: int


def budget_kind(name: str) -> str:
    """Return the catalogue's word for what withholds: `tier` for `tier-0`, `fleet` for itself."""
    return re.split("[:-]", name, maxsplit=1)[0]


def rate_account(
    nodes: Sequence[Node], records: Mapping[str, Record], policy: Policy, now: float
) -> Account | None:
    """Return the account of those newly taken, with whom was lately; None where there is none."""
    if policy.rate is None:
        return None
    lately = {
        node.name
        for node in nodes
        if (taken := records[node.name].owned.taken) is not None
        and abs(now - taken) < policy.rate.window
    }
    return Account(name=RATE, size=budget_size(policy.rate.nodes, len(nodes)), used=lately)


def part_accounts(nodes: Sequence[Node], policy: Policy) -> dict[str, list[Account]]:
    """Return node → the accounts of its domains and label values."""
    members: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for node in nodes:
        for tier, budget in policy.tiers:
            if domain := node.tiers.get(int(tier)):
                members[f"{TIER}-{tier}", domain, budget].append(node.name)
        for key, budget in policy.labels:
            if value := node.labels.get(key):
                members[f"{LABEL}:{key}", value, budget].append(node.name)
    accounts: defaultdict[str, list[Account]] = defaultdict(list)
    for (name, value, budget), names in members.items():
        domain = value if name.startswith(TIER) else ""
        account = Account(name=name, domain=domain, size=budget_size(budget, len(names)))
        for each in names:
            accounts[each].append(account)
    return accounts
