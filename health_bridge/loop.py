"""The loop: look, decide, write, wait; at once where a webhook hints that there is news.

A cycle that was hinted at asks for alerts alone. What is observed it knows from the last interval,
and proofs it leaves to the next: it may open faults and never clears one by proof. So the whole
fleet's telemetry is on nobody's way, however large the fleet is.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TextIO

from health_bridge.cluster.apply import Fleet, Writer
from health_bridge.cluster.device_rules import DeviceRules
from health_bridge.cluster.errors import Conflict, Denied, KubeError, Refused, Unreachable
from health_bridge.cluster.throttle import Throttle
from health_bridge.crew import Crew, worst_first
from health_bridge.decision.decide import Decision, questions, to_fence
from health_bridge.decision.nodes import Node
from health_bridge.decision.outcome import Memory
from health_bridge.decision.policy import Policy
from health_bridge.decision.quiet import Quiet
from health_bridge.dry_run import DryRun
from health_bridge.evidence import Evidence
from health_bridge.fencer import Fencer
from health_bridge.leases import leases_of
from health_bridge.metrics import Meter, Report
from health_bridge.moment import Moment
from health_bridge.pace import Pace
from health_bridge.pause import Pause
from health_bridge.poll import Poll, Round

MIN_PAUSE = 0.05
"""Seconds between cycles that hints ask for; a long one is followed by a pause as long."""

_ALIVE = 3
"""Intervals, or limits for one answer, without a sign of life before the loop counts as stuck."""

_WRITING = 5.0
"""Seconds for which a cycle goes on with its writes though there is news."""

_SHARE = 2
"""How many times as long as it took to decide them a cycle goes on with its writes, at least."""

log = logging.getLogger(__name__)


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
        self._fencer = Fencer(rules, meter) if rules else None
        self._dry_run = DryRun(meter, out)
        conflicts = meter.api_errors.labels(Conflict.kind)
        throttle = Throttle(pace.write_rate, pace.write_burst)
        self._evidence = evidence or Evidence(meter, keys=policy.keys, started=policy.started)
        timed = self._evidence.watch(fleet)
        writer = Writer(timed, self._may_write, conflicts.inc, throttle.wait)
        self._crew = Crew(
            writer, meter, pace.write_workers, self._may_write, took=self._evidence.took
        )
        self._beside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pause")
        self._due = 0.0
        self._calm = 0.0
        self._looked = threading.Event()
        self._has_looked = False
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

    def _on_look(self) -> None:
        self._looked.set()
        self._wake.set()

    def stop(self) -> None:
        """Ask the loop to end after the write that is under way."""
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Run until stopped."""
        while not self._stopping.is_set():
            self._beat()
            hinted = self._wake.is_set()
            if hinted:  # one that comes from here on is for the next turn
                self._wake.clear()
            if self._leading():
                self._turn(hinted=hinted)
            else:
                self._stand_by()
            if self._stopping.is_set():  # what woke it may have been taken for a hint
                break
            if self._wake.wait(max(0.0, self._due - time.monotonic())):
                self._stopping.wait(max(0.0, self._calm - time.monotonic()))
        self._crew.close()
        self._beside.shutdown(wait=False)

    def _turn(self, *, hinted: bool) -> None:
        """Run a cycle: a whole one once all have told what they observe, a short one for a hint."""
        whole = self._looked.is_set()
        if whole:
            self._looked.clear()
        elif not self._has_looked or time.monotonic() >= self._due:
            self._due = time.monotonic() + self._pace.interval
            self._poll.look(self._on_look)
        if whole or (hinted and self._has_looked):
            self._run_cycle(whole=whole)
            self._has_looked = True

    def _stand_by(self) -> None:
        """Forget what ages; whoever leads next begins with a whole look."""
        self._memory = {}
        self._has_looked = False
        self._looked.clear()
        self._due = time.monotonic() + self._pace.interval

    def _may_write(self) -> bool:
        return self._leading() and self._beat()

    def _beat(self) -> bool:
        self._beaten = time.monotonic()
        return not self._stopping.is_set()

    def _run_cycle(self, *, whole: bool) -> None:
        with self._meter.duration.time():
            try:
                self.cycle(time.time(), whole=whole)
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

    def cycle(self, now: float, *, whole: bool = True) -> Decision:
        """Look, decide, write; not `whole`, ask for no proof. KubeError: no nodes can be read."""
        began = time.monotonic()
        moment, seen, paused = self._look(now, whole=whole)
        moment, decision = self._decide(moment)
        self._memory = decision.memory
        self._tell(moment, decision, seen)
        looked = time.monotonic() - began
        if not whole:
            self._calm = time.monotonic() + max(MIN_PAUSE, min(looked, self._pace.interval))
        error = None
        if self._pace.dry_run:
            self._dry_run.print(decision.plans)
        elif self._evidence.is_shadow:
            self._evidence.imagine(moment, decision)
        else:
            error = self._write(decision, now, looked)
        self._evidence.close(moment, decision)
        if self.state.error is not None and error is None:
            log.info("cycle complete again")
        self.state = State(error=error, seen=seen, paused=paused)
        return decision

    def _look(self, now: float, *, whole: bool) -> tuple[Moment, Round, str | None]:
        """Return what there is to decide on, what the sources said, and why we are paused."""
        reason = self._beside.submit(self._pause.reason)
        seen = self._poll.alerts()
        self._evidence.saw()
        self._tell_sources(seen)
        nodes = self._evidence.over(self._list())
        paused = self._tell_pause(reason.result())
        policy = replace(self._policy, paused=paused is not None)
        sight = replace(seen.sight, now=now)
        open_ones = questions(nodes, sight, policy)
        asked = open_ones if whole else open_ones.without_proofs()
        seen = self._poll.proofs(replace(seen, sight=sight), asked)
        moment = Moment(nodes=nodes, sight=seen.sight, policy=policy, memory=self._memory)
        return moment, seen, paused

    def _tell(self, moment: Moment, decision: Decision, seen: Round) -> None:
        self._evidence.decided(moment, decision, seen, self._poll.kinds)
        self._meter.report = Report(
            began=moment.sight.now,
            kinds=self._poll.kinds,
            seen=seen,
            decision=decision,
            paused=moment.policy.paused,
            leases=leases_of(moment.nodes),
        )

    def _decide(self, moment: Moment) -> tuple[Moment, Decision]:
        """Decide; where devices have to be fenced first, do that and decide on how it went."""
        if self._fencer is None:
            return moment, moment.decide(self._quiet)
        fences = self._fencer.look(to_fence(moment.nodes, moment.sight, moment.policy))
        moment = replace(moment, fences=fences)
        decision = moment.decide(self._quiet)
        if decision.rules == fences.rules:
            return moment, decision
        if self._pace.dry_run or self._evidence.is_shadow:
            fenced = replace(fences, rules=decision.rules)
        elif self._leading():
            fenced = self._fencer.write(decision.rules, fences)
        else:
            return moment, decision
        moment = replace(moment, fences=fenced)
        return moment, moment.decide(self._quiet)

    def _tell_pause(self, paused: str | None) -> str | None:
        """Return why the bridge is paused; say it once when it begins and when it ends."""
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

    def _write(self, decision: Decision, now: float, looked: float) -> str | None:
        """Take the steps, the worst node first; return what a person must mend, None: nothing.

        Where there are so many that it is time to look again, or there is news, the rest waits for
        a cycle that begins at once, so that what is worse and new need not wait for them. After a
        look that took long there is more time to write, or there would be little but looking.
        """
        with_news = time.monotonic() + max(_WRITING, _SHARE * looked)
        without = max(with_news, time.monotonic() + self._pace.interval)

        def enough() -> bool:
            return time.monotonic() > (with_news if self._wake.is_set() else without)

        written = self._crew.write(worst_first(decision), now, enough)
        if not written.complete:
            self.hint()
        grave = [e for e in written.errors if isinstance(e, Denied | Refused | Unreachable)]
        return str(grave[-1]) if grave else None
