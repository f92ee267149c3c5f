"""The loop: look, decide, write, wait; sooner where a webhook hints that there is news."""

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TextIO

from health_bridge.apply import Nodes, Writer
from health_bridge.crew import Crew, worst_first
from health_bridge.decide import Decision, questions, to_fence
from health_bridge.device_rules import DeviceRules
from health_bridge.dry_run import DryRun
from health_bridge.errors import Conflict, Denied, KubeError, Refused, Unreachable
from health_bridge.evidence import Evidence
from health_bridge.fencing import Fences, Rule
from health_bridge.metrics import Meter, Report
from health_bridge.moment import Moment
from health_bridge.nodes import Node
from health_bridge.outcome import Memory
from health_bridge.pause import Pause
from health_bridge.policy import Policy
from health_bridge.poll import Poll, Round
from health_bridge.quiet import Quiet
from health_bridge.throttle import Throttle

MIN_PAUSE = 0.05
"""Seconds between cycles that hints ask for; long looks are followed by a pause as long."""

_ALIVE = 3
"""Intervals, or limits for one answer, without a sign of life before the loop counts as stuck."""

_WRITING = 5.0
"""Seconds for which a cycle begins new writes; then it looks again."""

log = logging.getLogger(__name__)


class Fleet(Nodes, Protocol):
    """The nodes, one by one and all together."""

    def nodes(self, selector: str = "") -> list[Node]:
        """Return the nodes that a label selector matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When the loop looks, and what at."""

    interval: float
    timeout: float
    selector: str = ""
    dry_run: bool = False
    write_rate: float = 400.0
    """Requests that write nodes, a second; and how many at once after a rest."""
    write_burst: int = 100
    write_workers: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How the last cycle of this replica went, for /readyz."""

    error: str | None = None
    """Why it was given up, or what it was not allowed to write."""
    seen: Round | None = None
    paused: str | None = None
    """Why no new taint is put on any node, None where it may be."""


class Loop:
    """Runs cycles while this replica leads."""

    def __init__(  # noqa: PLR0913 - its collaborators, by keyword
        self,
        *,
        fleet: Fleet,
        poll: Poll,
        policy: Policy,
        pause: Pause,
        pace: Pace,
        meter: Meter,
        leading: Callable[[], bool],
        rules: DeviceRules | None = None,
        evidence: Evidence | None = None,
        out: TextIO = sys.stdout,
    ) -> None:
        """Prepare to look at `fleet` and the sources that `poll` asks."""
        self._fleet = fleet
        self._poll = poll
        self._policy = policy
        self._pause = pause
        self._pace = pace
        self._meter = meter
        self._leading = leading
        self._rules = rules
        self._may_have_rules = True
        self._dry_run = DryRun(meter, out)
        conflicts = meter.api_errors.labels(Conflict.kind)
        throttle = Throttle(pace.write_rate, pace.write_burst)
        self._evidence = evidence or Evidence(meter, keys=policy.keys, started=policy.started)
        timed = self._evidence.watch(fleet)
        writer = Writer(timed, self._may_write, conflicts.inc, throttle.wait)
        self._crew = Crew(
            writer, meter, pace.write_workers, self._may_write, took=self._evidence.took
        )
        self._looked = 0.0
        self._memory: Memory = {}
        self._quiet = Quiet()
        self._down: frozenset[str] = frozenset()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._beaten = time.monotonic()
        self.state = State()

    @property
    def alive(self) -> bool:
        """Whether the loop has given a sign of life lately."""
        limit = _ALIVE * max(self._pace.interval, self._pace.timeout)
        return not self._stopping.is_set() and time.monotonic() - self._beaten < limit

    def hint(self) -> None:
        """Ask for a cycle now; many hints are one."""
        self._wake.set()

    def stop(self) -> None:
        """Ask the loop to end after the write that is under way."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Run until stopped."""
        while not self._stopping.is_set():
            began = time.monotonic()
            self._beat()
            self._wake.clear()
            if self._leading():
                self._run_cycle()
            else:
                self._memory = {}
            took = time.monotonic() - began
            if self._wake.wait(max(0.0, self._pace.interval - took)):
                self._stopping.wait(max(MIN_PAUSE, min(self._looked, self._pace.interval)))
        self._crew.close()

    def _may_write(self) -> bool:
        return self._leading() and self._beat()

    def _beat(self) -> bool:
        self._beaten = time.monotonic()
        return not self._stopping.is_set()

    def _run_cycle(self) -> None:
        with self._meter.duration.time():
            try:
                self.cycle(time.time())
            except KubeError as error:
                self._fail(error.kind, str(error))
            except Exception:
                log.exception("cycle failed")
                self._fail("internal", "internal error: see the log")

    def _fail(self, why: str, error: str) -> None:
        self._meter.failures.labels(why).inc()
        if self.state.error != error:
            log.error("cycle given up", extra={"kind": why, "error": error})
        self.state = replace(self.state, error=error)

    def cycle(self, now: float) -> Decision:
        """Look, decide and write once; KubeError where the nodes cannot be read."""
        began = time.monotonic()
        seen = self._poll.alerts()
        self._evidence.saw()
        self._tell_sources(seen)
        nodes = self._evidence.over(self._list())
        paused = self._look_at_pause()
        policy = replace(self._policy, paused=paused is not None)
        sight = replace(seen.sight, now=now)
        seen = self._poll.proofs(replace(seen, sight=sight), questions(nodes, sight, policy))
        moment, decision = self._decide(
            Moment(nodes=nodes, sight=seen.sight, policy=policy, memory=self._memory)
        )
        self._memory = decision.memory
        self._evidence.decided(moment, decision, seen, self._poll.kinds)
        self._meter.report = Report(
            began=now,
            kinds=self._poll.kinds,
            seen=seen,
            decision=decision,
            paused=policy.paused,
        )
        self._looked = time.monotonic() - began
        error = None
        if self._pace.dry_run:
            self._dry_run.print(decision.plans)
        elif self._evidence.is_shadow:
            self._evidence.imagine(moment, decision)
        else:
            error = self._write(decision, now)
        self._evidence.close(moment, decision)
        if self.state.error is not None and error is None:
            log.info("cycle complete again")
        self.state = State(error=error, seen=seen, paused=paused)
        return decision

    def _decide(self, moment: Moment) -> tuple[Moment, Decision]:
        """Decide; where devices have to be fenced first, do that and decide on how it went."""
        fences = self._look_at_fences(to_fence(moment.nodes, moment.sight, moment.policy))
        moment = replace(moment, fences=fences)
        decision = moment.decide(self._quiet)
        if self._rules is None or decision.rules == fences.rules:
            return moment, decision
        if self._pace.dry_run or self._evidence.is_shadow:
            fenced = replace(fences, rules=decision.rules)
        elif self._leading():
            fenced = self._rules.write(decision.rules, fences)
            self._tell_rules(fences.rules, fenced.rules)
        else:
            return moment, decision
        moment = replace(moment, fences=fenced)
        return moment, moment.decide(self._quiet)

    def _look_at_fences(self, nodes: frozenset[str]) -> Fences:
        if self._rules is None or not (nodes or self._may_have_rules):
            return Fences()
        try:
            fences = self._rules.look(nodes)
        except KubeError as error:
            self._meter.api_errors.labels(error.kind).inc()
            raise
        self._may_have_rules = bool(fences.rules)
        self._tell_rule_error()
        return fences

    def _tell_rules(self, before: frozenset[Rule], after: frozenset[Rule]) -> None:
        self._may_have_rules = True
        self._meter.steps.labels("set_rule").inc(len(after - before))
        gone = {rule.name for rule in before} - {rule.name for rule in after}
        self._meter.steps.labels("remove_rule").inc(len(gone))
        self._tell_rule_error()

    def _tell_rule_error(self) -> None:
        error = self._rules.error if self._rules else None
        if error is not None:
            self._meter.api_errors.labels(error.kind).inc()
            log.warning("devices not fenced", extra={"error": error})

    def _look_at_pause(self) -> str | None:
        """Return why the bridge is paused; say it once when it begins and when it ends."""
        paused = self._pause.reason()
        if self._pause.error is not None:
            self._meter.api_errors.labels(self._pause.error.kind).inc()
        if paused != self.state.paused:
            log.warning("paused" if paused else "not paused any more", extra={"why": paused or ""})
        return paused

    def _list(self) -> list[Node]:
        try:
            return self._fleet.nodes(self._pace.selector)
        except KubeError as error:
            self._meter.api_errors.labels(error.kind).inc()
            raise

    def _tell_sources(self, seen: Round) -> None:
        """Count each source that is down; log it once when it is lost, once when it is back."""
        for name in seen.errors:
            self._meter.source_errors.labels(name, self._poll.kinds[name]).inc()
            if name not in self._down:
                log.warning("source lost", extra={"source": name, "error": seen.errors[name]})
        for name in self._down - seen.errors.keys():
            log.info("source back", extra={"source": name})
        self._down = frozenset(seen.errors)

    def _write(self, decision: Decision, now: float) -> str | None:
        """Take the steps, the worst node first; return what a person must mend, None: nothing.

        Where there are too many for the time, the rest waits for a cycle that begins at once, so
        that what is worse and new need not wait for them.
        """
        written = self._crew.write(worst_first(decision), now, within=_WRITING)
        if not written.complete:
            self.hint()
        grave = [e for e in written.errors if isinstance(e, Denied | Refused | Unreachable)]
        return str(grave[-1]) if grave else None
