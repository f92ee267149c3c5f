"""Lets gangs go: plans all of them, then opens each pod's gate and pins it, in one patch each.

Nothing is remembered that matters. A pod says itself whether it waits, where it was pinned and
since when; after a crash between two patches the next cycle finds a gang with some ranks placed,
and places the others near them. A gang that was let go and cannot be bound (someone else was
faster) is rolled back the only way there is, by deleting its pods, and only where their owner makes
them anew and survives it.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from catalog.wire import PREFIX
from program.announce import About, Announcer
from scheduler_feedback.errors import Conflict, KubeError, NotFound
from scheduler_feedback.gang.fleet import Fleet
from scheduler_feedback.gang.gather import Group, Unfit, gather
from scheduler_feedback.gang.handover import Gates, HandOver
from scheduler_feedback.gang.nodes import Barred, Host, build_fleet, in_order
from scheduler_feedback.gang.place import INCOMPLETE, Placement, Refusal
from scheduler_feedback.gang.pods import Claim, Member
from scheduler_feedback.gang.quotas import Found, NoQuotas, Quotas
from scheduler_feedback.gang.rollback import Owners, why_not
from scheduler_feedback.gang.room import Room, measure
from scheduler_feedback.gang.schedule import Schedule, schedule
from scheduler_feedback.gang.stores import Hosts, Pods

log = logging.getLogger(__name__)

_ASSUMED_FOR = 30.0
"""Seconds a patch is believed in before the watch must have shown it."""
_SLOW_START = 30.0
"""Seconds after which pods that are still missing are worth a word."""
_WRITERS = 8
_REST = 3.0
"""For as many times its own processor time the planner rests after a cycle, whatever has changed:
the extender answers from the same process."""

PLACED, CONFLICTED, FAILED, ROLLED_BACK = "placed", "conflicted", "failed", "rolled_back"


class Cluster(Gates, Protocol):
    """The kube-apiserver as far as gangs go."""

    def let_go(self, member: Member, hostname: str, placed: str, prefix: str) -> None:
        """Open a pod's gate and pin it; Conflict where it has changed meanwhile."""

    def delete_pod(self, namespace: str, name: str, uid: str) -> None:
        """Delete a pod, if it is still the one with this uid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How gangs are treated."""

    patience: float = 600.0
    """Seconds after which a gang that does not fit has room kept for it."""
    bind_within: float = 120.0
    """Seconds in which a gang that was let go must be bound."""
    site_tier: int | None = None
    """The tier that no gang straddles unless it says that it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one cycle found."""

    waiting: Mapping[str, int]
    """Gangs by what they wait for."""
    room: Room
    """What was idle before this cycle placed anything."""
    kept: str = ""


class Controller:
    """Places gangs while it leads."""

    def __init__(  # noqa: PLR0913 - what it needs, all by keyword
        self,
        cluster: Cluster,
        hosts: Hosts,
        pods: Pods,
        *,
        owners: Owners,
        announcer: Announcer,
        leading: Callable[[], bool],
        policy: Policy,
        quotas: Quotas | None = None,
        counted: Callable[[str], None] = lambda _result: None,
        prefix: str = PREFIX,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; `counted` is told how each pod's patch or deletion ended."""
        self._cluster = cluster
        self._hosts = hosts
        self._pods = pods
        self._owners = owners
        self._announcer = announcer
        self._leading = leading
        self._policy = policy
        self._quotas = quotas or NoQuotas()
        self._counted = counted
        self._hand_over = HandOver(cluster, announcer, leading=leading)
        self._prefix = prefix
        self._clock = clock
        self._assumed: dict[str, tuple[str, float]] = {}
        self.round: Round | None = None
        """What the last cycle found; None while another replica leads."""

    def run(self, stop: threading.Event, wake: threading.Event, interval: float) -> None:
        """Plan until stopped: every `interval`, and soon after something changed."""
        with ThreadPoolExecutor(_WRITERS, thread_name_prefix="gang") as writers:
            while not stop.is_set():
                if self._leading() and self._hosts.fresh and self._pods.fresh:
                    began = time.thread_time()
                    self.cycle(writers)
                    stop.wait(min(interval, _REST * (time.thread_time() - began)))
                else:
                    self.round = None
                wake.wait(interval)
                wake.clear()

    def cycle(self, writers: ThreadPoolExecutor) -> Round:
        """Read, plan and act once."""
        hosts = in_order(self._hosts.all())
        names = {host.hostname: host.name for host in hosts if host.hostname}
        bound, members = self._pods.all()
        self._hand_over.each(members, writers)
        ours = [member for member in self._assume(members) if not member.placed_by]
        groups, unfit = gather(ours, names, self._policy.site_tier)
        claims = [*bound, *self._coming(members, names)]
        found = Found(claims=claims, members=members, groups=groups, unfit=unfit)
        fleet, most = build_fleet(hosts, claims), build_fleet(hosts, ())
        made = self._plan(hosts, fleet, most, found)
        by_key = {group.gang.key: group for group in groups}
        work = [
            (by_key[p.gang.key].members[rank.uid], hosts[row])
            for p in made.placed
            for rank, row in p.nodes
        ]
        list(writers.map(lambda each: self._let_go(*each), work))
        for placement in made.placed:
            self._tell_placed(by_key[placement.gang.key], placement)
        self._roll_back(groups)
        self._quotas.settle(found, made)
        self._tell(by_key, made, unfit)
        reasons = Counter([r.reason for r in made.refused] + [u.reason for u in unfit])
        self.round = Round(waiting=reasons, room=measure(hosts, fleet, most), kept=made.kept)
        return self.round

    def _assume(self, members: Sequence[Member]) -> list[Member]:
        """Return the pods without those whose patch the watch has yet to show."""
        now = self._clock()
        here = {member.uid: member for member in members}
        self._assumed = {
            uid: assumed
            for uid, assumed in self._assumed.items()
            if uid in here and here[uid].gated and now - assumed[1] < _ASSUMED_FOR
        }
        busy = {here[uid].key for uid in self._assumed}
        return [member for member in members if member.key not in busy]

    def _coming(self, members: Sequence[Member], names: Mapping[str, str]) -> list[Claim]:
        """Return what pods that were let go and are not bound yet will take."""
        coming = []
        for member in members:
            if member.node or member.terminating:
                continue
            node = names.get(member.pin, member.pin)
            if not node and member.uid in self._assumed:
                node = self._assumed[member.uid][0]
            if node:
                coming.append(
                    Claim(
                        uid=member.uid,
                        node=node,
                        request=member.request,
                        namespace=member.namespace,
                        engine=member.engine,
                    )
                )
        return coming

    def _plan(self, hosts: Sequence[Host], fleet: Fleet, most: Fleet, found: Found) -> Schedule:
        asking = {
            group.gang.key: group.members[group.gang.waiting[0].uid]
            for group in found.groups
            if group.gang.waiting
        }
        off = Barred(hosts)
        return schedule(
            [group.gang for group in found.groups],
            fleet,
            most,
            now=self._clock(),
            patience=self._policy.patience,
            barred=lambda gang: off.of(asking[gang.key]),
            gate=self._quotas.open(found),
        )

    def _let_go(self, member: Member, host: Host) -> None:
        if not self._leading():
            return
        placed = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="seconds")
        try:
            self._cluster.let_go(member, host.hostname, placed, self._prefix)
        except (Conflict, NotFound):
            self._counted(CONFLICTED)
        except KubeError as error:
            self._counted(FAILED)
            fields = {"pod": member.name, "reason": error.reason, "error": str(error)}
            log.warning("gang's pod not let go", extra=fields)
        else:
            self._counted(PLACED)
            self._assumed[member.uid] = (host.name, self._clock())

    def _roll_back(self, groups: Sequence[Group]) -> None:
        now = self._clock()
        for group in groups:
            stuck = [
                m
                for m in group.members.values()
                if m.pin and not m.node and now - m.pinned_at > self._policy.bind_within
            ]
            bound = [m for m in group.members.values() if m.node]
            if not stuck:
                continue
            # Ranks let go with them go with them: alone they do nothing. Those before have run.
            first = min(m.pinned_at for m in stuck) - self._policy.bind_within
            whole = len(bound) >= group.gang.least
            beside = [] if whole else [m for m in bound if m.pin and m.pinned_at >= first]
            self._delete([*stuck, *beside])

    def _delete(self, members: Sequence[Member]) -> None:
        about = _about(members[0])
        try:
            objection = why_not(members, self._owners)
        except KubeError as error:
            objection = f"its owner cannot be asked: {error.reason}"
        if objection:
            message = f"{len(members)} pods were let go and not bound; not rolled back: {objection}"
            self._announcer.say(about, "GangStuck", message, warning=True)
            return
        message = f"{len(members)} pods were let go and not bound: deleted, to be planned again"
        self._announcer.say(about, "GangRolledBack", message, warning=True)
        for member in members:
            if not self._leading():
                return
            try:
                self._cluster.delete_pod(member.namespace, member.name, member.uid)
            except (NotFound, Conflict):
                continue  # deleted a cycle ago, and the watch has yet to show it
            except KubeError as error:
                self._counted(FAILED)
                log.warning("not deleted", extra={"pod": member.name, "error": str(error)})
            else:
                self._counted(ROLLED_BACK)

    def _tell_placed(self, group: Group, placement: Placement) -> None:
        where = f"in {placement.domain}" if placement.domain else "in the cluster"
        message = f"{len(placement.nodes)} of {placement.gang.size} pods placed {where}"
        self._announcer.say(_about(next(iter(group.members.values()))), "GangPlaced", message)

    def _tell(self, by_key: Mapping[str, Group], made: Schedule, unfit: Sequence[Unfit]) -> None:
        for refusal in made.refused:
            group = by_key[refusal.gang.key]
            first = next(iter(group.members.values()))
            detail = self._detail(refusal, group)
            if detail:
                self._announcer.say(
                    _about(first), "GangWaiting", f"{refusal.reason}: {detail}", warning=True
                )
        for each in unfit:
            message = f"{each.reason}: {each.detail}"
            self._announcer.say(_about(each.members[0]), "GangWaiting", message, warning=True)

    def _detail(self, refusal: Refusal, group: Group) -> str:
        """Return what is worth saying; empty while pods are merely still being made."""
        if refusal.reason != INCOMPLETE:
            return refusal.detail
        if self._clock() - refusal.gang.since < _SLOW_START:
            return ""
        owner = next(iter(group.members.values())).owner
        if owner is not None and owner.kind == "StatefulSet":
            return (
                f"{refusal.detail}; a StatefulSet makes one pod after the other and never the "
                "rest of a gang, unless its podManagementPolicy is Parallel"
            )
        return refusal.detail


def _about(member: Member) -> About:
    return About(kind="Pod", namespace=member.namespace, name=member.name, uid=member.uid)
